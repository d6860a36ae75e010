from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ranat.errors import UserError
from ranat.experiments.cards import Card, read_all
from ranat.experiments.grid.cells import expand
from ranat.experiments.spec import read_spec


@pytest.fixture
def card() -> Card:
    return expand(read_spec("table2", seeds=[0], corpora=["ncbi-disease"]))[-1].failed("out of memory")


def test_a_card_reads_as_it_was_written(tmp_path: Path, card: Card) -> None:
    done = replace(card, status="done", error=None, counts={"test": [[1, 2, 3], [0, 0, 1]]}, test={"f1": 0.5})
    done.write(tmp_path / "cards" / "b.json")
    card.write(tmp_path / "cards" / "a.json")
    assert read_all(tmp_path) == [card, done]
    lines = (tmp_path / "cards" / "b.json").read_text().splitlines()
    assert '  "counts": {"test": [[1, 2, 3], [0, 0, 1]]},' in lines
    assert [line for line in lines if "schema" in line] == ['  "schema": 1,']


def test_what_a_card_says_of_its_cell(card: Card) -> None:
    assert (card.training, card.attack, card.p, card.seed) == ("RAT", "smart", 0.5, 0)
    assert card.cell == "ncbi-disease-pubmedbert-rat-smart-seed0"
    assert card.published == {"table": "II", "model": "pubmedbert", "f1": 0.8902, "remark": ""}
    assert (card.comparable, card.why_not) == (True, [])
    assert card.settings["attack"]["steps"] == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda values: values | {"schema": 2}, "no result card of schema 1"),
        (lambda values: [values], "no result card of schema 1"),
        (lambda values: {key: value for key, value in values.items() if key != "row"}, "the card lacks 'row'"),
        (lambda values: values | {"rows": 1}, "the card has the unknown key 'rows'"),
    ],
)
def test_what_is_no_card(tmp_path: Path, card: Card, change: object, message: str) -> None:
    file = tmp_path / "cards" / "a.json"
    card.write(file)
    file.write_text(json.dumps(change(json.loads(file.read_text()))))  # type: ignore[operator]  # it is a function
    with pytest.raises(UserError, match=message) as caught:
        read_all(tmp_path)
    assert str(caught.value).startswith(str(file))


def test_a_card_cut_off(tmp_path: Path, card: Card) -> None:
    file = tmp_path / "cards" / "a.json"
    card.write(file)
    file.write_text(file.read_text()[:-20])
    with pytest.raises(UserError, match=r"not JSON: .* \(delete it, and `ranat reproduce` makes the cell again\)"):
        Card.read(file)


def test_no_cards(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no result cards are here"):
        read_all(tmp_path)
