"""Standard training first, random adversarial training after it."""

from dataclasses import dataclass, field

from ranat.gates.base import Gate, check_count, check_share, register_gate, uniform


@register_gate("delayed")
@dataclass(frozen=True)
class Delayed(Gate):
    """No attack before a share of the steps; then independent draws.

        P{k = 1} = 0 before start · total_steps, p from there on

    Args:
        p: in [0, 1], of the steps after the start.
        start: in [0, 1], the share of steps that are plain.
        seed: of the one stream of draws.
        total_steps: N ≥ 1, the optimizer steps of the run.
    Raises:
        ValueError: p or start is outside [0, 1], or total_steps is below 1.
    """

    p: float = 0.5
    start: float = 0.5
    seed: int = 0
    total_steps: int = field(kw_only=True)

    def __post_init__(self) -> None:
        check_share("p", self.p)
        check_share("start", self.start)
        check_count("total_steps", self.total_steps)

    def __call__(self, step: int) -> bool:
        """The draw of that step, if the plain part is over."""
        return step >= self.start * self.total_steps and uniform(self.seed, step) < self.p

    @property
    def share(self) -> float:
        """p of what is left after the start."""
        return self.p * (1 - self.start)

    @property
    def label(self) -> str:
        """The p, and from where on."""
        return f"p={self.p:g} from {100 * self.start:g}%"
