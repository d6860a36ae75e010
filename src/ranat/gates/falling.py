"""Fewer attacks towards the end."""

from dataclasses import dataclass, field

from ranat.gates.base import Gate, check_count, check_share, ramp, register_gate, uniform


@register_gate("falling")
@dataclass(frozen=True)
class Falling(Gate):
    """Independent draws whose probability falls linearly, p on average.

        P{k = 1} = p − min(p, 1 − p) · (2u − 1),   u = (step + ½) / total_steps

    Args:
        p: in [0, 1], the mean over the run.
        seed: of the one stream of draws.
        total_steps: N ≥ 1, the optimizer steps of the run.
    Raises:
        ValueError: p is outside [0, 1], or total_steps is below 1.
    """

    p: float = 0.5
    seed: int = 0
    total_steps: int = field(kw_only=True)

    def __post_init__(self) -> None:
        check_share("p", self.p)
        check_count("total_steps", self.total_steps)

    def __call__(self, step: int) -> bool:
        """The draw of that step."""
        return uniform(self.seed, step) < 2 * self.p - ramp(self.p, step, self.total_steps)

    @property
    def share(self) -> float:
        """p."""
        return self.p

    @property
    def label(self) -> str:
        """The p, and which way it goes."""
        return f"falling p={self.p:g}"
