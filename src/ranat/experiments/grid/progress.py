"""How far a grid is, and how long it will take."""

from __future__ import annotations

import time
from collections.abc import Iterable
from types import TracebackType
from typing import Self

import numpy as np
from rich.console import Console
from rich.progress import MofNCompleteColumn, ProgressColumn, Task
from rich.text import Text

from ranat.experiments.cards import Card
from ranat.experiments.grid.cells import Cell
from ranat.terminal import progress_bar


class GridProgress:
    """A bar on a terminal, and a line for each cell that ends. Threads may call.

    Args:
        cells: all of the grid.
        done: cards of the cells that are done already.
        jobs: how many cells run at a time.
        console: where it is shown.
    """

    def __init__(self, cells: Iterable[Cell], done: Iterable[Card], jobs: int, console: Console) -> None:
        self._cells = {cell.name: cell for cell in cells}
        self._seconds = {card.cell: card.seconds["total"] for card in done if card.seconds}
        self._begun: dict[str, float] = {}
        self._ended = set(self._seconds)
        self._jobs, self._console = jobs, console
        self._bar = progress_bar(console, MofNCompleteColumn(), _TimeLeft(self))
        self._task = self._bar.add_task("", total=len(self._cells), completed=len(self._ended))

    def __enter__(self) -> Self:
        if self._ended:
            self._console.print(f"{len(self._ended)} of {len(self._cells)} cells are done already")
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.stop()

    def begin(self, cell: Cell) -> None:
        """A cell's process starts."""
        self._begun[cell.name] = time.monotonic()
        self._show()

    def end(self, card: Card) -> None:
        """A cell is done, or has failed."""
        self._ended.add(card.cell)
        self._begun.pop(card.cell, None)
        if card.seconds:
            self._seconds[card.cell] = card.seconds["total"]
        scores = card.test or card.dev
        outcome = f"F1 {100 * scores['f1']:.2f}" if scores else f"failed: {card.error}"
        took = f" in {duration(self._seconds[card.cell])}" if card.cell in self._seconds else ""
        place = f"[{len(self._ended)}/{len(self._cells)}]"
        line = f"{place} {card.cell}: {outcome}{took}; {self.left()}"
        self._console.print(line)
        self._show()

    def left(self) -> str:
        """The time left: a cell takes as long as one of its row and corpus did, else of its corpus, else any."""
        todo = [cell for name, cell in self._cells.items() if name not in self._ended]
        if not todo:
            return "all done"
        if not self._seconds:
            return "time left unknown"
        now = time.monotonic()
        spent = {name: now - begun for name, begun in list(self._begun.items())}
        seconds = sum(max(self._estimate(cell) - spent.get(cell.name, 0), 0) for cell in todo)
        return f"about {duration(seconds / min(self._jobs, len(todo)))} left"

    def _estimate(self, cell: Cell) -> float:
        measured = [(self._cells[name], seconds) for name, seconds in self._seconds.items()]
        here = [(other, seconds) for other, seconds in measured if other.settings.corpus == cell.settings.corpus]
        same = [(other, seconds) for other, seconds in here if other.row == cell.row]
        return float(np.mean([seconds for _, seconds in same or here or measured]))

    def _show(self) -> None:
        running = list(self._begun)
        more = f" and {len(running) - 1} more" if len(running) > 1 else ""
        self._bar.update(self._task, completed=len(self._ended), description=f"{running[0]}{more}" if running else "")


class _TimeLeft(ProgressColumn):
    def __init__(self, grid: GridProgress) -> None:
        self._grid = grid
        super().__init__()

    def render(self, task: Task) -> Text:
        """The time left now."""
        return Text(self._grid.left())


def duration(seconds: float) -> str:
    """Seconds as a person says them: "42 s", "7 min" or "3 h 20 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
