"""Bernoulli's mean without its variance."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ranat.gates.base import Gate, check_count, check_share, register_gate


@register_gate("exact")
@dataclass(frozen=True)
class Exact(Gate):
    """Exactly round(p · total_steps) attacked steps, in a shuffled order.

    Args:
        p: in [0, 1].
        seed: of the shuffle.
        total_steps: N ≥ 1, the optimizer steps of the run; after them the order begins anew.
    Raises:
        ValueError: p is outside [0, 1], or total_steps is below 1.
    """

    p: float = 0.5
    seed: int = 0
    total_steps: int = field(kw_only=True)

    def __post_init__(self) -> None:
        check_share("p", self.p)
        check_count("total_steps", self.total_steps)

    @cached_property
    def _ranks(self) -> np.ndarray:
        return np.random.Generator(np.random.Philox(key=self.seed)).permutation(self.total_steps)

    def __call__(self, step: int) -> bool:
        """Whether that step is among the chosen ones."""
        return bool(self._ranks[step % self.total_steps] < round(self.p * self.total_steps))

    @property
    def share(self) -> float:
        """p."""
        return self.p

    @property
    def label(self) -> str:
        """The p, and that it is met exactly."""
        return f"exact p={self.p:g}"
