"""Files, folders, globs and standard input as one stream of numbered documents and of what cannot be read."""

from __future__ import annotations

import glob
import hashlib
import io
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from ranat.disk import files, sha256
from ranat.documents import Document, formats
from ranat.documents.formats import FOLDERS, Read
from ranat.documents.source import Notice
from ranat.errors import UserError

STDIN = "-"
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Item:
    """A document, or what cannot be read in its place.

    Args:
        input: the name of the file or folder that it is in.
        number: its place there, from 0; failures count, too.
        content: the document or the failure.
        read: bytes read of this input so far.
    """

    input: str
    number: int
    content: Document | UserError
    read: int


@dataclass(frozen=True, slots=True)
class End:
    """The end of an input.

    Args:
        input: its name.
        items: how many documents and failures it has.
        size: of its bytes as they are stored.
        sha256: of them; of a folder the hash of its files' paths and hashes; empty if it cannot be read.
        notices: what was odd.
    """

    input: str
    items: int
    size: int
    sha256: str
    notices: list[Notice] = field(default_factory=list)


def expand(given: Iterable[str], besides: Path | None = None) -> Iterator[str]:
    """Names of inputs: a folder stands for the files in it unless it is one document set, such as BRAT's; globs too.

    Args:
        given: files, folders, globs and "-".
        besides: a folder whose files are no inputs, as the output's.
    Raises:
        UserError: nothing is there.
    """
    for name in given:
        if name == STDIN or Path(name).is_file():
            yield name
        elif Path(name).is_dir():
            yield from _folder(Path(name), besides)
        elif matches := sorted(glob.glob(name, recursive=True)):
            yield from expand(matches, besides)
        else:
            raise UserError("there is no such file or folder", where=name)


def size(name: str) -> int | None:
    """Bytes of an input; None: not known before it is read."""
    if name == STDIN:
        return None
    return sum(path.stat().st_size for path in files(Path(name)))


def fingerprint(name: str) -> str:
    """sha256 of an input, as `End` has it; empty if it cannot be read."""
    try:
        return sha256(Path(name)) if Path(name).exists() else ""
    except OSError:
        return ""


def read(name: str, format: str | Read | None, most_characters: int) -> Iterator[Item | End]:
    """The documents of an input in order, then its end.

    Args:
        name: as `expand` gives it.
        format: its format's name or how to read it; None: found by content and name.
        most_characters: a longer document is a failure.
    """
    shown = "<stdin>" if name == STDIN else name
    notices: list[Notice] = []
    failures: list[UserError] = []
    number = 0
    with _opened(name) as stream:
        source: Any = name if stream is None else io.BufferedReader(stream, _BLOCK)
        otherwise = "text" if name == STDIN else None
        found = formats.read(source, shown, format, otherwise=otherwise, notices=notices, failed=failures.append)
        for content in _with_failures(found, failures):
            if isinstance(content, Document) and len(content.text) > most_characters:
                content = _too_long(content, shown, most_characters)
            yield Item(name, number, content, 0 if stream is None else stream.count)
            number += 1
        if stream is not None:
            stream.finish()
            yield End(name, number, stream.count, stream.sha256.hexdigest(), notices)
        else:
            yield End(name, number, size(name) or 0, fingerprint(name), notices)


def _with_failures(found: Iterator[Document], failures: list[UserError]) -> Iterator[Document | UserError]:
    """Failures stand before the document that was read after them."""
    for document in found:
        yield from failures
        failures.clear()
        yield document
    yield from failures


def _too_long(document: Document, name: str, most: int) -> UserError:
    what = f"document {document.id!r} has {len(document.text):,} characters, more than {most:,}"
    return UserError(what, where=name, remedy="split it, or raise --max-characters")


def _folder(folder: Path, besides: Path | None) -> Iterator[str]:
    if any(FOLDERS.get(known).looks_like(folder) for known in FOLDERS.names()):
        yield str(folder)
        return
    count = 0
    for file in files(folder):
        if besides is None or not file.resolve().is_relative_to(besides.resolve()):
            count += 1
            yield str(file)
    if not count:
        raise UserError("the folder holds no file", where=str(folder))


class _Hashed(io.RawIOBase):
    """A stream's bytes, counted and hashed as they are read; closing it leaves the stream open."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.count, self.sha256 = 0, hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        self._add(data)
        return len(data)

    def finish(self) -> None:
        """Read what was left unread after a failure."""
        while data := self._stream.read(_BLOCK):
            self._add(data)

    def _add(self, data: bytes) -> None:
        self.sha256.update(data)
        self.count += len(data)


@contextmanager
def _opened(name: str) -> Iterator[_Hashed | None]:
    """The bytes of standard input or of a file; None for a folder and for what cannot be opened."""
    if name == STDIN:
        yield _Hashed(sys.stdin.buffer)
        return
    try:
        stream = Path(name).open("rb", buffering=0)  # noqa: SIM115  (an error in the `with` is none of opening)
    except OSError:
        yield None
        return
    with stream:
        yield _Hashed(stream)
