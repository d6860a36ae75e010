"""BRAT's standoff format: a folder of texts, `ID.txt`, each with its annotations, `ID.ann` (Stenetorp et al. 2012).

    T1<TAB>Chemical 0 8<TAB>Naloxone
    T2<TAB>Disease 10 16;30 38<TAB>Ocular toxicity
    R1<TAB>Treats Arg1:T1 Arg2:T2

Offsets count the code points of the file as it stands, so a carriage return or a byte order mark counts too. Mentions
and relations between two of them (Arg1 is the head, Arg2 the tail) are read. Events, attributes, normalisations, notes,
equivalences and all other relations are left out, counted. A document's id is its path in the folder without suffix.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO

from ranat.documents.document import Document, Entity, Relation
from ranat.documents.formats import folder_reader
from ranat.documents.source import Failed, Found, FoundRelation, Notice, Source
from ranat.errors import UserError

Files = Mapping[str, Callable[[], IO[bytes]]]
"""Path in the folder, with "/" → opens the file's bytes."""

_MENTION = re.compile(r"(T\S*)\t(\S+) (\d+ \d+(?:;\d+ \d+)*)\t(.*)", re.DOTALL)
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


@folder_reader("brat", looks_like=lambda folder: any(folder.rglob("*.ann")))
def read(folder: Path, notices: list[Notice], failed: Failed | None) -> Iterator[Document]:
    """The documents of a folder; see `read_folder`."""
    yield from read_folder(str(folder), files(folder), notices)


def read_folder(
    folder: str, files: Files, notices: list[Notice] | None = None, *, published: bool = False
) -> Iterator[Document]:
    """The documents of a folder, in the order of their ids.

    Args:
        folder: its name in messages.
        files: what is in it; see `files`.
        notices: what was odd is added to it.
        published: see `Source`.
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
        for suffix, other, remedy in (
            (".txt", ".ann", "put the text beside it"),
            (".ann", ".txt", "put its annotations beside it, an empty file if there are none"),
        ):
            if id + suffix not in files:
                raise UserError(f"there is no {id}{suffix} with it", where=f"{folder}/{id}{other}", remedy=remedy)
        with _opened(files, folder, f"{id}.txt") as stream:
            text = Source(stream, f"{folder}/{id}.txt").text()
        with _opened(files, folder, f"{id}.ann") as stream:
            source = Source(stream, f"{folder}/{id}.ann", notices, published=published)
            document = _document(source, id, text, left_out)
        yield document
    notices += [Notice("left out", f"{count} {what}", folder, count) for what, count in left_out.items()]


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
            found.append(_mention(source, number, line, text))
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


def _mention(source: Source, number: int, line: str, text: str) -> Found:
    match = _MENTION.fullmatch(line)
    if match is None:
        remedy = "write T1<TAB>TYPE START END<TAB>MENTION, or START END;START END"
        raise source.error(number, f"{line[:80]!r} is no mention", remedy)
    id, kind, offsets, mention = match.groups()
    try:
        spans = [tuple(map(int, span.split(" "))) for span in offsets.split(";")]
        entity = Entity(id, kind, tuple((start, end) for start, end in spans))
    except ValueError as error:
        raise source.error(number, str(error)) from None
    actual = " ".join(text[start:end] for start, end in entity.spans)
    # A line end within a mention would end the annotation, so BRAT writes a space.
    one_line = re.sub(r"[\r\n]", " ", actual)
    return Found(number, entity, actual if mention == one_line else mention)


def _relation(source: Source, number: int, line: str) -> Relation | None:
    match = _RELATION.fullmatch(line)
    if match is None:
        raise source.error(number, f"{line[:80]!r} is no relation", "write R1<TAB>TYPE Arg1:T1 Arg2:T2")
    ends = [argument.partition(":") for argument in match[2].split()]
    roles = {role: id for role, _, id in ends if id.startswith("T")}
    if len(ends) != 2 or roles.keys() != {"Arg1", "Arg2"}:
        return None
    return Relation(match[1], roles["Arg1"], roles["Arg2"])
