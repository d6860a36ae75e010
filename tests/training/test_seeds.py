"""What is drawn in a run: dropout by seed, step and process; the order of examples by seed and epoch."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import torch

from ranat.training.callbacks import Seeds
from ranat.training.sampler import LengthGroupedSampler


def drawn(seed: int, step: int, process: int) -> float:
    """The first number that dropout would meet."""
    callback = Seeds(seed, LengthGroupedSampler([1], 1, seed))
    callback.on_step_begin(SimpleNamespace(process_index=process), SimpleNamespace(global_step=step), None)
    return float(torch.rand(()))


def test_each_process_and_step_and_seed_draws_dropout_of_its_own() -> None:
    draws = [drawn(seed, step, process) for seed in range(3) for step in range(5) for process in range(4)]
    assert len(set(draws)) == len(draws)
    assert drawn(1, 2, 3) == drawn(1, 2, 3)
    assert drawn(0, 1, 0) != drawn(0, 0, 1023)
    assert drawn(0, 2**20, 0) != drawn(1, 0, 0)


def padding(order: list[int], lengths: np.ndarray, group: int) -> float:
    """The share of a batch that is padding."""
    groups = [lengths[order[start : start + group]] for start in range(0, len(order), group)]
    return 1 - sum(one.sum() for one in groups) / sum(one.max() * len(one) for one in groups)


def test_batches_have_like_lengths_in_an_order_of_their_own() -> None:
    lengths = np.random.default_rng(0).geometric(0.04, 1000)
    sampler = LengthGroupedSampler(lengths.tolist(), 16, 7)
    orders = []
    for epoch in (0, 1, 0):
        sampler.set_epoch(epoch)
        orders.append(list(sampler))
        assert sorted(orders[-1]) == list(range(1000))
    assert orders[0] == orders[2]
    assert orders[0] != orders[1]
    assert list(LengthGroupedSampler(lengths.tolist(), 16, 8)) != orders[0]
    shuffled = np.random.default_rng(1).permutation(1000).tolist()
    assert padding(orders[0], lengths, 16) < 0.25 * padding(shuffled, lengths, 16)
    means = [lengths[orders[0][start : start + 16]].mean() for start in range(0, 992, 16)]
    assert abs(np.corrcoef(means[:-1], means[1:])[0, 1]) < 0.4  # batches themselves are not sorted
