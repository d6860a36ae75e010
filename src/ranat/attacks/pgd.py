"""Projected gradient descent."""

from dataclasses import dataclass
from typing import Any, ClassVar

from ranat.attacks.ball import Direction
from ranat.attacks.base import FROM_PRESET, IterativeAttack, PassCounts, Passes, Start, one_of, register_attack


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

    Args:
        clean_weight: 1 (paper) or 0 (original).
        start: r⁽⁰⁾: "zero" (paper) or "random" in the ball (original).
        direction: "unit" (paper) or "steepest" (original).
        projection: "sphere" (paper) or "ball" (original).
    """

    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "paper": {"start": "zero", "direction": "unit", "projection": "sphere", "clean_weight": 1.0},
        "original": {"start": "random", "direction": "steepest", "projection": "ball", "clean_weight": 0.0},
    }

    clean_weight: float = FROM_PRESET
    start: Start = FROM_PRESET
    direction: Direction = FROM_PRESET

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("start", self.start, ("zero", "random"))

    def __call__(self, passes: Passes) -> None:
        """Climb, then learn from x + r⁽ˢ⁾."""
        ball, r, g = self.begin(passes, self.start)
        for _ in range(self.steps):
            r, g = self.climb(ball, r, passes.ascend(r) if g is None else g), None
        passes.learn(r, weight=self.adversarial_weight, last=True)

    @property
    def counts(self) -> PassCounts:
        """A clean pass if it has a weight, S ascents, of which the first may come with it, and the last point."""
        clean = self.clean_weight > 0
        ascents = self.steps - (clean and self.start == "zero")
        return PassCounts(forward=clean + ascents + 1, backward=clean + 1, backward_to_input=ascents)
