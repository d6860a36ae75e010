"""What can be known before the work: whether the output can be written at all."""

from __future__ import annotations

import shutil
from pathlib import Path

from ranat import formats
from ranat.disk import remove
from ranat.documents import Document
from ranat.errors import UsageError, UserError
from ranat.formats import FOLDERS, READERS, WRITERS

_ROOM = 1 << 20
_INPUT_PER_OUTPUT = 10
"""The text alone is about a tenth of an input of XML, or of one that is packed."""
_NEVER_WRITTEN = (".gz", ".zip", ".tar", ".xlsx", ".xls", ".ods", ".docx", ".pdf", ".md", ".sqlite", ".db")
"""Suffixes of files that nobody gives a folder."""
_TRIAL = Document("trial", "A trial.")


def format_of(out: Path) -> str | None:
    """The format of files that a name tells; None: it is no name of such a file."""
    suffixes = {WRITERS.get(name).suffix: name for name in WRITERS.names()}
    fitting = [suffix for suffix in suffixes if suffix and out.name.lower().endswith(suffix)]
    return suffixes[max(fitting, key=len)] if fitting else None


def is_file(out: Path, to: str | None) -> bool:
    """Whether an output is to be one file, as its name has the suffix of one, rather than a folder of shards.

    Raises:
        UsageError: its name is a file's, but of a format that cannot be written, or of another than is wanted.
    """
    if out.is_dir():
        return False
    told = format_of(out)
    if told is None:
        readable = {suffix for name in (*READERS.names(), *FOLDERS.names()) for suffix in _suffixes(name)}
        if out.name.lower().endswith((*readable, *_NEVER_WRITTEN)):
            writable = ", ".join(sorted(filter(None, (WRITERS.get(name).suffix for name in WRITERS.names()))))
            remedy = f"name a folder, or a file that ends in one of {writable}"
            raise UsageError("is the name of a file that cannot be written", where=f"--out {out}", remedy=remedy)
        return False
    if to not in (None, told):
        raise UsageError(f"is the name of a file of {told}, not of {to}", where=f"--out {out}", remedy="name a folder")
    return True


def try_writing(folder: Path, format: str) -> None:
    """Write a document as a trial: the format may need a package, and the folder may not be written to.

    Raises:
        UserError: it cannot be written.
        OSError: the folder cannot be written to.
    """
    trial = folder / f".trial{WRITERS.get(format).suffix}"
    remove(trial)
    try:
        formats.write([_TRIAL], trial, format)
    except UserError as error:
        raise UserError(error.what, where=f"--to {format}", remedy=error.remedy) from None
    finally:
        remove(trial)


def check_room(folder: Path, size: int) -> None:
    """Look for room on the disk, for inputs of so many bytes.

    Raises:
        UserError: there is far too little.
    """
    free, least = shutil.disk_usage(folder).free, _ROOM + size // _INPUT_PER_OUTPUT
    if free < least:
        what = f"{free / 1e6:,.0f} MB are free, and the texts alone take about {least / 1e6:,.0f}"
        raise UserError(what, where=str(folder), remedy="make room, or name a folder on another disk")


def _suffixes(name: str) -> tuple[str, ...]:
    return READERS.get(name).suffixes if name in READERS.names() else FOLDERS.get(name).suffixes
