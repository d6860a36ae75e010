"""Whether a batch is attacked at all: random adversarial training (paper Eq. 22–24, Fig. 2).

A gate is a pure function of the optimizer step. So gradient accumulation does not change what it means, every process
of a distributed run decides alike, and a resumed run goes on with the decisions it would have met.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np


class Gate(Protocol):
    """k of Eq. 22: True if the batches of that optimizer step (counted from 0) are attacked."""

    def __call__(self, step: int) -> bool:
        """k for that optimizer step."""
        ...


@dataclass(frozen=True)
class Always:
    """Adversarial training: k = 1."""

    def __call__(self, step: int) -> bool:
        """Always True."""
        return True


@dataclass(frozen=True)
class Never:
    """Standard training: k = 0."""

    def __call__(self, step: int) -> bool:
        """Always False."""
        return False


@dataclass(frozen=True)
class Bernoulli:
    """Independent draws, P{k = 1} = p (Eq. 22–23): the paper's gate.

    Args:
        p: in [0, 1].
        seed: of the one stream of draws.
    Raises:
        ValueError: p is outside [0, 1].
    """

    p: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        _check(self.p)

    def __call__(self, step: int) -> bool:
        """The draw of that step, from a counter-based generator: it needs no earlier one."""
        return bool(np.random.Generator(np.random.Philox(key=self.seed, counter=step)).random() < self.p)


@dataclass(frozen=True)
class Exact:
    """Exactly round(p · total_steps) attacked steps, in a shuffled order: Bernoulli's mean without its variance.

    Args:
        p: in [0, 1].
        seed: of the shuffle.
        total_steps: N ≥ 1, the optimizer steps of the run; after them the order begins anew.
    Raises:
        ValueError: p is outside [0, 1], or total_steps is below 1.
    """

    p: float = 0.5
    seed: int = 0
    total_steps: int = 1000

    def __post_init__(self) -> None:
        _check(self.p)
        if self.total_steps < 1:
            raise ValueError(f"total_steps must be at least 1, not {self.total_steps}")

    @cached_property
    def _ranks(self) -> np.ndarray:
        return np.random.Generator(np.random.Philox(key=self.seed)).permutation(self.total_steps)

    def __call__(self, step: int) -> bool:
        """Whether that step is among the chosen ones."""
        return bool(self._ranks[step % self.total_steps] < round(self.p * self.total_steps))


def _check(p: float) -> None:
    if not 0 <= p <= 1:
        raise ValueError(f"p must be in [0, 1], not {p:g}")
