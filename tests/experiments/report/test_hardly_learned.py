"""Cells that hardly learned are marked in the report."""

from __future__ import annotations

import pytest
from report_cards import make_card

from ranat.experiments.report.details import groups_table
from ranat.experiments.report.groups import collect


def scores(card_table: object) -> list[str]:
    return [row[4].text for row in card_table.rows]  # type: ignore[attr-defined]  # cells are items


@pytest.mark.parametrize(
    ("changes", "remark"),
    [
        ({"cost": {"batches": 9, "optimizer_steps": 9}}, "it made 9 optimizer steps, fewer than 50"),
        ({"dev": {"f1": 0.0}}, "it learned nothing: its dev F1 is 0"),
    ],
)
def test_a_row_is_marked_and_the_seed_named(changes: dict[str, object], remark: str) -> None:
    cards = [make_card(seed=0), make_card(seed=1, **changes), make_card(training="AT", attack="fgm")]  # type: ignore[arg-type]  # changes of any field
    results = collect(cards)
    assert f"ncbi-disease, minilm, standard, seed 1: {remark}." in results.problems
    table = groups_table(results)
    assert [text.endswith(" *") for text in scores(table)] == [True, False]
    assert any(note.startswith("*: ") for note in table.notes)


def test_what_learned_is_not_marked() -> None:
    results = collect([make_card(seed=0, cost={"batches": 60, "optimizer_steps": 50})])
    assert not any(" seed 0: it " in problem for problem in results.problems)
    table = groups_table(results)
    assert [text.endswith(" *") for text in scores(table)] == [False]
    assert not any(note.startswith("*: ") for note in table.notes)
