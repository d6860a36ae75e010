"""The order of training examples: similar lengths together, a pure function of the seed and the epoch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from torch.utils.data import Sampler


class LengthGroupedSampler(Sampler[int]):
    """Shuffles examples so that each group of `group_size` has similar lengths and needs little padding.

    Groups are cut from a shuffle of 50 groups sorted by length, then shuffled themselves. Nothing is drawn from a
    global generator, so an epoch that is resumed in its middle has the order it had.

    Args:
        lengths: tokens of each example.
        group_size: examples in one optimizer step, over all processes and accumulated batches.
        seed: of the shuffles.
    """

    def __init__(self, lengths: Sequence[int], group_size: int, seed: int) -> None:
        self._lengths, self._group_size, self._seed = np.asarray(lengths), group_size, seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that the next iteration is of."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        generator = np.random.default_rng((self._seed, self.epoch))
        order = generator.permutation(len(self))
        chunk = 50 * self._group_size
        for start in range(0, len(order), chunk):
            part = order[start : start + chunk]
            order[start : start + chunk] = part[np.argsort(self._lengths[part], kind="stable")]
        whole = len(order) // self._group_size * self._group_size
        groups = order[:whole].reshape(-1, self._group_size)
        generator.shuffle(groups)
        yield from groups.ravel().tolist()
        yield from order[whole:].tolist()
