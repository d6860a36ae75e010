import signal
import subprocess
import sys
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
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before


def test_what_never_comes_keeps_nobody_from_ending() -> None:
    """Standard input stays open, as of a program that goes on: Ctrl-C must end this one, and so must `head`."""
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "  # a shell may start us without
        "from ranat.extraction.ahead import ahead; from ranat.extraction.inputs import read; "
        "from ranat.formats import How; items = ahead(read('-', How('text'), 100)); "
        "print('begun', flush=True); next(items)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"begun\n"
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        try:
            _, said = process.communicate(timeout=20) if process.wait(20) is not None else (b"", b"")
        finally:
            process.kill()
    assert b"KeyboardInterrupt" in said
    assert b"Fatal" not in said
