"""What a comparison says, in one sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ranat.evaluation.significance import holm
from ranat.terminal import counted

LEVEL = 0.05


def answer(groups: Sequence[Mapping[str, Any]], split: str) -> str:
    """Whether the best of several groups is better than the first, at what cost, and what would decide it.

    A difference is called one if its p, after Holm's correction for all groups beside the first, is below 5%.

    Args:
        groups: rows of `ranat.experiments.compare.compare`, the first the one that the others are set beside.
        split: whose F1 they have.
    """
    base, others = groups[0], groups[1:]
    if not others:
        f1, of = base["f1"], _seeds(base["f1"]["n"])
        return f"{base['name']} has {100 * f1['mean']:.1f} {split} F1 over {of}; there is nothing to compare it with."
    tested = [group for group in others if group["difference"]]
    if not tested:
        return f"No group has a seed in common with {base['name']}, so no difference can be tested."
    corrected = dict(zip(map(id, tested), holm([group["difference"]["p"] for group in tested]), strict=True))
    best = max(tested, key=lambda group: float(group["difference"]["estimate"]))
    return f"{_gain(best, base, len(tested), split)}{_certainty(best, corrected[id(best)], len(tested))}."


def _gain(best: Mapping[str, Any], base: Mapping[str, Any], count: int, split: str) -> str:
    points = 100 * best["difference"]["estimate"]
    verb = "gained" if points > 0 else "lost" if points < 0 else "gained or lost"
    cost = f"for {best['xfp_ratio']:.1f} times the counted cost"
    change = f"{abs(points):.1f} points of {split} F1 against {base['name']} {cost}"
    if count == 1:
        return f"{best['name']} {verb} {change}"
    if points > 0:
        return f"Of {count} trainings {best['name']} did best: it gained {change}"
    return f"None of {count} trainings did better than {base['name']}; the best, {best['name']}, {verb} {change}"


def _certainty(best: Mapping[str, Any], p: float, count: int) -> str:
    found = best["difference"]
    interval = f"95% CI {100 * found['low']:+.1f} to {100 * found['high']:+.1f}, {_seeds(found['seeds'])}"
    corrected = f" after Holm's correction for {count}" if count > 1 else ""
    if found["seeds"] == 1:
        return f" ({interval}); one seed proves nothing, three or more of each are needed"
    if p < LEVEL:
        return f" ({interval}); that is more than chance, p = {p:.3f}{corrected}"
    return f" ({interval}), which may be chance, p = {p:.2f}{corrected}; {_further(best)}"


def _further(best: Mapping[str, Any]) -> str:
    """How many more seeds, by `ranat.evaluation.significance.seeds_to_decide`."""
    needed, seeds = best["seeds_to_decide"], best["difference"]["seeds"]
    if needed is None:
        return "more seeds would hardly decide it, the difference is too small for these texts"
    if needed <= seeds:
        return "each test alone would call it a difference, together they do not"
    return f"about {_seeds(needed - seeds, 'more ')} would decide it, if it is real and seeds scatter as they did"


def _seeds(count: int, more: str = "") -> str:
    return counted(count, f"{more}seeds")
