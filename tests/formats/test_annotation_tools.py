"""doccano, Label Studio and Prodigy: each form of their files, what is left out of them, and what offsets count."""

import io
import json
from typing import Any

import pytest

from ranat.documents import Document, Entity, Relation
from ranat.errors import UserError
from ranat.formats import read, recognise, write
from ranat.formats.notice import Notice

WIDE = "\U0001d6fc-synuclein 😀 Fever"  # of two characters beyond U+FFFF


def parse(*lines: Any, notices: list[Notice] | None = None, **options: Any) -> list[Document]:
    data = "\n".join(json.dumps(line) for line in lines)
    return list(read(io.BytesIO(data.encode()), "some/train.json", notices=notices, **options))


def marks(document: Document) -> list[tuple[str, str]]:
    return [(document.mention(entity), entity.type) for entity in document.entities]


def told(*lines: Any) -> list[str]:
    notices: list[Notice] = []
    parse(*lines, notices=notices)
    assert {notice.kind for notice in notices} <= {"left out", "note"}
    return [notice.what for notice in notices]


def refused(*lines: Any) -> str:
    with pytest.raises(UserError) as caught:
        parse(*lines)
    assert str(caught.value.where).startswith("some/train.json:")
    parse(*lines, lenient=True)
    return caught.value.what


# doccano


@pytest.mark.parametrize(
    "record",
    [
        {"id": 7, "text": "Fever.", "label": [[0, 5, "Disease"]]},
        {"id": 7, "text": "Fever.", "labels": [[0, 5, "Disease"]], "Comments": []},
        {"id": 7, "data": "Fever.", "label": [{"start_offset": 0, "end_offset": 5, "label": "Disease"}]},
        {"id": 7, "text": "Fever.", "entities": [{"id": 3, "start_offset": 0, "end_offset": 5, "label": "Disease"}]},
    ],
)
def test_doccano(record: dict[str, Any]) -> None:
    (document,) = parse(record)
    assert (document.id, document.text, marks(document)) == ("7", "Fever.", [("Fever", "Disease")])


def test_doccano_is_known_by_the_first_text_with_mentions() -> None:
    documents = parse(*[{"text": "None."}] * 20, {"text": "Fever.", "label": [[0, 5, "Disease"]]})
    assert [len(document.entities) for document in documents] == [0] * 20 + [1]


def test_relations_of_doccano() -> None:
    spans = [{"id": 4, "label": "A", "start_offset": 0, "end_offset": 1}, {"id": 9, "label": "B"}]
    spans[1] |= {"start_offset": 2, "end_offset": 3}
    relation = {"id": 1, "from_id": 9, "to_id": 4, "type": "causes"}
    (document,) = parse({"text": "a b", "entities": spans, "relations": [relation]})
    assert document.relations == (Relation("causes", "9", "4"),)
    assert "document 'train:1' has no entity with the id or concept '5'" in refused(
        {"text": "a b", "entities": spans, "relations": [relation | {"to_id": 5}]}
    )


def test_offsets_of_doccano_count_utf16_units() -> None:
    record = {"text": WIDE, "label": [[0, 2, "Letter"], [16, 21, "Disease"]]}
    assert marks(parse(record)[0]) == [("\U0001d6fc", "Letter"), ("Fever", "Disease")]
    assert told(record, {"text": "Fever", "label": [[0, 5, "X"]]}) == [
        "1 texts have characters beyond U+FFFF: their offsets are read as UTF-16 units, as doccano counts"
    ]
    assert "1 to 2 are no offsets of the text" in refused({"text": WIDE, "label": [[1, 2, "X"]]})


@pytest.mark.parametrize(
    ("mark", "message"),
    [
        ([0, 5], "is not [start, end, label]"),
        ([0, 5, 1], "is not [start, end, label]"),
        ([0, 99, "X"], "0 to 99 are no offsets of the text"),
        ([99, 1, "X"], "99 to 1 are no offsets of the text"),
        (["a", 5, "X"], "'start_offset' must be a whole number"),
        ([3, 3, "X"], "has an empty span"),
        ({"start_offset": 0, "end_offset": 5}, "'label' is missing"),
    ],
)
def test_a_wrong_mark_of_doccano_is_left_out_alone(mark: Any, message: str) -> None:
    record = {"text": "Fever.", "label": [[0, 5, "Disease"], mark]}
    assert message in refused(record)
    assert marks(parse(record, lenient=True)[0]) == [("Fever", "Disease")]


def test_what_doccano_has_besides_is_told() -> None:
    record = {"text": "Fever.", "label": [[0, 5, "X"]], "Comments": ["sure?"], "cats": [], "pmid": 1}
    assert told(record, record) == ["the key 'Comments' is not read (2 times)", "the key 'pmid' is not read (2 times)"]


# Label Studio


def region(id: str, start: int, end: int, text: str | None, *labels: str, **more: Any) -> dict[str, Any]:
    value = {"start": start, "end": end, "labels": list(labels)} | ({} if text is None else {"text": text})
    return {"id": id, "from_name": "label", "to_name": "text", "type": "labels", "value": value, **more}


def task(*results: dict[str, Any], text: str = "Fever and cough.", **more: Any) -> dict[str, Any]:
    return {"id": 7, "data": {"text": text}, "annotations": [{"id": 1, "result": list(results)}], **more}


FEVER = region("a", 0, 5, "Fever", "Disease")
COUGH = region("b", 10, 15, "cough", "Disease")


def test_label_studio() -> None:
    (document,) = parse([task(FEVER, COUGH | {"score": 0.5})])
    assert document == Document(
        "7",
        "Fever and cough.",
        (Entity("a", "Disease", ((0, 5),)), Entity("b", "Disease", ((10, 15),), score=0.5)),
    )


def test_label_studio_in_its_smallest_form() -> None:
    flat = {"id": 7, "text": "Fever.", "annotator": 1, "lead_time": 2.5, "label": [FEVER["value"]]}
    unmarked = {"id": 8, "text": "None.", "annotator": 1}
    documents = parse([unmarked, flat])
    assert [(document.id, marks(document)) for document in documents] == [("8", []), ("7", [("Fever", "Disease")])]


def test_offsets_of_label_studio_count_characters() -> None:
    assert marks(parse([task(region("a", 14, 19, "Fever", "X"), text=WIDE)])[0]) == [("Fever", "X")]
    older = [task(region("a", 16, 21, "Fever", "X"), text=WIDE)]
    assert refused(older) == "the offsets of document '7' fit only as UTF-16 units; they are converted"
    assert marks(parse(older, lenient=True)[0]) == [("Fever", "X")]
    assert "is said to be 'Cough'" in refused([task(region("a", 0, 5, "Cough", "X"))])
    assert marks(parse([task(region("a", 0, 3, "a\\nb", "X"), text="a\nb")])[0]) == [("a\nb", "X")]


def test_regions_of_plain_text_shown_as_html() -> None:
    value = {"start": "/text()[1]", "end": "/text()[1]", "startOffset": 0, "endOffset": 5, "hypertextlabels": ["X"]}
    shown = FEVER | {"type": "hypertextlabels", "value": value | {"globalOffsets": {"start": 0, "end": 5}}}
    assert marks(parse([task(shown)])[0]) == [("Fever", "X")]
    assert "'start' must be a whole number" in refused([task(FEVER | {"type": "hypertextlabels", "value": value})])


def test_a_region_of_several_labels_is_a_mention_each() -> None:
    relation = {"type": "relation", "from_id": "a", "to_id": "b", "direction": "right"}
    (document,) = parse([task(region("a", 0, 5, None, "X", "Y"), COUGH, relation)])
    assert [(entity.id, entity.type) for entity in document.entities] == [("a", "X"), ("a/1", "Y"), ("b", "Disease")]
    assert document.relations == (Relation("relation", "a", "b"),)


@pytest.mark.parametrize(
    ("direction", "expected"), [("right", ["ab"]), ("left", ["ba"]), ("bi", ["ab", "ba"]), (None, ["ab"])]
)
def test_relations_of_label_studio(direction: str | None, expected: list[str]) -> None:
    relation = {"type": "relation", "from_id": "a", "to_id": "b", "labels": ["causes"]}
    (document,) = parse([task(FEVER, COUGH, relation | ({"direction": direction} if direction else {}))])
    assert document.relations == tuple(Relation("causes", *ends) for ends in expected)


def test_which_annotation_of_label_studio_is_read() -> None:
    other = {"result": [COUGH]}
    several = task(FEVER) | {"predictions": [{"result": [COUGH]}]}
    several["annotations"] += [other, other | {"was_cancelled": True}]
    assert marks(parse([several])[0]) == [("Fever", "Disease")]
    assert told([several]) == [
        "an annotation of a task that has another (1 times)",
        "a prediction of a task with annotations (1 times)",
    ]
    several["annotations"][1] = other | {"ground_truth": True}
    assert marks(parse([several])[0]) == [("cough", "Disease")]
    skipped = task(FEVER)
    skipped["annotations"][0]["was_cancelled"] = True
    assert [document.id for document in parse([several | {"id": 8}, skipped])] == ["8"]
    assert "a task that was skipped (1 times)" in told([several | {"id": 8}, skipped])
    nobody = {"id": 9, "data": {"text": "None."}, "annotations": [], "predictions": [{"result": [FEVER]}]}
    assert told([nobody])[0] == "a task that nobody has annotated is a text without mentions"
    predicted = {"data": {"text": "Fever.", "id": "17"}, "predictions": [{"model_version": "a", "result": [FEVER]}]}
    assert [(document.id, marks(document)) for document in parse([predicted])] == [("17", [("Fever", "Disease")])]


def test_which_of_the_data_is_the_text() -> None:
    (document,) = parse([task(FEVER) | {"data": {"abstract": "Fever.", "year": 1999}}])
    assert document.text == "Fever."
    two = [task(FEVER) | {"data": {"title": "On it", "abstract": "Fever."}}]
    assert "which of 'title', 'abstract' is the text? Say so by --columns text=KEY" in _error(two)
    (document,) = parse(two, columns={"text": "abstract"})
    assert document.text == "Fever."


def _error(*lines: Any) -> str:
    with pytest.raises(UserError) as caught:
        parse(*lines, lenient=True)
    return str(caught.value)


def test_what_label_studio_has_besides_is_told() -> None:
    choice = {"id": "c", "type": "choices", "value": {"choices": ["good"]}}
    record = task(FEVER | {"meta": {"text": ["sure?"]}}, choice)
    record["data"]["journal"] = "J"
    assert sorted(told([record])) == [
        "a note on a region (1 times)",
        "a result of the type 'choices' (1 times)",
        "the key 'data.journal' is not read (1 times)",
    ]


# Prodigy

SPANS = [{"start": 0, "end": 5, "label": "Disease"}, {"start": 10, "end": 15, "label": "Symptom"}]
RELATION = {"head": 0, "child": 2, "head_span": SPANS[0], "child_span": SPANS[1], "label": "causes"}
TOKENS = [{"text": "Fever", "start": 0, "end": 5, "id": 0}, {"text": "and", "start": 6, "end": 9, "id": 1}]


def test_prodigy() -> None:
    value = {"text": "Fever and cough.", "spans": SPANS, "tokens": TOKENS, "relations": [RELATION], "answer": "accept"}
    (document,) = parse(value | {"_input_hash": 3, "_task_hash": -5, "_view_id": "relations", "meta": {"id": 17}})
    assert document == Document(
        "17",
        "Fever and cough.",
        (Entity("T1", "Disease", ((0, 5),)), Entity("T2", "Symptom", ((10, 15),))),
        (Relation("causes", "T1", "T2"),),
        tokens=((0, 5), (6, 9)),
    )


def test_offsets_of_prodigy_count_characters() -> None:
    assert marks(parse({"text": WIDE, "spans": [{"start": 14, "end": 19, "label": "X"}]})[0]) == [("Fever", "X")]


def test_only_accepted_tasks_are_read() -> None:
    value = {"text": "Fever.", "spans": SPANS[:1]}
    given = [value | {"answer": answer} for answer in ("accept", "reject", "ignore", "reject")]
    assert len(parse(*given)) == 1
    assert told(*given) == [
        "a task whose answer is 'reject' (2 times)",
        "a task whose answer is 'ignore' (1 times)",
    ]


def test_what_prodigy_has_besides_is_told() -> None:
    words = {"head": 0, "child": 1, "label": "nsubj", "head_span": {"start": 0, "end": 5, "label": None}}
    value = {"text": "Fever and cough.", "spans": SPANS, "relations": [words], "meta": {"source": "J"}, "options": [1]}
    assert sorted(told(value)) == [
        "a relation of words that are no spans (1 times)",
        "the key 'meta.source' is not read (1 times)",
        "the key 'options' is not read (1 times)",
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"spans": [SPANS[0], {"start": 0, "label": "X"}]}, "spans: 'end' is missing"),
        ({"spans": [SPANS[0], {"start": 0, "end": 99, "label": "X"}]}, "reaches to 99, past the text's 16"),
        ({"tokens": [{"start": 3, "end": 99}]}, "tokens: 3 to 99 is not within the text's 16 characters"),
        ({"relations": [RELATION | {"child_span": SPANS[1] | {"end": 14}}]}, "'child_span' is none of the spans"),
    ],
)
def test_what_is_odd_in_a_task_of_prodigy(change: dict[str, Any], message: str) -> None:
    value = {"text": "Fever and cough.", "spans": SPANS} | change
    assert message in refused(value)
    assert marks(parse(value, lenient=True)[0])[0] == ("Fever", "Disease")


# What is written


@pytest.mark.parametrize("format", ["doccano", "label-studio", "prodigy"])
def test_offsets_are_written_as_the_tool_counts(format: str, tmp_path: Any) -> None:
    out = tmp_path / "out.json"
    write([Document("1", WIDE, (Entity("T1", "Disease", ((14, 19),)),))], out, format)
    assert recognise(out) == format
    found = json.loads(out.read_text())
    if format == "label-studio":
        (value,) = (result["value"] for result in found[0]["predictions"][0]["result"])
        assert (value["start"], value["end"]) == (14, 19)
    elif format == "doccano":
        assert [(item["start_offset"], item["end_offset"]) for item in found["entities"]] == [(16, 21)]
    else:
        assert [(item["start"], item["end"], item["token_start"]) for item in found["spans"]] == [(14, 19, 4)]
