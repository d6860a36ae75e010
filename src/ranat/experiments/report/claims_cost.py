"""The paper's claims about cost: RAT is cheaper than AT."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

from ranat.evaluation.significance import student_interval, summarise
from ranat.experiments.report.costs import PRINTED_REDUCTION, STANDARD, paper_reduction, steps
from ranat.experiments.report.evidence import Claim, Evidence, about, above, overall
from ranat.experiments.report.groups import Group, Results, shown

TOLERANCE = 0.01
"""A reduction may miss the published one by this much: one percentage point."""

_RULE = (
    f"For p = 0.5: holds if the Student 95% interval of the mean reduction over corpora and seeds lies above the "
    f"published one less {100 * TOLERANCE:g} percentage point, and does not if it lies below."
)
_HALF = "As if exactly half of the batches had been attacked, as the gate's luck is not the question"
_KINDS = {
    "xfp": ("counted", f"{_HALF}."),
    "train_seconds": ("in time", f"{_HALF}; seconds in training steps, a batch."),
    "processor_seconds": (
        "in time",
        f"{_HALF}; processor time in training steps, a batch, as wall-clock time has in it whatever else was running.",
    ),
}
_MANY = ("pgd", "freelb", "smart")


def cost_claims(results: Results, model: str) -> list[Claim]:
    """25% less with one step, 50% less with S steps, and the paper's formula at the S used; counted and in time."""
    used = {steps(group) for attack in _MANY for group, _ in _measured(results, model, attack, "xfp")}
    said = f"S = {', '.join(str(count) for count in sorted(filter(None, used)))}" if used else "the S used"
    limit = "50% is the limit S → ∞; at S = 3 the paper's formula gives 37.5%."
    cheaper_at = "By 1 − (3 + 1.5S) / (3 + 3S). PGD saves less here, as its AT costs 4 + 2S, not 3 + 3S."
    return [
        claim
        for cost in ("xfp", _clock(results, model))
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


def _clock(results: Results, model: str) -> str:
    """What time is taken by: wall-clock where a GPU was used."""
    costs = [card.cost or {} for group in results.groups if group.model == model for card in group.cards.values()]
    return "processor_seconds" if all(cost.get("device", "cpu") == "cpu" for cost in costs) else "train_seconds"


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
        " ".join(filter(None, [note, about(model)])),
        "percent",
    )


def _measured(results: Results, model: str, attack: str, cost: str) -> list[tuple[Group, float]]:
    """1 − RAT / AT with half of the batches attacked, from the costs of an attacked and of another batch."""
    found = []
    for corpus in results.corpora:
        sides = (results.main(model, corpus, *row) for row in (("standard", None), ("AT", attack), ("RAT", attack)))
        standard, adversarial, random = sides
        if not adversarial or not random or random.p != 0.5:
            continue
        for seed in random.cards.keys() & adversarial.cards.keys():
            full = adversarial.cost(cost, seed)
            mixed, share = random.cost(cost, seed), random.cost("attacked_batches", seed)
            if cost == "xfp":
                clean: float | None = STANDARD.fixed
            else:
                clean = standard.cost(cost, seed) if standard and seed in standard.cards else None
            if full and mixed and share and clean:
                found.append((random, 1 - (clean + random.p * (mixed - clean) / share) / full))
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
