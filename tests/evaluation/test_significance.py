from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ranat.evaluation.significance import Counts, micro_f1, seed_test, sentence_test, summarise

SCORES = st.floats(0, 1).map(lambda value: round(value, 4))


@given(st.lists(SCORES, min_size=2, max_size=10))
def test_interval_is_students(values: list[float]) -> None:
    found = summarise(values)
    assert found.n == len(values)
    assert found.mean == pytest.approx(sum(values) / len(values))
    assert found.sd is not None
    assert found.sd == pytest.approx(
        math.sqrt(sum((value - found.mean) ** 2 for value in values) / (len(values) - 1)), abs=1e-12
    )
    if found.sd > 1e-9:
        expected = stats.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=stats.sem(values))
        assert (found.low, found.high) == pytest.approx(expected)
    else:
        assert (found.low, found.high) == pytest.approx((found.mean, found.mean))


def test_one_seed_has_no_interval() -> None:
    found = summarise([0.8])
    assert (found.n, found.mean, found.sd, found.low, found.high) == (1, 0.8, None, None, None)


@given(st.lists(st.tuples(SCORES, SCORES), min_size=2, max_size=10))
def test_seed_test_is_the_paired_t_test(pairs: list[tuple[float, float]]) -> None:
    first, second = zip(*pairs, strict=True)
    found = seed_test(first, second)
    assert found is not None
    assert 0 <= found <= 1
    if np.std(np.subtract(second, first)) > 1e-9:
        assert found == pytest.approx(stats.ttest_rel(first, second).pvalue)
        assert found == seed_test(second, first)


@pytest.mark.parametrize(
    ("first", "second", "p"),
    [([0.5], [0.6], None), ([], [], None), ([0.5, 0.6], [0.5, 0.6], 1), ([0.25, 0.5], [0.5, 0.75], 0)],
)
def test_seed_test_where_there_is_no_variance(first: list[float], second: list[float], p: float | None) -> None:
    assert seed_test(first, second) == p


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=5))
def test_micro_f1(rows: list[tuple[int, int, int]]) -> None:
    counts = np.array([(min(row), row[1], row[2]) for row in rows], dtype=np.float64)
    for found, (right, predicted, gold) in zip(micro_f1(counts), counts, strict=True):
        precision = right / predicted if predicted else 0
        recall = right / gold if gold else 0
        assert found == pytest.approx(2 * precision * recall / (precision + recall) if right else 0)


def random_counts(generator: np.random.Generator, quality: float, n: int = 200) -> Counts:
    gold = generator.integers(0, 4, n)
    right = generator.binomial(gold, quality)
    predicted = right + generator.binomial(2, 0.2, n)
    return np.stack([right, predicted, gold], axis=1).astype(np.float64)


def test_equal_groups_do_not_differ() -> None:
    counts = random_counts(np.random.default_rng(0), 0.8)
    assert sentence_test(counts, counts, trials=500) == 1


def test_clearly_different_groups_differ() -> None:
    generator = np.random.default_rng(0)
    good, bad = random_counts(generator, 0.9), random_counts(generator, 0.5)
    assert sentence_test(bad, good, trials=999) == pytest.approx(1 / 1000)
    assert sentence_test(good, bad, trials=999) == pytest.approx(1 / 1000)


def test_p_is_that_of_all_swaps() -> None:
    """With five documents all 2⁵ swaps can be enumerated."""
    generator = np.random.default_rng(2)
    first, second = random_counts(generator, 0.6, 5), random_counts(generator, 0.9, 5)
    gaps = []
    for swaps in range(2**5):
        swap = np.array([swaps >> i & 1 for i in range(5)], dtype=bool)[:, None]
        a, b = np.where(swap, second, first).sum(0), np.where(swap, first, second).sum(0)
        gaps.append(abs(2 * a[0] / (a[1] + a[2]) - 2 * b[0] / (b[1] + b[2])))
    exact = np.mean(np.array(gaps) >= gaps[0] - 1e-12)
    assert 0.05 < exact < 0.95
    assert sentence_test(first, second, trials=20_000) == pytest.approx(exact, abs=0.015)


def test_p_is_uniform_where_nothing_differs() -> None:
    """Documents are given to the two sides by a coin, so a share α of the tests has p ≤ α."""
    generator = np.random.default_rng(1)
    found = []
    for _ in range(200):
        a, b = random_counts(generator, 0.7, 60), random_counts(generator, 0.7, 60)
        found.append(sentence_test(a, b, trials=199, seed=int(generator.integers(1 << 30))))
    assert stats.kstest(found, "uniform").pvalue > 0.01
    assert 0.02 <= np.mean(np.array(found) <= 0.1) <= 0.18


def test_it_is_seeded_and_never_below_one_in_trials() -> None:
    generator = np.random.default_rng(3)
    first, second = random_counts(generator, 0.7), random_counts(generator, 0.75)
    assert sentence_test(first, second, trials=700, seed=1) == sentence_test(first, second, trials=700, seed=1)
    assert sentence_test(first, second, trials=700, seed=1) != sentence_test(first, second, trials=700, seed=2)
