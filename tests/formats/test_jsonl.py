import io
import json

import pytest

from ranat.documents import Document, Entity
from ranat.errors import UserError
from ranat.formats import read
from ranat.formats.notice import Notice


def parse(*lines: object, notices: list[Notice] | None = None) -> list[Document]:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    return list(read(io.BytesIO(text.encode()), "a", "jsonl", notices=notices))


ENTITY = {"id": "T1", "type": "X", "spans": [[0, 2]]}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not JSON: "),
        ("[1]", "a record must be a JSON object"),
        ({"id": "1"}, "'text' is missing"),
        ({"id": 1.5, "text": "ab"}, "'id' must be a string"),
        ({"id": True, "text": "ab"}, "'id' must be a string"),
        ('{"id": ' + "9" * 5000 + ', "text": "ab"}', "not JSON that can be read"),
        ({"id": "1", "text": "ab", "entities": {}}, "'entities' must be a list"),
        ({"id": "1", "text": "ab", "entities": [[]]}, "each of 'entities' must be a JSON object"),
        ({"id": "1", "text": "ab", "entities": [ENTITY | {"spans": []}]}, "entity 'T1' has no span"),
        ({"id": "1", "text": "ab", "entities": [ENTITY | {"spans": [[0, True]]}]}, "must be a list of [start, end]"),
        ({"id": "1", "text": "ab", "entities": [ENTITY | {"spans": [[1, 1]]}]}, "empty span"),
        ({"id": "1", "text": "ab", "entities": [ENTITY | {"spans": [[1, 3]]}]}, "past the text's 2 characters"),
        ({"id": "1", "text": "ab", "entities": [ENTITY | {"text": "aB"}]}, "said to be 'aB' but 'ab'"),
        ({"id": "1", "text": "ab", "entities": [ENTITY, ENTITY]}, "two entities with the id 'T1'"),
        ({"id": "1", "text": "ab", "entities": [ENTITY | {"score": 2}]}, "'score' must be a number"),
        ({"id": "1", "text": "ab", "relations": [{"type": "r", "head": "T1"}]}, "'tail' is missing"),
        ({"id": "1", "text": "ab", "tokens": [[0, 3]]}, "'tokens': [0, 3] is not within"),
        ('{"id": "1", "text": "\\ud800"}', "half a surrogate pair"),
        ('{"id": "1", "text": "a", "x": ' + "[" * 100_000, "not JSON"),
    ],
)
def test_a_malformed_line(line: object, message: str) -> None:
    with pytest.raises(UserError) as caught:
        parse({"id": "0", "text": "fine"}, line)
    assert message in str(caught.value)
    assert caught.value.where == "a:2"


def test_an_id_may_be_a_number_or_that_of_the_line() -> None:
    documents = parse({"id": 1, "text": "a"}, {"id": None, "text": "b"}, {"text": "c"}, {"id": "", "text": "d"})
    assert [document.id for document in documents] == ["1", "a:2", "a:3", ""]


def test_a_label_is_read_as_any_other_key_where_there_is_an_id() -> None:
    line = json.dumps({"id": "1", "text": "ab", "label": "X"})
    (document,) = read(io.BytesIO(line.encode()), "a")
    assert document == Document("1", "ab")


def test_a_discontinuous_mention_keeps_its_spans() -> None:
    entity = {"id": "T1", "type": "X", "spans": [[0, 6], [20, 28]], "text": "Ocular toxicity", "concept": "D1"}
    (document,) = parse({"id": "1", "text": "Ocular and auditory toxicity", "entities": [entity]})
    assert document.entities == (Entity("T1", "X", ((0, 6), (20, 28)), "D1"),)


def test_entities_come_sorted_by_where_they_start() -> None:
    later = ENTITY | {"id": "T2", "spans": [[3, 5]]}
    (document,) = parse({"id": "1", "text": "ab cd", "entities": [later, ENTITY]})
    assert [entity.id for entity in document.entities] == ["T1", "T2"]


def test_keys_that_are_not_read_are_counted() -> None:
    notices: list[Notice] = []
    parse(
        {"id": "1", "text": "ab", "meta": 1, "entities": [ENTITY | {"note": "?"}]},
        {"id": "2", "text": "", "meta": 2},
        notices=notices,
    )
    assert sorted((notice.what, notice.count) for notice in notices) == [
        ("the key 'entities.note' is not read (1 times)", 1),
        ("the key 'meta' is not read (2 times)", 2),
    ]


def test_documents_without_id_in_one_line_are_numbered() -> None:
    data = b'[{"text": "a"}, {"text": "b"},\n{"text": "c"}]'
    assert [document.id for document in read(io.BytesIO(data), "some/train.json")] == [
        "train:1",
        "train:1.2",
        "train:2",
    ]


def test_text_and_id_may_stand_under_other_keys() -> None:
    line = {"pmid": 7, "title": "t", "abstract": "ab", "text": "other", "entities": [ENTITY]}
    source = io.BytesIO(json.dumps(line).encode())
    notices: list[Notice] = []
    (document,) = read(source, "a", columns={"text": "abstract", "id": "pmid"}, notices=notices)
    assert document == Document("7", "ab", (Entity("T1", "X", ((0, 2),)),))
    assert [str(notice) for notice in notices] == [
        "a: left out: the key 'title' is not read (1 times)",
        "a: left out: the key 'text' is not read (1 times)",
    ]


def test_where_the_text_is_missing_the_keys_that_are_there_are_told() -> None:
    with pytest.raises(UserError, match=r"the keys are 'title', 'abstract'; name one by --columns text=KEY"):
        parse({"title": "t", "abstract": "ab"})
    with pytest.raises(UserError, match="'pmid' is missing"):
        list(read(io.BytesIO(b'{"text": "ab"}'), "a", "jsonl", columns={"id": "pmid"}))
