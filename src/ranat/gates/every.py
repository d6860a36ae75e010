"""At regular intervals."""

from dataclasses import dataclass

from ranat.gates.base import Gate, check_count, register_gate


@register_gate("every")
@dataclass(frozen=True)
class Every(Gate):
    """Every k-th step: k − 1 plain steps, then an attacked one. Nothing is drawn.

    Args:
        k: ≥ 1; 1 is adversarial training on every batch.
    Raises:
        ValueError: k is below 1.
    """

    k: int = 2

    def __post_init__(self) -> None:
        check_count("k", self.k)

    def __call__(self, step: int) -> bool:
        """Whether it is the last of its k steps."""
        return step % self.k == self.k - 1

    @property
    def share(self) -> float:
        """1 / k."""
        return 1 / self.k

    @property
    def label(self) -> str:
        """The k."""
        return f"every {self.k}"
