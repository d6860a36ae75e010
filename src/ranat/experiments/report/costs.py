"""The numbers of the paper's Table III: what training costs by formula, counted, and in seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from statistics import median
from typing import Self

from ranat.attacks import PLAIN, Attack, IterativeAttack, attacks
from ranat.experiments.report.groups import Group, Results, in_order
from ranat.experiments.report.tables import ATTACKS


@dataclass(frozen=True)
class Formula:
    """A cost per batch in forward passes: fixed + by_step · S."""

    fixed: float
    by_step: float = 0

    def at(self, steps: int) -> float:
        """The cost with S steps."""
        return self.fixed + self.by_step * steps

    @classmethod
    def of(cls, attack: Attack) -> Self:
        """That of an attack, as it says itself; in S it is linear."""
        if not isinstance(attack, IterativeAttack):
            return cls(attack.cost)
        one, two = (replace(attack, steps=steps).cost for steps in (1, 2))
        return cls(2 * one - two, two - one)

    def random(self, p: float) -> Formula:
        """That of RAT: 3 + p · (C − 3)."""
        plain = PLAIN.forward_equivalents
        return Formula(plain + p * (self.fixed - plain), p * self.by_step)

    def __str__(self) -> str:
        factor = "" if self.by_step == 1 else f"{self.by_step:g}"
        parts = [f"{self.fixed:g}" if self.fixed or not self.by_step else "", f"{factor}S" if self.by_step else ""]
        return " + ".join(filter(None, parts))


STANDARD = Formula(PLAIN.forward_equivalents)
PAPER = {"fgm": Formula(6), "pgd": Formula(3, 3), "freelb": Formula(3, 3), "smart": Formula(3, 3)}
PRINTED_REDUCTION = {"fgm": 0.25, "pgd": 0.5, "freelb": 0.5, "smart": 0.5}
"""Of RAT with p = 0.5 against AT; 0.5 is the limit S → ∞."""


@dataclass(frozen=True)
class Spread:
    """The median of paired measurements, its range, and how many they are."""

    median: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class CostRow:
    """A line of Table III.

    Args:
        training: "standard", "AT" or "RAT".
        attack: its name; None under standard training.
        p: of RAT.
        steps: the values of S that were used.
        paper: the paper's formula.
        here: what the passes made here come to; None where runs of different formulas are together.
        counted: forward passes a batch.
        printed_reduction: of RAT against AT, as printed.
        paper_reduction: the same from the paper's formula at this S.
        reduction: the same, counted.
        seconds: training time relative to standard training, same corpus and seed.
        seconds_reduction: of RAT against AT, same corpus and seed.
        processor: processor time relative to standard training, same corpus and seed.
        processor_reduction: of RAT against AT, same corpus and seed.
    """

    training: str
    attack: str | None
    p: float
    steps: list[int]
    paper: Formula | None
    here: Formula | None
    counted: Spread | None
    printed_reduction: float | None
    paper_reduction: float | None
    reduction: Spread | None
    seconds: Spread | None
    seconds_reduction: Spread | None
    processor: Spread | None
    processor_reduction: Spread | None


def table3(results: Results, model: str) -> list[CostRow]:
    """What training costs: by formula, counted, and in seconds."""
    rows = [_cost_row(results, model, "standard", None)]
    names = in_order([*ATTACKS, *results.attacks(model)])
    return rows + [_cost_row(results, model, training, name) for training in ("AT", "RAT") for name in names]


def steps(group: Group) -> int | None:
    """S of a group's attack; None for an attack of one step."""
    value = group.settings.get("attack.steps")
    return int(value) if value is not None else None


def here(attack: str | None, groups: Sequence[Group] = ()) -> Formula | None:
    """What the passes of an attacked batch come to: with the options of groups, if they agree; else as by default.

    None for an attack that is not registered here, or where groups do not agree.
    """
    if attack is None:
        return STANDARD
    if attack not in attacks.names():
        return None
    kind = attacks.get(attack)
    known = {field.name for field in fields(kind)}
    formulas = {
        Formula.of(kind(**{name: value for name, value in group.attack_options.items() if name in known}))
        for group in groups
    } or {Formula.of(kind())}
    return formulas.pop() if len(formulas) == 1 else None


def _cost_row(results: Results, model: str, training: str, attack: str | None) -> CostRow:
    groups = [group for corpus in results.corpora if (group := results.main(model, corpus, training, attack))]
    p = next((group.p for group in groups), 0.5) if training == "RAT" else float(training == "AT")
    used = sorted({value for group in groups if (value := steps(group)) is not None})
    paper, ours = PAPER.get(attack or "", STANDARD), here(attack, groups)
    known = attack is None or attack in PAPER
    one = used[0] if len(used) == 1 else None
    bases = [(group, results.main(model, group.corpus, "standard")) for group in groups]

    def time(name: str) -> Spread | None:
        return _spread([ratio for group, base in bases if base for ratio in _ratios(group, base, name)])

    def reduction(name: str) -> Spread | None:
        if training != "RAT":
            return None
        full = [(group, results.main(model, group.corpus, "AT", attack)) for group in groups]
        return _spread([1 - ratio for group, base in full if base for ratio in _ratios(group, base, name)])

    return CostRow(
        training=training,
        attack=attack,
        p=p,
        steps=used,
        paper=paper.random(p) if known else None,
        here=ours.random(p) if ours else None,
        counted=_spread([cost for group in groups for cost in group.costs("xfp")]),
        printed_reduction=PRINTED_REDUCTION.get(attack or "") if training == "RAT" and p == 0.5 else None,
        paper_reduction=paper_reduction(attack, p, one) if training == "RAT" else None,
        reduction=reduction("xfp"),
        seconds=time("train_seconds"),
        seconds_reduction=reduction("train_seconds"),
        processor=time("processor_seconds"),
        processor_reduction=reduction("processor_seconds"),
    )


def paper_reduction(attack: str | None, p: float, steps: int | None) -> float | None:
    """1 − RAT / AT by the paper's formulas at S steps; None if it has none for the attack, or S is not known."""
    formula = PAPER.get(attack or "")
    if formula is None or (formula.by_step and steps is None):
        return None
    return 1 - formula.random(p).at(steps or 0) / formula.at(steps or 0)


def _ratios(group: Group, base: Group, name: str) -> list[float]:
    """Cost per batch relative to another group, for each seed that both have."""
    pairs = [(group.cost(name, seed), base.cost(name, seed)) for seed in group.cards if seed in base.cards]
    return [one / other for one, other in pairs if one is not None and other]


def _spread(values: Sequence[float]) -> Spread | None:
    return Spread(median(values), min(values), max(values), len(values)) if values else None
