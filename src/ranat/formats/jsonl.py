"""JSON Lines, the project's own format: one document a line, nothing lost.

    {"id": "1", "text": "…", "entities": [{"id": "T1", "type": "Disease", "spans": [[0, 4]]}], "relations": []}

An entity may also have "concept", "score" and "text" (which must be what stands at its spans), a relation
"type", "head", "tail" and "score"; a document may have "sentences" and "tokens" as lists of [start, end]. A document's
id may be a whole number, too; one without id is called by its line, "abstracts:17". Documents are also read from a list
of them, and where one is spread over several lines.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from ranat.documents.document import Document, Relation
from ranat.formats.base import Sure, reader, writer
from ranat.formats.fitting.steps import in_text_order
from ranat.formats.json_records import MalformedError, Record, parse, records
from ranat.formats.sample import Sample
from ranat.formats.source import Found, FoundRelation, Source
from ranat.formats.values import listed, mapping, name, score, spans, string

_KEYS = {"id", "text", "entities", "relations", "sentences", "tokens"}
_ENTITY_KEYS = {"id", "type", "spans", "text", "concept", "score"}
_RELATION_KEYS = {"type", "head", "tail", "score"}


def _sure(sample: Sample) -> Sure:
    value = sample.record
    if not isinstance(value.get("text"), str):
        return Sure.POSSIBLE if sample.head.lstrip().startswith("{") else Sure.NO
    entities = value.get("entities")
    if isinstance(entities, list) and all(isinstance(item, dict) and "spans" in item for item in entities):
        return Sure.CERTAIN
    return Sure.LIKELY if value.keys() <= _KEYS and "entities" not in value else Sure.POSSIBLE


@reader("jsonl", suffixes=(".jsonl", ".ndjson", ".json"), sure=_sure)
def read(source: Source) -> Iterator[Document]:
    """Documents of a JSON Lines file; keys that are not read are counted.

    Raises:
        UserError: a line is not such a document.
    """
    yield from read_records(source, records(source))


def read_records(source: Source, found: Iterable[Record]) -> Iterator[Document]:
    """Documents from objects of this format, wherever they stand.

    Raises:
        UserError: one is not such a document.
    """
    unread: Counter[str] = Counter()
    yield from source.each(found, partial(_parsed, source, unread))
    for key, count in unread.items():
        source.note("left out", f"the key {key!r} is not read ({count} times)", count=count)


@writer("jsonl", fit=in_text_order, suffix=".jsonl")
def write(documents: Iterable[Document], out: Path) -> None:
    """Write documents so that `read` gives them back equal."""
    with out.open("x", encoding="utf-8", newline="\n") as stream:
        for document in documents:
            stream.write(dumped(document) + "\n")


def dumped(document: Document) -> str:
    """The document as one line of JSON."""
    return json.dumps(document.to_dict(), ensure_ascii=False)


def _parsed(source: Source, unread: Counter[str], record: Record) -> Document:
    line, text = record
    try:
        return _document(source, line, parse(text), unread)
    except MalformedError as error:
        raise source.error(line, str(error)) from None


def _document(source: Source, line: int, value: dict[str, Any], unread: Counter[str]) -> Document:
    text = string(value, "text")
    found: list[Found] = []
    relations: list[FoundRelation] = []
    for mark in _marks(source, line, value, "entities", partial(_entity, source, line, unread)):
        found += mark
    for relation in _marks(source, line, value, "relations", partial(_relation, unread)):
        relations.append(FoundRelation(line, relation))
    sentences = spans(value.get("sentences", []), "sentences", len(text))
    tokens = spans(value.get("tokens", []), "tokens", len(text))
    unread.update(value.keys() - _KEYS)
    id = source.numbered(line) if value.get("id") is None else name(value, "id")
    return source.document(line, id, text, found, relations=relations, sentences=sentences, tokens=tokens)


def _marks(
    source: Source, line: int, value: dict[str, Any], key: str, understood: Callable[[dict[str, Any]], Any]
) -> Iterator[Any]:
    """What can be understood of the entities or the relations; the others are odd."""
    for item in listed(value.get(key, []), key):
        try:
            yield understood(mapping(item, f"each of {key!r}"))
        except MalformedError as error:
            source.odd(line, f"{key}: {error}")


def _entity(source: Source, line: int, unread: Counter[str], value: dict[str, Any]) -> list[Found]:
    unread.update(f"entities.{key}" for key in value.keys() - _ENTITY_KEYS)
    return source.found(
        line,
        string(value, "id"),
        string(value, "type"),
        spans(value.get("spans", []), "spans"),
        string(value, "text") if "text" in value else None,
        concept=string(value, "concept") if value.get("concept") is not None else None,
        score=score(value),
    )


def _relation(unread: Counter[str], value: dict[str, Any]) -> Relation:
    unread.update(f"relations.{key}" for key in value.keys() - _RELATION_KEYS)
    return Relation(string(value, "type"), string(value, "head"), string(value, "tail"), score(value))
