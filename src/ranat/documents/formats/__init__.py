"""File formats of documents: one file a format, found by content, then by suffix; some are folders of files.

A format registers how it is read, how it is written, or both. What a written format cannot hold is said by its `fit`,
which counts what it takes away, so nothing is lost in silence:

    read(write(fit(document))) == fit(document)
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from ranat.documents.document import Document
from ranat.documents.source import Failed, Notice, Source
from ranat.errors import UsageError, UserError
from ranat.registry import Registry

Read = Callable[[Source], Iterator[Document]]
ReadFolder = Callable[[Path, list[Notice], Failed | None], Iterator[Document]]
Fit = Callable[[Document, Counter[str]], Document]
Write = Callable[[Iterable[Document], Path], None]

_HEAD = 1 << 16


@dataclass(frozen=True, slots=True)
class Reader:
    """How to read a format of files and how to recognise it.

    Args:
        read: turns a source into its documents.
        suffixes: lower case, such as ".jsonl"; without ".gz".
        looks_like: whether the first lines of a file are of this format.
        instances: each document is one sentence with the pair of entities whose relation is to be told.
        raw: its documents bring no annotations.
    """

    read: Read
    suffixes: tuple[str, ...]
    looks_like: Callable[[str], bool]
    instances: bool = False
    raw: bool = False


@dataclass(frozen=True, slots=True)
class FolderReader:
    """How to read a format whose documents are a folder of files.

    Args:
        read: turns a folder into its documents, adding what was odd to the notices.
        looks_like: whether a folder is of this format.
    """

    read: ReadFolder
    looks_like: Callable[[Path], bool]


@dataclass(frozen=True, slots=True)
class Writer:
    """How to write a format.

    Args:
        fit: the document as the format can hold it; what is lost is counted under words such as "scores".
        write: writes fitted documents, taken one at a time, to a path that does not exist yet.
        suffix: of its files, such as ".jsonl"; empty: it is a folder.
    """

    fit: Fit
    write: Write
    suffix: str


READERS = Registry[Reader]("format", __name__)
FOLDERS = Registry[FolderReader]("format of folders", __name__)
WRITERS = Registry[Writer]("output format", __name__)


def reader(
    name: str,
    *,
    suffixes: tuple[str, ...],
    looks_like: Callable[[str], bool],
    instances: bool = False,
    raw: bool = False,
) -> Callable[[Read], Read]:
    """Decorate a function that reads a format; the options are those of `Reader`."""

    def add(read: Read) -> Read:
        READERS.register(name, read.__module__)(Reader(read, suffixes, looks_like, instances, raw))
        return read

    return add


def folder_reader(name: str, *, looks_like: Callable[[Path], bool]) -> Callable[[ReadFolder], ReadFolder]:
    """Decorate a function that reads a format of folders; the options are those of `FolderReader`."""

    def add(read: ReadFolder) -> ReadFolder:
        FOLDERS.register(name, read.__module__)(FolderReader(read, looks_like))
        return read

    return add


def writer(name: str, *, fit: Fit, suffix: str = "") -> Callable[[Write], Write]:
    """Decorate a function that writes a format; the options are those of `Writer`."""

    def add(write: Write) -> Write:
        WRITERS.register(name, write.__module__)(Writer(fit, write, suffix))
        return write

    return add


def write(documents: Iterable[Document], out: Path, format: str) -> Counter[str]:
    """Write documents, one in memory at a time; what the format cannot hold is counted, see `Writer`.

    Raises:
        UsageError: there is no such format.
        FileExistsError: `out` is there.
    """
    chosen = WRITERS.get(format)
    lost = Counter[str]()
    chosen.write((chosen.fit(document, lost) for document in documents), out)
    return +lost


def read(
    source: str | Path | IO[bytes] | IO[str],
    name: str | None = None,
    format: str | Read | None = None,
    *,
    otherwise: str | None = None,
    notices: list[Notice] | None = None,
    published: bool = False,
    failed: Failed | None = None,
) -> Iterator[Document]:
    """The documents of a file, one at a time; gzip is unpacked.

    Args:
        source: a path, or an open stream, which is closed at the end; a folder is read as one of `FOLDERS`.
        name: the file's name in messages and for its suffix; default: that of the source.
        format: a format's name, or a function that reads it; default: found by content, then by suffix.
        otherwise: the format of a file that is not recognised; None: that is an error.
        notices: what was odd is added to it while the file is read.
        published: see `Source`; for released corpora only.
        failed: is told of each document that cannot be read, and reading goes on; None: that is an error. It is told,
            too, of a file that holds no document at all, so that none is passed over in silence.
    Raises:
        UserError: the file cannot be read, holds no document, or a line of it is wrong; with file and line.
        UsageError: there is no such format, or it is one of folders and this is a file.
    """
    name = name or _name(source)
    notices = [] if notices is None else notices
    silent = True

    def tell(error: UserError) -> None:
        nonlocal silent
        silent = False
        if failed is None:
            raise error
        failed(error)

    try:
        for document in _documents(source, name, format, otherwise, notices, published, failed and tell):
            silent = False
            yield document
    except UsageError:
        raise
    except UserError as error:
        if failed is None:
            raise
        tell(error)
    else:
        if silent:
            tell(UserError("the file holds no document", where=name))


def _documents(
    source: str | Path | IO[bytes] | IO[str],
    name: str,
    format: str | Read | None,
    otherwise: str | None,
    notices: list[Notice],
    published: bool,
    failed: Failed | None,
) -> Iterator[Document]:
    if isinstance(source, str | Path) and Path(source).is_dir() and format in (None, *FOLDERS.names()):
        chosen = FOLDERS.get(format if isinstance(format, str) else recognise_folder(Path(source)))
        yield from chosen.read(Path(source), notices, failed)
        return
    with _opened(source, name) as stream:
        head = _head(stream, name)
        if format in FOLDERS.names() and format not in READERS.names():
            raise UsageError(
                f"is no {format} folder", where=name, remedy="name a folder that is one, or another format"
            )
        if not callable(format):
            format = READERS.get(format or _recognise(head, name, otherwise)).read
        yield from format(Source(cast(IO[bytes], stream), name, notices, published=published, failed=failed))


def recognise_folder(folder: Path) -> str:
    """The name of a folder's format.

    Raises:
        UserError: it is of none.
    """
    for known in FOLDERS.names():
        if FOLDERS.get(known).looks_like(folder):
            return known
    remedy = f"name a file, or a folder that is one of {', '.join(FOLDERS.names())}"
    raise UserError("the folder is in no known format", where=str(folder), remedy=remedy)


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


def _recognise(head: bytes, name: str, otherwise: str | None = None) -> str:
    text = head.decode("utf-8-sig", errors="replace")
    whole_lines = text[: text.rindex("\n")] if "\n" in text and len(head) == _HEAD else text
    by_content = [known for known in READERS.names() if READERS.get(known).looks_like(whole_lines)]
    if len(by_content) == 1:
        return by_content[0]
    plain = name.lower().removesuffix(".gz")
    # A malformed file looks like nothing: the format of its suffix then tells what is wrong with it, and where.
    by_suffix = [known for known in by_content or READERS.names() if plain.endswith(READERS.get(known).suffixes)]
    if len(by_suffix) == 1:
        return by_suffix[0]
    if otherwise is not None:
        return otherwise
    known = ", ".join(READERS.names())
    remedy = f"give the file the suffix of its format, or name that by --from or format=; known: {known}"
    raise UserError("the format is not recognised", where=name, remedy=remedy)


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
