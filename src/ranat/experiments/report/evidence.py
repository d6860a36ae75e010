"""What decides a claim: measurements with intervals, and verdicts drawn from them alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ranat.evaluation.significance import Difference
from ranat.experiments.report.groups import shown
from ranat.experiments.report.tables import PUBLISHED_MODEL
from ranat.terminal import counted

Verdict = Literal["holds", "does not hold", "undecided"]


@dataclass(frozen=True)
class Evidence:
    """One measurement that bears on a claim.

    Args:
        label: the corpus, or the attack and how cost was taken.
        estimate: a difference of F1 or a share of cost, as a fraction; None if it was not measured.
        low: of its 95% interval.
        high: of its 95% interval.
        published: the same from the paper.
        verdict: on this measurement alone.
        refuted: not even at the level 1 − 0.05/k of k measurements does the interval allow for the claim.
        note: what limits it.
    """

    label: str
    estimate: float | None
    low: float | None
    high: float | None
    published: float | None
    verdict: Verdict
    refuted: bool = False
    note: str = ""


@dataclass(frozen=True)
class Claim:
    """What the paper says, the rule by which it was decided, and with what result.

    Args:
        name: short and stable.
        model: the backbone it was measured with.
        text: the claim.
        source: where the paper makes it.
        rule: how it is decided.
        verdict: over all the evidence.
        evidence: what was measured.
        note: what limits it.
        unit: of the evidence: F1 differences are in points, shares of cost in percent.
    """

    name: str
    model: str
    text: str
    source: str
    rule: str
    verdict: Verdict
    evidence: list[Evidence]
    note: str = ""
    unit: Literal["points", "percent"] = "points"


RULE_OF_ALL = (
    "Of several measurements a claim needs all: it holds if it does in each, and does not if it does not in each, or "
    "if in one even the interval at the level 1 − 0.05/k for k measurements speaks against it. Else it is undecided; "
    "so is what was measured with one seed, or not at all. The paper's rows of BioBERT and PubMedBERT under standard "
    "training equal, digit by digit, those that BLURB published (Gu et al. 2021, arXiv 2007.15779), so the gains that "
    "it prints may compare runs of two groups, made with other settings."
)


def overall(evidence: Sequence[Evidence]) -> Verdict:
    """A claim's verdict by `RULE_OF_ALL`."""
    measured = {item.verdict for item in evidence if item.estimate is not None}
    if any(item.refuted for item in evidence) or measured == {"does not hold"}:
        return "does not hold"
    return "holds" if evidence and all(item.verdict == "holds" for item in evidence) else "undecided"


def about(model: str) -> str:
    """What is to be said where a claim was measured with another backbone than the paper's."""
    if model == PUBLISHED_MODEL:
        return ""
    return f"The claim is about {shown(PUBLISHED_MODEL)}; here it is {shown(model)}."


def above(floor: float, low: float, high: float) -> Verdict:
    """Is it more than `floor`? By an interval, never by its middle."""
    return "holds" if low > floor else "does not hold" if high < floor else "undecided"


def within(centre: float, margin: float, low: float, high: float) -> Verdict:
    """Is it within a margin of a value? The whole interval is, none of it is, or neither."""
    if centre - margin < low and high < centre + margin:
        return "holds"
    return "does not hold" if high < centre - margin or low > centre + margin else "undecided"


def from_difference(
    label: str, difference: Difference, published: float | None, verdict: Verdict, refuted: bool, note: str = ""
) -> Evidence:
    """A difference as evidence; one seed decides nothing, as its interval does not cover variation between seeds."""
    notes = [counted(difference.seeds, "seeds"), note]
    if difference.seeds == 1:
        verdict, refuted = "undecided", False
        notes.append("the interval does not cover variation between seeds")
    said = ", ".join(filter(None, notes))
    return Evidence(label, difference.estimate, difference.low, difference.high, published, verdict, refuted, said)
