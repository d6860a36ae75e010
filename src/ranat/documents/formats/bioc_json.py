"""BioC JSON: a collection, a list of collections or documents, or a document a line; see `bioc` for what they mean.

    {"documents": [{"id": "1", "passages": [{"offset": 0, "text": "…", "annotations": [{"id": "0", "infons": {"type":
    "Gene"}, "text": "…", "locations": [{"offset": 0, "length": 5}]}]}], "relations": [{"id": "R1", "infons": {"type":
    "Bind"}, "nodes": [{"refid": "0", "role": "head"}, …]}]}]}

PubTator3's interface calls the list of documents "PubTator3". Files are read a document at a time, whatever their size.
The parser reads half a surrogate pair, which is no character, as "?".
"""

from __future__ import annotations

import codecs
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, cast

import ijson

from ranat.documents.document import Document
from ranat.documents.formats import bioc, reader, writer
from ranat.documents.lines import Lines
from ranat.documents.source import Source

_Record = tuple[int, Any]
"""A line and the value that ends there."""

_LISTS = ("documents", "PubTator3")
_HEAD = 1 << 16
_CHUNK = 1 << 18  # the parser starts a string anew with each chunk that it does not end in
_DEEPEST = 100
_ERRORS = (ijson.JSONError, ValueError)  # the latter where ijson has no compiled parser
_STEP = {"start_map": 1, "start_array": 1, "end_map": -1, "end_array": -1}


class _Shape(NamedTuple):
    """In how many lists and objects a document is, and the key of the list of them; "passages" if there is none."""

    depth: int
    key: str


def is_bioc(head: str) -> bool:
    """Whether JSON that starts like this is of BioC."""
    return head.lstrip()[:1] in ("{", "[") and _shape(head.encode()) is not None


@reader("bioc-json", suffixes=(".bioc.json",), looks_like=is_bioc)
def read(source: Source) -> Iterator[Document]:
    """Documents of a BioC JSON file, one in memory at a time.

    Raises:
        UserError: it is not JSON, or lacks what BioC requires; with the line.
    """
    head = cast(io.BufferedReader, source.stream).peek(_HEAD)[:_HEAD]
    if head.startswith(codecs.BOM_UTF8):
        source.stream.read(len(codecs.BOM_UTF8))
        head = head.removeprefix(codecs.BOM_UTF8)
    shape = _shape(head)
    if shape is None:
        remedy = 'write {"documents": [{"id": …, "passages": […]}]}, or such a document a line'
        raise source.error(1, "no JSON of BioC: neither documents nor passages are found near its start", remedy)
    left_out: Counter[str] = Counter()
    if shape.depth == 0 and _is_a_line_each(head):
        lines = ((number, line) for number, line in source.lines() if line.strip())
        yield from source.each(lines, partial(_parsed_line, source, shape, left_out))
    else:
        records = _records(source, Lines(source.stream, _CHUNK), shape)
        yield from source.each(records, partial(_parsed, source, left_out))
    bioc.note(source, left_out)


@writer("bioc-json", fit=bioc.fit, suffix=".bioc.json")
def write(documents: Iterable[Document], out: Path) -> None:
    """Write a collection, a document a line, each as one passage, in sentences if they cover its text."""
    with out.open("x", encoding="utf-8", newline="\n") as stream:
        stream.write('{"source": "ranat", "date": "", "key": "ranat", "infons": {}, "documents": [')
        for number, document in enumerate(documents):
            stream.write(",\n" if number else "\n")
            stream.write(json.dumps(_as_json(bioc.record(document)), ensure_ascii=False))
        stream.write("\n]}\n")


def _shape(head: bytes) -> _Shape | None:
    """Where the documents are, by the first keys of the first object."""
    depth = listed = 0
    key = None
    try:
        for event, value in ijson.basic_parse(io.BytesIO(head)):
            if event == "map_key" and depth == 1 + listed:
                key = value
            elif event == "start_array" and depth == 1 + listed:
                if key in _LISTS:
                    return _Shape(depth + 1, key)
                if key == "passages":
                    return _Shape(depth - 1, key)
            elif event == "start_array" and not depth:
                listed = 1
            depth += _STEP.get(event, 0)
    except _ERRORS:  # it is cut off
        pass
    return None


def _is_a_line_each(head: bytes) -> bool:
    """Whether the first document is all of the first line; a wrong line then fails alone."""
    first, more, _ = head.lstrip().partition(b"\n")
    return _shape(first) is not None and (not more or first.rstrip().endswith(b"}"))


def _records(source: Source, lines: Lines, shape: _Shape) -> Iterator[_Record]:
    """What stands in the place of documents, built one at a time.

    Raises:
        UserError: it is not JSON, or nested more deeply than BioC ever is.
    """
    depth, line, key = 0, 0, None
    builder: ijson.ObjectBuilder | None = None
    try:
        for event, value in ijson.basic_parse(lines, use_float=True, multiple_values=True):
            step = _STEP.get(event, 0)
            if event == "map_key" and depth == shape.depth - 1:
                key = value
            elif builder is None and depth == shape.depth and step >= 0 and shape.key in (key, "passages"):
                builder, line = ijson.ObjectBuilder(), lines.number
            depth += step
            if depth > _DEEPEST:
                raise source.error(lines.number, f"lists and objects in more than {_DEEPEST} others")
            if builder is not None:
                builder.event(event, value)
                if depth == shape.depth:
                    yield line, builder.value
                    builder = None
    except _ERRORS as error:
        what = str(error).removeprefix("b'").replace("\\n", "\n").partition("\n")[0]
        raise source.error(lines.number, f"not JSON: {what}") from None


def _parsed_line(source: Source, shape: _Shape, left_out: Counter[str], line: tuple[int, str]) -> Document:
    number, text = line
    lines = Lines(io.BytesIO(text.encode(errors="surrogateescape")), _CHUNK, number)
    records = list(_records(source, lines, shape))
    if len(records) != 1:
        raise source.error(number, f"{len(records)} documents on a line", "write one")
    return _parsed(source, left_out, records[0])


def _parsed(source: Source, left_out: Counter[str], record: _Record) -> Document:
    line, value = record
    try:
        found = _record(line, value)
    except ValueError as error:
        raise source.error(line, str(error)) from None
    return bioc.document(source, found, left_out)


def _record(line: int, value: Any) -> bioc.Record:
    document = _object(value, "a document")
    if "passages" not in document:
        raise ValueError("a document lacks its passages")
    places, parts = [document], []
    for passage in _objects(document, "passages"):
        sentences = _objects(passage, "sentences")
        for part in sentences or [passage]:
            parts.append(bioc.Part(_integer(part, "offset"), _string(part, "text") or "", bool(sentences)))
        places += [passage, *sentences]
    annotations = [_annotation(line, item) for place in places for item in _objects(place, "annotations")]
    links = [_link(line, item) for place in places for item in _objects(place, "relations")]
    return bioc.Record(line, _name(document, "id"), parts, annotations, links)


def _annotation(line: int, value: dict[str, Any]) -> bioc.Annotation:
    locations = [(_integer(item, "offset"), _integer(item, "length")) for item in _objects(value, "locations")]
    return bioc.Annotation(line, _name(value, "id"), _infons(value), locations, _string(value, "text"))


def _link(line: int, value: dict[str, Any]) -> bioc.Link:
    nodes = [(_name(node, "refid"), _string(node, "role") or "") for node in _objects(value, "nodes")]
    return bioc.Link(line, _string(value, "id") or "", _infons(value), nodes)


def _infons(value: dict[str, Any]) -> dict[str, str]:
    """Infons as XML could have them; those of PubTator3's roles are objects with type and identifier."""
    infons = {}
    for key, infon in _object(value.get("infons") or {}, "'infons'").items():
        if isinstance(infon, dict):
            infons[key] = f"{infon.get('type') or ''}|{infon.get('identifier') or '-'}"
        elif infon is not None:
            infons[key] = str(infon)
    return infons


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{what} must be a JSON object")
    return value


def _objects(value: dict[str, Any], key: str) -> list[dict[str, Any]]:
    found = value.get(key) or []
    if not isinstance(found, list):
        raise ValueError(f"{key!r} must be a list")
    return [_object(item, f"each of {key!r}") for item in found]


def _string(value: dict[str, Any], key: str) -> str | None:
    found = value.get(key)
    if found is not None and not isinstance(found, str):
        raise ValueError(f"{key!r} must be a string")
    return found


def _name(value: dict[str, Any], key: str) -> str:
    found = value.get(key)
    if not isinstance(found, str | int):
        raise ValueError(f"{key!r} is missing" if found is None else f"{key!r} must be a string")
    return str(found)


def _integer(value: dict[str, Any], key: str) -> int:
    try:
        return int(_name(value, key))
    except ValueError:
        raise ValueError(f"{key!r} must be a whole number") from None


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
        "locations": [{"offset": offset, "length": length} for offset, length in annotation.locations],
    }
