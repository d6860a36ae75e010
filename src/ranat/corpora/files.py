"""Files under a folder, as they are or inside zip and tar.gz archives, which are read and never extracted."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import IO, cast

from ranat.errors import UserError

_ARCHIVES = (".zip", ".tar.gz", ".tgz")


@dataclass(frozen=True, slots=True)
class File:
    """A file that may lie in an archive.

    Args:
        path: with "/"; inside an archive the part after the archive's own path.
        container: the folder or the archive that holds it.
        open: opens its bytes.
    """

    path: str
    container: Path
    open: Callable[[], IO[bytes]]

    @property
    def name(self) -> str:
        """For messages."""
        return str(self.container / self.path)


class Folder:
    """All files under a folder, or in one archive.

    Args:
        path: the folder or the archive; one that does not exist holds no files.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def find(self, tail: str) -> File | None:
        """The file whose path ends in `tail`, also with ".gz"; a plain file before one in an archive, then the nearest.

        Raises:
            UserError: an archive is damaged.
        """
        for files in (self.plain, self.archived):
            matches = [file for file in files if f"/{file.path}".removesuffix(".gz").endswith(f"/{tail}")]
            if matches:
                return min(matches, key=lambda file: (file.path.count("/"), str(file.container), file.path))
        return None

    def under(self, part: str, suffix: str) -> list[File]:
        """The files of a folder whose path ends in `part`; from an archive they are read at once, in one pass.

        Raises:
            UserError: an archive is damaged.
        """
        for files in (self.plain, self.archived):
            matches = [f for f in files if f"/{part}/" in f"/{f.path}" and f.path.lower().endswith(suffix)]
            if matches:
                container = min(file.container for file in matches)
                nearest = [file for file in matches if file.container == container]
                return nearest if files is self.plain else _read_members(container, {file.path for file in nearest})
        return []

    @cached_property
    def plain(self) -> list[File]:
        """The files that lie in no archive."""
        return [
            File(path.relative_to(self.path).as_posix(), self.path, partial(_open_plain, path)) for path in self._walk()
        ]

    @cached_property
    def archived(self) -> list[File]:
        """The members of all archives."""
        return [file for path in self._walk() if path.name.lower().endswith(_ARCHIVES) for file in _members(path)]

    def _walk(self) -> Iterator[Path]:
        if self.path.is_file():
            yield self.path
        seen = set[str]()
        for folder, subfolders, names in os.walk(self.path, followlinks=True):
            if (real := os.path.realpath(folder)) in seen:  # a link that leads in a circle
                subfolders.clear()
                continue
            seen.add(real)
            subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))  # copies of editors
            yield from (Path(folder, name) for name in sorted(names))


def _open_plain(path: Path) -> IO[bytes]:
    return path.open("rb")


def _members(archive: Path) -> list[File]:
    with _readable(archive):
        if archive.name.lower().endswith(".zip"):
            with zipfile.ZipFile(archive) as zipped:
                names = [info.filename for info in zipped.infolist() if not info.is_dir()]
        else:
            with tarfile.open(archive, "r:gz") as packed:
                names = [member.name for member in packed if member.isfile()]
    return [File(name, archive, partial(_open_member, archive, name)) for name in names]


def _open_member(archive: Path, name: str) -> IO[bytes]:
    with _readable(archive):
        if archive.name.lower().endswith(".zip"):
            with zipfile.ZipFile(archive) as zipped:
                return io.BytesIO(zipped.read(name))
        with tarfile.open(archive, "r:gz") as packed:
            return io.BytesIO(cast(IO[bytes], packed.extractfile(name)).read())


def _read_members(archive: Path, names: set[str]) -> list[File]:
    """Opening them one by one would unpack a tar.gz anew for each."""
    with _readable(archive):
        if archive.name.lower().endswith(".zip"):
            with zipfile.ZipFile(archive) as zipped:
                contents = {name: zipped.read(name) for name in zipped.namelist() if name in names}
        else:
            with tarfile.open(archive, "r:gz") as packed:
                contents = {
                    member.name: cast(IO[bytes], packed.extractfile(member)).read()
                    for member in packed
                    if member.name in names
                }
    return [File(name, archive, partial(io.BytesIO, content)) for name, content in contents.items()]


@contextmanager
def _readable(archive: Path) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError, RuntimeError) as error:
        what = f"the archive cannot be read: {error}"
        raise UserError(what, where=str(archive), remedy="fetch it again or move it away") from None
