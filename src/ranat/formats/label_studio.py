"""Label Studio, an annotation tool: its exports JSON and JSON_MIN are read, predictions for its import are written.

    [{"id": 1, "data": {"text": "Fever and cough."}, "annotations": [{"result": [
      {"id": "a1", "from_name": "label", "to_name": "text", "type": "labels",
       "value": {"start": 0, "end": 5, "text": "Fever", "labels": ["Disease"]}},
      {"type": "relation", "from_id": "a1", "to_id": "b2", "direction": "right", "labels": ["causes"]}]}]}]

Of several annotations of a task the first is read, one that is marked as ground truth before others; predictions are
read where a task has no list of annotations. A region of several labels becomes a mention each. A relation without a
label is of the type "relation"; one in both directions becomes two. A task that was skipped is left out, and so are
regions of another text of the task, as far as their "to_name" tells.

The text is under "text" in "data", or the one string there, or what `--columns text=KEY` names. A document's id is
"id" in "data", which Label Studio keeps, else the task's.

Offsets count characters: since 2021 the editor converts what JavaScript counts ("fixCodePointsInRange",
https://github.com/HumanSignal/label-studio/pull/1559). Older exports count UTF-16 units, which the regions' texts tell.
Of regions in HTML the "globalOffsets" are read, which fit if the text is plain.

What is written is for a project with `<Labels name="label" toName="text">` and `<Text name="text" value="$text">`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from ranat.documents.document import Document, Relation
from ranat.formats.base import Sure, reader, writer
from ranat.formats.fitting.steps import contiguous, in_text_order, renumbered, without_concepts, without_layout
from ranat.formats.json_documents import count_unread, documents, id_of, marks, write_list
from ranat.formats.json_records import MalformedError, records
from ranat.formats.sample import Sample
from ranat.formats.source import Found, FoundRelation, Source
from ranat.formats.values import integer, listed, mapping, name, score, string

SUFFIX = ".label-studio.json"

_LISTS = ("annotations", "completions", "predictions")
_ID = re.compile(r"[\w-]+", re.ASCII)
_REGIONS = ("labels", "hypertextlabels")
_OF_TASK = {"id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time"}
"""What JSON_MIN has beside the data and the regions."""


def _sure(sample: Sample) -> Sure:
    value = sample.telling(*_LISTS)
    if isinstance(value.get("data"), dict):
        has_lists = any(isinstance(value.get(key), list) for key in _LISTS)
        return Sure.CERTAIN if has_lists or sample.name.endswith(SUFFIX) else Sure.LIKELY
    is_flat = any(_regions(items) for value in sample.records for items in value.values())
    return Sure.CERTAIN if is_flat else Sure.NO


@reader("label-studio", suffixes=(SUFFIX,), sure=_sure, columns=("text",))
def read(source: Source) -> Iterator[Document]:
    """Documents of an export, or of what is made for the import.

    Raises:
        UserError: a task is none, or none of its data is known to be the text.
    """
    yield from documents(source, records(source), _document)


def _document(source: Source, line: int, task: dict[str, Any], left_out: Counter[str]) -> Document | None:
    data, results = _flat(task) if "data" not in task else (mapping(task["data"], "'data'"), _results(task, left_out))
    if results is None:
        return None
    if task.get("annotations") == []:
        source.note("note", "a task that nobody has annotated is a text without mentions", line)
    key = _text_key(source, data)
    text = string(data, key)
    count_unread(data, {key, "id"}, left_out, "data.")
    found: list[Found] = []
    relations: list[FoundRelation] = []
    results = _of_text(results, key, data, left_out)
    for item in marks(source, line, {"result": results}, "result", partial(_result, source, line, text, left_out)):
        if isinstance(item, Found):
            found.append(item)
        else:
            relations.append(item)
    owner = data if data.get("id") is not None else task
    id = id_of(source, line, owner)
    return source.document(line, id, text, found, relations=relations)


def _flat(task: dict[str, Any]) -> tuple[dict[str, Any], list[Any]]:
    """The data and the results of a task as JSON_MIN has it: regions are lists beside the data."""
    regions = {key: items for key, items in task.items() if _regions(items)}
    data = {key: item for key, item in task.items() if key not in regions and key not in _OF_TASK - {"id"}}
    values = [value for items in regions.values() for value in items]
    return data, [{"id": f"T{number}", "type": "labels", "value": value} for number, value in enumerate(values, 1)]


def _regions(items: Any) -> bool:
    first = items[0] if isinstance(items, list) and items else None
    return isinstance(first, dict) and isinstance(first.get("labels"), list) and "start" in first


def _results(task: dict[str, Any], left_out: Counter[str]) -> list[Any] | None:
    """The results of the annotation that is read; None if the task was skipped."""
    key = next((key for key in _LISTS if task.get(key) is not None), "predictions")
    given = [mapping(item, f"each of {key!r}") for item in listed(task.get(key, []), key)]
    kept = [item for item in given if not item.get("was_cancelled")]
    kept.sort(key=lambda item: not item.get("ground_truth"))
    if given and not kept:
        left_out["a task that was skipped"] += 1
        return None
    left_out["an annotation of a task that has another"] += len(kept[1:])
    if key != "predictions":
        left_out["a prediction of a task with annotations"] += len(listed(task.get("predictions") or [], "predictions"))
    return listed(kept[0].get("result", []), "result") if kept else []


def _text_key(source: Source, data: dict[str, Any]) -> str:
    """The key of the data under which the text is."""
    if named := source.reading.columns.get("text"):
        return named
    strings = [key for key, value in data.items() if isinstance(value, str) and key != "id"]
    if "text" in data or len(strings) != 1:
        if "text" not in data and strings:
            keys = ", ".join(map(repr, strings[:10]))
            raise MalformedError(f"which of {keys} is the text? Say so by --columns text=KEY")
        return "text"
    return strings[0]


def _of_text(results: list[Any], key: str, data: dict[str, Any], left_out: Counter[str]) -> list[Any]:
    """The results without regions of another text of the task, and relations of them.

    Raises:
        MalformedError: there are regions of several texts, and which is the one that is read is not clear.
    """
    regions = [
        item for item in results if isinstance(item, dict) and item.get("type") in _REGIONS and "to_name" in item
    ]
    names = {str(item["to_name"]) for item in regions}
    if len(names) > 1 and key not in names:
        raise MalformedError(
            f"has regions of {' and '.join(sorted(names))}, none of which is called as the text, {key!r}"
        )
    others = names - {key} if key in names else {name for name in names if isinstance(data.get(name), str)}
    apart = [item for item in regions if str(item["to_name"]) in others]
    ids = {item.get("id") for item in apart}

    def is_of_text(item: Any) -> bool:
        return not isinstance(item, dict) or (
            str(item.get("to_name")) not in others and ids.isdisjoint((item.get("from_id"), item.get("to_id")))
        )

    kept = [item for item in results if is_of_text(item)]
    left_out["a region of another text"] += len(apart)
    left_out["a relation of a region of another text"] += len(results) - len(kept) - len(apart)
    return kept


def _result(source: Source, line: int, text: str, left_out: Counter[str], item: Any) -> Iterator[Found | FoundRelation]:
    result = mapping(item, "each of 'result'")
    kind = result.get("type")
    if kind == "relation":
        yield from _relations(line, result)
    elif kind in _REGIONS:
        yield from _mentions(source, line, text, result)
        left_out["a note on a region"] += bool(result.get("meta"))
    else:
        left_out[f"a result of the type {kind!r}"] += 1


def _mentions(source: Source, line: int, text: str, result: dict[str, Any]) -> Iterator[Found]:
    value = mapping(result.get("value"), "'value'")
    place = mapping(value.get("globalOffsets", value), "'globalOffsets'")
    start, end = integer(place, "start"), integer(place, "end")
    labels = listed(value.get(str(result["type"]), value.get("labels")), "labels")
    if not labels or not all(isinstance(label, str) for label in labels):
        raise MalformedError("a region must have a label")
    stated = value.get("text") if isinstance(value.get("text"), str) else None
    if stated is not None and _letters(stated) == _letters(text[max(start, 0) : max(end, 0)]):
        stated = None  # it writes line ends as it likes
    id = name(result, "id")
    for number, label in enumerate(labels):
        own = f"{id}/{number}" if number else id
        yield from source.found(line, own, label, [(start, end)], stated, score=score(result))


def _letters(text: str) -> str:
    return "".join(text.replace("\\n", " ").split())


def _relations(line: int, result: dict[str, Any]) -> Iterator[FoundRelation]:
    head, tail = name(result, "from_id"), name(result, "to_id")
    direction = result.get("direction", "right")
    if direction not in ("right", "left", "bi"):
        raise MalformedError(f"'direction' must be right, left or bi, not {direction!r:.40}")
    for label in listed(result.get("labels") or ["relation"], "labels"):
        if not isinstance(label, str):
            raise MalformedError("a relation's label must be a string")
        if direction != "left":
            yield FoundRelation(line, Relation(label, head, tail))
        if direction != "right":
            yield FoundRelation(line, Relation(label, tail, head))


def _fit(document: Document, lost: Counter[str]) -> Document:
    document = contiguous(without_concepts(without_layout(document, lost), lost), lost)
    scored = sum(relation.score is not None for relation in document.relations)
    if scored:
        lost["scores of relations"] += scored
        document = replace(document, relations=tuple(replace(relation, score=None) for relation in document.relations))
    if all(_ID.fullmatch(entity.id) for entity in document.entities):
        return in_text_order(document, lost)
    return renumbered(document, lost)


@writer("label-studio", fit=_fit, suffix=SUFFIX)
def write(given: Iterable[Document], out: Path) -> None:
    """Write tasks with predictions, a task a line."""
    write_list(map(_as_json, given), out)


def _as_json(document: Document) -> dict[str, Any]:
    results: list[dict[str, Any]] = []
    for entity in document.entities:
        value = {
            "start": entity.start,
            "end": entity.end,
            "text": document.mention(entity),
            "labels": [entity.type],
        }
        region = {"id": entity.id, "from_name": "label", "to_name": "text", "type": "labels", "value": value}
        results.append(region if entity.score is None else region | {"score": entity.score})
    for relation in document.relations:
        ends = {"from_id": relation.head, "to_id": relation.tail}
        results.append({"type": "relation", **ends, "direction": "right", "labels": [relation.type]})
    data = {"id": document.id, "text": document.text}
    return {"data": data, "predictions": [{"model_version": "ranat", "result": results}]}
