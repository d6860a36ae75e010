"""Files and folders read as documents: each is recognised by name and content, unpacked, and read by its format."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import IO, cast

from ranat.documents.document import Document
from ranat.errors import UsageError, UserError
from ranat.formats.base import FOLDERS, READERS, Sure
from ranat.formats.notice import Notice
from ranat.formats.sample import Sample
from ranat.formats.source import HEAD, LONGEST, Failed, Reading, Source
from ranat.formats.whole import Whole

Input = str | Path | IO[bytes] | IO[str]

_FURTHER = 1 << 20
"""Bytes of a JSON file by which it is recognised if `HEAD` does not tell."""

_UNPACK = "unpack it, and name what was in it"
_AS_TEXT = "save it as plain text"
_OTHERS = (
    (257, b"ustar", "a tar archive", _UNPACK),
    (30, b"[Content_Types].xml", "an Office document", _AS_TEXT),  # before zip archives, which it is, too
    (0, b"PK\x03\x04", "a zip archive", _UNPACK),
    (0, b"7z\xbc\xaf", "a 7z archive", _UNPACK),
    (0, b"BZh", "packed by bzip2", _UNPACK),
    (0, b"\xfd7zXZ", "packed by xz", _UNPACK),
    (0, b"\x28\xb5\x2f\xfd", "packed by zstd", _UNPACK),
    (0, b"%PDF-", "a PDF", "take its text out, such as with pdftotext; of articles, PubMed Central has it as XML"),
    (0, b"\xd0\xcf\x11\xe0", "an Office document", _AS_TEXT),
    (0, b"{\\rtf", "an RTF document", _AS_TEXT),
)
"""What people take for texts: at which byte there is what, what it is, and the remedy."""
_WIDE = {
    codecs.BOM_UTF32_LE: "UTF-32",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


@dataclass(frozen=True)
class How:
    """How files of one's own are to be read.

    Args:
        format: a format's name; None: each is recognised.
        lenient: an odd mark is told and left out or mended; otherwise it is an error.
        columns: what columns are for, such as "token" or "text" → the column's name or number.
    """

    format: str | None = None
    lenient: bool = False
    columns: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check that there are such a format and such columns.

        Raises:
            UsageError: there are not.
        """
        named = formats_with(self.columns)
        if self.format is None or self.format in FOLDERS.names():
            return
        known = READERS.get(self.format).columns
        if named and not self.columns.keys() <= set(known):
            has = f"{self.format} has {', '.join(known) or 'no columns to name'}"
            raise UsageError(f"are for {' or '.join(named)}, not {self.format}", where="columns", remedy=has)


def read(
    source: Input,
    name: str | None = None,
    format: str | None = None,
    *,
    lenient: bool = False,
    columns: Mapping[str, str] = MappingProxyType({}),
    otherwise: str | None = None,
    notices: list[Notice] | None = None,
    failed: Failed | None = None,
    longest: int = LONGEST,
    each_once: bool = True,
) -> Iterator[Document]:
    """The documents of a file, one at a time; gzip is unpacked.

    Args:
        source: a path, or an open stream, which is closed at the end; a folder is read as one of `FOLDERS`.
        name: the file's name in messages and for its suffix; default: that of the source.
        format: a format's name; default: found by content, then by suffix.
        lenient: see `Reading`; otherwise an odd mark is an error.
        columns: see `Reading`.
        otherwise: the format of a file that is not recognised; None: that is an error.
        notices: what was odd is added to it while the file is read.
        failed: is told of each document that cannot be read, and reading goes on; None: that is an error. It is told,
            too, of a file that holds no document at all, so that none is passed over in silence.
        longest: see `Reading`.
        each_once: see `Reading`.
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

    reading = Reading(lenient, failed and tell, longest, columns, each_once)
    try:
        for document in _documents(source, name, format, otherwise, notices, reading):
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
    source: Input, name: str, format: str | None, otherwise: str | None, notices: list[Notice], reading: Reading
) -> Iterator[Document]:
    if isinstance(source, str | Path) and (folder := of_folder(Path(source), format)):
        yield from FOLDERS.get(folder).read(Path(source), notices, reading)
        return
    with _opened(source, name) as stream:
        found = Source(stream, name, notices, reading)
        _check_bytes(found.head, name)
        if format in FOLDERS.names() and format not in READERS.names():
            raise UsageError(
                f"is no {format} folder", where=name, remedy="name a folder that is one, or another format"
            )
        having = formats_with(reading.columns)
        chosen = READERS.get(format or _recognise(found, having[0] if having else otherwise, having))
        yield from chosen.read(found)


def formats_with(columns: Mapping[str, str]) -> list[str]:
    """The formats that have such columns; none if none is named.

    Raises:
        UsageError: no format has all of them.
    """
    if not columns:
        return []
    having = {known: found for known in READERS.names() if (found := READERS.get(known).columns)}
    fitting = [known for known, names in having.items() if columns.keys() <= set(names)]
    if not fitting:
        named = "; ".join(f"{known}: {', '.join(names)}" for known, names in having.items())
        raise UsageError(f"no format has the columns {', '.join(columns)}", where="--columns", remedy=named)
    return fitting


def of_folder(path: Path, format: str | None) -> str | None:
    """The format of folders that a path is read as: a folder, or a file that is read with what lies beside it.

    Raises:
        UserError: it is a folder of no format, or of two.
    """
    if format not in (None, *FOLDERS.names()):
        return None
    if path.is_dir():
        return format or recognise_folder(path)
    known = _called(path, format)
    return known if known and path.is_file() else None


def text_of(path: Path, format: str | None) -> Path | None:
    """The text that a file of annotations is read with, whether it is there or not; None: it is no such file."""
    known = _called(path, format)
    return path.with_suffix(FOLDERS.get(known).text) if known and path.is_file() else None


def _called(path: Path, format: str | None) -> str | None:
    """The format of folders whose files are called so, if they are not in another format."""
    for known in FOLDERS.names():
        if format in (None, known) and path.name.lower().endswith(FOLDERS.get(known).suffixes or ("\0",)):
            return known
    return None


def recognise_folder(folder: Path) -> str:
    """The name of a folder's format.

    Raises:
        UserError: it is of none, or two are as sure.
    """
    ranks = {known: (FOLDERS.get(known).sure(folder), False) for known in FOLDERS.names()}
    found = _surest(ranks, str(folder))
    if found is None:
        remedy = f"name a file, or a folder that is one of {', '.join(FOLDERS.names())}"
        raise UserError("the folder is in no known format", where=str(folder), remedy=remedy)
    return found


def is_one(folder: Path) -> bool:
    """Whether a folder is one set of documents in a format of folders."""
    return any(FOLDERS.get(known).sure(folder) for known in FOLDERS.names())


def recognise(source: Input, name: str | None = None) -> str:
    """The name of a file's format; the arguments are those of `read`.

    Raises:
        UserError: the file cannot be read, is empty, or is in no known format, or two are as sure.
    """
    name = name or _name(source)
    with _opened(source, name) as stream:
        found = Source(stream, name)
        _check_bytes(found.head, name)
        return _recognise(found)


def _recognise(source: Source, otherwise: str | None = None, among: Sequence[str] = ()) -> str:
    """The name of a file's format; `among`: the formats that it may be of, if not of any.

    More of JSON is looked at if its beginning does not tell for certain: it may end within the first text, before what
    is marked there, or the first texts may have no marks.
    """
    name = source.name
    ranks = _ranks(source.head, HEAD, name, among)
    is_json = source.head.removeprefix(codecs.BOM_UTF8).lstrip()[:1] in (b"{", b"[")
    if is_json and len(source.head) == HEAD and max(sure for sure, _ in ranks.values()) < Sure.CERTAIN:
        ranks = _ranks(source.look_at(_FURTHER), _FURTHER, name, among)
    found = _surest(ranks, name) or otherwise
    if found is None:
        remedy = f"give the file the suffix of its format, or name that by --from; known: {', '.join(READERS.names())}"
        raise UserError("the format is not recognised", where=name, remedy=remedy)
    return found


def _ranks(head: bytes, most: int, name: str, among: Sequence[str]) -> dict[str, tuple[Sure, bool]]:
    """How sure each format is of at most so many bytes, and whether the file is called as its files are."""
    text = head.decode("utf-8-sig", errors="replace")
    whole = len(head) < most
    if not whole and "\n" in text:
        text = text[: text.rindex("\n")]
    sample = Sample(name.lower().removesuffix(".gz"), text, whole)
    readers = {known: READERS.get(known) for known in among or READERS.names()}
    return {
        known: (reader.sure(sample), sample.name.endswith(reader.suffixes or ("\0",)))
        for known, reader in readers.items()
    }


def _surest(ranks: Mapping[str, tuple[Sure, bool]], name: str) -> str | None:
    """The surest format; where its content is no format's, that of its suffix, which tells best what is wrong with it.

    Raises:
        UserError: two are as sure.
    """
    best = max(ranks.values(), default=(Sure.NO, False))
    surest = [known for known, rank in ranks.items() if rank == best and any(rank)]
    if len(surest) > 1:
        remedy = f"say which by --from, such as --from {surest[0]}"
        raise UserError(f"could be {' or '.join(surest)}", where=name, remedy=remedy)
    return surest[0] if surest else None


def _check_bytes(head: bytes, name: str) -> None:
    """Refuse what is no text in UTF-8, or nothing at all.

    Raises:
        UserError: it is not, and what it is instead.
    """
    if not head.strip():
        raise UserError("the file is empty", where=name)
    for mark, encoding in _WIDE.items():
        if head.startswith(mark):
            remedy = f"convert it: iconv -f {encoding} -t UTF-8 FILE > NEW"
            raise UserError(f"is written in {encoding}, not UTF-8", where=name, remedy=remedy)
    for place, mark, kind, remedy in _OTHERS:
        if head.startswith(mark, place):
            raise UserError(f"is {kind}, not a file of documents", where=name, remedy=remedy)


@contextmanager
def _opened(source: Input, name: str) -> Iterator[io.BufferedReader]:
    """The unpacked bytes; what goes wrong while they are read becomes an error of the user's."""
    try:
        with _open(source) as stream:
            yield stream
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise UserError("the gzip file is damaged or cut off", where=name, remedy="fetch or pack it again") from None
    except OSError as error:
        raise UserError(f"cannot read: {error.strerror or error}", where=name) from None


def _name(source: Input) -> str:
    return str(source) if isinstance(source, str | Path) else str(getattr(source, "name", "<stream>"))


def _open(source: Input) -> io.BufferedReader:
    if isinstance(source, str | Path):
        binary: IO[bytes] = Path(source).open("rb")  # noqa: SIM115  (`read` closes it)
    elif isinstance(source, io.TextIOBase):
        binary = getattr(source, "buffer", None) or io.BytesIO(source.read().encode("utf-8", "surrogatepass"))
    else:
        binary = cast(IO[bytes], source)
    stream = io.BufferedReader(Whole(binary.read), HEAD)
    if stream.peek(2)[:2] == b"\x1f\x8b":
        packed = gzip.GzipFile(fileobj=stream)
        return io.BufferedReader(Whole(packed.read, packed, stream, binary), HEAD)
    return io.BufferedReader(Whole(stream.read, stream, binary), HEAD)
