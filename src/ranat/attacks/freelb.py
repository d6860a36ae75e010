"""Free large-batch adversarial training."""

from dataclasses import dataclass
from typing import Any, ClassVar

from ranat.attacks.base import FROM_PRESET, IterativeAttack, Passes, register_attack


@register_attack("freelb")
@dataclass(frozen=True, kw_only=True)
class FreeLB(IterativeAttack):
    """PGD that learns from every point it climbs to (paper Eq. 16; Zhu et al. 2020).

        r⁽⁰⁾ = 0,   r⁽ᵗ⁾ as in PGD (Eq. 10–14),   α = ε / S
        L_FreeLB = L(f(x; θ), y) + 1/S · Σₜ L(f(x + r⁽ᵗ⁾; θ), y),   t = 1 … S

    Each loss adds to θ.grad as it is met, and its backward pass gives the next g for free.

    Departures: `preset: original` starts at a random r⁽⁰⁾, averages the losses at r⁽⁰⁾ … r⁽ˢ⁻¹⁾, has no clean pass, and
    Π only pulls back what is outside.
    Cost of an attacked batch: 3 + 3S forward-equivalents (original: 3S).

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
        """Learn from x and from every x + r⁽ᵗ⁾."""
        weight = self.adversarial_weight / self.steps
        if self.preset == "paper":
            g = self.clean_gradient(passes)
            ball = self.ball(passes, self.norm)
            r = self.climb(ball, 0.0, ball.unit(g))
        else:
            if self.clean_weight:
                passes.learn(weight=self.clean_weight)
            ball = self.ball(passes, self.norm)
            r = ball.random(passes.uniform())
        for _ in range(self.steps - 1):
            r = self.climb(ball, r, ball.unit(passes.learn(r, weight=weight)))
        passes.learn(r, weight=weight, last=True)
