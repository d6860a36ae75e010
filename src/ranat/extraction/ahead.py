"""An iterator that works ahead in a thread, so that reading, tokenizing and the model run at the same time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, wait
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")

_END = object()
_SECONDS = 1.0
"""What is being made gets so long to end; what waits for more of an input may never end."""


def ahead(items: Iterable[T]) -> Iterator[T]:
    """The items, in order; the next one is made while this one is worked on, and none after it.

    What goes wrong in the thread is raised here. The thread ends with this generator, however that ends, unless it
    waits for what does not come, such as more of standard input: then it does not keep the program from ending.
    """
    iterator = iter(items)
    coming = _started(iterator)
    try:
        while (item := coming.result()) is not _END:
            coming = _started(iterator)
            yield item
    finally:
        wait([coming], _SECONDS)


def _started(iterator: Iterator[Any]) -> Future[Any]:
    """The next item, which is made in a thread of its own."""
    coming: Future[Any] = Future()

    def make() -> None:
        try:
            coming.set_result(next(iterator, _END))
        except BaseException as error:  # raised again where the item is asked for
            coming.set_exception(error)

    Thread(target=make, daemon=True).start()
    return coming
