"""Attacks where training is hardest, or easiest, at the moment."""

from collections import deque
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal

from ranat.gates.base import ObservingGate, Signal, check_count, check_share, register_gate, uniform


@register_gate("quantile")
@dataclass
class Quantile(ObservingGate):
    """Attacks if the last step's gradient norm was among the highest, or the lowest, of the recent ones.

        k = 1 if n is above the (1 − p)-quantile of its like,   n = ‖∂L/∂θ‖₂ of the last step

    Norms of neighbouring steps are alike, so the last one stands for that of the batch that comes. Its like are the
    last `window` norms of attacked steps if that step was attacked, else of those that were not: an attack adds a
    second loss, and one attack would bring on the next. While there are fewer, k is drawn with probability p.

    Args:
        p: in [0, 1], the share of steps that are attacked, about.
        among: "highest", or "lowest": attacks where gradients are small.
        window: how many norms are compared, at least 1.
        seed: of what is drawn.
    Raises:
        ValueError: an option is out of range.
    """

    p: float = 0.5
    among: Literal["highest", "lowest"] = "highest"
    window: int = 20
    seed: int = 0

    def __post_init__(self) -> None:
        check_share("p", self.p)
        check_count("window", self.window)
        if self.among not in ("highest", "lowest"):
            raise ValueError(f"among must be highest or lowest, not {self.among!r}")
        self._open = False
        self._norms: dict[bool, deque[float]] = {kind: deque(maxlen=self.window) for kind in (False, True)}

    def __call__(self, step: int) -> bool:
        """Whether the last norm is among them; of equal norms a draw decides."""
        drawn, like = uniform(self.seed, step), self._norms[self._open]
        if len(like) == self.window:
            below, equal = sum(norm < like[-1] for norm in like), like.count(like[-1])
            place = (below + drawn * equal) / self.window  # in [0, 1)
            drawn = 1 - place if self.among == "highest" else place
        self._open = drawn < self.p
        return self._open

    def observe(self, step: int, signal: Signal) -> None:
        """Take the norm down, if it is a number."""
        if isfinite(signal.gradient_norm):
            self._norms[self._open].append(signal.gradient_norm)

    def state_dict(self) -> dict[str, Any]:
        """The recent norms, and whether the last step was attacked."""
        return {"open": self._open, "attacked": list(self._norms[True]), "plain": list(self._norms[False])}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self._open = state["open"]
        for kind, name in ((True, "attacked"), (False, "plain")):
            self._norms[kind] = deque(state[name], maxlen=self.window)

    @property
    def share(self) -> float:
        """p."""
        return self.p

    @property
    def label(self) -> str:
        """The p, and which steps."""
        return f"{self.among} p={self.p:g}"
