"""YAML of users: what is read, and that nothing small in a file becomes large."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ranat.errors import UsageError
from ranat.plainyaml import DEEPEST, LARGEST, dump_yaml, read_yaml, yaml_value

BOMB = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))

REFUSED = {
    BOMB: ":1: anchors (&) and aliases (*) are not read",
    "a: 1\nb: *a\n": ":2: anchors (&) and aliases (*) are not read",
    "a: 1\nb:\n  <<: {x: 1}\n  c: &c 1\n": ":4: anchors",
    "a: " + "[" * (DEEPEST + 1): f":1: nested more than {DEEPEST} deep",
    "a:\n" + "".join(f"{' ' * n}a:\n" for n in range(1, 100_000 // 150)): f":{DEEPEST + 1}: nested more than {DEEPEST}",
    "a: " + "[" * 500_000: f":1: nested more than {DEEPEST} deep",
    "a: " + "{a: " * 100_000: f":1: nested more than {DEEPEST} deep",
    "- " * 100_000: f":1: nested more than {DEEPEST} deep",
    "a: 1\nb: 2\na: 3\n": ":3: the key 'a' is there twice",
    "a:\n  b: {c: 1, 'c': 2}\n": ":2: the key 'c' is there twice",
    "a: 1\nyes: 2\n": ":2: a key is not text; put it in quotes",
    "1: 2\n": ":1: a key is not text; put it in quotes",
    "{[a]: 2}\n": ":1: a key is not text; write `key: value`",
    "a: !!python/object/apply:os.system ['true']\n": ":1: tags such as tag:yaml.org,2002:python/object/apply:os.syst",
    "a: !!set {b}\n": ":1: tags such as tag:yaml.org,2002:set are not read",
    "a: !!int x\n": ":1: tags such as tag:yaml.org,2002:int are not read",
    "a: " + "1" * 5000: ":1: a number of 5000 digits",
    "a: 0x_\n": ":1: cannot read '0x_' as a number",
    "a: [1\nb: 2\n": ":2: not YAML: while parsing a flow sequence, expected ',' or ']', but got ':'",
    "a: 1\n---\nb: 1\n": ":2: not YAML: expected a single document in the stream, but found another document",
    "a: 1\nb: \x00\n": ":2: not YAML: the character U+0000 cannot be in it",
    "a: 1\nb: \x1b[31m\n": ":2: not YAML: the character U+001B cannot be in it",
    "": ": not a mapping of config keys",
    "x" * (LARGEST + 1): ": larger than 1 MiB",
}


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text[:20])
def test_what_is_not_plain_is_refused_at_once(tmp_path: Path, text: str) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(text)
    begun = time.process_time()
    with pytest.raises(UsageError) as refused:
        read_yaml(file)
    assert time.process_time() - begun < 2
    assert str(refused.value).startswith(f"{file}{REFUSED[text]}")
    assert len(str(refused.value).splitlines()) == 1


def test_bytes_that_are_no_text_are_told_with_their_line(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes(b"a: 1\nb: \xe9\n")
    with pytest.raises(UsageError, match=r"a\.yaml:2: not UTF-8 \(save it as UTF-8\)"):
        read_yaml(file)


def test_a_file_without_end_is_not_read_to_its_end() -> None:
    with pytest.raises(UsageError, match="/dev/zero: larger than 1 MiB"):
        read_yaml(Path("/dev/zero"))


def test_plain_values_are_read_as_yaml_has_them(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("a: 1\nb: [0.5, .inf, null, true, ~]\nc: {d: '1', 'yes': e}\nf: 2024-01-01\n'<<': g\nh: =\n")
    infinity = float("inf")
    assert read_yaml(file) == {
        "a": 1,
        "b": [0.5, infinity, None, True, None],
        "c": {"d": "1", "yes": "e"},
        "f": "2024-01-01",
        "<<": "g",
        "h": "=",
    }


@pytest.mark.parametrize("text", ["[1", "&a 1", "*a", "[" * 100_000, "{a: 1, a: 2}", "\x1b", "!!int x", "1" * 5000])
def test_a_value_of_a_flag_is_as_plain(text: str) -> None:
    with pytest.raises(UsageError, match=r"\A--attack\.epsilon: cannot read ") as refused:
        yaml_value(text, "--attack.epsilon")
    assert len(str(refused.value)) < 300


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False) | st.text(),
    lambda values: st.lists(values) | st.dictionaries(st.text(), values),
    max_leaves=10,
)


@given(PLAIN)
def test_what_is_dumped_is_read_again(value: object) -> None:
    assert yaml_value(dump_yaml(value), "here") == value


def test_what_is_shared_is_written_out() -> None:
    shared = ["x"]
    text = dump_yaml({"a": shared, "b": shared})
    assert yaml_value(text, "here") == yaml.safe_load(text) == {"a": ["x"], "b": ["x"]}
