"""The paper's claims about cost: RAT is cheaper than AT."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

from ranat.evaluation.significance import student_interval, summarise
from ranat.experiments.report.costs import PRINTED_REDUCTION, paper_reduction, reductions, steps
from ranat.experiments.report.evidence import Claim, Evidence, above, overall
from ranat.experiments.report.groups import Group, Results, shown

TOLERANCE = 0.01
"""A reduction may miss the published one by this much: one percentage point."""

_RULE = (
    f"For p = 0.5: holds if the Student 95% interval of the mean reduction over corpora and seeds lies above the "
    f"published one less {100 * TOLERANCE:g} percentage point, and does not if it lies below."
)
_KINDS = {
    "xfp": ("counted", "Counted if exactly half of the batches are attacked, as the gate's luck is not the question."),
    "train_seconds": ("in seconds", "Seconds in training steps, a batch."),
}
_MANY = ("pgd", "freelb", "smart")


def cost_claims(results: Results, model: str) -> list[Claim]:
    """25% less with one step, 50% less with S steps, and the paper's formula at the S used; counted and in seconds."""
    used = {steps(group) for attack in _MANY for group, _ in _measured(results, model, attack, "xfp")}
    said = f"S = {', '.join(str(count) for count in sorted(filter(None, used)))}" if used else "the S used"
    limit = "50% is the limit S → ∞; at S = 3 the paper's formula gives 37.5%."
    cheaper_at = "By 1 − (3 + 1.5S) / (3 + 3S). PGD saves less here, as its AT costs 4 + 2S, not 3 + 3S."
    return [
        claim
        for cost in _KINDS
        for claim in (
            _cheaper(results, model, cost, "fgm", ("fgm",), "RAT with FGM costs 25% less than AT"),
            _cheaper(
                results, model, cost, "steps", _MANY, f"RAT with S steps costs 50% less than AT (here {said})", limit
            ),
            _cheaper(
                results, model, cost, "formula", _MANY, f"RAT saves what the paper's formula says at {said}", cheaper_at
            ),
        )
    ]


def _cheaper(
    results: Results, model: str, cost: str, name: str, attacks: Sequence[str], text: str, note: str = ""
) -> Claim:
    kind, meaning = _KINDS[cost]
    evidence = []
    for attack in attacks:
        found = _measured(results, model, attack, cost)
        published: float | None = PRINTED_REDUCTION[attack]
        if name == "formula":
            known = [value for group, _ in found if (value := paper_reduction(attack, 0.5, steps(group))) is not None]
            published = mean(known) if known else None
        evidence.append(_reduction(shown(attack), [value for _, value in found], published, len(attacks)))
    rule, said = f"{_RULE} {meaning}", f"{text}, {kind}"
    return Claim(
        f"rat-cheaper-{name}-{kind.split()[-1]}",
        model,
        said,
        "Table III",
        rule,
        overall(evidence),
        evidence,
        note,
        "percent",
    )


def _measured(results: Results, model: str, attack: str, cost: str) -> list[tuple[Group, float]]:
    if cost == "xfp":
        return _counted(results, model, attack)
    return [(group, value) for group, value in reductions(results, model, attack, cost) if group.p == 0.5]


def _counted(results: Results, model: str, attack: str) -> list[tuple[Group, float]]:
    """1 − RAT / AT with half of the batches attacked, from the counted cost of an attacked and of another batch."""
    found = []
    for corpus in results.corpora:
        adversarial, random = (results.main(model, corpus, training, attack) for training in ("AT", "RAT"))
        if not adversarial or not random or random.p != 0.5:
            continue
        for seed in random.cards.keys() & adversarial.cards.keys():
            full = adversarial.cost("xfp", seed)
            xfp, share = random.cost("xfp", seed), random.cost("attacked_batches", seed)
            if xfp and share and full:
                found.append((random, 1 - (3 + random.p * (xfp - 3) / share) / full))
    return found


def _reduction(label: str, values: Sequence[float], published: float | None, measurements: int) -> Evidence:
    if not values or published is None:
        return Evidence(label, None, None, None, published, "undecided", note="not measured")
    found = summarise(values)
    if found.low is None or found.high is None:
        return Evidence(label, found.mean, None, None, published, "undecided", note="measured once: no interval")
    verdict = above(published - TOLERANCE, found.low, found.high)
    refuted = above(published - TOLERANCE, *student_interval(values, 1 - 0.05 / measurements)) == "does not hold"
    return Evidence(label, found.mean, found.low, found.high, published, verdict, refuted, f"n = {found.n}")
