"""The numbers of the paper's Tables I and II: measured beside published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import mean

from ranat.evaluation.significance import Summary, summarise
from ranat.experiments.cards import why_not_comparable
from ranat.experiments.report.groups import Group, Results, in_order, shown
from ranat.experiments.spec import read_spec

CORPORA = ("bc5-chem", "bc5-disease", "bc2gm", "ncbi-disease", "chemprot", "ddi")
ATTACKS = ("fgm", "pgd", "freelb", "smart")
PUBLISHED_MODEL = "pubmedbert"

PRINTED_MEANS = {
    "AT": dict(zip(CORPORA, (0.9360, 0.8582, 0.8476, 0.8875, 0.7886, 0.8293), strict=True)),
    "RAT": dict(zip(CORPORA, (0.9360, 0.8586, 0.8475, 0.8893, 0.7880, 0.8339), strict=True)),
}
"""Table II's means over the four attacks, as printed."""

Published = Mapping[tuple[str, str, str, str | None, str], float]
"""(table, model, training, attack, corpus) → F1, a fraction."""


def published() -> Published:
    """Tables I and II as the specs hold them."""
    values = {}
    for name in ("table1", "table2"):
        spec = read_spec(name)
        for row in spec.rows:
            attack = (row.attack or {}).get("name")
            training = "standard" if attack is None else "AT" if (row.rat or {}).get("p") == 1 else "RAT"
            table, model = (spec.published.table, spec.published.model) if spec.published else ("", "")
            for corpus, value in row.published.items():
                values[table, row.model or model, training, attack, corpus] = value.f1 / 100
    return values


@dataclass(frozen=True)
class Cell:
    """One measured score beside the published one.

    Args:
        measured: F1 over seeds; None if it was not measured.
        published: F1; None if nothing is published.
        why_not: why the two are not comparable.
    """

    measured: Summary | None
    published: float | None
    why_not: list[str]


@dataclass(frozen=True)
class Row:
    """A line of Table I or II: corpus → cell."""

    training: str
    method: str
    cells: dict[str, Cell]


def columns(results: Results) -> list[str]:
    """The corpora of Tables I and II: the paper's six unless none of them was measured, and all others measured."""
    paper = CORPORA if set(results.corpora) & set(CORPORA) or not results.corpora else ()
    return in_order([*paper, *results.corpora])


def table1(results: Results, published: Published) -> list[Row]:
    """Backbones under standard training, then PubMedBERT and others under adversarial training."""
    lines = dict.fromkeys((model, training, attack) for table, model, training, attack, _ in published if table == "I")
    for group in results.groups:
        if group.training != "RAT":
            lines.setdefault((group.model, group.training, group.attack))
    rows = []
    for model, training, attack in sorted(lines, key=lambda line: line[1] != "standard"):
        method = shown(model) + (f"+{shown(attack)}" if attack else "")
        cells = {
            corpus: _cell(
                results.main(model, corpus, training, attack),
                published.get(("I", model, training, attack, corpus)),
                model,
            )
            for corpus in columns(results)
        }
        rows.append(Row(training, method, cells))
    return rows


def table2(results: Results, published: Published, model: str) -> list[Row]:
    """Standard training, AT and RAT with one backbone; published is PubMedBERT."""

    def row(training: str, attack: str | None, method: str) -> Row:
        cells = {
            corpus: _cell(
                results.main(model, corpus, training, attack),
                published.get(("II", PUBLISHED_MODEL, training, attack, corpus)),
                PUBLISHED_MODEL,
            )
            for corpus in columns(results)
        }
        return Row(training, method, cells)

    rows = [row("standard", None, "baseline")]
    attacks = in_order([*ATTACKS, *results.attacks(model)])
    for training in ("AT", "RAT"):
        rows += [row(training, attack, shown(attack)) for attack in attacks]
        cells = {corpus: _mean_cell(results, model, corpus, training, published) for corpus in columns(results)}
        rows.append(Row(training, "mean", cells))
    return rows


def averaged(results: Results, model: str, corpus: str, training: str) -> list[Group]:
    """The groups over whose attacks a mean goes: the paper's four where they were measured, else all."""
    groups = [results.main(model, corpus, training, attack) for attack in results.attacks(model)]
    measured = [group for group in groups if group]
    return [group for group in measured if group.attack in ATTACKS] or measured


def published_mean(published: Published, training: str, corpus: str) -> float | None:
    """The mean of Table II's four values; None where they are not published."""
    values = [published.get(("II", PUBLISHED_MODEL, training, attack, corpus)) for attack in ATTACKS]
    given = [value for value in values if value is not None]
    return mean(given) if len(given) == len(ATTACKS) else None


def _mean_cell(results: Results, model: str, corpus: str, training: str, published: Published) -> Cell:
    groups = averaged(results, model, corpus, training)
    printed = PRINTED_MEANS[training].get(corpus) if published_mean(published, training, corpus) else None
    seeds = set.intersection(*(set(group.cards) for group in groups)) if groups else set()
    if len(groups) < 2 or not seeds:
        return Cell(None, printed, [])
    measured = summarise([mean(group.score(seed) for group in groups) for seed in sorted(seeds)], within=(0, 1))
    why_not = [reason for group in groups for reason in differences(group)]
    if {group.attack for group in groups} != set(ATTACKS):
        why_not.append(f"mean over {', '.join(shown(group.attack or '') for group in groups)} only")
    return Cell(measured, printed, list(dict.fromkeys(why_not)))


def _cell(group: Group | None, published: float | None, model: str) -> Cell:
    if group is None:
        return Cell(None, published, [])
    return Cell(group.f1, published, differences(group, model) if published is not None else [])


def differences(group: Group, model: str = PUBLISHED_MODEL) -> list[str]:
    """In what a group differs from what was published with a backbone."""
    return why_not_comparable(group.settings, group.training, group.p, model)
