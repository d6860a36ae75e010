"""Files that are there in full or not at all, and folders for one process at a time."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from ranat.errors import UserError


def write_atomically(path: Path, text: str | Iterable[str]) -> None:
    """Write a file, in one or in pieces, so that it is there in full or as it was before."""
    draft = path.with_name(f".{path.name}.part")
    try:
        # File names that are not UTF-8 have characters that it lacks; their escapes are those of JSON, too.
        with draft.open("w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.writelines([text] if isinstance(text, str) else text)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    except OSError:  # such as a full disk
        draft.unlink(missing_ok=True)
        raise


def sync(path: Path) -> None:
    """Wait until a file, or a folder's files, are safe on the disk."""
    for file in files(path):
        with file.open("rb") as stream:
            os.fsync(stream.fileno())


def files(path: Path) -> Iterator[Path]:
    """A file, or those of a folder at any depth in the order of their names.

    What is hidden is left out, and so is what is no file, such as a pipe, which would wait for whoever writes into it.
    """
    if path.is_file():
        yield path
    for folder, subfolders, names in os.walk(path):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        inside = (Path(folder, name) for name in sorted(names) if not name.startswith("."))
        yield from (file for file in inside if file.is_file())


def sha256(path: Path) -> str:
    """Of a file, or of the paths and hashes of a folder's files."""
    if path.is_file():
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    digest = hashlib.sha256()
    for file in files(path):
        digest.update(os.fsencode(f"{file.relative_to(path).as_posix()}\0{sha256(file)}\n"))
    return digest.hexdigest()


def remove(path: Path) -> None:
    """Delete a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


LOCK = ".lock"


@contextmanager
def claimed(folder: Path, marker: str, command: str, name: str = LOCK) -> Iterator[None]:
    """Hold a folder that is empty or has its marker.

    Args:
        folder: is made if need be.
        marker: the file that tells what the folder is, or a pattern that the name of one fits.
        command: what else may be at work there.
        name: see `locked`.
    Raises:
        UserError: the folder holds something else, or another process holds it.
    """
    others = folder.is_dir() and any(not path.name.startswith(".") for path in folder.iterdir())
    if folder.is_file() or (others and not any(folder.glob(marker))):
        raise UserError(f"holds something else: no {marker}", where=str(folder), remedy="name another one with --out")
    with locked(folder, command, name):
        yield


@contextmanager
def locked(folder: Path, command: str, name: str = LOCK, wait: float = 0) -> Iterator[None]:
    """Hold a folder for this process alone; what a killed process held is free.

    Args:
        folder: is made if need be, and goes again if nothing came of it.
        command: what else may be at work there.
        name: of the lock's file, where several processes may hold parts of a folder.
        wait: seconds, for another process to let it go.
    Raises:
        UserError: another process holds it.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    lock = FileLock(file, timeout=wait)
    try:
        lock.acquire()
    except Timeout:
        raise UserError(f"another `{command}` is at work here", where=str(folder), remedy="wait for it") from None
    try:
        yield
    finally:
        if made and [path.name for path in folder.iterdir()] == [file.name]:
            file.unlink()
            with suppress(OSError):  # another process may have put something there
                for path in made:
                    path.rmdir()
        lock.release()


@contextmanager
def drafted(out: Path, command: str) -> Iterator[Path]:
    """A path to write a file or folder to that is then `out`, in full or not at all.

    Args:
        out: must not be there.
        command: what else may be writing it.
    Raises:
        UserError: it is there, or another process is writing it.
    """
    check_free(out)
    folder = out.with_name(f".{out.name}.draft")
    draft = folder / out.name
    with locked(folder, command):
        remove(draft)  # a killed process may have left it
        try:
            yield draft
            sync(draft)
            check_free(out)
            draft.rename(out)
        finally:
            remove(draft)
    with suppress(OSError):  # it is gone, unless a killed process had made it
        (folder / LOCK).unlink()
        folder.rmdir()


def check_free(out: Path) -> None:
    """Make sure that nothing is written over.

    Raises:
        UserError: something is there.
    """
    if os.path.lexists(out):
        raise UserError("is there already", where=str(out), remedy="name another, or delete it")
