"""JSON Lines, the project's own format: one document a line, nothing lost.

    {"id": "1", "text": "…", "entities": [{"id": "T1", "type": "Disease", "spans": [[0, 4]]}], "relations": []}

An entity may also have "concept", "score" and "text" (which must be what stands at its spans), a relation
"type", "head", "tail" and "score"; a document may have "sentences" and "tokens" as lists of [start, end]. A document's
id may be a whole number, too; one without id is called by its line, "abstracts:17". `--columns text=abstract,id=pmid`
names other keys. Documents are also read from a list of them, and where one is spread over several lines.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from ranat.documents.document import Document, Relation
from ranat.formats.base import Sure, reader, writer
from ranat.formats.fitting.steps import in_text_order
from ranat.formats.json_documents import count_unread, documents, id_of, marks, write_lines
from ranat.formats.json_records import Record, records
from ranat.formats.sample import Sample
from ranat.formats.source import Found, FoundRelation, Source
from ranat.formats.values import mapping, name, score, spans, string

_KEYS = {"id", "text", "entities", "relations", "sentences", "tokens"}
_ENTITY_KEYS = {"id", "type", "spans", "text", "concept", "score"}
_ELSEWHERE = ("label", "labels", "spans", "ents", "annotations", "completions", "predictions", "ner")
"""Where other formats have their marks."""
_TOLD = 20
_RELATION_KEYS = {"type", "head", "tail", "score"}


def _sure(sample: Sample) -> Sure:
    value = sample.telling("entities")
    if not isinstance(value.get("text"), str):
        return Sure.POSSIBLE if sample.head.lstrip().startswith("{") else Sure.NO
    entities = value.get("entities")
    if isinstance(entities, list) and entities:
        return Sure.CERTAIN if all(isinstance(item, dict) and "spans" in item for item in entities) else Sure.POSSIBLE
    return Sure.LIKELY if value.keys() <= _KEYS else Sure.POSSIBLE


@reader("jsonl", suffixes=(".jsonl", ".ndjson", ".json"), sure=_sure, columns=("text", "id"))
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
    yield from documents(source, found, _document)


@writer("jsonl", fit=in_text_order, suffix=".jsonl")
def write(given: Iterable[Document], out: Path) -> None:
    """Write documents so that `read` gives them back equal."""
    write_lines((document.to_dict() for document in given), out)


def dumped(document: Document) -> str:
    """The document as one line of JSON."""
    return json.dumps(document.to_dict(), ensure_ascii=False)


def _document(source: Source, line: int, value: dict[str, Any], left_out: Counter[str]) -> Document:
    named = source.reading.columns
    text_key, id_key = named.get("text", "text"), named.get("id", "id")
    if text_key not in value:
        keys = ", ".join(map(repr, islice(value, _TOLD))) or "none"
        raise source.error(line, f"{text_key!r} is missing", f"the keys are {keys}; name one by --columns text=KEY")
    text = string(value, text_key)
    found = [*marks(source, line, value, "entities", partial(_entity, source, line, left_out))]
    relations = [*marks(source, line, value, "relations", partial(_relation, line, left_out))]
    sentences = spans(value.get("sentences", []), "sentences", len(text))
    tokens = spans(value.get("tokens", []), "tokens", len(text))
    if marked := next((key for key in _ELSEWHERE if key not in named.values() and _has_marks(value.get(key))), None):
        what = f"what is marked under {marked!r} is not read, as this is another format's"
        source.odd(line, what, "name the format by --from, such as doccano, prodigy, spacy or hf-json")
    count_unread(value, {*_KEYS - {"text", "id"}, text_key, id_key}, left_out)
    id = name(value, id_key) if "id" in named else id_of(source, line, value)
    return source.document(line, id, text, found, relations=relations, sentences=sentences, tokens=tokens)


def _has_marks(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(item, dict | list) for item in value)


def _entity(source: Source, line: int, left_out: Counter[str], item: Any) -> list[Found]:
    value = mapping(item, "each of 'entities'")
    count_unread(value, _ENTITY_KEYS, left_out, "entities.")
    return source.found(
        line,
        string(value, "id"),
        string(value, "type"),
        spans(value.get("spans", []), "spans"),
        string(value, "text") if "text" in value else None,
        concept=string(value, "concept") if value.get("concept") is not None else None,
        score=score(value),
    )


def _relation(line: int, left_out: Counter[str], item: Any) -> list[FoundRelation]:
    value = mapping(item, "each of 'relations'")
    count_unread(value, _RELATION_KEYS, left_out, "relations.")
    relation = Relation(string(value, "type"), string(value, "head"), string(value, "tail"), score(value))
    return [FoundRelation(line, relation)]
