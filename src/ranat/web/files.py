"""Uploads as documents, and documents as downloads, by way of a private folder that is gone afterwards."""

from __future__ import annotations

import lzma
import re
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from ranat import formats
from ranat.documents import Document
from ranat.errors import UserError
from ranat.extraction.ids import UniqueIds
from ranat.formats import WRITERS
from ranat.formats.notice import Notice
from ranat.web.limits import Limits

_NOT_IN_NAMES = re.compile(r"[^\w.\- ]")
_LONGEST_NAME = 100
_MOST_FILES = 20_000
_ZIP = b"PK\x03\x04"
_UNPACKED = "unpacked"
_NO_ARCHIVE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError),
    *(EOFError, OSError, ValueError, NotImplementedError, RuntimeError),
)
"""What zipfile raises if there is no archive, or one that is damaged, encrypted or packed in a way of its own."""


class TooLargeError(Exception):
    """There is more text, or there are more bytes, than a request may bring."""


def safe_name(name: str) -> str:
    """The last part of a client's file name, with harmless characters only; for its suffix and in messages."""
    last = re.split(r"[/\\]", name)[-1]
    return _NOT_IN_NAMES.sub("_", last)[-_LONGEST_NAME:].lstrip(". ") or "upload"


def read_upload(stream: IO[bytes], name: str, format: str | None, limits: Limits) -> tuple[list[Document], list[str]]:
    """The documents of a file, or of a zip archive with the folder of a format of folders.

    Args:
        stream: its bytes.
        name: as the client calls it.
        format: of it; None: told by content and name.
        limits: of text and bytes.
    Returns:
        The documents, and what was odd or could not be read, a line each.
    Raises:
        UserError: nothing in it could be read.
        UsageError: there is no such format.
        TooLargeError: it holds more than it may.
    """
    shown = safe_name(name)
    with TemporaryDirectory(prefix="ranat-") as private:
        try:
            magic = stream.read(len(_ZIP))
            stream.seek(0)
            if magic == _ZIP:
                inside = _unpack(stream, Path(private), limits)
                return _read(inside, safe_name(inside.name) if inside.is_file() else shown, format, limits)
            return _read(stream, shown, format, limits)
        except UserError as error:
            where = error.where and _without(private, error.where, shown)
            raise type(error)(_without(private, error.what, shown), where=where, remedy=error.remedy) from None


def _read(source: IO[bytes] | Path, name: str, format: str | None, limits: Limits) -> tuple[list[Document], list[str]]:
    notices: list[Notice] = []
    failures: list[UserError] = []
    ids = UniqueIds()
    documents: list[Document] = []
    total = 0
    for document in formats.read(
        source, name, format, lenient=True, otherwise="text", notices=notices, failed=failures.append, each_once=False
    ):
        total += len(document.text)
        if len(document.text) > limits.characters:
            failures.append(
                UserError(f"document {document.id!r} has more than {limits.characters:,} characters", where=name)
            )
        elif total > limits.total:
            raise TooLargeError(f"the file holds more than {limits.total:,} characters of text; split it")
        else:
            documents.append(replace(document, id=ids.unique(document.id)))
    if not documents:
        raise failures[0] if failures else UserError("the file holds no document", where=name)
    inside = str(source) if isinstance(source, Path) else ""
    told = [*(f"not read: {failure}" for failure in failures), *map(str, notices)]
    return documents, [_without(inside, line, name) for line in told]


def _unpack(stream: IO[bytes], private: Path, limits: Limits) -> Path:
    """The folder that a zip archive holds; zipfile lets no member out of it."""
    out = private / _UNPACKED
    try:
        with zipfile.ZipFile(stream) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            if len(members) > _MOST_FILES or sum(member.file_size for member in members) > limits.body:
                raise TooLargeError(f"the archive holds more than {_MOST_FILES:,} files or {limits.body:,} bytes")
            for member in members:
                archive.extract(member, out)  # which reads no more than the size that was stated
    except _NO_ARCHIVE as error:
        what = str(error) or "it ends too early"
        raise UserError(f"the archive cannot be unpacked: {what}", remedy="pack it again") from None
    inside = list(out.iterdir()) if out.is_dir() else []
    return inside[0] if len(inside) == 1 else out  # most archives hold one folder, or one file


def written(documents: Sequence[Document], to: str) -> tuple[bytes, str, dict[str, int]]:
    """Documents in a format.

    Args:
        documents: to be written; of those that share an id the second becomes `ID#2`.
        to: the format's name; a folder is packed into a zip archive.
    Returns:
        The bytes, the name of the file, and what the format cannot hold, counted.
    Raises:
        UsageError: there is no such format.
        UserError: a package that it needs is not there.
    """
    suffix = WRITERS.get(to).suffix
    ids = UniqueIds()
    named = [replace(document, id=ids.unique(document.id)) for document in documents]
    with TemporaryDirectory(prefix="ranat-") as private:
        out = Path(private) / f"ranat{suffix or '-' + to}"
        lost = formats.write(named, out, to)
        if suffix:
            return out.read_bytes(), out.name, dict(lost)
        packed = out.with_suffix(".zip")
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(out.rglob("*")):
                archive.write(file, file.relative_to(out.parent))
        return packed.read_bytes(), packed.name, dict(lost)


def _without(private: str, text: str, name: str) -> str:
    """A message without the path of the private folder."""
    if not private:
        return text
    return text.replace(f"{private}/{_UNPACKED}", name).replace(private, name)
