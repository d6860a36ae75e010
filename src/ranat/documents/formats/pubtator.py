"""PubTator: title and abstract on two lines, then a row a mention or relation, and a blank line.

    227508|t|Naloxone reverses the antihypertensive effect of clonidine.
    227508|a|In unanesthetized, spontaneously hypertensive rats …
    227508<TAB>0<TAB>8<TAB>Naloxone<TAB>Chemical<TAB>D009270
    227508<TAB>CID<TAB>D008750<TAB>D007022

The text is title, one space, abstract, and offsets count its characters. A concept of "-1" or "-" means that none is
known. A seventh column names the parts of a composite mention; a mention is one entity here, so they are left out,
counted; so is the fifth column of BioRED's relations, Novel or No.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ranat.documents.document import Document, Entity, Relation
from ranat.documents.formats import reader
from ranat.documents.source import Found, FoundRelation, Source

_TEXT = re.compile(r"([^|\t]+)\|([ta])\|(.*)", re.DOTALL)
_NO_CONCEPT = {"", "-", "-1"}
_NOVELTY = ("Novel", "No")


@dataclass
class _Record:
    """The rows of one document read so far."""

    line: int
    id: str
    title: str
    abstract: str | None = None
    found: list[Found] = field(default_factory=list)
    relations: list[FoundRelation] = field(default_factory=list)

    @property
    def text(self) -> str:
        return self.title if self.abstract is None else f"{self.title} {self.abstract}"


def _looks_like(head: str) -> bool:
    match = _TEXT.match(head.lstrip())
    return bool(match and match[2] == "t")


@reader("pubtator", suffixes=(".pubtator", ".pubtator.txt"), looks_like=_looks_like)
def read(source: Source) -> Iterator[Document]:
    """Documents of a PubTator file.

    Raises:
        UserError: a line is neither a title, an abstract, a mention nor a relation, or is of another document.
    """
    record: _Record | None = None
    composite = novelty = 0
    for number, line in source.lines():
        if not line.strip():
            continue
        text = _TEXT.fullmatch(line)
        if text and text[2] == "t":
            if record:
                yield _document(source, record)
            record = _Record(number, text[1], text[3])
            continue
        columns = line.split("\t")
        id = text[1] if text else columns[0]
        if record is None or id != record.id:
            raise source.error(number, f"{id[:40]!r} has no title line before it", "write ID|t|TITLE first")
        if text:
            record.abstract = text[3]
        elif _is_relation(columns):
            record.relations.append(FoundRelation(number, Relation(columns[1], head=columns[2], tail=columns[3])))
            novelty += len(columns) == 5
        else:
            record.found.append(_mention(source, number, columns, f"T{len(record.found) + 1}"))
            composite += len(columns) == 7
    if record:
        yield _document(source, record)
    source.note("left out", f"the parts of {composite} composite mentions (7th column)", count=composite)
    source.note("left out", f"whether {novelty} relations are novel (5th column)", count=novelty)


def _is_relation(columns: list[str]) -> bool:
    if len(columns) == 4:
        return not columns[1].isdecimal()
    return len(columns) == 5 and columns[4] in _NOVELTY


def _mention(source: Source, line: int, columns: list[str], id: str) -> Found:
    if not (5 <= len(columns) <= 7 and columns[1].isdecimal() and columns[2].isdecimal()):
        raise source.error(
            line,
            f"{len(columns)} columns that are neither a mention nor a relation",
            "write ID, start, end, mention, type, concept or ID, type, concept, concept with tabs between",
        )
    mention, kind = columns[3:5]
    concept = columns[5].strip() if len(columns) > 5 else ""
    try:
        span = int(columns[1]), int(columns[2])
        entity = Entity(id, kind, (span,), None if concept in _NO_CONCEPT else concept)
    except ValueError as error:
        raise source.error(line, str(error)) from None
    return Found(line, entity, mention)


def _document(source: Source, record: _Record) -> Document:
    return source.document(record.line, record.id, record.text, record.found, relations=record.relations)
