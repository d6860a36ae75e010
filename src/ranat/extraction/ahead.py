"""An iterator that works ahead in a thread, so that reading, tokenizing and the model run at the same time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")

_END = object()


def ahead(items: Iterable[T]) -> Iterator[T]:
    """The items, in order; the next one is made while this one is worked on, and none after it.

    What goes wrong in the thread is raised here. The thread ends with this generator, however that ends.
    """
    iterator = iter(items)
    with ThreadPoolExecutor(1) as thread:
        coming: Future[Any] = thread.submit(next, iterator, _END)
        while (item := coming.result()) is not _END:
            coming = thread.submit(next, iterator, _END)
            yield item
