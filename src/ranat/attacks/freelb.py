"""Free large-batch adversarial training."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from ranat.attacks.base import FROM_PRESET, IterativeAttack, PassCounts, Passes, Start, one_of, register_attack


@register_attack("freelb")
@dataclass(frozen=True, kw_only=True)
class FreeLB(IterativeAttack):
    """PGD that learns from every point it climbs to (paper Eq. 16; Zhu et al. 2020).

        r⁽⁰⁾ = 0,   r⁽ᵗ⁾ as in PGD (Eq. 10–14),   α = ε / S
        L_FreeLB = L(f(x; θ), y) + 1/S · Σₜ L(f(x + r⁽ᵗ⁾; θ), y),   t = 1 … S

    Each loss adds to θ.grad as it is met, and its backward pass gives the next g for free.

    Departures: `preset: original` starts at a random r⁽⁰⁾, averages the losses at r⁽⁰⁾ … r⁽ˢ⁻¹⁾, has no clean pass, and
    Π only pulls back what is outside.

    Args:
        clean_weight: 1 (paper) or 0 (original).
        start: r⁽⁰⁾: "zero" (paper) or "random" in the ball (original).
        first_point: t of the first of the S points that are learnt from: 1 (paper) or 0 (original).
        projection: "sphere" (paper) or "ball" (original).
    """

    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "paper": {"start": "zero", "first_point": 1, "projection": "sphere", "clean_weight": 1.0},
        "original": {"start": "random", "first_point": 0, "projection": "ball", "clean_weight": 0.0},
    }

    clean_weight: float = FROM_PRESET
    start: Start = FROM_PRESET
    first_point: Literal[0, 1] = FROM_PRESET

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("start", self.start, ("zero", "random"))
        if self.first_point not in (0, 1):
            raise ValueError(f"first_point must be 0 or 1, not {self.first_point!r}")

    def __call__(self, passes: Passes) -> None:
        """Learn from x and from every point."""
        weight = self.adversarial_weight / self.steps
        ball, r, g = self.begin(passes, self.start)
        if self.first_point == 1:
            r = self.climb(ball, r, passes.ascend(r) if g is None else g)
        for _ in range(self.steps - 1):
            r = self.climb(ball, r, passes.learn(r, weight=weight))
        passes.learn(r, weight=weight, last=True)

    @property
    def counts(self) -> PassCounts:
        """A clean pass if it has a weight, S points, and an ascent to the first if its gradient is not free."""
        clean = self.clean_weight > 0
        ascent = self.first_point == 1 and not (clean and self.start == "zero")
        return PassCounts(forward=clean + ascent + self.steps, backward=clean + self.steps, backward_to_input=ascent)
