"""The paper's gate."""

from dataclasses import dataclass

from ranat.gates.base import Gate, check_share, register_gate, uniform


@register_gate("bernoulli")
@dataclass(frozen=True)
class Bernoulli(Gate):
    """Independent draws (paper Eq. 22–23).

        P{k = 1} = p

    Args:
        p: in [0, 1]; 1 is adversarial training on every batch.
        seed: of the one stream of draws.
    Raises:
        ValueError: p is outside [0, 1].
    """

    p: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        check_share("p", self.p)

    def __call__(self, step: int) -> bool:
        """The draw of that step."""
        return uniform(self.seed, step) < self.p

    @property
    def share(self) -> float:
        """p."""
        return self.p

    @property
    def label(self) -> str:
        """The p."""
        return f"p={self.p:g}"
