"""The demonstration's models, for a server that is given none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console

from ranat.experiments.demo import REGIMES, TRAIN
from ranat.runs.folder import RunFolder
from ranat.runs.settings import read_settings
from ranat.training.run import train

FOLDER = Path("runs/demo")
_RELATION = {"task": "relation", "attack": {"name": "fgm", "epsilon": 0.3}, "rat": {"p": 0.5}}


def demo_runs(console: Console, folder: Path = FOLDER) -> tuple[str, str]:
    """Runs that find entities and relations; those that are not there are trained, which takes a minute or two."""
    wanted: dict[str, dict[str, Any]] = {"RAT": REGIMES["RAT"], "relations": _RELATION}
    for name, own in wanted.items():
        if not RunFolder(folder / name).finished:
            console.print(f"no models are named, so one of the demonstration is trained: {folder / name}")
            settings = read_settings(flags={"corpus": "demo", "model": "minilm", "train": TRAIN, **own})
            train(settings, folder / name, resume=True, console=console)
    entities, relations = (str(folder / name) for name in wanted)
    return entities, relations
