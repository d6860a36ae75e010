"""JSON in every layout is cut into the same objects, whatever is in them and however it is read."""

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranat.errors import UserError
from ranat.formats import json_records
from ranat.formats.json_records import MalformedError, parse, records
from ranat.formats.source import Reading, Source

TEXT = st.text(st.characters(codec="utf-8") | st.sampled_from('"\\{}[],:\n'), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(TEXT, inside, max_size=3),
    max_leaves=8,
)
OBJECTS = st.lists(st.dictionaries(TEXT.filter(lambda key: key != "items"), VALUES, max_size=4), min_size=1, max_size=5)


def source(text: str | bytes, **reading: Any) -> Source:
    data = text if isinstance(text, bytes) else text.encode()
    return Source(io.BufferedReader(io.BytesIO(data), 1 << 16), "a", reading=Reading(**reading))  # type: ignore[arg-type]  # options of any kind


LAYOUTS = {
    "a line each": lambda found: "\n".join(json.dumps(item) for item in found),
    "a list": json.dumps,
    "a list, spread out": lambda found: json.dumps(found, indent=1),
    "one after the other": lambda found: "".join(json.dumps(item, indent=2) for item in found),
    "a text sequence": lambda found: "".join(f"\x1e{json.dumps(item)}\n" for item in found),
    "a collection": lambda found: json.dumps({"key": {"items": 1}, "items": found, "more": [{}]}),
    "a list of collections": lambda found: json.dumps([{"items": [item]} for item in found], indent=1),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("chunk", [1, 7, 1 << 18])
@given(found=OBJECTS)
def test_all_layouts_give_the_same_objects(
    monkeypatch_module: pytest.MonkeyPatch, layout: str, chunk: int, found: list[dict[str, Any]]
) -> None:
    monkeypatch_module.setattr(json_records, "_CHUNK", chunk)
    text = LAYOUTS[layout](found)
    cut = list(records(source(text), lists=["items"]))
    assert [parse(record) for _, record in cut] == found
    lines = text.split("\n")
    for line, record in cut:
        assert record[0] in lines[line - 1]


@pytest.fixture(scope="module")
def monkeypatch_module() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def test_what_is_wrong_within_one_is_no_others_fault() -> None:
    for text in (
        '{"a": 1}\n{"a": 1, "b\n{"a": 2}\n',
        '[{"a": 1},\n{"a": x},\n{"a": 2}]',
        '[{"a": 1},\n' + "1" * 5000 + ',\n{"a": 2}]',
        '[{"a": 1},\n"text",\n[[1]], null, {"a": 2}]',
    ):
        good, bad = [], []
        for line, record in records(source(text)):
            try:
                good.append(parse(record))
            except MalformedError:
                bad.append(line)
        assert good == [{"a": 1}, {"a": 2}]
        assert bad
        assert bad[0] == 2


@pytest.mark.parametrize("digits", [100, 5000])
def test_numbers_of_any_length_end_nothing(digits: int) -> None:
    (record,) = records(source('{"a": ' + "7" * digits + "}"))
    if digits < 4300:
        assert parse(record[1]) == {"a": int("7" * digits)}
    else:
        with pytest.raises(MalformedError, match="an integer has thousands of digits"):
            parse(record[1])


def test_a_key_twice_is_refused() -> None:
    """Wherever it is, since either value may be the one that is meant."""
    assert parse('{"a": {"b": 1}, "b": [{"b": 2}, {"b": 3}]}') == {"a": {"b": 1}, "b": [{"b": 2}, {"b": 3}]}
    for text in ('{"text": "x", "entities": [1], "entities": []}', '{"a": [{"entities": 1, "b": 2, "entities": 1}]}'):
        with pytest.raises(MalformedError, match="the key 'entities' is there twice in one object"):
            parse(text)


def test_a_long_object_fails_alone_and_takes_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_records, "_CHUNK", 16)
    for long in ('{"b": "' + 'x\\"{' * 1000 + '"}', '{"b": [' + "[1], " * 1000 + "[]]}"):
        failed: list[UserError] = []
        text = f'[{{"a": 1}},\n{long},\n{{"a": 2}}]'
        found = [parse(record) for _, record in records(source(text, failed=failed.append, longest=100))]
        assert found == [{"a": 1}, {"a": 2}]
        assert [str(error) for error in failed] == [
            "a:2: more than 100 bytes of one document (split it, or raise --max-characters)"
        ]
        with pytest.raises(UserError, match="a:2: more than 100 bytes"):
            list(records(source(text, longest=100)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prose", "a:1: not JSON: 'p' where it cannot be"),
        ('[{"a": 1}\n', "a:2: not JSON: the file ends within a list"),
        ('{\n"a": [1\n', "a:3: not JSON: the file ends within what begins at line 1"),
        ('{\n"a": "x', "a:2: not JSON: the file ends within what begins at line 1"),
        ('{\n"a": [1}]', "a:2: not JSON: '}' where it cannot be"),
        ("[" + "{" * 10_000, "a:1: lists and objects in more than 1000 others"),
        ("]", "a:1: not JSON: ']' where it cannot be"),
        ("[}", "a:1: not JSON: '}' where it cannot be"),
    ],
)
def test_brackets_that_do_not_match(text: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        list(records(source(text)))
    assert str(caught.value) == message
