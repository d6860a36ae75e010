"""Projected gradient descent."""

from dataclasses import dataclass
from typing import Any, ClassVar

from ranat.attacks.base import FROM_PRESET, IterativeAttack, Passes, register_attack


@register_attack("pgd")
@dataclass(frozen=True, kw_only=True)
class PGD(IterativeAttack):
    """S steps, each along the gradient and projected; the last point is learnt from (paper Eq. 10–15).

        r⁽⁰⁾ = 0,   r⁽ᵗ⁾ = Π(r⁽ᵗ⁻¹⁾ + α · g⁽ᵗ⁾ / ‖g⁽ᵗ⁾‖ₚ),   g⁽ᵗ⁾ = ∇ᵣ L(f(x + r⁽ᵗ⁻¹⁾; θ), y),   α = ε / S
        Π(r) = ε · r / ‖r‖ₚ
        L_PGD = L(f(x; θ), y) + L(f(x + r⁽ˢ⁾; θ), y)

    g⁽¹⁾ comes with the clean loss.

    Departures: `preset: original` is Madry et al. 2018: a random r⁽⁰⁾, Π only pulls back what is outside, sign(g) if
    p = ∞ (the paper's Eq. 8), and the adversarial loss alone.
    Cost of an attacked batch: 4 + 2S forward-equivalents (original: 3 + 2S).

    Args:
        clean_weight: 1 (paper) or 0 (original).
        projection: "sphere" (paper) or "ball" (original).
    """

    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "paper": {"projection": "sphere", "clean_weight": 1.0},
        "original": {"projection": "ball", "clean_weight": 0.0},
    }

    clean_weight: float = FROM_PRESET

    def __call__(self, passes: Passes) -> None:
        """Climb, then learn from x + r⁽ˢ⁾."""
        if self.preset == "paper":
            g = self.clean_gradient(passes)
            ball = self.ball(passes, self.norm)
            r = self.climb(ball, 0.0, ball.unit(g))
            for _ in range(self.steps - 1):
                r = self.climb(ball, r, ball.unit(passes.ascend(r)))
        else:
            if self.clean_weight:
                passes.learn(weight=self.clean_weight)
            ball = self.ball(passes, self.norm)
            r = ball.random(passes.uniform())
            for _ in range(self.steps):
                r = self.climb(ball, r, ball.steepest(passes.ascend(r)))
        passes.learn(r, weight=self.adversarial_weight, last=True)
