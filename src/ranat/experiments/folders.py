"""The folder of a grid or a study, for one process at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ranat.errors import UserError


@contextmanager
def claimed(folder: Path, marker: str, command: str) -> Iterator[None]:
    """Hold a folder that is empty or has its marker.

    Args:
        folder: is made if need be.
        marker: the file that tells what the folder is.
        command: what else may be at work there.
    Raises:
        UserError: the folder holds something else, or another process holds it.
    """
    others = folder.is_dir() and any(not path.name.startswith(".") for path in folder.iterdir())
    if folder.is_file() or (others and not (folder / marker).is_file()):
        raise UserError(f"holds something else: no {marker}", where=str(folder), remedy="name another one with --out")
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise UserError(f"another `{command}` is at work here", where=str(folder), remedy="wait for it") from None
    try:
        yield
    finally:
        lock.release()
