from __future__ import annotations

from collections.abc import Sequence

import pytest
from report_cards import make_card, table2_cards

from ranat.experiments.cards import Card
from ranat.experiments.report.claims import claims
from ranat.experiments.report.comparisons import Comparisons
from ranat.experiments.report.evidence import Claim, Evidence, Verdict, above, overall, within
from ranat.experiments.report.groups import collect
from ranat.experiments.report.tables import CORPORA, published


def decide(cards: list[Card]) -> dict[str, Claim]:
    results = collect(cards)
    found = claims(results, Comparisons(results, draws=500), published())
    assert len({claim.name for claim in found}) == len(found) == 13
    return {claim.name: claim for claim in found}


def grid(
    standard: float, at: float, rat: float, seeds: int = 5, on: Sequence[str] = ("ncbi-disease", "ddi")
) -> list[Card]:
    """Table II with FGM and PGD, with given skills."""
    cells = [("standard", None, standard)]
    cells += [(training, attack, skill) for training, skill in (("AT", at), ("RAT", rat)) for attack in ("fgm", "pgd")]
    return [
        make_card(corpus, training, attack, seed, skill=skill, documents=600, noise=0.01)
        for corpus in on
        for training, attack, skill in cells
        for seed in range(seeds)
    ]


@pytest.mark.parametrize(
    ("skills", "verdicts"),
    [
        ((1.0, 2.0, 2.0), {"at-improves": "holds", "rat-improves": "holds", "rat-better": "undecided"}),
        ((2.0, 1.0, 2.0), {"at-improves": "does not hold", "rat-improves": "undecided", "rat-better": "holds"}),
        ((1.5, 1.5, 1.5), {"at-improves": "undecided", "rat-improves": "undecided"}),
        ((1.0, 1.5, 2.0), {"rat-keeps-up": "holds"}),
        ((1.0, 2.0, 1.0), {"rat-keeps-up": "does not hold", "rat-better": "does not hold"}),
    ],
)
def test_claims_about_f1(skills: tuple[float, float, float], verdicts: dict[str, Verdict]) -> None:
    found = decide(grid(*skills, on=CORPORA))
    assert {name: found[name].verdict for name in verdicts} == verdicts


def test_what_holds_on_some_corpora_is_undecided_and_what_fails_on_all_of_them_does_not_hold() -> None:
    assert decide(grid(1.0, 2.0, 2.0))["at-improves"].verdict == "undecided"
    assert decide(grid(2.0, 1.0, 1.0))["at-improves"].verdict == "does not hold"


def test_evidence_is_the_difference_of_means() -> None:
    cards = grid(1.0, 2.0, 2.0, seeds=2)
    claim = decide(cards)["at-improves"]
    scores = {
        training: [card.test["f1"] for card in cards if card.test and (card.corpus, card.training) == ("ddi", training)]
        for training in ("standard", "AT")
    }
    [item] = [item for item in claim.evidence if item.label == "DDI"]
    assert item.estimate == pytest.approx(sum(scores["AT"]) / 4 - sum(scores["standard"]) / 2)
    assert item.published == pytest.approx((83.20 + 83.03 + 83.01 + 82.49) / 400 - 0.8236)
    assert "mean over FGM, PGD only" in item.note
    assert [other.note for other in claim.evidence if other.estimate is None] == ["not measured"] * 4
    assert claim.note == "Measured on 2 of the claim's 6 corpora. The claim is about PubMedBERT; here it is minilm."


def test_one_seed_decides_nothing() -> None:
    found = decide(grid(1.0, 2.0, 2.0, seeds=1))
    assert found["at-improves"].verdict == "undecided"
    assert found["at-improves"].evidence[3].low is not None
    assert "the interval does not cover variation between seeds" in found["at-improves"].evidence[3].note


def test_gains_are_those_of_the_attack_that_is_best_in_the_paper() -> None:
    claim = decide(table2_cards(corpora=CORPORA, gain=0.6, documents=100))["gains"]
    assert [item.label for item in claim.evidence] == [
        "BC5-chem, PGD",
        "BC5-disease, FGM",
        "BC2GM, PGD",
        "NCBI-disease, FreeLB",
        "NCBI-disease, SMART",
        "CHEMPROT, FreeLB",
        "DDI, FGM",
    ]
    assert [round(100 * (item.published or 0), 2) for item in claim.evidence] == [
        0.35,
        0.34,
        0.43,
        1.07,
        1.07,
        3.89,
        0.84,
    ]


def test_gains_far_from_the_published_ones_refute() -> None:
    assert decide(grid(0.5, 2.5, 2.5))["gains"].verdict == "does not hold"


def rivals(skills: dict[str, dict[str, float]]) -> list[Card]:
    """Corpus → attack → skill under AT."""
    return [
        make_card(corpus, "AT", attack, seed, skill=skill, documents=600, noise=0.01)
        for corpus, by_attack in skills.items()
        for attack, skill in by_attack.items()
        for seed in range(5)
    ]


@pytest.mark.parametrize(
    ("ddi", "verdict"),
    [
        ({"fgm": 0.5, "pgd": 2.0}, "holds"),
        ({"fgm": 2.0, "pgd": 0.5}, "does not hold"),
        ({"fgm": 1.5, "pgd": 1.5}, "undecided"),
    ],
)
def test_no_attack_is_the_best_everywhere(ddi: dict[str, float], verdict: Verdict) -> None:
    found = decide(rivals({"ncbi-disease": {"fgm": 2.0, "pgd": 0.5}, "ddi": ddi}))
    assert found["no-best-at"].verdict == verdict
    assert found["no-best-rat"].verdict == "undecided"


def test_one_corpus_cannot_tell_whether_an_attack_is_best_everywhere() -> None:
    assert decide(rivals({"ddi": {"fgm": 2.0, "pgd": 0.5}}))["no-best-at"].verdict == "undecided"


def test_claims_about_cost() -> None:
    found = decide(table2_cards(documents=20, seeds=range(8)))
    counted = {item.label: item for item in found["rat-cheaper-steps-counted"].evidence}
    assert {label: item.estimate for label, item in counted.items()} == pytest.approx(
        {"PGD": 0.35, "FreeLB": 0.375, "SMART": 0.375}
    )
    assert all((item.low, item.high) == (None, None) for item in counted.values())
    assert counted["PGD"].note == "arithmetic; met by each of 16 pairs of runs"
    assert all(item.low is not None for item in found["rat-cheaper-steps-time"].evidence)
    assert found["rat-cheaper-fgm-counted"].verdict == "holds"
    assert found["rat-cheaper-steps-counted"].verdict == "does not hold"
    assert found["rat-cheaper-formula-counted"].verdict == "does not hold"
    by_attack = {item.label: item.verdict for item in found["rat-cheaper-formula-counted"].evidence}
    assert by_attack == {"PGD": "does not hold", "FreeLB": "holds", "SMART": "holds"}
    assert found["rat-cheaper-fgm-time"].verdict == "does not hold"  # 1.73 and 1.365 times standard: 21%
    assert "S = 3" in found["rat-cheaper-steps-counted"].text


def test_cost_of_another_share_is_not_the_papers() -> None:
    found = decide([card for card in table2_cards(documents=20, p=0.25) if card.training == "RAT"])
    assert found["rat-cheaper-fgm-counted"].verdict == "undecided"
    assert found["rat-cheaper-fgm-counted"].evidence[0].note == "not measured"


def item(verdict: Verdict, refuted: bool = False) -> Evidence:
    return Evidence("", 0.1, 0, 0.2, None, verdict, refuted)


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        ([], "undecided"),
        ([Evidence("", None, None, None, 0.1, "undecided")], "undecided"),
        ([item("holds"), Evidence("", None, None, None, 0.1, "undecided")], "undecided"),
        ([item("holds"), item("holds")], "holds"),
        ([item("holds"), item("undecided")], "undecided"),
        ([item("holds"), item("does not hold")], "undecided"),
        ([item("holds"), item("does not hold", refuted=True)], "does not hold"),
        ([item("does not hold"), item("does not hold")], "does not hold"),
    ],
)
def test_verdict_over_all_evidence(evidence: list[Evidence], verdict: Verdict) -> None:
    assert overall(evidence) == verdict


def test_verdicts_are_those_of_intervals() -> None:
    assert above(0, 0.1, 0.2) == "holds"
    assert above(0, -0.2, -0.1) == "does not hold"
    assert above(0, -0.1, 0.9) == "undecided"
    assert within(1, 0.5, 0.6, 1.4) == "holds"
    assert within(1, 0.5, 1.6, 1.7) == within(1, 0.5, 0.1, 0.4) == "does not hold"
    assert within(1, 0.5, 0.4, 1.4) == "undecided"


def test_without_attacks_there_is_nothing_to_decide() -> None:
    results = collect([make_card()])
    assert claims(results, Comparisons(results), published()) == []
