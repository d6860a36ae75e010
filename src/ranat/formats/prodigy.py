"""Prodigy, an annotation tool: a task a line, with spans of characters and relations of them.

    {"text": "Fever and cough.", "tokens": [{"text": "Fever", "start": 0, "end": 5, "id": 0, "ws": true}, …],
     "spans": [{"start": 0, "end": 5, "label": "Disease", "token_start": 0, "token_end": 0}, …],
     "relations": [{"label": "causes", "head": 0, "child": 2, "head_span": {"start": 0, "end": 5, "label": "Disease"},
     "child_span": {…}}], "meta": {"id": "227508"}, "answer": "accept"}

Offsets count characters, as those of spaCy do, which makes the tokens (https://prodi.gy/docs/api-interfaces). A
relation goes from its head to its child; one of words that are no spans is left out, and so are tasks whose answer is
another than accept. A document's id is "id" in "meta".

Needs no Prodigy. What is written has tokens, which no mention cuts, so that it can be shown and corrected there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from ranat.documents.document import Document, Entity, Relation, Span
from ranat.formats.base import Sure, reader, writer
from ranat.formats.fitting import tagged
from ranat.formats.fitting.steps import contiguous, renumbered, without_concepts, without_repeats, without_scores
from ranat.formats.json_documents import count_unread, documents, id_of, marks, write_lines
from ranat.formats.json_records import MalformedError, records
from ranat.formats.sample import Sample
from ranat.formats.source import Found, FoundRelation, Source
from ranat.formats.values import integer, mapping, string
from ranat.formats.words import numbers

SUFFIX = ".prodigy.jsonl"

_KEYS = {"text", "spans", "tokens", "relations", "answer", "meta", "_input_hash", "_task_hash", "_view_id"}
_KEYS |= {"_session_id", "_annotator_id", "_timestamp", "_is_binary"}
_SPAN_KEYS = {"start", "end", "label", "token_start", "token_end", "text", "type"}
_RELATION_KEYS = {"head", "child", "head_span", "child_span", "label", "color"}


def _sure(sample: Sample) -> Sure:
    value = sample.telling("spans")
    if not isinstance(value.get("text"), str):
        return Sure.NO
    spans = value.get("spans")
    first = spans[0] if isinstance(spans, list) and spans else None
    if "_task_hash" in value or (isinstance(first, dict) and {"start", "end", "label"} <= first.keys()):
        return Sure.CERTAIN
    return Sure.CERTAIN if sample.name.endswith(SUFFIX) else Sure.LIKELY if spans == [] else Sure.NO


@reader("prodigy", suffixes=(SUFFIX,), sure=_sure)
def read(source: Source) -> Iterator[Document]:
    """Documents of a dataset.

    Raises:
        UserError: a line is no such task.
    """
    yield from documents(source, records(source), _document)


def _document(source: Source, line: int, task: dict[str, Any], left_out: Counter[str]) -> Document | None:
    answer = task.get("answer", "accept")
    if answer != "accept":
        left_out[f"a task whose answer is {answer!r:.40}"] += 1
        return None
    text = string(task, "text")
    found: list[Found] = []
    for item in marks(source, line, task, "spans", lambda item: [mapping(item, "each of 'spans'")]):
        found += _mention(source, line, len(found) + 1, item, left_out)
    tokens = [*marks(source, line, task, "tokens", partial(_token, len(text)))]
    ids = {(item.entity.spans[0], item.entity.type): item.entity.id for item in reversed(found)}
    relations = marks(source, line, task, "relations", partial(_relation, line, ids, left_out))
    meta = task["meta"] if isinstance(task.get("meta"), dict) else {}
    count_unread(meta, {"id"}, left_out, "meta.")
    count_unread(task, _KEYS, left_out)
    id = id_of(source, line, meta)
    return source.document(line, id, text, found, relations=relations, tokens=tokens)


def _mention(source: Source, line: int, number: int, value: dict[str, Any], left_out: Counter[str]) -> list[Found]:
    count_unread(value, _SPAN_KEYS, left_out, "spans.")
    try:
        span, label = _span(value), string(value, "label")
    except MalformedError as error:
        source.odd(line, f"spans: {error}")
        return []
    stated = value.get("text")
    return source.found(line, f"T{number}", label, [span], stated if isinstance(stated, str) else None)


def _span(value: dict[str, Any]) -> Span:
    return integer(value, "start"), integer(value, "end")


def _token(length: int, item: Any) -> list[Span]:
    start, end = _span(mapping(item, "each of 'tokens'"))
    if not 0 <= start < end <= length:
        raise MalformedError(f"{start} to {end} is not within the text's {length} characters")
    return [(start, end)]


def _relation(line: int, ids: dict[tuple[Span, str], str], left_out: Counter[str], item: Any) -> list[FoundRelation]:
    value = mapping(item, "each of 'relations'")
    count_unread(value, _RELATION_KEYS, left_out, "relations.")
    ends: list[str] = []
    for key in ("head_span", "child_span"):
        span = mapping(value.get(key) or {}, repr(key))
        if not isinstance(span.get("label"), str):
            left_out["a relation of words that are no spans"] += 1
            return []
        if (id := ids.get((_span(span), span["label"]))) is None:
            raise MalformedError(f"{key!r} is none of the spans")
        ends.append(id)
    head, child = ends
    return [FoundRelation(line, Relation(string(value, "label"), head, child))]


def _fit(document: Document, lost: Counter[str]) -> Document:
    document = contiguous(without_concepts(without_scores(document, lost), lost), lost)
    document = renumbered(without_repeats(tagged.trimmed(document, lost), lost), lost)
    return replace(tagged.with_words(document), sentences=())


@writer("prodigy", fit=_fit, suffix=SUFFIX)
def write(given: Iterable[Document], out: Path) -> None:
    """Write a task a line."""
    write_lines(map(_as_json, given), out)


def _as_json(document: Document) -> dict[str, Any]:
    text = document.text
    first, last = numbers(document)

    def as_span(entity: Entity) -> dict[str, Any]:
        places = {"token_start": first[entity.start], "token_end": last[entity.end]}
        return {"start": entity.start, "end": entity.end, **places, "label": entity.type}

    tokens = [
        {"text": text[start:end], "start": start, "end": end, "id": number, "ws": text[end : end + 1] == " "}
        for number, (start, end) in enumerate(document.tokens)
    ]
    spans = {entity.id: as_span(entity) for entity in document.entities}
    relations = []
    for relation in document.relations:
        head, child = spans[relation.head], spans[relation.tail]
        words = {"head": head["token_end"], "child": child["token_end"]}
        relations.append({**words, "head_span": head, "child_span": child, "label": relation.type})
    task = {"text": text, "meta": {"id": document.id}, "tokens": tokens, "spans": list(spans.values())}
    return task | {"relations": relations}
