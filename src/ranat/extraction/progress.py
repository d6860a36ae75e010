"""How many documents are done, how fast, and how long the rest will take."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from ranat.terminal import counted

_SECONDS_BETWEEN_LINES = 30


class Rate:
    """A bar on a terminal; elsewhere a line every half minute.

    Args:
        total: bytes of all inputs; None: not known.
        console: where it is shown.
    """

    def __init__(self, total: int | None, console: Console) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=console, disable=not console.is_terminal, transient=True)
        self._task = self._bar.add_task("loading", total=total)
        self._console, self._total = console, total
        self._documents = 0
        self._first: int | None = None
        self._begun = self._said = time.monotonic()

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.stop()

    def show(self, documents: int, read: int) -> None:
        """So many documents more, so many bytes of the inputs read in all."""
        self._documents += documents
        if self._first is None:
            self._first = read  # after an interruption most of it was read before
        now = time.monotonic()
        seconds = max(now - self._begun, 1e-9)
        said = f"{counted(self._documents, 'documents')}, {self._documents / seconds:,.1f} a second"
        self._bar.update(self._task, description=said, completed=read)
        if not self._console.is_terminal and now - self._said >= _SECONDS_BETWEEN_LINES:
            self._said = now
            if self._total and read > self._first:
                said += f", about {seconds * (self._total - read) / (read - self._first) / 60:,.0f} min left"
            self._console.print(said)
