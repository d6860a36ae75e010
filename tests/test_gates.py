from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranat.gates import Always, Bernoulli, Exact, Gate, Never

P = st.floats(0, 1)
SEED = st.integers(0, 2**31)


@given(p=P, seed=SEED, n=st.integers(1, 60))
def test_a_gate_is_a_pure_function_of_the_step(p: float, seed: int, n: int) -> None:
    """Whoever asks, in whatever order and however often, gets the same answers: another process, a resumed run."""
    for first, second in [(Bernoulli(p, seed), Bernoulli(p, seed)), (Exact(p, seed, n), Exact(p, seed, n))]:
        forward = [first(step) for step in range(n)]
        steps = list(range(n)) * 2
        random.Random(seed).shuffle(steps)
        assert all(second(step) == forward[step] for step in steps)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_bernoulli_draws_with_mean_p(p: float) -> None:
    n = 4000
    for seed in range(3):
        mean = sum(Bernoulli(p, seed)(step) for step in range(n)) / n
        assert abs(mean - p) < 4 * (p * (1 - p) / n) ** 0.5


def test_bernoulli_draws_are_independent_of_the_last_one() -> None:
    gate = Bernoulli(0.5, 3)
    draws = [gate(step) for step in range(4000)]
    repeats = sum(a == b for a, b in pairwise(draws))
    assert abs(repeats / 3999 - 0.5) < 0.04


def test_seeds_draw_differently() -> None:
    for kind in (lambda seed: Bernoulli(0.5, seed), lambda seed: Exact(0.5, seed, 64)):
        streams = {tuple(kind(seed)(step) for step in range(64)) for seed in range(20)}
        assert len(streams) == 20


@given(p=P, seed=SEED, n=st.integers(1, 200))
def test_exact_attacks_exactly_so_many_steps(p: float, seed: int, n: int) -> None:
    gate = Exact(p, seed, n)
    assert sum(gate(step) for step in range(n)) == round(p * n)
    assert [gate(step) for step in range(n, 2 * n)] == [gate(step) for step in range(n)]


def test_exact_is_shuffled() -> None:
    draws = [Exact(0.5, 0, 1000)(step) for step in range(1000)]
    assert 400 < sum(a != b for a, b in pairwise(draws)) < 600
    assert 200 < sum(draws[:500]) < 300


@given(seed=SEED, step=st.integers(0, 2**40))
def test_the_extremes_are_standard_and_adversarial_training(seed: int, step: int) -> None:
    for never in (Never(), Bernoulli(0, seed), Exact(0, seed, 10)):
        assert never(step) is False
    for always in (Always(), Bernoulli(1, seed), Exact(1, seed, 10)):
        assert always(step) is True


@given(seed=SEED, low=P, high=P, step=st.integers(0, 1000))
def test_a_larger_p_attacks_also_what_a_smaller_did(seed: int, low: float, high: float, step: int) -> None:
    low, high = sorted((low, high))
    assert Bernoulli(low, seed)(step) <= Bernoulli(high, seed)(step)
    assert Exact(low, seed, 50)(step) <= Exact(high, seed, 50)(step)


@pytest.mark.parametrize("p", [-0.01, 1.01, 50, float("nan"), float("inf")])
@pytest.mark.parametrize("kind", [Bernoulli, Exact])
def test_p_is_a_probability(kind: type[Gate], p: float) -> None:
    with pytest.raises(ValueError, match=r"^p must be in \[0, 1\]"):
        kind(p=p)  # type: ignore[call-arg]  # a class among several


def test_exact_needs_steps() -> None:
    with pytest.raises(ValueError, match=r"^total_steps must be at least 1, not 0"):
        Exact(total_steps=0)
