"""The demonstration's models, for a server that is given none."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from ranat.experiments.demo import train_model
from ranat.runs.folder import RunFolder

FOLDER = Path("runs/demo")


def demo_runs(console: Console, folder: Path = FOLDER) -> tuple[str, str]:
    """Runs that find entities and relations; those that are not there are trained, which takes a minute or two."""
    for name in ("RAT", "relations"):
        if not RunFolder(folder / name).finished:
            console.print(f"no models are named, so one of the demonstration is trained: {folder / name}")
            train_model(name, folder / name, console)
    return str(folder / "RAT"), str(folder / "relations")
