from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ranat.evaluation.significance import (
    Counts,
    Difference,
    equivalence,
    holm,
    joint_bootstrap,
    micro_f1,
    paired_difference,
    resampled_f1,
    seeds_to_decide,
    summarise,
)

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


def trained_counts(
    generator: np.random.Generator, gain: float = 0, seed_noise: float = 0, seeds: int = 3, n: int = 300
) -> tuple[Counts, Counts]:
    """Counts of two methods, (seeds, documents, 3): documents differ in difficulty, runs in luck, methods by `gain`."""
    gold = generator.integers(0, 4, n)
    logits = generator.normal(1.5, 1.5, n) + generator.normal(0, 0.3, (2, seeds, n))
    logits += generator.normal(0, seed_noise, (2, seeds, 1)) + np.array([0, gain])[:, None, None]
    chance = 1 / (1 + np.exp(-logits))
    right = generator.binomial(np.broadcast_to(gold, chance.shape), chance)
    predicted = right + generator.binomial(2, 0.3 * (1 - chance))
    first, second = np.stack([right, predicted, np.broadcast_to(gold, chance.shape)], axis=-1).astype(np.float64)
    return first, second


def naive_bootstrap(first: Counts, second: Counts, draws: int, seed: int) -> list[float]:
    """The joint bootstrap, one draw, seed and document at a time."""
    documents = np.random.default_rng(seed).integers(0, first.shape[1], (draws, first.shape[1]))
    times = np.random.default_rng(seed).multinomial(len(first), [1 / len(first)] * len(first), draws)
    found = []
    for draw in range(draws):
        difference = 0.0
        for run, often in enumerate(times[draw]):
            scores = []
            for side in (first, second):
                right = total = 0.0
                for document in documents[draw]:
                    right += side[run, document, 0]
                    total += side[run, document, 1] + side[run, document, 2]
                scores.append(2 * right / total)
            difference += often * (scores[1] - scores[0]) / len(first)
        found.append(difference)
    return found


def test_joint_bootstrap_is_the_naive_loop_and_students_test() -> None:
    first, second = trained_counts(np.random.default_rng(0), gain=0.1, n=30)
    naive = np.array(naive_bootstrap(first, second, draws=199, seed=5))
    gaps = micro_f1(second.sum(1)) - micro_f1(first.sum(1))
    student = stats.ttest_rel(micro_f1(second.sum(1)), micro_f1(first.sum(1)))
    found = joint_bootstrap(first, second, draws=199, seed=5)
    assert found.estimate == pytest.approx(gaps.mean(), abs=1e-12)
    low, high = np.quantile(naive, [0.025, 0.975])
    ends = student.confidence_interval()
    assert (found.low, found.high) == pytest.approx((min(low, ends.low), max(high, ends.high)), abs=1e-12)
    p = 2 * (1 + min((naive <= 0).sum(), (naive >= 0).sum())) / 200
    assert found.p == pytest.approx(max(p, student.pvalue))
    assert (found.seeds, found.documents) == (3, 30)


def test_draws_in_pieces_are_the_draws_at_once() -> None:
    """3,000 documents make three pieces of 1,000 draws."""
    counts = np.stack([random_counts(np.random.default_rng(0), quality, 3000) for quality in (0.6, 0.8)])
    found = resampled_f1(counts, draws=1000, seed=1)
    documents = np.random.default_rng(1).integers(0, 3000, (1000, 3000))
    assert found[0] == pytest.approx(micro_f1(counts.sum(1)))
    for draw in (0, 332, 333, 999):
        assert found[1 + draw] == pytest.approx(micro_f1(counts[:, documents[draw]].sum(1)), abs=1e-12)


@pytest.mark.parametrize(
    ("seed_noise", "seeds", "most"), [(0, 2, 0.04), (0, 3, 0.04), (0.2, 3, 0.09), (0.6, 3, 0.09), (0.6, 5, 0.09)]
)
def test_joint_bootstrap_rarely_rejects_what_is_true(seed_noise: float, seeds: int, most: float) -> None:
    """At the 5% level; seed noise of 0.6 is several times that of documents, and there the plain bootstrap fails."""
    generator = np.random.default_rng(0)
    pairs = [trained_counts(generator, seed_noise=seed_noise, seeds=seeds) for _ in range(150)]
    found = [joint_bootstrap(*pair, draws=400) for pair in pairs]
    rejected = np.mean([difference.p <= 0.05 for difference in found])
    covered = np.mean([difference.low <= 0 <= difference.high for difference in found])
    assert rejected <= most
    assert covered >= 1 - most


@pytest.mark.parametrize(("documents", "single", "seeds"), [(0, 1, 4), (0.5, 1, 4), (1, 0, 1), (0, 1, 2)])
def test_three_seeds_are_honest_at_small_levels_too(documents: float, single: float, seeds: float) -> None:
    """Levels as Holm needs them. Noise of documents alike for all seeds, of each run on its own, and of seeds."""
    generator = np.random.default_rng(0)
    p = []
    for _ in range(1000):
        gaps = documents * generator.normal() + seeds * generator.normal(size=3) + single * generator.normal(size=3)
        drawn = documents * generator.normal(size=(2000, 1)) + single * generator.normal(size=(2000, 3))
        both = np.vstack([gaps, gaps + drawn])
        p.append(paired_difference(np.zeros_like(both), both, documents=1000).p)
    rejected = [np.mean(np.array(p) <= level) for level in (0.05, 0.01, 0.002)]
    assert np.all(np.array(rejected) <= [0.075, 0.02, 0.006])


def test_joint_bootstrap_finds_what_differs() -> None:
    generator = np.random.default_rng(0)
    found = [joint_bootstrap(*trained_counts(generator, gain=0.6, seeds=5), draws=400) for _ in range(50)]
    assert np.mean([difference.p <= 0.05 and difference.low > 0 for difference in found]) > 0.9


def test_joint_bootstrap_is_antisymmetric_and_p_has_a_floor() -> None:
    first, second = trained_counts(np.random.default_rng(0), gain=2, seeds=1)
    there, back = joint_bootstrap(first, second, draws=999), joint_bootstrap(second, first, draws=999)
    assert (back.estimate, back.low, back.high) == pytest.approx((-there.estimate, -there.high, -there.low))
    assert there.p == back.p == pytest.approx(2 / 1000)
    assert joint_bootstrap(first, first, draws=99).p == 1


def test_with_one_seed_only_documents_are_drawn() -> None:
    first, second = trained_counts(np.random.default_rng(0), seeds=1)
    found = joint_bootstrap(first, second, draws=200)
    assert isinstance(found, Difference)
    assert found.seeds == 1
    assert found.low < found.estimate < found.high


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_is_the_step_down_procedure(p: list[float]) -> None:
    """At any level, what is adjusted to at most it is what stepping down rejects."""
    adjusted = holm(p)
    assert all(given <= found <= 1 for given, found in zip(p, adjusted, strict=True))
    for level in (0.01, 0.05, 0.2, 0.5):
        rejected = set()
        for step, index in enumerate(sorted(range(len(p)), key=lambda index: p[index])):
            if p[index] * (len(p) - step) > level:
                break
            rejected.add(index)
        assert {index for index, value in enumerate(adjusted) if value <= level} == rejected


def test_equivalence_is_two_one_sided_t_tests() -> None:
    """Against scipy's one-sided tests, and against the interval that says the same."""
    generator = np.random.default_rng(0)
    for shift in (0.0, 0.3, 0.5, -0.45, 2.0):
        first = generator.normal(80, 1, 8)
        second = first + generator.normal(shift, 0.3, 8)
        found = equivalence(first.tolist(), second.tolist(), 0.5)
        low = stats.ttest_1samp(second - first, -0.5, alternative="greater").pvalue
        high = stats.ttest_1samp(second - first, 0.5, alternative="less").pvalue
        assert found.p == pytest.approx(max(low, high))
        assert (found.p < 0.05) == (found.low > -0.5 and found.high < 0.5)
        assert found.estimate == pytest.approx(np.mean(second - first))


def test_equivalence_keeps_its_size_at_the_margin() -> None:
    gaps = np.random.default_rng(1).normal(0.5, 0.4, (4000, 5))
    rejected = np.mean([equivalence([0.0] * 5, list(row), 0.5).p < 0.05 for row in gaps])
    assert rejected == pytest.approx(0.05, abs=0.012)


@pytest.mark.parametrize(("gap", "p"), [(0.1, 0.0), (0.5, 1.0), (-0.7, 1.0)])
def test_equivalence_of_differences_that_are_all_alike(gap: float, p: float) -> None:
    assert equivalence([1.0, 2.0], [1.0 + gap, 2.0 + gap], 0.5).p == p


def test_seeds_to_decide_keep_their_promise() -> None:
    """Of new seeds that differ and scatter as was assumed, the test over that many rejects with the power asked for."""
    generator = np.random.default_rng(0)
    draws, seeds = 2000, 4
    gaps = np.array([0.01, 0.02, 0.03, 0.012])
    first = np.full((1 + draws, seeds), 0.7)
    second = first + gaps + np.vstack([np.zeros(seeds), generator.normal(0, 1e-4, (draws, 1)).repeat(seeds, 1)])
    needed = seeds_to_decide(first, second)
    assert needed is not None
    for count, reaches in ((needed, True), (needed - 1, False)):
        new = generator.normal(gaps.mean(), gaps.std(ddof=1), (20_000, count))
        rejected = stats.ttest_1samp(new, 0, axis=1).pvalue < 0.05
        assert (rejected.mean() > 0.79) == reaches


def test_seeds_do_not_decide_what_documents_leave_open() -> None:
    draws = np.random.default_rng(0).normal(0, 0.05, (2000, 1)).repeat(3, 1)
    first = np.full((2001, 3), 0.7)
    assert seeds_to_decide(first, first) is None
    assert seeds_to_decide(first, first + 0.02 + np.vstack([np.zeros(3), draws])) is None
