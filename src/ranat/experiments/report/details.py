"""Tables of claims, and of what one needs to judge a report: cells, splits, versions, failures."""

from __future__ import annotations

from collections.abc import Sequence

from ranat.experiments.report.evidence import Claim
from ranat.experiments.report.groups import Group, Results, shown, slug, telling
from ranat.experiments.report.layout import NONE, Item, Table, percent, points, score


def groups_table(results: Results) -> Table:
    """Every group of finished cells with its seeds, score and the settings in which groups differ."""
    differing = telling(results.groups)
    keys = [key for key in differing if key not in ("corpus", "model", "task", "attack.name", "rat.p")]
    alike = {key: value for group in results.groups for key, value in group.settings.items() if key not in differing}
    said = [f"{key} = {value}" for key, value in alike.items() if value not in (None, [])]
    notes = [f"Alike wherever they apply: {', '.join(said)}."] if said else []
    if any(_mark(group) for group in results.groups):
        notes.append("*: a seed learned nothing or made few steps; it is named at the top of this report.")
    return Table(
        "cells",
        f"What was measured: groups of cells that differ in the seed alone, F1 in percent on {results.split}.",
        ["Corpus", "Backbone", "Training", "Seeds", "F1", *keys],
        [
            [
                Item(shown(group.corpus)),
                Item(shown(group.model)),
                Item(group.label),
                Item(", ".join(str(seed) for seed in group.cards)),
                Item(score(group.f1) + _mark(group)),
                *(Item(_value(group, key)) for key in keys),
            ]
            for group in results.groups
        ],
        heads=3,
        notes=notes,
    )


def _mark(group: Group) -> str:
    return " *" if any(group.remarks(seed) for seed in group.cards) else ""


def _value(group: Group, key: str) -> str:
    value = group.settings.get(key)
    return NONE if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def splits_table(results: Results) -> Table:
    """Documents and hashes of the splits, a line for each distinct one."""
    rows: dict[tuple[str, str, str, str], None] = {}
    for group in results.groups:
        for card in group.cards.values():
            for split, told in (card.splits or {}).items():
                rows[shown(group.corpus), split, f"{told.get('documents', NONE)}", str(told.get("sha256", NONE))] = None
    return Table(
        "splits",
        "The splits that cells were made on.",
        ["Corpus", "Split", "Documents", "sha256"],
        [[Item(text) for text in row] for row in rows],
        heads=2,
    )


def versions_table(results: Results) -> Table:
    """Versions of packages over all cells."""
    used: dict[str, set[str]] = {}
    for group in results.groups:
        for card in group.cards.values():
            for package, version in (card.versions or {}).items():
                used.setdefault(package, set()).add(str(version))
    return Table(
        "versions",
        "Versions that cells were made with.",
        ["Package", "Version"],
        [[Item(package), Item(", ".join(sorted(versions)))] for package, versions in sorted(used.items())],
    )


def claims_table(all_claims: Sequence[Claim]) -> Table:
    """The claims with their verdicts, a line each."""
    models = {claim.model for claim in all_claims}
    return Table(
        "verdicts",
        "The paper's claims: each decided from intervals, by the rule that stands with it below.",
        ["Claim", *(["Backbone"] if len(models) > 1 else []), "Verdict"],
        [
            [
                Item(claim.text),
                *([Item(shown(claim.model))] if len(models) > 1 else []),
                Item(claim.verdict, strong=claim.verdict != "undecided"),
            ]
            for claim in all_claims
        ],
    )


def evidence_table(claim: Claim) -> Table:
    """What was measured for a claim."""
    unit = "points" if claim.unit == "points" else "% saved"
    measured = [item for item in claim.evidence if item.estimate is not None]
    notes: dict[str, list[str]] = {}
    for item in claim.evidence:
        if item.estimate is None:
            notes.setdefault(item.note, []).append(item.label)
    return Table(
        f"claim-{claim.name}-{slug(claim.model)}",
        "",
        ["", unit.capitalize() if unit == "points" else unit, "95% interval", "Published", "Verdict", ""],
        [
            [
                Item(item.label),
                Item(_amount(item.estimate, claim.unit)),
                Item(
                    NONE
                    if item.low is None or item.high is None
                    else f"[{_amount(item.low, claim.unit)}, {_amount(item.high, claim.unit)}]"
                ),
                Item(_amount(item.published, claim.unit)),
                Item(item.verdict),
                Item(item.note),
            ]
            for item in measured
        ],
        notes=[f"{note.capitalize()}: {'; '.join(labels)}." for note, labels in notes.items()],
    )


def _amount(value: float | None, unit: str) -> str:
    if value is None:
        return NONE
    return points(value) if unit == "points" else percent(value, 1).replace("-", "−")


def failed_table(results: Results) -> Table:
    """Failed cells with their errors."""
    return Table(
        "failed",
        "Cells that failed.",
        ["Cell", "Error"],
        [[Item(card.cell), Item(card.error or "")] for card in results.failed],
    )
