"""The fast gradient sign method."""

from dataclasses import dataclass
from typing import Any, ClassVar

from ranat.attacks.ball import Norm
from ranat.attacks.base import FROM_PRESET, Attack, PassCounts, Passes, register_attack


@register_attack("fgsm")
@dataclass(frozen=True, kw_only=True)
class FGSM(Attack):
    """One step along the sign of the gradient (paper Eq. 5; Goodfellow et al. 2015).

        r = ε · sign(g),   g = ∇ₓ L(f(x; θ), y)
        L_FGSM = L(f(x; θ), y) + L(f(x + r; θ), y)

    ε is the change of every coordinate: ‖r‖∞ = ε. A coordinate of a BERT's word embeddings is about 0.05 large.

    Departures: `preset: original` learns from the adversarial loss alone (clean_weight 0).

    Args:
        clean_weight: 1 (paper) or 0 (original).
    """

    presets: ClassVar[dict[str, dict[str, Any]]] = {"paper": {"clean_weight": 1.0}, "original": {"clean_weight": 0.0}}

    clean_weight: float = FROM_PRESET

    def __call__(self, passes: Passes) -> None:
        """Learn from x and from x + r."""
        g = self.clean_gradient(passes)
        ball = self.ball(passes)
        passes.learn(ball.radius * ball.steepest(g), weight=self.adversarial_weight, last=True)

    @property
    def norm(self) -> Norm:
        """That of a sign."""
        return "inf"

    @property
    def counts(self) -> PassCounts:
        """A pass at x and one at x + r."""
        clean = self.clean_weight > 0
        return PassCounts(forward=2, backward=1 + clean, backward_to_input=1 - clean)
