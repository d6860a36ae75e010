"""doccano, an annotation tool: a document a line, its mentions as lists or, where there are relations, as objects.

    {"id": 1, "text": "Fever and cough.", "label": [[0, 5, "Disease"]], "Comments": []}
    {"id": 1, "text": "…", "entities": [{"id": 0, "label": "Disease", "start_offset": 0, "end_offset": 5}, …],
     "relations": [{"id": 0, "from_id": 0, "to_id": 1, "type": "causes"}]}

The text may be called "data", the list "labels". Offsets count UTF-16 units, as the annotator in the browser does
(https://github.com/doccano/doccano/issues/2290); they differ from characters where a text has characters beyond U+FFFF,
which is told. A project that counts grapheme clusters cannot be told from others and is not read right there.

What is written is the second form, which projects with relations import as "JSONL(Relation)"; others import it if their
column of labels is called "entities". Its ids are numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ranat.documents.document import Document, Relation
from ranat.formats import units
from ranat.formats.base import Sure, reader, writer
from ranat.formats.fitting.steps import contiguous, renumbered, without_concepts, without_layout, without_scores
from ranat.formats.json_documents import count_unread, documents, id_of, marks, write_lines
from ranat.formats.json_records import MalformedError, records
from ranat.formats.sample import Sample
from ranat.formats.source import Found, FoundRelation, Source
from ranat.formats.values import integer, mapping, name, string

SUFFIX = ".doccano.jsonl"

_LISTS = ("entities", "label", "labels")
_KEYS = {"id", "text", "data", "relations"}


class _Mark(NamedTuple):
    id: str | None
    type: str
    start: int
    end: int


def _sure(sample: Sample) -> Sure:
    value = sample.telling(*_LISTS)
    if not isinstance(value.get("text", value.get("data")), str):
        return Sure.NO
    if sample.name.endswith(SUFFIX):
        return Sure.CERTAIN
    for key in _LISTS:
        items = value.get(key)
        first = items[0] if isinstance(items, list) and items else None
        if isinstance(first, dict) and "start_offset" in first:
            return Sure.CERTAIN
        if key != "entities" and items is not None:
            is_triple = isinstance(first, list) and len(first) == 3
            return Sure.CERTAIN if is_triple else Sure.LIKELY if items == [] else Sure.NO
    return Sure.NO


@reader("doccano", suffixes=(SUFFIX,), sure=_sure)
def read(source: Source) -> Iterator[Document]:
    """Documents of an export of a project for sequence labeling.

    Raises:
        UserError: a line is no such document.
    """
    wide: list[int] = []
    yield from documents(source, records(source), partial(_document, wide))
    what = f"{len(wide)} texts have characters beyond U+FFFF: their offsets are read as UTF-16 units, as doccano counts"
    source.note("note", what, wide[0] if wide else None, len(wide))


def _document(wide: list[int], source: Source, line: int, value: dict[str, Any], left_out: Counter[str]) -> Document:
    """A record's document; the line of a text in which UTF-16 units and characters differ is added to `wide`."""
    text = string(value, "data" if "text" not in value and "data" in value else "text")
    key = next((key for key in _LISTS if value.get(key)), "label")
    given = [*marks(source, line, value, key, lambda item: [_mark(item, left_out)])]
    relations = [*marks(source, line, value, "relations", lambda item: [_relation(line, item, left_out)])]
    count_unread(value, {*_KEYS, key}, left_out)
    if given and max(text, default="") > "\uffff":
        wide.append(line)
    convert = units.from_utf16(text)
    found: list[Found] = []
    for number, mark in enumerate(given, 1):
        spans = convert(((mark.start, mark.end),))
        if spans is None:
            what = f"{key}: {mark.start} to {mark.end} are no offsets of the text"
            source.odd(line, what, "offsets count UTF-16 units of the text, the end exclusive")
        else:
            found += source.found(line, mark.id or f"T{number}", mark.type, spans)
    id = id_of(source, line, value)
    return source.document(line, id, text, found, relations=relations)


def _mark(item: Any, left_out: Counter[str]) -> _Mark:
    if isinstance(item, list):
        if len(item) != 3 or not isinstance(item[2], str):
            raise MalformedError(f"{item!r:.80} is not [start, end, label]")
        item = dict(zip(("start_offset", "end_offset", "label"), item, strict=True))
    value = mapping(item, "each mark")
    count_unread(value, ("id", "start_offset", "end_offset", "label"), left_out, "entities.")
    id = None if value.get("id") is None else name(value, "id")
    return _Mark(id, string(value, "label"), integer(value, "start_offset"), integer(value, "end_offset"))


def _relation(line: int, item: Any, left_out: Counter[str]) -> FoundRelation:
    value = mapping(item, "each relation")
    count_unread(value, ("id", "from_id", "to_id", "type"), left_out, "relations.")
    return FoundRelation(line, Relation(string(value, "type"), name(value, "from_id"), name(value, "to_id")))


def _fit(document: Document, lost: Counter[str]) -> Document:
    document = contiguous(without_concepts(without_scores(without_layout(document, lost), lost), lost), lost)
    return renumbered(document, lost, prefix="")


@writer("doccano", fit=_fit, suffix=SUFFIX)
def write(given: Iterable[Document], out: Path) -> None:
    """Write a document a line."""
    write_lines(map(_as_json, given), out)


def _as_json(document: Document) -> dict[str, Any]:
    offsets = units.in_utf16(document.text)
    entities = [
        {"id": int(e.id), "label": e.type, "start_offset": offsets[e.start], "end_offset": offsets[e.end]}
        for e in document.entities
    ]
    relations = [
        {"id": number, "from_id": int(r.head), "to_id": int(r.tail), "type": r.type}
        for number, r in enumerate(document.relations)
    ]
    return {"id": document.id, "text": document.text, "entities": entities, "relations": relations}
