from __future__ import annotations

import dataclasses
from statistics import mean, median, stdev
from typing import Any

import pytest
from report_cards import make_card, table2_cards

from ranat.attacks import FGM, FreeLB
from ranat.experiments.cards import Card
from ranat.experiments.report.comparisons import Comparisons
from ranat.experiments.report.costs import PAPER, Formula, here, paper_reduction, table3
from ranat.experiments.report.groups import Results, collect, missing
from ranat.experiments.report.tables import CORPORA, differences, published, published_mean, table1, table2


def scores(cards: list[Card], corpus: str, training: str, attack: str | None) -> list[float]:
    return [
        card.test["f1"]
        for card in cards
        if card.test and (card.corpus, card.training, card.attack) == (corpus, training, attack)
    ]


@pytest.fixture(scope="module")
def cards() -> list[Card]:
    return table2_cards(documents=60)


@pytest.fixture(scope="module")
def results(cards: list[Card]) -> Results:
    return collect(cards)


def test_cells_that_differ_in_the_seed_alone_are_a_group(cards: list[Card], results: Results) -> None:
    assert len(results.groups) == 2 * 9
    assert all(list(group.cards) == [0, 1, 2] for group in results.groups)
    assert results.corpora == ["ncbi-disease", "ddi"]
    assert results.attacks("minilm") == ["fgm", "pgd", "freelb", "smart"]
    assert results.split == "test"
    assert results.problems == []
    assert missing(results) == []


def test_table_2_is_mean_and_sd_over_seeds_beside_what_was_published(cards: list[Card], results: Results) -> None:
    rows = {(row.training, row.method): row for row in table2(results, published(), "minilm")}
    assert len(rows) == 11
    for training, attack, method in (("standard", None, "baseline"), ("AT", "pgd", "PGD"), ("RAT", "smart", "SMART")):
        for corpus in results.corpora:
            cell = rows[training, method].cells[corpus]
            expected = scores(cards, corpus, training, attack)
            assert cell.measured is not None
            assert cell.measured.mean == pytest.approx(mean(expected))
            assert cell.measured.sd == pytest.approx(stdev(expected))
            assert cell.why_not == ["backbone minilm, published with pubmedbert"]
        assert rows[training, method].cells["bc2gm"].measured is None
    assert rows["standard", "baseline"].cells["ddi"].published == pytest.approx(0.8236)
    assert rows["RAT", "PGD"].cells["bc2gm"].published == pytest.approx(0.8484)


def test_the_mean_row_is_the_mean_over_attacks_of_each_seed(cards: list[Card], results: Results) -> None:
    row = next(row for row in table2(results, published(), "minilm") if (row.training, row.method) == ("RAT", "mean"))
    by_attack = [scores(cards, "ddi", "RAT", attack) for attack in ("fgm", "pgd", "freelb", "smart")]
    expected = [mean(values) for values in zip(*by_attack, strict=True)]
    assert row.cells["ddi"].measured is not None
    assert row.cells["ddi"].measured.mean == pytest.approx(mean(expected))
    assert row.cells["ddi"].measured.sd == pytest.approx(stdev(expected))
    assert row.cells["ddi"].published == pytest.approx(0.8339)


def test_a_mean_over_some_attacks_says_so() -> None:
    some = collect(table2_cards(corpora=["ddi"], attacks=["fgm", "pgd"], documents=20))
    row = next(row for row in table2(some, published(), "minilm") if row.method == "mean")
    assert "mean over FGM, PGD only" in row.cells["ddi"].why_not


def test_table_1_has_every_backbone_and_those_it_does_not_print(cards: list[Card], results: Results) -> None:
    rows = {row.method: row for row in table1(results, published())}
    assert len(rows) == 11 + 5
    assert rows["BioBERT"].cells["ncbi-disease"].published == pytest.approx(0.8913)
    assert rows["PubMedBERT+FreeLB"].cells["chemprot"].published == pytest.approx(0.8113)
    found = rows["minilm+FGM"].cells["ddi"]
    assert found.measured is not None
    assert found.measured.mean == pytest.approx(mean(scores(cards, "ddi", "AT", "fgm")))
    assert (found.published, found.why_not) == (None, [])


def test_published_values_and_their_contradictions() -> None:
    values = published()
    assert len(values) == 11 * 6 + 9 * 6
    differing = {
        (corpus, attack)
        for table, model, training, attack, corpus in values
        if table == "I"
        and ("II", model, training, attack, corpus) in values
        and values["II", model, training, attack, corpus] != values["I", model, training, attack, corpus]
    }
    assert differing == {("chemprot", attack) for attack in ("fgm", "pgd", "freelb", "smart")}
    assert published_mean(values, "RAT", "ddi") == pytest.approx(0.834875)
    assert all(published_mean(values, "AT", corpus) for corpus in CORPORA)


@pytest.mark.parametrize(
    ("settings", "model", "expected"),
    [
        ({}, "pubmedbert", []),
        ({"train": {"fraction": 0.1}}, "pubmedbert", ["10% of the training data"]),
        ({"train": {"max_steps": 50}}, "pubmedbert", ["stopped after 50 steps"]),
        ({}, "bert", ["backbone bert, published with pubmedbert"]),
    ],
)
def test_what_is_not_comparable(settings: dict[str, Any], model: str, expected: list[str]) -> None:
    [group] = collect([make_card(model=model, settings=settings)]).groups
    assert differences(group) == expected


def test_table_3_is_counted_and_beside_the_formulas(cards: list[Card], results: Results) -> None:
    rows = {(row.training, row.attack): row for row in table3(results, "minilm")}
    assert len(rows) == 9
    for attack, (fixed, by_step) in {"fgm": (6, 0), "pgd": (4, 2), "freelb": (3, 3), "smart": (6, 2)}.items():
        row = rows["AT", attack]
        assert row.counted is not None
        assert row.counted.median == row.counted.low == row.counted.high == fixed + 3 * by_step
        assert row.here is not None
        assert row.here.at(3) == row.counted.median
    assert str(rows["AT", "pgd"].here) == "4 + 2S"
    assert str(rows["RAT", "pgd"].paper) == "3 + 1.5S"
    assert str(rows["RAT", "pgd"].here) == "3.5 + S"
    assert rows["RAT", "fgm"].printed_reduction == rows["RAT", "fgm"].paper_reduction == 0.25
    assert (rows["RAT", "smart"].printed_reduction, rows["RAT", "smart"].paper_reduction) == (0.5, 0.375)


def test_time_is_relative_to_standard_training_of_the_same_corpus_and_seed(cards: list[Card], results: Results) -> None:
    seconds = {
        (card.corpus, card.seed, card.training, card.attack): card.cost["train_seconds"] for card in cards if card.cost
    }
    ratios = [
        seconds[corpus, seed, "RAT", "pgd"] / seconds[corpus, seed, "standard", None]
        for corpus in results.corpora
        for seed in range(3)
    ]
    row = next(row for row in table3(results, "minilm") if (row.training, row.attack) == ("RAT", "pgd"))
    assert row.seconds is not None
    assert row.seconds.median == pytest.approx(median(ratios))
    assert (row.seconds.low, row.seconds.high, row.seconds.n) == pytest.approx((min(ratios), max(ratios), 6))


def test_reduction_is_of_rat_against_at(cards: list[Card], results: Results) -> None:
    xfp = {
        (card.corpus, card.seed, card.training): card.cost["xfp"]
        for card in cards
        if card.cost and card.attack == "smart"
    }
    expected = [
        1 - xfp[corpus, seed, "RAT"] / xfp[corpus, seed, "AT"] for corpus in results.corpora for seed in range(3)
    ]
    [row] = [row for row in table3(results, "minilm") if (row.training, row.attack) == ("RAT", "smart")]
    assert row.reduction is not None
    assert (row.reduction.median, row.reduction.low) == pytest.approx((median(expected), min(expected)))
    assert (row.reduction.high, row.reduction.n) == pytest.approx((max(expected), 6))


def test_formulas() -> None:
    assert PAPER["pgd"].random(0.5) == Formula(3, 1.5)
    assert here("smart") == Formula(6, 2)
    assert str(Formula.of(FreeLB(preset="original"))) == "3S"
    assert str(Formula.of(FGM(clean_weight=0))) == "5"
    assert here(None) == Formula(3)
    assert here("of another installation") is None
    assert paper_reduction("pgd", 0.5, 3) == pytest.approx(0.375)
    assert paper_reduction("pgd", 0.5, 10**9) == pytest.approx(0.5)
    assert paper_reduction("fgm", 0.5, None) == pytest.approx(0.25)
    assert paper_reduction("fgsm", 0.5, None) is None


@pytest.mark.parametrize("order", [1, -1])
def test_of_several_p_the_papers_stands_in_the_tables(order: int) -> None:
    """Also where another has more seeds; and what was published, before all."""
    cards = [make_card(training="RAT", attack="pgd", p=0.5, seed=seed, published=None) for seed in range(2)]
    cards += [make_card(training="RAT", attack="pgd", p=0.25, seed=seed, published=None) for seed in range(5)]
    main = collect(cards[::order]).main("minilm", "ncbi-disease", "RAT", "pgd")
    assert main is not None
    assert main.p == 0.5


@pytest.mark.parametrize("order", [1, -1])
def test_standard_training_for_as_many_epochs_as_the_attacks_stands_in_the_tables(order: int) -> None:
    """Also where the other, such as a control for twice the epochs, has more seeds."""
    same, twice = {"train": {"epochs": 6}}, {"train": {"epochs": 12}}
    cards = [make_card(seed=seed, settings=twice, published=None) for seed in range(5)]
    cards += [make_card(seed=seed, settings=same, published=None) for seed in range(2)]
    cards += [make_card(training="AT", attack="fgm", seed=seed, settings=same, published=None) for seed in range(2)]
    main = collect(cards[::order]).main("minilm", "ncbi-disease", "standard")
    assert main is not None
    assert main.settings["train.epochs"] == 6


def test_another_preset_has_a_formula_of_its_own() -> None:
    cards = [make_card(training="AT", attack="pgd", settings={"attack": {"preset": "original"}})]
    row = next(row for row in table3(collect(cards), "minilm") if (row.training, row.attack) == ("AT", "pgd"))
    assert str(row.here) == "3 + 2S"
    assert row.paper is not None


def test_the_group_with_published_values_stands_in_the_tables() -> None:
    cards = [
        make_card(training="RAT", attack="pgd", seed=seed, settings={"attack": {"epsilon": epsilon}}, published=None)
        for epsilon in (0.1, 3.0)
        for seed in range(5)
    ]
    cards += [make_card(training="RAT", attack="pgd", seed=seed) for seed in range(2)]
    results = collect(cards)
    main = results.main("minilm", "ncbi-disease", "RAT", "pgd")
    assert main is not None
    assert main.settings["attack.epsilon"] == 0.3
    assert len(results.others()) == 2
    assert results.problems == [
        "ncbi-disease, minilm, RAT PGD: of 3 groups of cells, tables and tests have that with attack.epsilon = 0.3."
    ]


def odd(**changes: Any) -> list[Card]:
    """Three seeds of standard training, the last of which is changed."""
    cards = [make_card(seed=seed) for seed in range(3)]
    return [*cards[:2], dataclasses.replace(cards[2], **changes)]


def test_different_versions_are_a_problem() -> None:
    [problem] = collect(odd(versions={"ranat": "0.1.0", "torch": "2.8.0"})).problems
    assert problem == "ncbi-disease, minilm, standard: its seeds were made with torch 2.8.0 and 2.9.0."


def test_different_training_splits_are_a_problem() -> None:
    splits = {name: {"documents": 200, "sha256": f"{name}-ncbi-disease"} for name in ("dev", "test")}
    [problem] = collect(odd(splits=splits | {"train": {"documents": 200, "sha256": "other"}})).problems
    assert problem == "ncbi-disease, minilm, standard: its seeds have different train splits."


def test_counts_that_do_not_fit_together_are_in_no_test() -> None:
    cards = table2_cards(corpora=["ddi"], attacks=["fgm"], documents=50)
    short = dataclasses.replace(cards[1], counts={"test": cards[1].counts["test"][:-1]} if cards[1].counts else None)
    results = collect([cards[0], short, *cards[2:]])
    assert any("its counts do not give its F1" in problem for problem in results.problems)
    assert any(
        problem.startswith("DDI: the cells' counts have different lengths: 49 documents in 1 cells and 50 documents")
        for problem in results.problems
    )
    assert Comparisons(results, draws=50).tests() == []
    assert len(Comparisons(collect(cards), draws=50).tests()) == 3


def test_a_card_without_counts_is_in_no_test_but_in_the_tables() -> None:
    cards = table2_cards(corpora=["ddi"], attacks=["fgm"], documents=50)
    results = collect([dataclasses.replace(cards[0], counts=None), *cards[1:]])
    assert any("no counts of test documents" in problem for problem in results.problems)
    assert [test.difference.seeds for test in Comparisons(results, draws=50).tests()] == [2, 2, 3]


def test_a_cell_of_two_folders_counts_once() -> None:
    cards = [make_card(seed=seed) for seed in range(2)]
    again = dataclasses.replace(cards[0], spec="table3", published=None)
    assert [len(group.cards) for group in collect([*cards, again]).groups] == [2]
    assert collect([*cards, again]).problems == []
    other = dataclasses.replace(again, test={**(cards[0].test or {}), "f1": 0.5})
    assert "is there twice" in collect([*cards, other]).problems[0]


def test_scores_are_of_dev_if_a_corpus_has_no_test() -> None:
    results = collect([make_card(), dataclasses.replace(make_card("ddi"), test=None)])
    assert results.split == "dev"
    assert "dev split" in results.problems[0]


def test_gaps_of_the_grid() -> None:
    cards = [card for card in table2_cards(documents=20) if (card.corpus, card.attack) != ("ddi", "smart")]
    cards = [card for card in cards if (card.corpus, card.training, card.seed) != ("ncbi-disease", "standard", 2)]
    assert missing(collect(cards)) == [
        "ncbi-disease, minilm, standard: seed 2",
        "ddi, minilm, AT smart: all seeds",
        "ddi, minilm, RAT smart: all seeds",
    ]


def test_family_of_tests(cards: list[Card], results: Results) -> None:
    tests = Comparisons(results, draws=100).tests()
    assert len(tests) == 2 * 4 * 3
    assert {(test.first, test.second) for test in tests} == {("standard", "AT"), ("standard", "RAT"), ("AT", "RAT")}
    assert all(test.p_holm >= test.difference.p for test in tests)
    by_name = {(test.corpus, test.attack, test.first, test.second): test.difference for test in tests}
    at, rat = scores(cards, "ddi", "AT", "pgd"), scores(cards, "ddi", "RAT", "pgd")
    assert by_name["ddi", "pgd", "AT", "RAT"].estimate == pytest.approx(mean(rat) - mean(at))
    lowest = min(tests, key=lambda test: test.difference.p)
    assert lowest.p_holm == pytest.approx(min(len(tests) * lowest.difference.p, 1))
