"""Standard training."""

from dataclasses import dataclass

from ranat.gates.base import Gate, register_gate


@register_gate("never")
@dataclass(frozen=True)
class Never(Gate):
    """Standard training: k = 0."""

    def __call__(self, step: int) -> bool:
        """Always False."""
        return False

    @property
    def share(self) -> float:
        """None of them."""
        return 0.0

    @property
    def label(self) -> str:
        """Its name."""
        return "never"
