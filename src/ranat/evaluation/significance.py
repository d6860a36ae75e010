"""Is one group of runs better than another? Intervals over seeds, and paired tests over seeds and over sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Counts = NDArray[np.float64]
"""(documents, 3): true positives, predicted and gold mentions of each document."""


@dataclass(frozen=True)
class Summary:
    """A score over seeds: mean, standard deviation (n − 1) and 95% Student interval; None where n is 1."""

    n: int
    mean: float
    sd: float | None
    low: float | None
    high: float | None


def summarise(values: Sequence[float]) -> Summary:
    """Mean ± sd and a 95% confidence interval of the mean over seeds."""
    n, mean = len(values), float(np.mean(values))
    if n < 2:
        return Summary(n, mean, None, None, None)
    sd = float(np.std(values, ddof=1))
    half = float(stats.t.ppf(0.975, n - 1)) * sd / n**0.5
    return Summary(n, mean, sd, mean - half, mean + half)


def seed_test(first: Sequence[float], second: Sequence[float]) -> float | None:
    """p of the paired t-test between scores of the same seeds; None for fewer than two seeds.

    If all differences are alike p is 1 where they are 0 and 0 otherwise, as the limit of the test.
    """
    differences = np.subtract(second, first)
    if len(differences) < 2:
        return None
    if np.ptp(differences) == 0:
        return float(differences[0] == 0)
    return float(stats.ttest_rel(second, first).pvalue)


def micro_f1(counts: Counts) -> NDArray[np.float64]:
    """F1 of (…, 3) counts of true positives, predicted and gold mentions; 0 where there is nothing."""
    total = counts[..., 1] + counts[..., 2]
    return np.divide(2 * counts[..., 0], total, out=np.zeros_like(total), where=total > 0)


def sentence_test(first: Counts, second: Counts, trials: int = 10_000, seed: int = 0) -> float:
    """p of approximate randomisation (Noreen 1989; Yeh 2000): would F1 differ as much if sentences swapped sides?

    Args:
        first: counts of one group, averaged over its seeds.
        second: likewise, of the same documents.
        trials: random swaps; p is at least 1 / (trials + 1).
        seed: of the swaps.
    """
    generator = np.random.default_rng(seed)
    observed = abs(micro_f1(second.sum(0)) - micro_f1(first.sum(0)))
    difference = second - first
    extreme = 0
    for start in range(0, trials, 500):
        swap = generator.integers(0, 2, (min(500, trials - start), len(first)), dtype=np.int8).astype(np.float64)
        moved = swap @ difference
        gap = np.abs(micro_f1(second.sum(0) - moved) - micro_f1(first.sum(0) + moved))
        extreme += int((gap >= observed - 1e-12).sum())
    return (extreme + 1) / (trials + 1)
