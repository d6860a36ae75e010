"""Files, folders, globs and standard input as one stream of numbered documents and of what cannot be read."""

from __future__ import annotations

import glob
import hashlib
import io
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import IO, Any

from ranat import formats
from ranat.disk import files, sha256
from ranat.documents import Document
from ranat.errors import UserError
from ranat.extraction.manifest import is_output
from ranat.formats import How
from ranat.formats.notice import Notice

STDIN = "-"
_BLOCK = 1 << 20
_BYTES_OF_CHARACTER = 16
"""JSON may write one as two escapes of six bytes; the rest is for marks."""
_LEAST_BYTES = 1 << 20
_DEVICE = "a device"
_SPECIAL = {
    stat.S_ISFIFO: "a pipe",
    stat.S_ISSOCK: "a socket",
    stat.S_ISCHR: _DEVICE,
    stat.S_ISBLK: _DEVICE,
}


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


def expand(
    given: Iterable[str],
    besides: Path | None = None,
    tell: Callable[[str], Any] = lambda _: None,
    *,
    format: str | None = None,
) -> Iterator[str]:
    """Names of inputs, each once: a folder stands for what is in it, at any depth.

    A file of annotations, such as BRAT's, stands for its text, too, if both are named. A folder that is one document
    set, such as BRAT's, is one input, and of the output of an extraction the shards are inputs. What is hidden is left
    out unless it is named, and so is, in a folder, what is no file: a pipe or a socket, from which somebody may or may
    not write something.

    Args:
        given: files, folders, globs and "-".
        besides: a folder whose files are no inputs, as the output's; or a file.
        tell: is told of what is left out in a folder as it is no file.
        format: of the inputs; None: what each is recognised as.
    Raises:
        UserError: nothing is there, or a folder cannot be read.
    """
    for name in _each_once(list(chain.from_iterable(map(_matches, given))), format):
        if name != STDIN and Path(name).is_dir():
            inside = ""
            for inside in _in_folder(Path(name), besides, tell):
                yield inside
            if not inside:
                besides_it = " but those of the output" if besides and any(files(Path(name))) else ""
                raise UserError(f"the folder holds no file{besides_it}", where=name)
        else:
            yield name


def is_stream(name: str) -> bool:
    """Whether an input can be read only once: standard input, a pipe."""
    return name == STDIN or _special(Path(name)) is not None


def size(name: str) -> int | None:
    """Bytes of an input; None: not known before it is read."""
    return None if is_stream(name) else sum(path.stat().st_size for path in files(Path(name)))


def fingerprint(name: str) -> str:
    """sha256 of a file or folder, as `End` has it; empty if it cannot be read."""
    try:
        return sha256(Path(name)) if Path(name).exists() else ""
    except OSError:
        return ""


def read(name: str, how: How, most_characters: int) -> Iterator[Item | End]:
    """The documents of an input in order, then its end.

    Args:
        name: as `expand` gives it.
        how: it is read.
        most_characters: a longer document is a failure.
    """
    shown = "<stdin>" if name == STDIN else name
    notices: list[Notice] = []
    failures: list[UserError] = []
    number = 0
    with _opened(name, how) as stream:
        source: Any = name if stream is None else io.BufferedReader(stream, _BLOCK)
        otherwise = "text" if is_stream(name) else None
        found = formats.read(
            source,
            shown,
            how.format,
            lenient=how.lenient,
            columns=how.columns,
            otherwise=otherwise,
            notices=notices,
            failed=failures.append,
            longest=max(_LEAST_BYTES, _BYTES_OF_CHARACTER * most_characters),
            each_once=False,
        )
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


def _matches(name: str) -> list[str]:
    if name != STDIN and _special(Path(name)) == _DEVICE:  # it may never end
        raise UserError("is a device, not a file", where=name, remedy="name files, or - for standard input")
    if name == STDIN or os.path.lexists(name):
        return [name]
    if found := sorted(glob.glob(name, recursive=True)):
        return found
    raise UserError("there is no such file or folder", where=name)


def _each_once(names: list[str], format: str | None) -> Iterator[str]:
    """Without what was named before, what a named folder has in it anyway, and what is read with another one."""
    paths = [_absolute(name) for name in names if name != STDIN]
    folders = {path for path in paths if path.is_dir()}
    texts = {formats.text_of(path, format) for path in paths}
    seen = set[str | Path]()
    for name in names:
        path = name if name == STDIN else _absolute(name)
        if path in texts:
            continue
        if isinstance(path, Path):
            over = next((folder for folder in path.parents if folder in folders), None)
            if over and not any(part.startswith(".") for part in path.relative_to(over).parts):
                continue
            path = formats.text_of(path, format) or path  # several files of annotations may be those of one text
        if path not in seen:
            seen.add(path)
            yield name


def _absolute(name: str) -> Path:
    """One path for all spellings of it, such as ./a and b/../a; links stay what they are."""
    return Path(os.path.abspath(name))


def _in_folder(
    folder: Path, besides: Path | None, tell: Callable[[str], Any], above: tuple[Path, ...] = ()
) -> Iterator[str]:
    real = folder.resolve()
    if real in above or (besides and real.is_relative_to(besides.resolve())):  # a link to where it is; the output
        return
    if is_output(folder):
        yield from (str(shard) for shard in sorted(folder.glob("shard-*")))
        return
    if formats.is_one(folder):
        yield str(folder)
        return
    try:
        inside = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise UserError(f"cannot read: {error.strerror}", where=str(folder)) from None
    for path in inside:
        if (kind := _special(path)) is not None:
            tell(f"left out: {path}: is {kind}, not a file")
        elif not path.is_dir() and path != besides:
            yield str(path)
    for path in inside:
        if path.is_dir():
            yield from _in_folder(path, besides, tell, (*above, real))


def _special(path: Path) -> str | None:
    """What is there, if it is neither a file nor a folder; a link to nothing is an input that cannot be read."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return None
    return next((kind for is_kind, kind in _SPECIAL.items() if is_kind(mode)), None)


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
def _opened(name: str, how: How) -> Iterator[_Hashed | None]:
    """The bytes of standard input or a file; None: a folder, what is read with its neighbours, or cannot be."""
    if name == STDIN:
        # Without its buffer, whose lock a thread that waits for more would hold when the program ends.
        yield _Hashed(getattr(sys.stdin.buffer, "raw", sys.stdin.buffer))
        return
    if Path(name).is_file() and formats.of_folder(Path(name), how.format):
        yield None
        return
    try:
        stream = Path(name).open("rb", buffering=0)  # noqa: SIM115  (an error in the `with` is none of opening)
    except OSError:
        yield None
        return
    with stream:
        yield _Hashed(stream)
