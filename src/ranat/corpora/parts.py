"""Where the documents of one's own splits are.

A split is a file, such as `train.tsv`, or a folder, `train/`: of `.txt` and `.ann` files as BRAT writes them, one in
another format of folders, or of files of another format, all of one, which are read in the order of their names.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, replace

from ranat import formats
from ranat.corpora.files import File, Folder
from ranat.documents.document import Document
from ranat.errors import UserError
from ranat.formats import How, brat
from ranat.formats.notice import Notice
from ranat.formats.repeats import again
from ranat.formats.source import Reading
from ranat.terminal import counted

NAMES = {"train": ("train",), "dev": ("dev", "devel", "valid", "validation"), "test": ("test",)}
"""The splits, and what their files are called."""

_SPLITS = {name: split for split, names in NAMES.items() for name in names}
_BRAT = "brat"
_LIKE_A_SPLIT = re.compile(r"train|dev|valid|test|eval", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """Where the documents of a split are.

    Args:
        path: of its file, or of its folder.
        files: that one file, or those in the folder.
        format: of a folder: its own, such as "brat", or that of all its files; None: it is a file.
        settings: of BRAT, which lie above its folder.
        notices: what of the folder is left out.
    """

    path: str
    files: tuple[File, ...]
    format: str | None = None
    settings: File | None = None
    notices: tuple[Notice, ...] = ()

    @property
    def name(self) -> str:
        """For messages."""
        return str(self.files[0].container / self.path)

    def instances(self, how: How) -> bool:
        """Whether a line of it is a sentence with its pair marked.

        Raises:
            UserError: its format has no annotations at all.
        """
        if self.format in formats.FOLDERS.names():
            return False
        name = self.format or how.format or formats.recognise(self.files[0].open(), self.files[0].name)
        if formats.READERS.get(name).raw:
            remedy = "give annotated documents, such as CoNLL, PubTator, BioC, BRAT or JSON Lines"
            raise UserError(f"is read as {name}, which has no annotations", where=self.name, remedy=remedy)
        return formats.READERS.get(name).instances

    def read(self, how: How, notices: list[Notice]) -> tuple[Document, ...]:
        """All its documents; what is odd or cannot be read becomes a notice."""
        notices += self.notices
        if self.format == _BRAT:
            inside = {brat.SETTINGS: self.settings.open} if self.settings else {}
            inside |= {file.path.removeprefix(f"{self.path}/"): file.open for file in self.files}
            reading = Reading(lenient=True, failed=lambda error: notices.append(Notice.of(error)))
            return tuple(brat.read_folder(self.name, inside, notices, reading))
        documents: dict[str, Document] = {}
        is_folder = self.format in formats.FOLDERS.names()
        for file in self.files[:1] if is_folder else self.files:
            name = self.name if is_folder else file.name
            for document in formats.read(
                name if is_folder else file.open(),
                name,
                self.format or how.format,
                lenient=True,
                columns=how.columns,
                notices=notices,
                failed=lambda error: notices.append(Notice.of(error)),
            ):
                if document.id in documents:
                    document = _another(document, documents, name, notices)
                documents[document.id] = document
        return tuple(documents.values())


def _another(document: Document, taken: Container[str], name: str, notices: list[Notice]) -> Document:
    """A document whose id a file before has, under another; `formats.read` tells of those of one file."""
    id = again(document.id, taken)
    what = f"document {document.id!r} is in a file before this one, too; the second is called {id!r}"
    remedy = "give each document an id of its own"
    notices.append(Notice("repeat", what, name, is_error=True, remedy=remedy))
    return replace(document, id=id)


def parts_of(folder: Folder, how: How) -> dict[str, Part]:
    """Where the documents of each split are, for the splits that are there, in the order of `NAMES`.

    Raises:
        UserError: a split is there twice; a folder of one holds no annotations, or files of several formats.
    """
    is_archive = folder.path.is_file()
    files = folder.archived if is_archive else folder.plain
    folders: dict[str, list[File]] = defaultdict(list)
    for file in files:
        if inside := _split_folder(file.path, is_archive):
            folders[inside].append(file)
    matches: dict[str, list[Part]] = defaultdict(list)
    taken = set[str]()
    for path, inside_files in folders.items():
        if is_archive:  # opened one by one, a tar.gz would be unpacked anew for each
            names = {file.path for file in inside_files}
            inside_files = [file for file in folder.under(path, "") if file.path in names]
        if part := _part_of_folder(path, inside_files, files, how):
            matches[_split(path)].append(part)
            taken.update(file.path for file in inside_files)
    for file in files:
        # A folder's own files only: what lies deeper may be another corpus.
        if file.path not in taken and (is_archive or "/" not in file.path):
            split = _SPLITS.get(file.path.split("/")[-1].split(".")[0].lower())
            if split:
                matches[split].append(Part(file.path, (file,)))
    for path in folders:
        if _split(path) not in matches:
            remedy = "put .ann files beside the texts, an empty one where there are none, or files of another format"
            raise UserError("the folder holds no file of annotations", where=str(folder.path / path), remedy=remedy)
    for split, parts in matches.items():
        if len(parts) > 1:
            raise UserError(
                f"{' and '.join(part.path for part in parts[:2])} are both files of {split} documents",
                where=str(folder.path),
                remedy=f"keep one; pairs of .txt and .ann belong in a folder {split}",
            )
    found = {split: matches[split][0] for split in NAMES if split in matches}
    read = taken.union(file.path for part in found.values() for file in part.files)
    left = [] if is_archive else [file.path for file in files if file.path not in read and _is_beside(file)]
    if found and left:
        what = f"{', '.join(left[:5])}{', …' if len(left) > 5 else ''} beside {' and '.join(found)}"
        first = next(iter(found))
        notice = Notice("left out", what, str(folder.path), len(left))
        found[first] = replace(found[first], notices=(*found[first].notices, notice))
    return found


def _is_beside(file: File) -> bool:
    """Whether a file that is in no split is one of a folder's own that looks as if it had documents."""
    if "/" in file.path or file.path.startswith("."):
        return False
    known = (formats.READERS.get(name) for name in formats.READERS.names())
    suffixes = tuple(suffix for reader in known if not reader.raw for suffix in reader.suffixes)
    return file.path.lower().removesuffix(".gz").endswith(suffixes) or bool(_LIKE_A_SPLIT.search(file.path))


def undivided(folder: Folder, how: How) -> Part | None:
    """All documents of a file or folder that has no splits; None if it has no annotations, or may have splits.

    Of a folder that is what lies in itself, not in folders below: pairs of texts and annotations as BRAT writes them,
    another format of folders, or files of one format, none of which is called as if it was one split of several.

    Raises:
        UserError: its files are in several formats.
    """
    if folder.path.is_file():
        return None if folder.archived else Part(".", tuple(folder.plain))
    inside = [file for file in folder.plain if "/" not in file.path and not file.path.startswith(".")]
    part = _part_of_folder("", inside, inside, how) if inside else None
    if part is None:
        return None
    if part.format != _BRAT and len(part.files) > 1 and any(_LIKE_A_SPLIT.search(file.path) for file in inside):
        return None
    below = [file for file in folder.plain if "/" in file.path and not file.path.startswith(".")]
    what = f"{counted(len(below), 'files')} in folders below"
    return replace(part, notices=(*part.notices, Notice("left out", what, part.name, len(below)))) if below else part


def _part_of_folder(path: str, inside: Sequence[File], files: Sequence[File], how: How) -> Part | None:
    """The part that a folder of a split is; None if nothing in it has annotations.

    Raises:
        UserError: its files are in several formats.
    """
    inside = sorted(inside, key=lambda file: file.path)
    settings = None
    if any(brat.is_annotations(file.path) for file in inside):
        name, own = _BRAT, [file for file in inside if brat.is_one(file.path)]
        known = {file.path: file for file in files}
        settings = next((known[path] for path in _settings_above(path) if path in known), None)
    elif (folder := inside[0].container / path).is_dir() and formats.is_one(folder):
        name, own = formats.recognise_folder(folder), inside
    elif (format := _one_format(path, inside, how)) is not None:
        name, own = format
    else:
        return None
    left = [file.path.removeprefix(f"{path}/") for file in inside if file not in own]
    what = f"{', '.join(left[:5])}{', …' if len(left) > 5 else ''} beside files that are read as {name}"
    where = str(inside[0].container / path)
    return Part(path, tuple(own), name, settings, (Notice("left out", what, where, len(left)),) if left else ())


def _one_format(path: str, inside: Sequence[File], how: How) -> tuple[str, list[File]] | None:
    """The format of the files in a folder and those that are of it; None if nothing in it has annotations.

    Raises:
        UserError: they are in several formats.
    """
    formats_of = {file.path: how.format or _format(file) for file in inside}
    marked = {name: file for file, name in formats_of.items() if name and not formats.READERS.get(name).raw}
    if not marked:
        return None
    name, *others = marked
    if others:
        what = f"{marked[name]} is read as {name}, but {marked[others[0]]} as {others[0]}"
        remedy = "keep files of one format in a folder, or say which by --from"
        raise UserError(what, where=str(inside[0].container / path), remedy=remedy)
    suffixes = formats.READERS.get(name).suffixes
    named_so = [file for file in inside if file.path.lower().removesuffix(".gz").endswith(suffixes)]
    if how.format:
        return name, named_so or list(inside)
    # A file that is called so but is not recognised is one of the format that is wrong, which is to be told.
    return name, [file for file in inside if file in named_so or formats_of[file.path] == name]


def _settings_above(path: str) -> Iterator[str]:
    """Where BRAT's settings may lie that hold for a folder, the nearest first."""
    while path:
        path = path.rpartition("/")[0]
        yield f"{path}/{brat.SETTINGS}".removeprefix("/")


def _format(file: File) -> str | None:
    """The format of a file; None if it is not recognised."""
    try:
        return formats.recognise(file.open(), file.name)
    except UserError:
        return None


def _split(path: str) -> str:
    """The split of a folder that is named after one."""
    return _SPLITS[path.split("/")[-1].lower()]


def _split_folder(path: str, is_archive: bool) -> str | None:
    """The folder of a split that a file lies in, at any depth of an archive; hidden files lie in none."""
    *parents, name = path.split("/")
    if name.startswith(".") or any(parent.startswith(".") and parent != "." for parent in parents):
        return None
    for depth, parent in enumerate(parents if is_archive else parents[:1], 1):
        if parent.lower() in _SPLITS:
            return "/".join(parents[:depth])
    return None
