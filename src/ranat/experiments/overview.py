"""The runs under a folder, and what they say beside each other."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any, Self

from rich.console import Console

from ranat.errors import UserError
from ranat.experiments.compare import Run, Scored, comparable, compared, grouped
from ranat.runs.folder import RunFolder
from ranat.runs.settings import Settings
from ranat.terminal import plain_console

_SPLITS = ("dev", "test")


@dataclass(frozen=True)
class Entry:
    """A run folder, whatever its state.

    Args:
        folder: where it is.
        name: as seen from the folder that was searched.
        settings: what it is trained with; None: they cannot be read.
        run: if it is finished and whole.
        state: "finished", "not finished", or what is wrong with it.
    """

    folder: Path
    name: str
    settings: Settings | None
    run: Run | None
    state: str

    @classmethod
    def read(cls, folder: Path, root: Path) -> Self:
        """What of it can be read; nothing of it is an error."""
        name, run, settings = os.path.relpath(folder, root), RunFolder(folder), None
        try:
            settings = run.settings()
            if not run.finished:
                return cls(folder, name, settings, None, "not finished")
            finished = Run.read(folder)
            for split in finished.metrics.keys() & set(_SPLITS):
                run.predictions(split)  # which comparisons need
            return cls(folder, name, settings, finished, "finished")
        except UserError as error:
            return cls(folder, name, settings, None, error.what)

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        told: dict[str, Any] = {"run": str(self.folder), "state": self.state}
        if self.settings:
            told |= {"corpus": self.settings.corpus, "task": self.settings.task, "model": self.settings.model}
            told |= {"training": self.settings.regime, "seed": self.settings.train.seed}
        if self.run:
            told |= {split: self.run.metrics[split] for split in _SPLITS if split in self.run.metrics}
            told |= {"cost": self.run.cost, "remarks": self.run.remarks}
        return told


@dataclass(frozen=True)
class Comparison:
    """Finished runs of one task that were scored on the same texts.

    Args:
        runs: none of them twice.
        split: that they were scored on.
        left_out: copies of others, as two runs of the same settings and seed are no two seeds.
    """

    runs: list[Run]
    split: str
    left_out: list[Run]

    @classmethod
    def of(cls, runs: Sequence[Run], split: str) -> Self:
        """Without copies."""
        kept: dict[tuple[str, int], Run] = {}
        for run in runs:
            kept.setdefault((run.key, run.seed), run)
        chosen = list(kept.values())
        return cls(chosen, split, [run for run in runs if not any(run is one for one in chosen)])

    @cached_property
    def groups(self) -> list[list[Run]]:
        """Runs that differ in the seed alone, in the order of `result`."""
        return grouped(self.runs)

    @cached_property
    def scored(self) -> Scored:
        """What tests any two groups."""
        return Scored(self.runs, self.split)

    @cached_property
    def result(self) -> dict[str, Any]:
        """As `ranat compare` has it."""
        return compared(self.runs, self.split, self.scored)

    def pairs(self) -> dict[str, dict[str, Any]]:
        """Of any two groups, "1-3" by their numbers: the difference of the latter from the former, as in `result`."""
        groups = list(enumerate(self.groups))
        return {f"{i}-{j}": self.scored.difference(one, two) for (i, one), (j, two) in combinations(groups, 2)}


@dataclass(frozen=True)
class Overview:
    """All runs under a folder.

    Args:
        root: the folder.
        entries: its runs, by name.
        comparisons: of the finished ones.
    """

    root: Path
    entries: list[Entry]
    comparisons: list[Comparison]

    @classmethod
    def of(cls, root: Path, console: Console | None = None) -> Self:
        """Search a folder.

        Args:
            root: whose folders at any depth are looked at.
            console: where progress is shown.
        Raises:
            UserError: there is no such folder, or no run is in it.
        """
        if not root.is_dir():
            raise UserError("is no folder", where=str(root), remedy="name the folder that holds the run folders")
        with plain_console(console).status(f"reading the runs under {root}"):
            entries = sorted((Entry.read(folder, root) for folder in folders(root)), key=lambda entry: entry.name)
            if not entries:
                raise UserError("no run is in it", where=str(root), remedy="`ranat train --out` writes runs")
            finished = [entry.run for entry in entries if entry.run]
            return cls(root, entries, [Comparison.of(runs, split) for runs, split in comparable(finished)])

    def table(self) -> tuple[list[str], list[list[str]]]:
        """For a terminal: the heads of its columns, and a row a run."""
        rows = []
        for entry in self.entries:
            settings, run = entry.settings, entry.run
            row = [entry.name, *([settings.corpus, settings.model, settings.regime] if settings else [""] * 3)]
            row.append(str(settings.train.seed) if settings else "")
            row += [f"{100 * run.metrics[name]['f1']:.2f}" if run and name in run.metrics else "" for name in _SPLITS]
            row.append(f"{run.cost['xfp'] / (3 * run.cost['batches']):.2f}" if run else entry.state)
            rows.append(row)
        return ["run", "corpus", "model", "training", "seed", "dev F1", "test F1", "cost"], rows

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "runs": [entry.to_dict() for entry in self.entries],
            "comparisons": [comparison.result for comparison in self.comparisons],
        }


def folders(root: Path) -> Iterator[Path]:
    """The run folders under a folder, itself included; hidden folders are passed over, and links are not followed."""
    for path, subfolders, _ in os.walk(root):
        try:
            is_one = RunFolder(Path(path)).exists
        except UserError:  # its marker is damaged
            is_one = True
        if is_one:
            yield Path(path)
            subfolders.clear()
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
