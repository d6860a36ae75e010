import copy
import io
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ranat.documents import Document, Entity, Relation
from ranat.errors import UserError
from ranat.formats import read, recognise, write
from ranat.formats.notice import Notice

TEXT = "Ocular and auditory toxicity"


def parse(text: str, notices: list[Notice] | None = None, failed: list[UserError] | None = None) -> list[Document]:
    tell = None if failed is None else failed.append
    return list(read(io.BytesIO(text.encode()), "a", "bioc-json", notices=notices, failed=tell))


def annotation(id: Any, text: str | None, *spans: tuple[int, int], **infons: Any) -> dict[str, Any]:
    locations = [{"offset": start, "length": length} for start, length in spans]
    return {"id": id, "infons": {"type": "D"} | infons, "text": text, "locations": locations}


def document(*annotations: dict[str, Any], id: Any = "0", relations: list[Any] | None = None) -> dict[str, Any]:
    passage = {"offset": 0, "infons": {}, "text": TEXT, "sentences": [], "annotations": annotations, "relations": []}
    return {"id": id, "infons": {}, "passages": [passage], "relations": relations or []}


def relation(kind: str | None, *refids: str, roles: tuple[str, ...] = ("", "", ""), **infons: Any) -> dict[str, Any]:
    nodes = [{"refid": refid, "role": role} for refid, role in zip(refids, roles, strict=False)]
    return {"id": "R", "infons": infons | ({"type": kind} if kind else {}), "nodes": nodes}


ONE, TWO = document(id="1"), document(annotation("7", "Ocular", (0, 6)), id="2")
FOUND = [Document("1", TEXT), Document("2", TEXT, (Entity("7", "D", ((0, 6),)),))]
HEAD: dict[str, Any] = {"source": "x", "date": "", "key": "", "infons": {"documents": "no"}, "version": "1.0"}


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize(
    "value",
    [
        HEAD | {"documents": [ONE, TWO]},
        {"documents": [ONE, TWO]} | HEAD,
        {"PubTator3": [ONE, TWO]},
        [HEAD | {"documents": [ONE]}, HEAD | {"documents": [TWO]}],
        [ONE, TWO],
    ],
)
def test_one_value_that_holds_all(value: Any, indent: int | None) -> None:
    text = json.dumps(value, indent=indent)
    assert parse(text) == FOUND
    assert recognise(io.StringIO(text), "a.json") == "bioc-json"


@pytest.mark.parametrize("indent", [None, 1])
def test_a_document_after_the_other(indent: int | None) -> None:
    text = "\n\n".join(json.dumps({"_id": "1|None"} | item, indent=indent) for item in (ONE, TWO))
    assert parse(text) == parse(text + "\n") == FOUND
    assert recognise(io.StringIO(text), "a.json") == "bioc-json"


@pytest.mark.parametrize(
    "text",
    [
        '{"id": "1", "text": "passages", "documents": 3, "entities": []}',
        '{"id": "1", "text": "\\"passages\\": [", "meta": {"passages": [1]}}',
        '{"text": "<< A >> binds [[ B ]].", "label": "X", "documents": null}',
    ],
)
def test_other_json_lines_are_not_taken_for_bioc(text: str) -> None:
    assert recognise(io.StringIO(f"{text}\n{text}\n"), "a.json") in ("jsonl", "scibert-jsonl")


def test_sentences_where_a_passage_has_them() -> None:
    sentences = [
        {"offset": 0, "infons": {}, "text": "A b.", "annotations": [annotation("1", "b", (2, 1))], "relations": []},
        {"offset": 6, "infons": {}, "text": "C.", "annotations": [], "relations": []},
    ]
    (found,) = parse(json.dumps({"id": 5, "passages": [{"offset": 0, "sentences": sentences}]}))
    assert found == Document("5", "A b.  C.", (Entity("1", "D", ((2, 3),)),), sentences=((0, 4), (6, 8)))


def test_annotations_as_pubtator3_has_them() -> None:
    notices: list[Notice] = []
    annotations = [
        annotation("3", "Ocular", (0, 6), identifier="MESH:D1", valid=True, accession="@DISEASE_X"),
        annotation(4, None, (20, 8), (11, 8), identifier=None),
        annotation("5", "and", (7, 3), identifier="-", valid=False),
    ]
    (found,) = parse(json.dumps(document(*annotations)), notices)
    assert found.entities == (
        Entity("3", "D", ((0, 6),), "MESH:D1"),
        Entity("5", "D", ((7, 10),)),
        Entity("4", "D", ((11, 19), (20, 28))),
    )
    assert sorted(str(notice) for notice in notices) == [
        "a: left out: 1 infon 'accession' of annotations",
        "a: left out: 2 infons 'valid' of annotations",
    ]


def test_relations() -> None:
    marked = [annotation("1", "Ocular", (0, 6), identifier="D1"), annotation("2", "auditory", (11, 8), identifier="D2")]
    first, second = {"identifier": "D1", "type": "Disease"}, {"identifier": "D2", "type": "Disease"}
    relations = [
        relation("a", "1", "2"),
        relation("b", "1", "2", roles=("tail", "head")),
        relation("c", "1", "2", roles=("head", "tail"), score="0.25"),
        relation("d", "0", roles=("0,1",), role1=second, role2=first, score="0.9988"),
        relation("e", role1="Disease|D1", role2="D2", score="high"),
        relation("f", entity2="D2", entity1="D1", novel="No"),
        relation(None, relation="g", Chemical="D2", Disease="1"),
        relation("h", head="2", tail="D1"),
    ]
    left = [
        relation("i", "1"),
        relation(None, "1", "2"),
        relation("k", "1", "R"),
        relation("l", "1", "2", "1"),
        relation("m", role1=first, role2={"type": "Disease"}),
        relation("n", role1=first, role2={"identifier": "-", "type": "Disease"}),
        relation("o", role1=first),
    ]
    notices: list[Notice] = []
    (found,) = parse(json.dumps(document(*marked, relations=relations + left)), notices)
    assert found.relations == (
        Relation("a", "1", "2"),
        Relation("b", "2", "1"),
        Relation("c", "1", "2", 0.25),
        Relation("d", "D2", "D1", 0.9988),
        Relation("e", "D1", "D2"),
        Relation("f", "D1", "D2"),
        Relation("g", "D2", "1"),
        Relation("h", "2", "D1"),
    )
    assert sorted(str(notice) for notice in notices) == [
        "a: left out: 1 infon 'novel' of relations",
        "a: left out: 1 score that is no number from 0 to 1",
        "a: left out: 7 relations that are not between two entities or concepts",
    ]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (3, "a record must be a JSON object"),
        ({"id": "1"}, "a document lacks its passages"),
        ({"id": "1", "passages": 3}, "'passages' must be a list"),
        ({"id": "1", "passages": [3]}, "each of 'passages' must be a JSON object"),
        ({"id": "1", "passages": [{"text": "x"}]}, "'offset' is missing"),
        ({"id": "1", "passages": [{"offset": 0.5}]}, "'offset' must be a whole number"),
        ({"id": "1", "passages": [{"offset": 0, "text": 3}]}, "'text' must be a string"),
        ({"id": "1", "passages": [{"offset": 5000000, "text": "x"}]}, "cannot follow"),
        (document() | {"id": None}, "'id' is missing"),
        (document() | {"id": ["1"]}, "'id' must be a string"),
        (document(annotation("1", "ocular", (0, 6))), "'ocular' but 'Ocular'"),
        (document(annotation("1", "x", (0, 99))), "past the text's 28 characters"),
        (document(annotation("1", "x", (4, 0))), "empty span"),
        (document(annotation({}, "x", (4, 1))), "'id' must be a string"),
        (document(3), "an annotation must be a JSON object"),  # type: ignore[arg-type]  # which it must not be
        (document(relations=[{"nodes": [{}]}]), "'refid' is missing"),
        (document({"id": "1", "infons": []} | {"infons": "x"}), "'infons' must be a JSON object"),
    ],
)
def test_a_wrong_document_is_told_with_its_line_and_the_others_are_read(value: Any, message: str) -> None:
    lines = [json.dumps(item) for item in (ONE, value, TWO)]
    for text in ("\n".join(lines), '{"documents": [' + ",\n".join(lines) + "]}"):
        with pytest.raises(UserError) as caught:
            parse(text)
        assert message in str(caught.value)
        assert caught.value.where == "a:2"
        failed: list[UserError] = []
        assert parse(text, failed=failed) == FOUND
        assert [str(error) for error in failed] == [str(caught.value)]


@pytest.mark.parametrize("line", ["{", "{}{}", '{"a": 1e999}', "[" * 10_000, '{"id": "\udcff"}'])
def test_a_line_that_is_no_json_fails_alone(line: str) -> None:
    data = "\n".join([json.dumps(ONE), line, json.dumps(TWO)]).encode(errors="surrogateescape")
    failed: list[UserError] = []
    assert list(read(io.BytesIO(data), "a", "bioc-json", failed=failed.append)) == FOUND
    assert [error.where for error in failed] == ["a:2"]


ODD = {
    "of 40 digits": "1" * 40,
    "of 4,300 digits": "-" + "9" * 4300,
    "of 5,000 digits": "9" * 5000,
    "of 5,000 digits after the point": "0." + "9" * 5000,
    "infinite": "1e999999",
    "none": "NaN",
    "negative and infinite": "-Infinity",
    "true": "true",
    "of 900 lists": "[" * 900 + "]" * 900,
    "of 900 objects": '{"a": ' * 900 + "1" + "}" * 900,
    "of half a pair": '"\\ud800"',
}


def fields(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The paths of all values within a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inside in items:
        yield (*path, key)
        yield from fields(inside, (*path, key))


WHOLE = document(
    annotation("1", "Ocular", (0, 6), identifier="D1", score="0.5"),
    annotation("2", "toxicity", (20, 8)),
    relations=[relation("binds", "1", "2", score="1")],
)


@pytest.mark.parametrize("lenient", [False, True])
@pytest.mark.parametrize("raw", ODD.values(), ids=ODD)
def test_a_number_or_the_like_in_any_field_costs_its_document_alone(raw: str, lenient: bool) -> None:
    for path in fields(WHOLE):
        value = copy.deepcopy(WHOLE)
        inside: Any = value
        for key in path[:-1]:
            inside = inside[key]
        inside[path[-1]] = "@@"
        text = json.dumps(value).replace('"@@"', raw)
        for whole in (f"{text}\n{json.dumps(TWO)}\n", f'{{"documents": [{text},\n{json.dumps(TWO)}]}}'):
            failed: list[UserError] = []
            notices: list[Notice] = []
            stream = io.BytesIO(whole.encode())
            found = list(read(stream, "a", "bioc-json", lenient=lenient, failed=failed.append, notices=notices))
            assert found[-1] == FOUND[1]
            assert len(found) + len(failed) == 2
            assert not any("\n" in str(item) for item in (*failed, *notices))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[\n", "a:2: not JSON: the file ends within a list"),
        ('{"id": "1", "text": "x"}', "a:1: a document lacks its passages"),
        ('{"documents": [\n{"id": }]}', "a:2: not JSON: "),
        ('{"documents": [\n' + json.dumps(ONE), "a:2: not JSON: "),
        ('{"documents": [' + "[" * 10_000, "a:1: lists and objects in more than 1000 others"),
    ],
)
def test_what_spoils_the_rest_of_a_file_is_told_once(text: str, message: str) -> None:
    failed: list[UserError] = []
    parse(text, failed=failed)
    assert len(failed) == 1
    assert str(failed[0]).startswith(message)
    assert "\n" not in str(failed[0])


def test_sentences_are_written_where_they_hold_the_text_and_the_mentions(tmp_path: Path) -> None:
    whole = Document("1", "A b.  C d.", (Entity("T1", "X", ((6, 7), (8, 9))),), sentences=((0, 4), (6, 10)))
    across = Document("2", "A b. C", (Entity("T1", "X", ((2, 6),)),), sentences=((0, 4), (5, 6)))
    lines = Document("3", "A b.\nC", sentences=((0, 4), (5, 6)))
    ends = Document("4", " A b. ", sentences=((1, 5),))
    for format in ("bioc-json", "bioc-xml"):
        out = tmp_path / f"a.{format}"
        assert not write([whole, across, lines, ends], out, format)
        found = list(read(out))
        assert found[0] == whole
        assert [item.sentences for item in found[1:]] == [()] * 3
        assert [item.text for item in found[1:]] == [across.text, lines.text, ends.text]
    sentences = json.loads((tmp_path / "a.bioc-json").read_text())["documents"][0]["passages"][0]["sentences"]
    assert [len(sentence["annotations"]) for sentence in sentences] == [0, 1]


def test_what_is_written_has_all_keys_that_other_tools_ask_for(tmp_path: Path) -> None:
    out = tmp_path / "a.bioc.json"
    related = (Relation("binds", "T1", "T2", 0.5), Relation("binds", "D1", "T2"))
    entities = (Entity("T1", "X", ((0, 1),), "D1", 0.125), Entity("T2", "Y", ((2, 3),)))
    write([Document("1", "A b", entities, related)], out, "bioc-json")
    value = json.loads(out.read_text())
    assert value.keys() == {"source", "date", "key", "infons", "documents"}
    (found,) = value["documents"]
    assert found == {
        "id": "1",
        "infons": {},
        "passages": [
            {
                "offset": 0,
                "infons": {},
                "text": "A b",
                "sentences": [],
                "annotations": [
                    {
                        "id": "T1",
                        "infons": {"type": "X", "identifier": "D1", "score": "0.125"},
                        "text": "A",
                        "locations": [{"offset": 0, "length": 1}],
                    },
                    {"id": "T2", "infons": {"type": "Y"}, "text": "b", "locations": [{"offset": 2, "length": 1}]},
                ],
                "relations": [],
            }
        ],
        "relations": [
            {
                "id": "R1",
                "infons": {"type": "binds", "score": "0.5"},
                "nodes": [{"refid": "T1", "role": "head"}, {"refid": "T2", "role": "tail"}],
            },
            {"id": "R2", "infons": {"type": "binds", "head": "D1", "tail": "T2"}, "nodes": []},
        ],
    }


def test_an_empty_collection_is_json(tmp_path: Path) -> None:
    out = tmp_path / "a.bioc.json"
    write([], out, "bioc-json")
    assert json.loads(out.read_text())["documents"] == []


@pytest.mark.parametrize("separator", [", ", "\n"])
def test_a_large_file_is_streamed(separator: str) -> None:
    def size(n: int) -> int:
        text = separator.join(json.dumps(document(annotation("1", "Ocular", (0, 6)), id=i)) for i in range(n))
        stream = io.BytesIO((text if separator == "\n" else f'{{"documents": [{text}]}}').encode())
        tracemalloc.start()
        for _ in read(stream, "a", "bioc-json", failed=print):
            pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert size(4500) - size(1500) < 1_000_000  # the values alone would take several megabytes
