"""BRAT's standoff format: a folder of texts, `ID.txt`, each with its annotations, `ID.ann` (Stenetorp et al. 2012).

Those of the BioNLP shared tasks, `ID.a1` and `ID.a2`, are read alike; `brat_annotations` has the lines of both.

Offsets count the code points of the file as it stands, so a carriage return or a byte order mark counts too. A
document's id is its path in the folder without suffix; documents come in the order of their ids. Events and their
triggers, attributes, modifications, notes, equivalences and relations of more than two or of events are left out,
counted, and so are files of other kinds, and texts without annotations where most have some, such as README.txt.

What is written is the same. Scores, sentences and words are left out, mentions are called T1, T2, … in the order of the
text, white space in types and concepts becomes "_". An id that is no safe path is spelled otherwise, see `spelling`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import IO

from ranat.documents.document import Document
from ranat.errors import UserError
from ranat.formats.base import Sure, folder_reader, writer
from ranat.formats.brat_annotations import Joined, Roles, Tally, annotated, as_lines, roles_of, told
from ranat.formats.fitting.names import renamed
from ranat.formats.fitting.spelling import as_path, as_word
from ranat.formats.fitting.steps import between_mentions, renumbered, without_layout, without_scores
from ranat.formats.notice import Notice
from ranat.formats.source import Reading, Source

Files = Mapping[str, Callable[[], IO[bytes]]]
"""Path in the folder, with "/" → opens the file's bytes."""

SETTINGS = "annotation.conf"
_TEXT = ".txt"
_ANNOTATIONS = (".ann", ".a1", ".a2")
_BESIDE = ("file of .a1 or .a2 beside an .ann", "files of .a1 or .a2 beside an .ann")
_FEW = 2
"""Of so many texts one may have no annotations, and is then left out; if more have none, theirs are missing."""


def is_one(path: str) -> bool:
    """Whether a file is a text, annotations or settings; hidden ones are neither."""
    name = path.split("/")[-1]
    return name.endswith((_TEXT, *_ANNOTATIONS, SETTINGS)) and not name.startswith(".")


def is_annotations(path: str) -> bool:
    """Whether a file has the annotations of a text beside it."""
    return path.endswith(_ANNOTATIONS) and is_one(path)


def files(folder: Path) -> Files:
    """The texts, annotations and settings in a folder and those below it."""
    return {
        path.relative_to(folder).as_posix(): partial(_open, path)
        for path in _visible(folder)
        if is_one(path.name) and path.is_file()
    }


def _visible(folder: Path) -> list[Path]:
    """What is in it and in folders below it, without hidden ones: copies of editors and of notebooks lie there."""
    return [
        path for path in sorted(folder.rglob("*")) if not any(part[0] == "." for part in path.relative_to(folder).parts)
    ]


def _sure(folder: Path) -> Sure:
    """Annotations are there, or nothing but folders with some: texts of their own beside such folders are no BRAT's."""
    if _has_annotations(folder.glob("*")):
        return Sure.CERTAIN
    own = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
    only_settings = all(path.suffix == ".conf" for path in own)
    return Sure.CERTAIN if only_settings and _has_annotations(_visible(folder)) else Sure.NO


def _has_annotations(paths: Iterable[Path]) -> bool:
    return any(path.name.endswith(_ANNOTATIONS) for path in paths)


@folder_reader("brat", sure=_sure, suffixes=_ANNOTATIONS, text=_TEXT)
def read(path: Path, notices: list[Notice], reading: Reading) -> Iterator[Document]:
    """The documents of a folder and those below it, or that of one file of annotations; see `read_folder`."""
    if path.is_dir():
        notices += _others(path)
        yield from read_folder(str(path), files(path), notices, reading)
        return
    stem = path.name.removesuffix(path.suffix)
    names = (*(stem + suffix for suffix in (_TEXT, *_ANNOTATIONS)), SETTINGS)
    found = {name: partial(_open, path.parent / name) for name in names if (path.parent / name).is_file()}
    yield from read_folder(str(path.parent), found, notices, reading)


@dataclass
class _Folder:
    """What is in a folder, and what was done in it so far."""

    name: str
    files: Files
    notices: list[Notice]
    reading: Reading
    tally: Tally = field(default_factory=Counter)
    roles: dict[str, Roles] = field(default_factory=dict)


def read_folder(
    folder: str,
    files: Files,
    notices: list[Notice] | None = None,
    reading: Reading = Reading(),
) -> Iterator[Document]:
    """The documents of a folder, in the order of their ids.

    Args:
        folder: its name in messages.
        files: what is in it; see `files`.
        notices: what was odd is added to it.
        reading: how strictly it is read.
    Raises:
        UserError: there are no annotations, a text or its annotations are missing, or a line is wrong; with file and
            line.
    """
    here = _Folder(folder, files, [] if notices is None else notices, reading)
    texts = {path.removesuffix(_TEXT) for path in files if path.endswith(_TEXT)}
    with_annotations = {path.rpartition(".")[0] for path in files if path.endswith(_ANNOTATIONS)}
    if not with_annotations:
        remedy = "name a file, or a folder of .txt and .ann files as BRAT writes them"
        raise UserError("the folder holds no .ann file", where=folder, remedy=remedy)
    lacking = sorted(texts - with_annotations)
    if lacking and _FEW * len(lacking) <= len(texts):
        listed = ", ".join(f"{id}{_TEXT}" for id in lacking[:5]) + (", …" if len(lacking) > 5 else "")
        what = f"{listed} {'has no .ann beside it' if len(lacking) == 1 else 'have no .ann beside them'}"
        here.notices.append(Notice("left out", what, folder, len(lacking)))
        texts -= set(lacking)
    for id in sorted(texts | with_annotations):
        try:
            document = _read(here, id)
        except UserError as error:
            if reading.failed is None:
                raise
            reading.failed(error)
        else:
            yield document
    here.notices += told(here.tally, folder)


def _fit(document: Document, lost: Counter[str]) -> Document:
    document = between_mentions(without_scores(without_layout(document, lost), lost), lost)
    document = renamed(renumbered(document, lost), as_word, lost)
    path = as_path(document.id)
    lost["ids of documents"] += path != document.id
    return replace(document, id=path)


@writer("brat", fit=_fit)
def write(documents: Iterable[Document], out: Path) -> None:
    """Write documents into a new folder, each as a text and its annotations.

    Raises:
        UserError: two documents want the same file.
    """
    out.mkdir()
    for document in documents:
        path = as_path(document.id)
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        annotations = "".join(f"{line}\n" for line in as_lines(document))
        try:
            for suffix, text in ((_TEXT, document.text), (_ANNOTATIONS[0], annotations)):
                with (out / f"{path}{suffix}").open("x", encoding="utf-8", newline="") as stream:
                    stream.write(text)
        except FileExistsError:
            what = f"document {document.id!r} is to be called {path}, and so is another"
            raise UserError(what, where=str(out), remedy="give each document an id of its own") from None


def _read(here: _Folder, id: str) -> Document:
    found = [id + suffix for suffix in _ANNOTATIONS if id + suffix in here.files]
    if found and id + _TEXT not in here.files:
        what, where = f"there is no {id}{_TEXT} with it", f"{here.name}/{found[0]}"
        raise UserError(what, where=where, remedy="put the text beside it")
    with _opened(here, id + _TEXT) as source:
        text = source.text()
    if not found:
        return _without_annotations(here, id, text)
    if found[0] == id + _ANNOTATIONS[0] and found[1:]:
        here.tally["left out", *_BESIDE] += len(found[1:])
        found = found[:1]
    with ExitStack() as stack:
        parts = [stack.enter_context(_opened(here, path)) for path in found]
        return annotated(parts[0] if len(parts) == 1 else Joined(parts), id, text, _roles(here, id), here.tally)


def _without_annotations(here: _Folder, id: str, text: str) -> Document:
    """A text that lacks annotations although many do.

    Raises:
        UserError: reading is strict.
    """
    what, where = f"there is no {id}{_ANNOTATIONS[0]} with it", f"{here.name}/{id}{_TEXT}"
    remedy = "put its annotations beside it, an empty file if there are none"
    if not here.reading.lenient:
        raise UserError(what, where=where, remedy=remedy)
    done = f"{what}; it is read as a text without mentions"
    here.notices.append(Notice("mended", done, where, is_error=True, remedy=remedy))
    return Document(id, text)


def _roles(here: _Folder, id: str) -> Roles:
    """The roles of the nearest settings: those in the document's own folder or in one above it."""
    folder = id.rpartition("/")[0]
    if folder not in here.roles:
        path = f"{folder}/{SETTINGS}".removeprefix("/")
        if path in here.files:
            with _opened(here, path) as source:
                here.roles[folder] = roles_of(source.stream.read(source.longest).decode(errors="replace"))
        else:
            here.roles[folder] = _roles(here, folder) if folder else {}
    return here.roles[folder]


def _others(folder: Path) -> Iterator[Notice]:
    """What is left out of a folder because of its other files: whoever mixes formats has to know."""
    inside = ((path, path.relative_to(folder)) for path in sorted(folder.rglob("*")))
    found = [
        name.as_posix()
        for path, name in inside
        if name.suffix not in (_TEXT, ".conf", *_ANNOTATIONS)
        and not any(part.startswith(".") for part in name.parts)
        and path.is_file()
    ]
    if found:
        listed = ", ".join(found[:5]) + (", …" if len(found) > 5 else "")
        what = f"{len(found)} files that are neither .txt nor .ann, in a folder read as BRAT's: {listed}"
        yield Notice("left out", what, str(folder), len(found))


def _open(path: Path) -> IO[bytes]:
    return path.open("rb")


@contextmanager
def _opened(here: _Folder, path: str) -> Iterator[Source]:
    try:
        with here.files[path]() as stream:
            yield Source(stream, f"{here.name}/{path}", here.notices, here.reading)
    except OSError as error:
        raise UserError(f"cannot read: {error.strerror or error}", where=f"{here.name}/{path}") from None
