"""File formats of documents: one file a format, found by content, then by suffix; and folders as BRAT writes them."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from ranat.documents.document import Document
from ranat.documents.formats import brat
from ranat.documents.source import Notice, Source
from ranat.errors import UserError
from ranat.registry import Registry

Reader = Callable[[Source], Iterator[Document]]

_HEAD = 1 << 16


@dataclass(frozen=True, slots=True)
class Format:
    """How to read a format and how to recognise it.

    Args:
        read: turns a source into its documents.
        suffixes: lower case, such as ".jsonl"; without ".gz".
        looks_like: whether the first lines of a file are of this format.
        instances: each document is one sentence with the pair of entities whose relation is to be told.
    """

    read: Reader
    suffixes: tuple[str, ...]
    looks_like: Callable[[str], bool]
    instances: bool = False


FORMATS = Registry[Format]("format", __name__)


def reader(
    name: str, *, suffixes: tuple[str, ...], looks_like: Callable[[str], bool], instances: bool = False
) -> Callable[[Reader], Reader]:
    """Decorate a function that reads a format; the options are those of `Format`."""

    def add(read: Reader) -> Reader:
        FORMATS.register(name)(Format(read, suffixes, looks_like, instances))
        return read

    return add


def read(
    source: str | Path | IO[bytes] | IO[str],
    name: str | None = None,
    format: str | None = None,
    *,
    notices: list[Notice] | None = None,
    published: bool = False,
) -> Iterator[Document]:
    """The documents of a file, one at a time; gzip is unpacked.

    Args:
        source: a path, or an open stream, which is closed at the end; a folder is read as BRAT's (see `brat`).
        name: the file's name in messages and for its suffix; default: that of the source.
        format: a file format's name; default: found by content, then by suffix.
        notices: what was odd is added to it while the file is read.
        published: see `Source`; for released corpora only.
    Raises:
        UserError: the file cannot be read, is empty, or a line of it is wrong; with file and line.
        UsageError: there is no such format.
    """
    name = name or _name(source)
    if format is None and isinstance(source, str | Path) and Path(source).is_dir():
        yield from brat.read_folder(name, brat.files(Path(source)), notices, published=published)
        return
    with _opened(source, name) as stream:
        head = _head(stream, name)
        chosen = FORMATS.get(format or _recognise(head, name))
        opened = Source(cast(IO[bytes], stream), name, notices, published=published)
        count = 0
        for count, document in enumerate(chosen.read(opened), 1):  # noqa: B007  (the count is looked at after the loop)
            yield document
        if not count:
            raise UserError("the file holds no document", where=name)


def recognise(source: str | Path | IO[bytes] | IO[str], name: str | None = None) -> str:
    """The name of a file's format; the arguments are those of `read`.

    Raises:
        UserError: the file cannot be read, is empty, or is in no known format.
    """
    name = name or _name(source)
    with _opened(source, name) as stream:
        return _recognise(_head(stream, name), name)


def _head(stream: io.BufferedReader, name: str) -> bytes:
    head = stream.peek(_HEAD)[:_HEAD]
    if not head.strip():
        raise UserError("the file is empty", where=name)
    return head


def _recognise(head: bytes, name: str) -> str:
    text = head.decode("utf-8-sig", errors="replace")
    whole_lines = text[: text.rindex("\n")] if "\n" in text else text
    by_content = [known for known in FORMATS.names() if FORMATS.get(known).looks_like(whole_lines)]
    if len(by_content) == 1:
        return by_content[0]
    plain = name.lower().removesuffix(".gz")
    # A malformed file looks like nothing: the format of its suffix then tells what is wrong with it, and where.
    by_suffix = [known for known in by_content or FORMATS.names() if plain.endswith(FORMATS.get(known).suffixes)]
    if len(by_suffix) == 1:
        return by_suffix[0]
    raise UserError("the format is not recognised", where=name, remedy=f"name it; known: {', '.join(FORMATS.names())}")


@contextmanager
def _opened(source: str | Path | IO[bytes] | IO[str], name: str) -> Iterator[io.BufferedReader]:
    """The unpacked bytes; what goes wrong while they are read becomes an error of the user's."""
    try:
        with _open(source) as stream:
            yield stream
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise UserError("the gzip file is damaged or cut off", where=name, remedy="fetch or pack it again") from None
    except OSError as error:
        raise UserError(f"cannot read: {error.strerror or error}", where=name) from None


def _name(source: str | Path | IO[bytes] | IO[str]) -> str:
    return str(source) if isinstance(source, str | Path) else str(getattr(source, "name", "<stream>"))


def _open(source: str | Path | IO[bytes] | IO[str]) -> io.BufferedReader:
    if isinstance(source, str | Path):
        binary: IO[bytes] = Path(source).open("rb", buffering=_HEAD)  # noqa: SIM115  (`read` closes it)
    elif isinstance(source, io.TextIOBase):
        binary = getattr(source, "buffer", None) or io.BytesIO(source.read().encode("utf-8", "surrogatepass"))
    else:
        binary = cast(IO[bytes], source)
    stream = _peekable(binary)
    if stream.peek(2)[:2] == b"\x1f\x8b":
        return _peekable(cast(IO[bytes], gzip.GzipFile(fileobj=stream)))
    return stream


def _peekable(stream: IO[bytes]) -> io.BufferedReader:
    if isinstance(stream, io.BufferedReader):
        return stream
    return io.BufferedReader(cast(io.RawIOBase, stream), _HEAD)
