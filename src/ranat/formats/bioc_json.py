"""BioC JSON: a collection, a list of collections or documents, or a document a line; see `bioc` for what they mean.

    {"documents": [{"id": "1", "passages": [{"offset": 0, "text": "…", "annotations": [{"id": "0", "infons": {"type":
    "Gene"}, "text": "…", "locations": [{"offset": 0, "length": 5}]}]}], "relations": [{"id": "R1", "infons": {"type":
    "Bind"}, "nodes": [{"refid": "0", "role": "head"}, …]}]}]}

PubTator3's interface calls the list of documents "PubTator3". Files are read a document at a time, whatever their size.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from ranat.documents.document import Document
from ranat.formats import bioc
from ranat.formats.base import Sure, reader, writer
from ranat.formats.json_records import MalformedError, Record, parse, records
from ranat.formats.passages import Part, offset
from ranat.formats.sample import Sample
from ranat.formats.source import Source
from ranat.formats.values import integer, listed, mapping, name, string

_LISTS = ("documents", "PubTator3")


def _sure(sample: Sample) -> Sure:
    value = sample.record
    for key in _LISTS:
        if isinstance(value.get(key), list):
            inside = value[key][0] if value[key] else None
            return Sure.CERTAIN if isinstance(inside, dict) and "passages" in inside else Sure.LIKELY
    return Sure.CERTAIN if isinstance(value.get("passages"), list) else Sure.NO


@reader("bioc-json", suffixes=(".bioc.json",), sure=_sure)
def read(source: Source) -> Iterator[Document]:
    """Documents of a BioC JSON file, one in memory at a time.

    Raises:
        UserError: it is not JSON, or lacks what BioC requires; with the line.
    """
    left_out: Counter[str] = Counter()
    yield from source.each(records(source, _LISTS), partial(_parsed, source, left_out))
    source.tell(left_out)


@writer("bioc-json", fit=bioc.fit, suffix=".bioc.json")
def write(documents: Iterable[Document], out: Path) -> None:
    """Write a collection, a document a line, each as one passage, in sentences if they cover its text."""
    with out.open("x", encoding="utf-8", newline="\n") as stream:
        stream.write('{"source": "ranat", "date": "", "key": "ranat", "infons": {}, "documents": [')
        for number, document in enumerate(documents):
            stream.write(",\n" if number else "\n")
            stream.write(json.dumps(_as_json(bioc.record(document)), ensure_ascii=False))
        stream.write("\n]}\n")


def _parsed(source: Source, left_out: Counter[str], record: Record) -> Document:
    line, text = record
    try:
        found = _record(source, line, parse(text), left_out)
    except MalformedError as error:
        raise source.error(line, str(error)) from None
    return bioc.document(source, found, left_out)


def _record(source: Source, line: int, document: dict[str, Any], left_out: Counter[str]) -> bioc.Record:
    if "passages" not in document:
        raise MalformedError("a document lacks its passages")
    parts: list[Part] = []
    places = [(0, document)]  # what may hold annotations, with the number of its part
    for passage in _objects(document, "passages"):
        sentences = _objects(passage, "sentences")
        if not bioc.are_whole(_string(passage, "text"), [_string(sentence, "text") for sentence in sentences]):
            left_out[bioc.INCOMPLETE] += len(sentences)
            places += [(len(parts), sentence) for sentence in sentences]
            sentences = []
        places.append((len(parts), passage))
        places += enumerate(sentences, len(parts))
        for part in sentences or [passage]:
            start = offset(source, line, part, parts)
            parts.append(Part(start, _string(part, "text") or "", bool(sentences)))
    annotations: list[bioc.Annotation] = []
    relations: list[bioc.Link] = []
    for number, place in places:
        for item in _items(place, "annotations"):
            annotations += bioc.readable(source, line, _annotation, item, number)
        for item in _items(place, "relations"):
            relations += bioc.readable(source, line, _link, item)
    return bioc.Record(line, name(document, "id"), parts, annotations, relations)


def _annotation(line: int, item: Any, part: int) -> bioc.Annotation:
    value = mapping(item, "an annotation")
    locations = [(integer(place, "offset"), integer(place, "length")) for place in _objects(value, "locations")]
    id = None if value.get("id") is None else name(value, "id")
    return bioc.Annotation(line, id, _infons(value), locations, _string(value, "text"), part)


def _link(line: int, item: Any) -> bioc.Link:
    value = mapping(item, "a relation")
    nodes = [(name(node, "refid"), _string(node, "role") or "") for node in _objects(value, "nodes")]
    return bioc.Link(line, "" if value.get("id") is None else name(value, "id"), _infons(value), nodes)


def _infons(value: dict[str, Any]) -> dict[str, str]:
    """Infons as XML could have them; those of PubTator3's roles are objects with type and identifier."""
    infons = {}
    for key, infon in mapping(value.get("infons") or {}, "'infons'").items():
        if isinstance(infon, dict):
            infons[key] = f"{_scalar(infon.get('type'))}|{_scalar(infon.get('identifier')) or '-'}"
        elif infon is not None:
            infons[key] = "|".join(map(_scalar, infon)) if isinstance(infon, list) else _scalar(infon)
    return infons


def _scalar(value: Any) -> str:
    """A value that is no object or list as a string."""
    return "" if value is None or isinstance(value, dict | list) else str(value)


def _objects(value: dict[str, Any], key: str) -> list[dict[str, Any]]:
    return [mapping(item, f"each of {key!r}") for item in listed(value.get(key) or [], key)]


def _items(value: dict[str, Any], key: str) -> list[Any]:
    found = value.get(key) or []
    return found if isinstance(found, list) else [found]


def _string(value: dict[str, Any], key: str) -> str | None:
    return None if value.get(key) is None else string(value, key)


def _as_json(record: bioc.Record) -> dict[str, Any]:
    placed = [(part, [_annotation_as_json(item) for item in annotations]) for part, annotations in record.placed()]
    parts = [
        {"offset": part.offset, "infons": {}, "text": part.text, "annotations": annotations, "relations": []}
        for part, annotations in placed
    ]
    if record.parts[0].is_sentence:
        passage = {
            "offset": record.parts[0].offset,
            "infons": {},
            "sentences": parts,
            "annotations": [],
            "relations": [],
        }
    else:
        passage = parts[0] | {"sentences": []}
    relations = [
        {"id": link.id, "infons": link.infons, "nodes": [{"refid": end, "role": role} for end, role in link.nodes]}
        for link in record.relations
    ]
    return {"id": record.id, "infons": {}, "passages": [passage], "relations": relations}


def _annotation_as_json(annotation: bioc.Annotation) -> dict[str, Any]:
    return {
        "id": annotation.id,
        "infons": annotation.infons,
        "text": annotation.text,
        "locations": [{"offset": start, "length": length} for start, length in annotation.locations],
    }
