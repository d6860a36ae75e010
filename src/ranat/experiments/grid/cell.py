"""One cell of a grid as a process of its own: `python -m ranat.experiments.grid.cell`, its job on standard input.

Standard input stays open while the runner lives. At its end the process ends, too, so a runner that was killed leaves
nothing behind that would write into a run folder beside the next runner's process.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import threading
import time
import traceback
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Self

from filelock import FileLock, Timeout
from rich.console import Console

from ranat.errors import UserError
from ranat.experiments import cards
from ranat.experiments.cards import Card
from ranat.experiments.compare import Run
from ranat.runs.folder import RunFolder
from ranat.runs.settings import Settings
from ranat.training.run import train

PACKAGES = ("ranat", "torch", "transformers", "accelerate")
_SECONDS_TO_DIE = 60


@dataclass(frozen=True)
class Job:
    """What a cell's process is told.

    Args:
        card: of the cell, with what is known before it ran.
        results: the results folder, absolute.
        data: the folder of corpora, absolute; None: RANAT_DATA, else the user's cache folder.
        keep_models: whether the run folder keeps the trained weights.
        place: the working directory, absolute: settings may name folders relative to it.
    """

    card: Card
    results: str
    data: str | None
    keep_models: bool
    place: str

    @property
    def card_file(self) -> Path:
        """Where the card is written."""
        return Path(self.results) / cards.FOLDER / f"{self.card.cell}.json"

    @property
    def log(self) -> Path:
        """Where the process's output goes."""
        return Path(self.results) / "logs" / f"{self.card.cell}.log"

    def to_json(self) -> str:
        """The job as one line."""
        return json.dumps(asdict(self)) + "\n"

    @classmethod
    def from_json(cls, line: str) -> Self:
        """The job in a line."""
        values = json.loads(line)
        return cls(**values | {"card": Card(**values["card"])})


def run(job: Job, console: Console | None = None) -> Card:
    """Train the cell, going on with what an interrupted process left, and write its card: what failed has one, too."""
    try:
        with FileLock(job.log.with_suffix(".lock"), timeout=_SECONDS_TO_DIE):
            card = _measure(job, console)
    except Timeout:
        card = _failed(job, "another process is at work on this cell")
    except UserError as error:
        card = _failed(job, str(error))
    except Exception as error:  # whatever it was, the grid goes on, and the log has the traceback
        traceback.print_exc()
        card = _failed(job, f"{type(error).__name__}: {error}")
    card.write(job.card_file)
    return card


def _measure(job: Job, console: Console | None) -> Card:
    started = time.monotonic()
    folder = Path(job.results) / "runs" / job.card.cell
    data = Path(job.data) if job.data else None
    train(Settings.model_validate(job.card.settings), folder, data=data, resume=True, console=console)
    done = Run.read(folder)
    if not job.keep_models:
        RunFolder(folder).drop_model()
    metrics = done.metrics
    scored = "test" if "test" in metrics else "dev"
    return replace(
        job.card,
        status="done",
        error=None,
        task=done.settings.task,
        settings=done.settings.model_dump(),
        dev=metrics["dev"],
        test=metrics.get("test"),
        per_type=metrics["per_type"],
        splits=metrics["splits"],
        counts={scored: done.counts(scored).astype(int).tolist()},
        cost=done.cost,
        seconds={
            "train": round(done.cost["train_seconds"], 3),
            "total": round(time.monotonic() - started, 3),
        },
        versions={name: metadata.version(name) for name in PACKAGES} | {"python": platform.python_version()},
    )


def _failed(job: Job, error: str) -> Card:
    return replace(job.card, status="failed", error=" ".join(error.split()))


def _end_with_the_runner() -> None:
    os.read(sys.stdin.fileno(), 1)  # nothing more is ever written, so it returns at the end only
    os._exit(1)


def main() -> None:
    """Run the job on standard input; the exit code is 0 if the cell is done."""
    job = Job.from_json(sys.stdin.readline())
    threading.Thread(target=_end_with_the_runner, daemon=True).start()
    sys.exit(run(job, Console(file=sys.stderr)).status != "done")


if __name__ == "__main__":
    main()
