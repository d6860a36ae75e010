"""JSON Lines, the project's own format: one document a line, nothing lost.

    {"id": "1", "text": "…", "entities": [{"id": "T1", "type": "Disease", "spans": [[0, 4]]}], "relations": []}

An entity may also have "concept", "score" and "text" (which must be what stands at its spans), a relation
"type", "head", "tail" and "score"; a document may have "sentences" and "tokens" as lists of [start, end]. A document's
id may be a whole number, too; one without id is called by its line, "abstracts:17".
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from ranat.documents.document import Document, Entity, Relation, Span, is_text
from ranat.documents.fitting import in_text_order
from ranat.documents.formats import reader, writer
from ranat.documents.formats.bioc_json import is_bioc
from ranat.documents.source import Found, Source

_KEYS = {"id", "text", "entities", "relations", "sentences", "tokens"}
_ENTITY_KEYS = {"id", "type", "spans", "text", "concept", "score"}
_RELATION_KEYS = {"type", "head", "tail", "score"}


class MalformedError(Exception):
    """What is wrong with a line; the reader adds where."""


def is_labelled_text(head: str) -> bool:
    """Whether the first line is another's: an object with a text and a label but no id."""
    try:
        keys = json.loads(head.lstrip().partition("\n")[0]).keys()
    except (ValueError, RecursionError, AttributeError):
        return False
    return keys >= {"text", "label"} and "id" not in keys


def _looks_like(head: str) -> bool:
    return head.lstrip().startswith("{") and not is_labelled_text(head) and not is_bioc(head)


@reader("jsonl", suffixes=(".jsonl", ".ndjson"), looks_like=_looks_like)
def read(source: Source) -> Iterator[Document]:
    """Documents of a JSON Lines file; keys that are not read are counted.

    Raises:
        UserError: a line is not such a document.
    """
    unread: Counter[str] = Counter()
    records = ((number, line) for number, line in source.lines() if line.strip())
    yield from source.each(records, partial(_parsed, source, unread))
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


def parse(line: str) -> dict[str, Any]:
    """The object on a line.

    Raises:
        MalformedError: it is none.
    """
    try:
        return _object(json.loads(line), "a line")
    except json.JSONDecodeError as error:
        raise MalformedError(f"not JSON: {error.msg} at character {error.colno}") from None
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"not JSON that can be read: {error}") from None


def _parsed(source: Source, unread: Counter[str], record: tuple[int, str]) -> Document:
    number, line = record
    try:
        return _document(source, number, parse(line), unread)
    except MalformedError as error:
        raise source.error(number, str(error)) from None


def _document(source: Source, line: int, value: dict[str, Any], unread: Counter[str]) -> Document:
    text = string(value, "text")
    found = [
        _entity(line, _object(entity, "an entity"), unread) for entity in _list(value.get("entities", []), "entities")
    ]
    relations = [
        _relation(_object(item, "a relation"), unread) for item in _list(value.get("relations", []), "relations")
    ]
    sentences = _spans(value.get("sentences", []), "sentences", len(text))
    tokens = _spans(value.get("tokens", []), "tokens", len(text))
    unread.update(value.keys() - _KEYS)
    id = source.numbered(line) if value.get("id") is None else _id(value)
    return source.document(line, id, text, found, relations=relations, sentences=sentences, tokens=tokens)


def _id(value: dict[str, Any]) -> str:
    return str(value["id"]) if type(value["id"]) is int else string(value, "id")


def _entity(line: int, value: dict[str, Any], unread: Counter[str]) -> Found:
    unread.update(f"entities.{key}" for key in value.keys() - _ENTITY_KEYS)
    try:
        entity = Entity(
            string(value, "id"),
            string(value, "type"),
            _spans(value.get("spans", []), "spans"),
            string(value, "concept") if value.get("concept") is not None else None,
            _score(value),
        )
    except ValueError as error:
        raise MalformedError(str(error)) from None
    return Found(line, entity, string(value, "text") if "text" in value else None)


def _relation(value: dict[str, Any], unread: Counter[str]) -> Relation:
    unread.update(f"relations.{key}" for key in value.keys() - _RELATION_KEYS)
    return Relation(string(value, "type"), string(value, "head"), string(value, "tail"), _score(value))


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MalformedError(f"{what} must be a JSON object")
    return value


def _list(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise MalformedError(f"{what!r} must be a list")
    return value


def string(value: dict[str, Any], key: str) -> str:
    """The string of that key.

    Raises:
        MalformedError: it is missing, another type, or no text.
    """
    if not isinstance(value.get(key), str):
        raise MalformedError(f"{key!r} is missing" if key not in value else f"{key!r} must be a string")
    found = str(value[key])
    if not is_text(found):
        raise MalformedError(f"{key!r} has bytes that are not UTF-8, or half a surrogate pair")
    return found


def _score(value: dict[str, Any]) -> float | None:
    score = value.get("score")
    if score is None:
        return None
    if not isinstance(score, int | float) or isinstance(score, bool) or not 0 <= score <= 1:
        raise MalformedError("'score' must be a number from 0 to 1")
    return float(score)


def _spans(value: Any, what: str, length: int | None = None) -> tuple[Span, ...]:
    spans = []
    for item in _list(value, what):
        if not (isinstance(item, list) and len(item) == 2 and all(type(offset) is int for offset in item)):
            raise MalformedError(f"{what!r} must be a list of [start, end]")
        start, end = item
        if length is not None and not 0 <= start <= end <= length:
            raise MalformedError(f"{what!r}: {item} is not within the text's {length} characters")
        spans.append((start, end))
    return tuple(spans)
