"""Memory between passes: keep what was freed, since the next pass needs it again; but not for ever."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3


def keep_freed_memory() -> None:
    """Tell glibc not to hand large freed blocks back to the system.

    By default every pass on a CPU maps its activations anew and pays a page fault for each 4 KiB of them: about a tenth
    of a training step, or of a prediction. Elsewhere than on glibc nothing is done.
    """
    if mallopt := _of_glibc("mallopt"):
        mallopt(_M_MMAP_THRESHOLD, 1 << 30)
        mallopt(_M_TRIM_THRESHOLD, (1 << 31) - 1)
        mallopt(_M_TOP_PAD, 1 << 28)


def release_freed_memory() -> None:
    """Hand back what was kept: ever other shapes, in several threads, leave ever more holes between what is in use."""
    if malloc_trim := _of_glibc("malloc_trim"):
        malloc_trim(0)


@contextmanager
def kept() -> Iterator[None]:
    """What is imported and loaded meanwhile stays to the end, so it is not searched for garbage, now or later.

    Importing torch and transformers makes millions of objects, and Python looks through them again and again, which is
    a fifth of the time before the first sentence.
    """
    gc.collect()  # what is garbage already would stay, too
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _of_glibc(name: str) -> Any:
    """A function of it; None elsewhere."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform.startswith("linux") else None
