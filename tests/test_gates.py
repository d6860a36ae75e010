"""What holds for every registered gate, and what each promises."""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranat.errors import UsageError
from ranat.gates import (
    Always,
    Bernoulli,
    Delayed,
    Every,
    Exact,
    Falling,
    Gate,
    Never,
    ObservingGate,
    Quantile,
    Rising,
    Signal,
    gates,
    register_gate,
)  # fmt: skip
from ranat.gates.base import ramp

P = st.floats(0, 1)
SEED = st.integers(0, 2**31)


def made(name: str, seed: int = 0, total_steps: int = 60, **options: Any) -> Gate:
    """A gate with what a run fills in, and those of the options that it has."""
    kind = gates.get(name)
    fields = {field.name for field in dataclasses.fields(kind)}
    given = {"seed": seed, "total_steps": total_steps} | options
    return kind(**{key: value for key, value in given.items() if key in fields})


every_gate = pytest.mark.parametrize("name", gates.names())
pure_gate = pytest.mark.parametrize("name", [n for n in gates.names() if not issubclass(gates.get(n), ObservingGate)])
with_p = [name for name in gates.names() if "p" in {field.name for field in dataclasses.fields(gates.get(name))}]


def test_they_are_all_there() -> None:
    expected = ["always", "bernoulli", "delayed", "every", "exact", "falling", "never", "quantile", "rising"]
    assert gates.names() == expected


@pure_gate
@given(p=P, seed=SEED, n=st.integers(1, 60))
def test_a_gate_is_a_pure_function_of_the_step(name: str, p: float, seed: int, n: int) -> None:
    """Whoever asks, in whatever order and however often, gets the same answers: another process, a resumed run."""
    first, second = (made(name, seed, n, p=p) for _ in range(2))
    forward = [first(step) for step in range(n)]
    assert all(type(k) is bool for k in forward)
    steps = list(range(n)) * 2
    random.Random(seed).shuffle(steps)
    assert all(second(step) == forward[step] for step in steps)


@every_gate
@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_the_share_of_attacked_steps_is_what_it_says(name: str, p: float) -> None:
    n, seeds = 1000, 8
    chosen = [made(name, seed, n, p=p)(step) for seed in range(seeds) for step in range(n)]
    share = made(name, 0, n, p=p).share
    assert np.mean(chosen) == pytest.approx(share, abs=max(4 * (share * (1 - share) / (seeds * n)) ** 0.5, 1e-12))


def test_tables_tell_gates_apart() -> None:
    labels = [made(name, p=p).label for name in with_p for p in (0.25, 0.5)] + [Every(2).label, Every(3).label]
    assert len(set(labels)) == len(labels)


def test_seeds_draw_differently() -> None:
    for name in ("bernoulli", "exact", "delayed", "rising", "falling"):
        streams = {tuple(made(name, seed, 64)(step) for step in range(64)) for seed in range(20)}
        assert len(streams) == 20, name


@pytest.mark.parametrize("name", with_p)
@given(seed=SEED, low=P, high=P, step=st.integers(0, 59))
def test_a_larger_p_attacks_also_what_a_smaller_did(name: str, seed: int, low: float, high: float, step: int) -> None:
    low, high = sorted((low, high))
    if name in ("bernoulli", "exact", "delayed"):  # a ramp is steepest at one half
        assert made(name, seed, p=low)(step) <= made(name, seed, p=high)(step)


@pytest.mark.parametrize("name", with_p)
@pytest.mark.parametrize("p", [-0.01, 1.01, 50, float("nan"), float("inf"), None, "half", True])
def test_p_is_a_probability(name: str, p: Any) -> None:
    with pytest.raises(ValueError, match=r"^p must be in \[0, 1\]"):
        made(name, p=p)


@pytest.mark.parametrize("name", ["exact", "delayed", "rising", "falling"])
@pytest.mark.parametrize("total", [0, -3, 2.5, None])
def test_steps_are_counted(name: str, total: Any) -> None:
    with pytest.raises(ValueError, match=r"^total_steps must be at least 1, not"):
        made(name, total_steps=total)


@given(seed=SEED, step=st.integers(0, 2**40))
def test_the_extremes_are_standard_and_adversarial_training(seed: int, step: int) -> None:
    run = {"seed": seed, "total_steps": 10}
    for never in (Never(), *(made(name, p=0, **run) for name in with_p)):
        assert never(step) is False
    for always in (Always(), Every(1), Delayed(p=1, start=0, **run), *(made(n, p=1, **run) for n in with_p[:1])):
        assert always(step) is True
    for name in ("exact", "rising", "falling"):
        assert made(name, p=1, **run)(step) is True


@given(p=P, n=st.integers(1, 100))
def test_a_ramp_has_the_mean_that_it_says(p: float, n: int) -> None:
    """Of the probabilities themselves; after the run it stays where it ended."""
    found = [ramp(p, step, n) for step in range(n)]
    assert np.mean(found) == pytest.approx(p)
    assert min(found) >= 0
    assert ramp(p, 10 * n, n) == pytest.approx(p + min(p, 1 - p))
    assert ramp(p, 0, n) == pytest.approx(p - min(p, 1 - p) * (1 - 1 / n))


def test_bernoulli_draws_are_independent_of_the_last_one() -> None:
    draws = [Bernoulli(0.5, 3)(step) for step in range(4000)]
    assert abs(sum(a == b for a, b in pairwise(draws)) / 3999 - 0.5) < 0.04


@given(p=P, seed=SEED, n=st.integers(1, 200))
def test_exact_attacks_exactly_so_many_steps(p: float, seed: int, n: int) -> None:
    gate = Exact(p, seed, total_steps=n)
    assert sum(gate(step) for step in range(n)) == round(p * n)
    assert [gate(step) for step in range(n, 2 * n)] == [gate(step) for step in range(n)]


def test_exact_is_shuffled() -> None:
    draws = [Exact(0.5, 0, total_steps=1000)(step) for step in range(1000)]
    assert 400 < sum(a != b for a, b in pairwise(draws)) < 600
    assert 200 < sum(draws[:500]) < 300


def test_every_attacks_the_last_of_k() -> None:
    assert [Every(3)(step) for step in range(7)] == [False, False, True, False, False, True, False]
    with pytest.raises(ValueError, match=r"^k must be at least 1, not 0"):
        Every(0)


def test_delayed_attacks_nothing_before_its_start() -> None:
    gate = Delayed(p=1, start=0.25, total_steps=40)
    assert [step for step in range(40) if gate(step)] == list(range(10, 40))
    with pytest.raises(ValueError, match=r"^start must be in \[0, 1\], not 2"):
        Delayed(start=2, total_steps=10)


@pytest.mark.parametrize(("kind", "earlier", "later"), [(Rising, 0.25, 0.75), (Falling, 0.75, 0.25)])
@pytest.mark.parametrize("p", [0.3, 0.5, 0.7])
def test_ramps(kind: Any, earlier: float, later: float, p: float) -> None:
    """By halves: at p = ½ the probability is ¼ and ¾ on average; else as steep as [0, 1] allows around p."""
    n = 400
    chosen = np.array([[kind(p, seed, total_steps=n)(step) for step in range(n)] for seed in range(40)])
    spread = min(p, 1 - p) / 0.5
    halves = chosen[:, : n // 2].mean(), chosen[:, n // 2 :].mean()
    expected = [p + spread * (half - 0.5) for half in (earlier, later)]
    assert halves == pytest.approx(expected, abs=0.02)
    ends = chosen[:, :20].mean(), chosen[:, -20:].mean()
    limits = [p + spread * (0.5 if half > 0.5 else -0.5) for half in (earlier, later)]
    assert ends == pytest.approx(limits, abs=0.05)


def run_of(gate: Quantile, norms: Sequence[float]) -> list[bool]:
    """What a gate decides in steps with these norms, which an attack doubles."""
    decisions = []
    for step, norm in enumerate(norms):
        decisions.append(gate(step))
        gate.observe(step, Signal(1.0, norm * (1 + decisions[-1])))
    return decisions


@pytest.mark.parametrize("among", ["highest", "lowest"])
@pytest.mark.parametrize("p", [0.2, 0.5, 0.8])
def test_quantile_attacks_after_large_or_small_gradients(among: Any, p: float) -> None:
    """As many steps as it says, though attacked steps have larger gradients; and those after the right norms."""
    norms = np.random.default_rng(0).lognormal(size=3000)
    decisions = np.array(run_of(Quantile(p, among), norms))
    assert decisions.mean() == pytest.approx(p, abs=0.04)
    before = np.log(norms)[150:-1]
    gap = before[decisions[151:]].mean() - before[~decisions[151:]].mean()
    assert (gap > 1) if among == "highest" else (gap < -1)


@pytest.mark.parametrize(
    ("norms", "share"),
    [
        ([1, 5, 5, 2], 0),  # the second of four
        ([1, 2, 5, 4], 1),  # the third
        ([1, 2, 2, 2], 2 / 3),  # one of those from the second to the fourth
        ([3, 3, 3, 1], 0),
        ([1, 1, 1, 3], 1),
    ],
)
def test_quantile_ranks_the_last_norm_among_those_of_its_like(norms: list[float], share: float) -> None:
    """Above the median at p = ½, over many seeds."""
    opened = []
    for seed in range(400):
        gate = Quantile(0.5, window=4, seed=seed)
        gate.load_state_dict({"open": False, "plain": norms, "attacked": [100.0, 0.0, 0.0, 0.0]})
        opened.append(gate(7))
    assert np.mean(opened) == pytest.approx(share, abs=0 if share in (0, 1) else 0.08)
    assert all(Quantile(1.0, window=4, seed=seed)(step) for seed in range(20) for step in range(20))


def test_what_is_no_gate_cannot_be_registered() -> None:
    @dataclasses.dataclass(frozen=True)
    class Odd(Bernoulli):
        gate: float = 0.5

    @dataclasses.dataclass(frozen=True)
    class Wet(Bernoulli):
        dropout: float = 0.1

    for kind, wrong in ((int, "Gate"), (Odd, "called 'gate'"), (Wet, "called 'dropout'")):
        with pytest.raises(UsageError, match=wrong):
            register_gate(f"odd-{kind.__name__}")(kind)


def test_quantile_goes_on_from_what_it_remembers_and_draws_between_equals() -> None:
    norms = np.random.default_rng(1).lognormal(size=400).tolist()
    whole, first, second = (Quantile(0.5) for _ in range(3))
    decisions = run_of(whole, norms)
    run_of(first, norms[:150])
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    for step in range(150, 400):
        assert second(step) is decisions[step]
        second.observe(step, Signal(1.0, norms[step] * (1 + decisions[step])))
    assert 0.4 < np.mean(run_of(Quantile(0.5), [1.0] * 500)) < 0.6
    second.observe(400, Signal(1.0, float("nan")))
    assert all(np.isfinite(value) for values in second._norms.values() for value in values)


@pytest.mark.parametrize(("option", "value"), [("among", "middle"), ("window", 0)])
def test_quantile_names_a_wrong_option(option: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{option} must be"):
        Quantile(**{option: value})
