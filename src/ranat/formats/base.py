"""What a format is: how it is read, how it is written, and how sure it is that a file is its own.

A format registers how it is read, how it is written, or both. What a written format cannot hold is said by its `fit`,
which counts what it takes away, so nothing is lost in silence:

    read(write(fit(document))) == fit(document)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from ranat.documents.document import Document
from ranat.formats.notice import Notice
from ranat.formats.sample import Sample
from ranat.formats.source import Reading, Source
from ranat.registry import Registry


class Sure(IntEnum):
    """How sure a format is that a file is its own; the surest one reads it.

    It says so for itself, never against another: what is more specific is surer. Between formats that are as sure the
    suffix decides.
    """

    NO = 0
    """It is of another format, or cannot be told."""
    POSSIBLE = 1
    """It is of the same family, such as any JSON for JSON Lines: what is wrong with it can be told best here."""
    LIKELY = 2
    """It looks like this format, and nothing speaks against it."""
    CERTAIN = 3
    """It has what this format alone has."""


Read = Callable[[Source], Iterator[Document]]
ReadFolder = Callable[[Path, list[Notice], Reading], Iterator[Document]]
Fit = Callable[[Document, Counter[str]], Document]
Write = Callable[[Iterable[Document], Path], Counter[str] | None]
Recognise = Callable[[Sample], Sure]


@dataclass(frozen=True, slots=True)
class Reader:
    """How to read a format of files and how to recognise it.

    Args:
        read: turns a source into its documents.
        suffixes: lower case, such as ".jsonl"; without ".gz".
        sure: how sure the format is that a file is its own.
        instances: each document is one sentence with the pair of entities whose relation is to be told.
        raw: its documents bring no annotations.
        columns: what columns of it may be named for, such as "token"; its reader finds the names in `Reading.columns`.
        binary: its files are no text.
    """

    read: Read
    suffixes: tuple[str, ...]
    sure: Recognise
    instances: bool = False
    raw: bool = False
    columns: tuple[str, ...] = ()
    binary: bool = False


@dataclass(frozen=True, slots=True)
class FolderReader:
    """How to read a format whose documents are a folder of files.

    Args:
        read: turns a folder into its documents, adding what was odd to the notices.
        sure: how sure the format is that a folder is its own.
        suffixes: of files that, named alone, are read together with what lies beside them, such as ".ann".
        text: the suffix of the text among that.
    """

    read: ReadFolder
    sure: Callable[[Path], Sure]
    suffixes: tuple[str, ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class Writer:
    """How to write a format.

    Args:
        fit: the document as the format can hold it; what is lost is counted under words such as "scores".
        write: writes fitted documents, taken one at a time, to a path that does not exist yet. It may count what it
            writes otherwise than it is and `read` puts right.
        suffix: of its files, such as ".jsonl"; empty: it is a folder.
    """

    fit: Fit
    write: Write
    suffix: str


READERS = Registry[Reader]("format", "ranat.formats")
FOLDERS = Registry[FolderReader]("format of folders", "ranat.formats")
WRITERS = Registry[Writer]("output format", "ranat.formats")


def reader(
    name: str,
    *,
    sure: Recognise = lambda _: Sure.NO,
    suffixes: tuple[str, ...] = (),
    instances: bool = False,
    raw: bool = False,
    columns: tuple[str, ...] = (),
    binary: bool = False,
) -> Callable[[Read], Read]:
    """Decorate a function that reads a format; the options are those of `Reader`."""

    def add(read: Read) -> Read:
        READERS.register(name, read.__module__)(Reader(read, suffixes, sure, instances, raw, columns, binary))
        return read

    return add


def folder_reader(
    name: str, *, sure: Callable[[Path], Sure], suffixes: tuple[str, ...] = (), text: str = ""
) -> Callable[[ReadFolder], ReadFolder]:
    """Decorate a function that reads a format of folders; the options are those of `FolderReader`."""

    def add(read: ReadFolder) -> ReadFolder:
        FOLDERS.register(name, read.__module__)(FolderReader(read, sure, suffixes, text))
        return read

    return add


def writer(name: str, *, fit: Fit, suffix: str = "") -> Callable[[Write], Write]:
    """Decorate a function that writes a format; the options are those of `Writer`."""

    def add(write: Write) -> Write:
        WRITERS.register(name, write.__module__)(Writer(fit, write, suffix))
        return write

    return add


def write(documents: Iterable[Document], out: Path, format: str, changed: Counter[str] | None = None) -> Counter[str]:
    """Write documents, one in memory at a time; what the format cannot hold is counted, see `Writer`.

    Args:
        documents: what is written.
        out: where.
        format: its name.
        changed: what is written otherwise than it is and put right by `read` is counted in it.
    Raises:
        UsageError: there is no such format.
        FileExistsError: `out` is there.
    """
    chosen = WRITERS.get(format)
    lost = Counter[str]()
    otherwise = chosen.write((chosen.fit(document, lost) for document in documents), out)
    if changed is not None and otherwise:
        changed.update(otherwise)
    return +lost
