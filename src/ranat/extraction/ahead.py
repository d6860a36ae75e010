"""An iterator that works ahead in a thread, so that reading, tokenizing and the model run at the same time."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

_SECONDS = 0.1


def ahead(items: Iterable[T], depth: int = 2) -> Iterator[T]:
    """The items, in order; up to `depth` of them are made before they are asked for.

    What goes wrong in the thread is raised here. The thread ends with this generator, however that ends.
    """
    waiting: queue.Queue[tuple[bool, T | BaseException | None]] = queue.Queue(depth)
    ended = threading.Event()

    def put(more: bool, item: T | BaseException | None) -> None:
        while not ended.is_set():
            try:
                waiting.put((more, item), timeout=_SECONDS)
            except queue.Full:
                continue
            return

    def work() -> None:
        try:
            for item in items:
                put(True, item)
                if ended.is_set():
                    return
        except BaseException as error:  # it belongs to whoever reads on
            put(False, error)
        else:
            put(False, None)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while True:
            more, item = waiting.get()
            if more:
                yield item  # type: ignore[misc]  # only items come with `more`
            elif item is None:
                return
            else:
                raise item  # type: ignore[misc]  # only exceptions come without
    finally:
        ended.set()
        thread.join()
