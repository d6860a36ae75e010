"""Run a grid: every cell once, each in a process of its own; what failed or was interrupted is taken up again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import torch
from rich.console import Console

from ranat import corpora
from ranat.disk import claimed, write_atomically
from ranat.errors import UserError
from ranat.experiments import cards
from ranat.experiments.cards import Card
from ranat.experiments.grid.cell import Job
from ranat.experiments.grid.cells import Cell, expand
from ranat.experiments.grid.processes import Processes
from ranat.experiments.grid.progress import GridProgress
from ranat.experiments.spec import Spec, read_spec
from ranat.runs.nested import flattened
from ranat.terminal import plain_console

SPEC = "spec.yaml"


class Launcher(Protocol):
    """Runs the process of a cell somewhere; as many threads call as cells may run at a time."""

    def __call__(self, job: Job) -> int:
        """Run a cell to its end; the exit code of its process.

        Raises:
            Stopped: `stop` was called before the end.
        """
        ...

    def stop(self) -> None:
        """End every process."""
        ...


def run_grid(
    spec: Spec,
    results: Path,
    *,
    data: Path | None = None,
    jobs: int = 1,
    ray: str | None = None,
    keep_models: bool = False,
    console: Console | None = None,
) -> list[Card]:
    """Run the cells of a spec that are not done, and return the cards of all.

    Args:
        spec: as `read_spec` gives it.
        results: the results folder: spec.yaml, cards/, runs/, logs/. A cell is done if its card says so.
        data: the folder of corpora; None: RANAT_DATA, else the user's cache folder.
        jobs: how many cells run at a time, ≥ 1.
        ray: "local", or the address of a Ray cluster that shares the file system; None: processes of this machine.
        keep_models: whether run folders keep the trained weights.
        console: where progress is shown; None: nowhere.
    Raises:
        UserError: the folder holds results of another grid, or a grid is running there.
        UsageError: a setting of a cell is wrong; nothing was written then.
    """
    cells = expand(spec)
    console = plain_console(console)
    with claimed(results, SPEC, "ranat reproduce"):
        settle(spec, results / SPEC)
        done = finished(results, cells)
        todo = [cell for cell in cells if cell.name not in done]
        place, folder = str(Path.cwd()), str(corpora.data_folder(data).absolute())

        def work(cell: Cell) -> Card:
            job = Job(cell.failed("it did not end"), str(results.absolute()), folder, keep_models, place)
            job.card_file.unlink(missing_ok=True)
            progress.begin(cell)
            return _outcome(job, start(job))

        if todo:
            with (
                _launcher(ray, jobs) as start,
                GridProgress(cells, done.values(), jobs, console) as progress,
                _threads(jobs, start) as pool,
            ):
                for future in as_completed([pool.submit(work, cell) for cell in todo]):
                    card = future.result()
                    done[card.cell] = card
                    progress.end(card)
    return [done[cell.name] for cell in cells]


def finished(results: Path, cells: Iterable[Cell]) -> dict[str, Card]:
    """Cell → its card, of the cells that are done in a results folder."""
    files = (results / cards.FOLDER / f"{cell.name}.json" for cell in cells)
    found = (Card.read(file) for file in files if file.is_file())
    return {card.cell: card for card in found if card.status == "done"}


def planned(folders: Iterable[Path]) -> int | None:
    """How many cells the grids of results folders have, done or not; None if a folder does not tell."""
    try:
        return len({cell.name for folder in folders for cell in expand(read_spec(str(folder / SPEC)))})
    except UserError:  # only cards were kept, or a corpus of one's own is elsewhere
        return None


def _outcome(job: Job, code: int) -> Card:
    """The card that the cell wrote, or one for a process that died without a word."""
    if not job.card_file.is_file():
        replace(job.card, error=f"its process ended with exit code {code}; see {job.log}").write(job.card_file)
    return Card.read(job.card_file)


@contextmanager
def _launcher(ray: str | None, jobs: int) -> Iterator[Launcher]:
    if ray:
        from ranat.experiments.grid.raycells import RayCells

        with RayCells(ray, jobs) as cluster:
            yield cluster
    else:
        yield Processes(jobs, torch.cuda.device_count())


@contextmanager
def _threads(jobs: int, start: Launcher) -> Iterator[ThreadPoolExecutor]:
    """A thread for each cell that runs; if anything goes wrong here, or at Ctrl-C, no process outlives it."""
    with ThreadPoolExecutor(jobs) as pool:
        try:
            yield pool
        except BaseException:  # whatever ends it, also an interruption
            start.stop()
            pool.shutdown(cancel_futures=True)
            raise


def settle(spec: Spec, file: Path) -> None:
    """Keep the spec in a file, with the corpora and seeds of all calls.

    Raises:
        UserError: the file holds another spec, as far as the corpora it names go.
    """
    if file.is_file():
        stored = read_spec(str(file))
        before, now = _identity(stored, stored.corpora), _identity(spec, stored.corpora)
        for key in sorted(before.keys() | now.keys()):
            if before.get(key) != now.get(key):
                what = f"the results there are of {before.get(key)!r}, not {now.get(key)!r}"
                raise UserError(what, where=f"{file}: {key}", remedy="name another folder with --out")
        names, seeds = (
            [*dict.fromkeys([*old, *new])] for old, new in ((stored.corpora, spec.corpora), (stored.seeds, spec.seeds))
        )
        spec = spec.model_copy(update={"corpora": names, "seeds": seeds})
    write_atomically(file, spec.to_yaml())


def _identity(spec: Spec, names: Collection[str]) -> dict[str, Any]:
    """Dotted key → value of all that decides what a cell of a certain name is, on the corpora of those names."""
    told = {"title", "remarks", "published", "corpora", "seeds", "rows"}
    values = spec.model_dump(exclude=told)
    known = {corpora.base(name) for name in names}
    for chosen in values["hyperparameters"].values():
        chosen["corpora"] = {name: own for name, own in chosen.get("corpora", {}).items() if name in known}
    values["rows"] = {row.name: row.model_dump(exclude={"name", "published"}, exclude_none=True) for row in spec.rows}
    return flattened(values)
