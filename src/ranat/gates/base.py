"""What a gate is: k of random adversarial training (paper Eq. 22–24, Fig. 2), a decision for each optimizer step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np

from ranat.registry import Registry, wrong_class, wrong_options


def _wrong(name: str, kind: Any) -> str | None:
    return wrong_class(kind, Gate) or wrong_options(kind, taken=("gate", "dropout"))


gates: Registry[type[Gate]] = Registry("gate", "ranat.gates", _wrong)
register_gate = gates.register


class Signal(NamedTuple):
    """What an optimizer step gave, the same on every process."""

    loss: float
    """The objective, summed over the step's batches as their gradients are, mean over processes."""

    gradient_norm: float
    """‖∂objective/∂θ‖₂ of the whole step, before clipping."""


class Gate(ABC):
    """k: whether the batches of an optimizer step are attacked.

    A gate decides for whole optimizer steps, so gradient accumulation does not change what it means. It is a pure
    function of the step and its options (a frozen dataclass): every process decides alike, and a resumed run meets the
    decisions it would have met. One that looks back is an `ObservingGate`.

    A field called `seed` or `total_steps` is filled in by the run; all others are options.
    """

    @abstractmethod
    def __call__(self, step: int) -> bool:
        """k for that optimizer step, counted from 0."""

    @property
    @abstractmethod
    def share(self) -> float:
        """The share of steps that are attacked, in [0, 1], on average."""

    @property
    @abstractmethod
    def label(self) -> str:
        """What tells the gate in a table, such as "p=0.5"."""


class ObservingGate(Gate):
    """A gate that decides by what earlier steps gave; it costs a norm over all gradients in each step.

    What it remembers is kept in checkpoints, and what it observes is the same on every process.
    """

    @abstractmethod
    def observe(self, step: int, signal: Signal) -> None:
        """Look at what a step gave, before the next one is decided."""

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """What it remembers, as JSON can hold it."""

    @abstractmethod
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave."""


def uniform(seed: int, step: int) -> float:
    """The draw in [0, 1) of a step, from a counter-based generator: it needs no earlier one."""
    return float(np.random.Generator(np.random.Philox(key=seed, counter=step)).random())


def ramp(p: float, step: int, total_steps: int) -> float:
    """A probability that rises linearly, as steeply as a mean of p allows: from 0 to 2p, or from 2p − 1 to 1."""
    spread = min(p, 1 - p)
    done = min((step + 0.5) / total_steps, 1.0)
    return p + spread * (2 * done - 1)


def check_share(name: str, value: object) -> None:
    """Raise ValueError, its message beginning with the name, unless value is in [0, 1]."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError(f"{name} must be in [0, 1], not {value!r}")


def check_count(name: str, value: object) -> None:
    """Raise ValueError, its message beginning with the name, unless value is a whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} must be at least 1, not {value!r}")
