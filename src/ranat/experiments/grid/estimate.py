"""How long a grid will take on this machine, before it starts."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import torch
from rich.console import Console

from ranat.experiments.grid.cells import Cell, expand
from ranat.experiments.grid.runner import finished
from ranat.experiments.spec import Spec
from ranat.terminal import plain_console
from ranat.training.estimate import Estimate, Stopwatch

_SAME_PACE = {"seed", "learning_rate", "warmup", "weight_decay"}
"""Settings of training that change no step's seconds."""


def estimate_grid(
    spec: Spec, results: Path, *, data: Path | None = None, jobs: int = 1, console: Console | None = None
) -> list[tuple[Cell, Estimate]]:
    """The cells that are not done yet, each with what it will take.

    A few steps of each corpus, backbone and attack are timed, one after the other, with the threads that a cell will
    have; seeds and shares of attacked batches are reckoned from them.

    Args:
        spec: as `read_spec` gives it.
        results: the results folder; cells that are done there are left out.
        data: the folder of corpora; None: RANAT_DATA, else the user's cache folder.
        jobs: how many cells will run at a time.
        console: where progress is shown; None: nowhere.
    Raises:
        UserError: a corpus or a backbone cannot be read.
    """
    console = plain_console(console)
    cells = expand(spec)
    done = finished(results, cells)
    groups: dict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        if cell.name not in done:
            groups[_pace(cell)].append(cell)
    threads = torch.get_num_threads()
    torch.set_num_threads(max(threads // jobs, 1))
    found: dict[str, Estimate] = {}
    try:
        for alike in groups.values():
            stopwatch = Stopwatch(alike[0].settings, data, console)
            found |= {cell.name: stopwatch.estimate(cell.settings) for cell in alike}
    finally:
        torch.set_num_threads(threads)
    return [(cell, found[cell.name]) for cell in cells if cell.name in found]


def _pace(cell: Cell) -> str:
    """What a stopwatch is made for: everything but attack, gate, and what changes no step's seconds."""
    settings = cell.settings.model_dump(exclude={"attack", "rat"})
    settings["train"] = {key: value for key, value in settings["train"].items() if key not in _SAME_PACE}
    return json.dumps(settings, sort_keys=True)
