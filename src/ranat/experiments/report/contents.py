"""What a report says, whatever its format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ranat.experiments.report import details as details
from ranat.experiments.report import layout as layout
from ranat.experiments.report.claims import claims
from ranat.experiments.report.comparisons import Comparisons, PairedTest
from ranat.experiments.report.costs import Formula, table3
from ranat.experiments.report.evidence import RULE_OF_ALL, Claim
from ranat.experiments.report.groups import Results, missing, shown, slug
from ranat.experiments.report.tables import Published, columns, table1, table2

if TYPE_CHECKING:
    from ranat.experiments.report.figure import Plot


@dataclass(frozen=True)
class Report:
    """All that a report says, but the plots.

    Args:
        results: what was measured.
        published: Tables I and II.
        tests: the paired tests.
        claims: decided.
        missing: cells that the grid lacks, a line each.
        planned: how many cells the grid is to have; None: nobody said.
    """

    results: Results
    published: Published
    tests: list[PairedTest]
    claims: list[Claim]
    missing: list[str]
    planned: int | None = None

    @classmethod
    def of(cls, results: Results, published: Published, planned: int | None = None) -> Report:
        """Compute it."""
        comparisons = Comparisons(results)
        decided = claims(results, comparisons, published)
        return cls(results, published, comparisons.tests(), decided, missing(results), planned)

    @property
    def summary(self) -> str:
        """How much was measured, in one line."""
        done = sum(len(group.cards) for group in self.results.groups)
        seeds = sorted({seed for group in self.results.groups for seed in group.cards})
        of_all = f" of {self.planned} cells" if self.planned is not None else " cells"
        parts = [
            f"{done}{of_all} done, {len(self.results.failed)} failed; gaps in the grid: {len(self.missing)}",
            f"corpora: {', '.join(map(shown, self.results.corpora)) or 'none'}",
            f"backbones: {', '.join(map(shown, self.results.models)) or 'none'}",
            f"seeds: {', '.join(map(str, seeds)) or 'none'}",
            f"scores: {self.results.split}",
        ]
        return "; ".join(parts) + "."

    def tables(self) -> list[layout.Table]:
        """Tables I, II and III, and the tests."""
        here = set(columns(self.results))
        odd, means = layout.odd_values(self.published, here), layout.odd_means(self.published, here)
        shown_tables = [
            layout.scores_table(
                "table-1",
                "The paper’s Table I: backbones under standard training, and adversarial training.",
                table1(self.results, self.published),
                self.results,
                odd,
            )
        ]
        for model in self.models:
            shown_tables.append(
                layout.scores_table(
                    f"table-2-{slug(model)}",
                    f"The paper’s Table II, {shown(model)}: standard, adversarial and random adversarial training.",
                    table2(self.results, self.published, model),
                    self.results,
                    [*odd, *means],
                )
            )
        for model in self.models:
            caption = f"The paper’s Table III, {shown(model)}: what training costs."
            shown_tables.append(layout.cost_table(f"table-3-{slug(model)}", caption, table3(self.results, model)))
        return [*shown_tables, *([layout.tests_table(self.tests)] if self.tests else [])]

    def details(self) -> list[layout.Table]:
        """What one needs to judge the rest."""
        kinds = (details.groups_table, details.splits_table, details.versions_table, details.failed_table)
        return [table for table in (kind(self.results) for kind in kinds) if table.rows]

    @property
    def models(self) -> list[str]:
        """Backbones trained with an attack; all, if none was."""
        return [model for model in self.results.models if self.results.attacks(model)] or self.results.models

    def numbers(self, plots: Sequence[Plot]) -> dict[str, Any]:
        """The report as JSON has it."""
        return {
            "split": self.results.split,
            "cells": sum(len(group.cards) for group in self.results.groups),
            "failed": [{"cell": card.cell, "error": card.error} for card in self.results.failed],
            "planned": self.planned,
            "missing": self.missing,
            "problems": self.results.problems,
            "tables": {
                "I": [asdict(row) for row in table1(self.results, self.published)],
                "II": {
                    model: [asdict(row) for row in table2(self.results, self.published, model)] for model in self.models
                },
                "III": {model: [_plain(row) for row in table3(self.results, model)] for model in self.models},
            },
            "tests": [asdict(test) for test in self.tests],
            "claims": [asdict(claim) for claim in self.claims],
            "rule_of_all": RULE_OF_ALL,
            "plots": [
                {"name": plot.name, "title": plot.title, "drawn": plot.figure is not None, "needs": plot.missing}
                for plot in plots
            ],
        }


def _plain(row: Any) -> dict[str, Any]:
    formulas = {name: str(value) for name, value in vars(row).items() if isinstance(value, Formula)}
    return asdict(row) | formulas
