"""BRAT's standoff format: a folder of texts, `ID.txt`, each with its annotations, `ID.ann` (Stenetorp et al. 2012).

    T1<TAB>Chemical 0 8<TAB>Naloxone
    T2<TAB>Disease 10 16;30 38<TAB>Ocular toxicity
    R1<TAB>Treats Arg1:T1 Arg2:T2

Offsets count the code points of the file as it stands, so a carriage return or a byte order mark counts too. Mentions
and relations between two of them (Arg1 is the head, Arg2 the tail) are read. Events, attributes, normalisations, notes,
equivalences and all other relations are left out, counted, and so are files that are neither texts, annotations nor
BRAT's settings. A document's id is its path in the folder without suffix; documents come in the order of their ids.

What is written is the same. Scores, concepts, sentences and words are left out, mentions are called T1, T2, … in the
order of the text, white space in types becomes "_". An id that is no safe path is spelled otherwise, see `spelling`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO

from ranat.documents.document import Document, Relation
from ranat.errors import UserError
from ranat.formats.base import Sure, folder_reader, writer
from ranat.formats.fitting.names import renamed
from ranat.formats.fitting.spelling import as_path, as_word
from ranat.formats.fitting.steps import renumbered, without_concepts, without_layout, without_scores
from ranat.formats.source import Found, FoundRelation, Notice, Reading, Source

Files = Mapping[str, Callable[[], IO[bytes]]]
"""Path in the folder, with "/" → opens the file's bytes."""

_SUFFIXES = (".txt", ".ann", ".conf")
_MENTION = re.compile(r"(T\S*)\t(\S+) (\d{1,18} \d{1,18}(?:;\d{1,18} \d{1,18})*)\t(.*)", re.DOTALL)
_RELATION = re.compile(r"R\S*\t(\S+)((?: [^\s:]+:\S+)+)\s*")
_LEFT_OUT = {
    "E": "events",
    "A": "attributes",
    "M": "attributes",
    "N": "normalisations",
    "#": "notes",
    "*": "equivalences",
}


def is_one(path: str) -> bool:
    """Whether a file is a text or annotations; hidden ones are neither."""
    return path.endswith((".txt", ".ann")) and not path.split("/")[-1].startswith(".")


def files(folder: Path) -> Files:
    """The texts and annotations in a folder and those below it."""
    return {
        path.relative_to(folder).as_posix(): partial(_open, path)
        for path in sorted(folder.rglob("*"))
        if is_one(path.name) and path.is_file()
    }


def _sure(folder: Path) -> Sure:
    """Annotations are there, or nothing but folders with some: texts of their own beside such folders are no BRAT's."""
    if any(folder.glob("*.ann")):
        return Sure.CERTAIN
    own = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
    only_settings = all(path.suffix == ".conf" for path in own)
    return Sure.CERTAIN if only_settings and any(folder.rglob("*.ann")) else Sure.NO


@folder_reader("brat", sure=_sure)
def read(folder: Path, notices: list[Notice], reading: Reading) -> Iterator[Document]:
    """The documents of a folder and those below it; see `read_folder`."""
    notices += _others(folder)
    yield from read_folder(str(folder), files(folder), notices, reading)


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
    notices = [] if notices is None else notices
    if not any(path.endswith(".ann") for path in files):
        remedy = "name a file, or a folder of .txt and .ann files as BRAT writes them"
        raise UserError("the folder holds no .ann file", where=folder, remedy=remedy)
    left_out: Counter[str] = Counter()
    for id in sorted({path[: -len(".txt")] for path in files}):
        try:
            document = _read(folder, files, id, notices, left_out, reading)
        except UserError as error:
            if reading.failed is None:
                raise
            reading.failed(error)
        else:
            yield document
    notices += [Notice("left out", f"{count} {what}", folder, count) for what, count in left_out.items()]


def _fit(document: Document, lost: Counter[str]) -> Document:
    document = without_scores(without_concepts(without_layout(document, lost), lost), lost)
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
        try:
            for suffix, text in ((".txt", document.text), (".ann", _annotations(document))):
                with (out / f"{path}{suffix}").open("x", encoding="utf-8", newline="") as stream:
                    stream.write(text)
        except FileExistsError:
            what = f"document {document.id!r} is to be called {path}, and so is another"
            raise UserError(what, where=str(out), remedy="give each document an id of its own") from None


def _annotations(document: Document) -> str:
    lines = []
    for entity in document.entities:
        offsets = ";".join(f"{start} {end}" for start, end in entity.spans)
        lines.append(f"{entity.id}\t{entity.type} {offsets}\t{_one_line(document.mention(entity))}\n")
    for number, relation in enumerate(document.relations, 1):
        lines.append(f"R{number}\t{relation.type} Arg1:{relation.head} Arg2:{relation.tail}\n")
    return "".join(lines)


def _one_line(mention: str) -> str:
    """A line end within a mention would end the annotation, so BRAT writes a space."""
    return re.sub(r"[\r\n]", " ", mention)


def _read(
    folder: str, files: Files, id: str, notices: list[Notice], left_out: Counter[str], reading: Reading
) -> Document:
    for suffix, other, remedy in (
        (".txt", ".ann", "put the text beside it"),
        (".ann", ".txt", "put its annotations beside it, an empty file if there are none"),
    ):
        if id + suffix not in files:
            raise UserError(f"there is no {id}{suffix} with it", where=f"{folder}/{id}{other}", remedy=remedy)
    with _opened(files, folder, f"{id}.txt") as stream:
        text = Source(stream, f"{folder}/{id}.txt", notices, reading).text()
    with _opened(files, folder, f"{id}.ann") as stream:
        return _document(Source(stream, f"{folder}/{id}.ann", notices, reading), id, text, left_out)


def _others(folder: Path) -> Iterator[Notice]:
    """What is left out of a folder because of its other files: whoever mixes formats has to know."""
    inside = ((path, path.relative_to(folder)) for path in sorted(folder.rglob("*")))
    found = [
        name.as_posix()
        for path, name in inside
        if name.suffix not in _SUFFIXES and not any(part.startswith(".") for part in name.parts) and path.is_file()
    ]
    if found:
        listed = ", ".join(found[:5]) + (", …" if len(found) > 5 else "")
        what = f"{len(found)} files that are neither .txt nor .ann, in a folder read as BRAT's: {listed}"
        yield Notice("left out", what, str(folder), len(found))


def _open(path: Path) -> IO[bytes]:
    return path.open("rb")


@contextmanager
def _opened(files: Files, folder: str, path: str) -> Iterator[IO[bytes]]:
    try:
        with files[path]() as stream:
            yield stream
    except OSError as error:
        raise UserError(f"cannot read: {error.strerror or error}", where=f"{folder}/{path}") from None


def _document(source: Source, id: str, text: str, left_out: Counter[str]) -> Document:
    found, relations = [], []
    for number, line in source.lines():
        if line.startswith("T"):
            found += _mention(source, number, line, text)
        elif line.startswith("R"):
            if relation := _relation(source, number, line):
                relations.append(FoundRelation(number, relation))
            else:
                left_out["relations that are not between two mentions, Arg1 and Arg2"] += 1
        elif kind := _LEFT_OUT.get(line[:1]):
            left_out[kind] += 1
        elif line.strip():
            raise source.error(number, f"{line[:40]!r} is no annotation of BRAT's", "begin it with T1, R1 or the like")
    return source.document(1, id, text, found, relations=relations)


def _mention(source: Source, number: int, line: str, text: str) -> list[Found]:
    match = _MENTION.fullmatch(line)
    if match is None:
        remedy = "write T1<TAB>TYPE START END<TAB>MENTION, or START END;START END"
        source.odd(number, f"{line[:80]!r} is no mention", remedy)
        return []
    id, kind, offsets, mention = match.groups()
    spans = [tuple(map(int, span.split(" "))) for span in offsets.split(";")]
    actual = " ".join(text[start:end] for start, end in spans)
    mention = actual if mention == _one_line(actual) else mention
    return source.found(number, id, kind, [(start, end) for start, end in spans], mention)


def _relation(source: Source, number: int, line: str) -> Relation | None:
    match = _RELATION.fullmatch(line)
    if match is None:
        raise source.error(number, f"{line[:80]!r} is no relation", "write R1<TAB>TYPE Arg1:T1 Arg2:T2")
    ends = [argument.partition(":") for argument in match[2].split()]
    roles = {role: id for role, _, id in ends if id.startswith("T")}
    if len(ends) != 2 or roles.keys() != {"Arg1", "Arg2"}:
        return None
    return Relation(match[1], roles["Arg1"], roles["Arg2"])
