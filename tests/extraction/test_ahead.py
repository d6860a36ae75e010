import threading
import time
from collections.abc import Iterator

import pytest

from ranat.extraction.ahead import ahead


def test_items_come_in_order() -> None:
    assert list(ahead(ahead(range(1000)))) == list(range(1000))


def test_one_item_is_made_before_it_is_asked_for() -> None:
    made: list[int] = []
    items = ahead(made.append(n) or n for n in range(100))
    assert next(items) == 0
    deadline = time.monotonic() + 5
    while len(made) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)
    assert made == [0, 1]
    items.close()


def test_an_error_is_raised_where_the_items_are_read() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    items = ahead(broken())
    assert next(items) == 1
    with pytest.raises(ValueError, match="broken"):
        next(items)


def test_the_thread_ends_with_the_reader() -> None:
    before = threading.active_count()
    items = ahead(iter(int, 1))
    next(items)
    items.close()
    assert threading.active_count() == before
