"""The paper's claims about cost: RAT is cheaper than AT."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

from ranat.evaluation.significance import student_interval, summarise
from ranat.experiments.report.costs import PAPER, PRINTED_REDUCTION, STANDARD, here, paper_reduction, steps
from ranat.experiments.report.evidence import Claim, Evidence, Verdict, about, above, overall
from ranat.experiments.report.groups import Group, Results, shown

TOLERANCE = 0.01
"""A reduction may miss the published one by this much: one percentage point."""

_RULE = (
    "For p = 0.5, costs rescaled to exactly half of the batches attacked. {} Holds if {} lies above the published one "
    f"less {100 * TOLERANCE:g} percentage point, and does not if it lies below."
)
_INTERVAL = "the Student 95% interval of the mean reduction over corpora and seeds"
_KINDS = {
    "xfp": (
        "counted",
        _RULE.format("Arithmetic: passes are counted, so there is nothing left to estimate.", "the reduction"),
    ),
    "train_seconds": ("in time", _RULE.format("Seconds in training steps, a batch.", _INTERVAL)),
    "processor_seconds": (
        "in time",
        _RULE.format(
            "Processor time in training steps, a batch, as wall-clock time depends on whatever else was running.",
            _INTERVAL,
        ),
    ),
}
_MANY = ("pgd", "freelb", "smart")


def cost_claims(results: Results, model: str) -> list[Claim]:
    """25% less with one step, 50% less with S steps, and the paper's formula at the S used; counted and in time."""
    used = {steps(group) for attack in _MANY for group, _ in _measured(results, model, attack, "xfp")}
    said = f"S = {', '.join(str(count) for count in sorted(filter(None, used)))}" if used else "the S used"
    limit = "50% is the limit S → ∞; at S = 3 the paper's formula gives 37.5%."
    cheaper_at = (
        f"By 1 − ({PAPER['pgd'].random(0.5)}) / ({PAPER['pgd']}). PGD saves less here, as its AT costs {here('pgd')}."
    )
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
    kind, rule = _KINDS[cost]
    evidence = []
    for attack in attacks:
        measured = _measured(results, model, attack, cost)
        published: float | None = PRINTED_REDUCTION[attack]
        if name == "formula":
            known = [
                value for group, _ in measured if (value := paper_reduction(attack, 0.5, steps(group))) is not None
            ]
            published = mean(known) if known else None
        values = [value for _, value in measured]
        evidence.append(
            _arithmetic(shown(attack), values, published)
            if cost == "xfp"
            else _reduction(shown(attack), values, published, len(attacks))
        )
    return Claim(
        f"rat-cheaper-{name}-{kind.split()[-1]}",
        model,
        f"{text}, {kind}",
        "Table III",
        rule,
        overall(evidence),
        evidence,
        " ".join(filter(None, [note, about(model)])),
        "percent",
    )


def _measured(results: Results, model: str, attack: str, cost: str) -> list[tuple[Group, float]]:
    """1 − RAT / AT with half of the batches attacked, from the costs of an attacked and of another batch."""
    reductions = []
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
                reductions.append((random, 1 - (clean + random.p * (mixed - clean) / share) / full))
    return reductions


def _arithmetic(label: str, values: Sequence[float], published: float | None) -> Evidence:
    """A reduction that counted passes give: the same in every run, so that it has no interval."""
    if not values or published is None:
        return Evidence(label, None, None, None, published, "undecided", note="not measured")
    least, most = min(values), max(values)
    if most - least > 1e-9:
        note = f"from {100 * least:.1f} to {100 * most:.1f}: runs of different attacks are among them"
        return Evidence(label, mean(values), None, None, published, "undecided", note=note)
    verdict: Verdict = "holds" if least >= published - TOLERANCE else "does not hold"
    note = f"arithmetic; met by each of {len(values)} pairs of runs"
    return Evidence(label, least, None, None, published, verdict, verdict == "does not hold", note)


def _reduction(label: str, values: Sequence[float], published: float | None, measurements: int) -> Evidence:
    if not values or published is None:
        return Evidence(label, None, None, None, published, "undecided", note="not measured")
    summary = summarise(values)
    if summary.low is None or summary.high is None:
        return Evidence(label, summary.mean, None, None, published, "undecided", note="measured once: no interval")
    verdict = above(published - TOLERANCE, summary.low, summary.high)
    refuted = above(published - TOLERANCE, *student_interval(values, 1 - 0.05 / measurements)) == "does not hold"
    return Evidence(label, summary.mean, summary.low, summary.high, published, verdict, refuted, f"n = {summary.n}")
