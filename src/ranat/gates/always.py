"""Adversarial training."""

from dataclasses import dataclass

from ranat.gates.base import Gate, register_gate


@register_gate("always")
@dataclass(frozen=True)
class Always(Gate):
    """Adversarial training on every batch: k = 1."""

    def __call__(self, step: int) -> bool:
        """Always True."""
        return True

    @property
    def share(self) -> float:
        """All of them."""
        return 1.0

    @property
    def label(self) -> str:
        """Its name."""
        return "always"
