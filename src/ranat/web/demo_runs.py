"""The demonstration's models, for a server that is given none."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from ranat.experiments.demo import train_model
from ranat.runs.folder import RunFolder

FOLDER = Path("runs/demo")


def demo_runs(console: Console, folder: Path = FOLDER) -> tuple[str, str]:
    """Runs that find entities and relations; those that are not there are trained, which takes minutes."""
    entities, relations = folder / "RAT", folder / "relations"
    for run in (entities, relations):
        if not RunFolder(run).finished:
            console.print(f"no models are named, so one of the demonstration is trained: {run}")
            train_model(run.name, run, console)
    return str(entities), str(relations)
