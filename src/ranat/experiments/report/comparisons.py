"""Paired tests between standard training, AT and RAT on the same seeds and documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ranat.evaluation.significance import Difference, holm, paired_difference, resampled_f1
from ranat.experiments.report.groups import Group, Results

PAIRS = (("standard", "AT"), ("standard", "RAT"), ("AT", "RAT"))


@dataclass(frozen=True)
class PairedTest:
    """One paired test: F1 of `second` minus F1 of `first`, with p adjusted for the family of all tests shown."""

    model: str
    corpus: str
    attack: str
    first: str
    second: str
    difference: Difference
    p_holm: float


@dataclass(frozen=True)
class Resampled:
    """F1 of all cells of one corpus with one backbone, on the same resampled documents.

    Args:
        groups: that have counts.
        draws: of documents, and of seeds.
    """

    groups: list[Group]
    draws: int = 10_000

    def difference(self, first: Sequence[Group], second: Sequence[Group], level: float = 0.95) -> Difference | None:
        """Mean F1 of the second groups minus that of the first, on the seeds that all of them have.

        None if there are no such seeds, or nothing on one side.
        """
        sides = [*first, *second]
        seeds = [seed for seed in sides[0].cards if all((id(group), seed) in self._place for group in sides)]
        if not (first and second and seeds):
            return None

        def mean(side: Sequence[Group]) -> NDArray[np.float64]:  # (1 + draws, seeds)
            f1: NDArray[np.float64] = self._f1[:, [[self._place[id(group), seed] for group in side] for seed in seeds]]
            averaged: NDArray[np.float64] = f1.mean(axis=2)
            return averaged

        return paired_difference(mean(first), mean(second), len(self._counts[0]), level)

    @cached_property
    def _cells(self) -> list[tuple[Group, int]]:
        return [(group, seed) for group in self.groups for seed in group.cards if group.counts(seed) is not None]

    @cached_property
    def _place(self) -> dict[tuple[int, int], int]:
        return {(id(group), seed): place for place, (group, seed) in enumerate(self._cells)}

    @cached_property
    def _counts(self) -> list[NDArray[np.float64]]:
        return [counts for group, seed in self._cells if (counts := group.counts(seed)) is not None]

    @cached_property
    def _f1(self) -> NDArray[np.float64]:
        return resampled_f1(np.stack(self._counts), self.draws)


class Comparisons:
    """Differences between the groups in the tables, for every backbone and corpus.

    Args:
        results: what was measured.
        draws: of the bootstrap.
    """

    def __init__(self, results: Results, draws: int = 10_000) -> None:
        self.results = results
        self._resampled = {
            (model, corpus): Resampled(
                [group for group in results.groups if (group.model, group.corpus) == (model, corpus)], draws
            )
            for model in results.models
            for corpus in results.corpora
            if corpus not in results.untestable
        }

    def between(
        self, corpus: str, first: Sequence[Group], second: Sequence[Group], level: float = 0.95
    ) -> Difference | None:
        """F1 of the second groups minus that of the first; None where it cannot be tested."""
        resampled = self._resampled.get((first[0].model, corpus)) if first and second else None
        return resampled.difference(first, second, level) if resampled else None

    def tests(self) -> list[PairedTest]:
        """Standard against AT, standard against RAT and AT against RAT, for every backbone, corpus and attack."""
        made = []
        for model in self.results.models:
            for corpus in self.results.corpora:
                for attack in self.results.attacks(model):
                    side = {
                        training: self.results.main(model, corpus, training, attack if training != "standard" else None)
                        for training in ("standard", "AT", "RAT")
                    }
                    for first, second in PAIRS:
                        one, two = side[first], side[second]
                        difference = self.between(corpus, [one], [two]) if one and two else None
                        if difference:
                            made.append(PairedTest(model, corpus, attack, first, second, difference, difference.p))
        adjusted = holm([test.difference.p for test in made])
        return [replace(test, p_holm=p) for test, p in zip(made, adjusted, strict=True)]
