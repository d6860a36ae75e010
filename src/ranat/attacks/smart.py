"""Smoothness-inducing adversarial regularisation."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from torch import Tensor

from ranat.attacks.ball import Norm
from ranat.attacks.base import (
    FROM_PRESET,
    IterativeAttack,
    Output,
    PassCounts,
    Passes,
    in_range,
    one_of,
    register_attack,
)  # fmt: skip
from ranat.attacks.divergence import DIVERGENCES, symmetric_kl


@register_attack("smart")
@dataclass(frozen=True, kw_only=True)
class SMART(IterativeAttack):
    """Keeps the prediction at x + r close to that at x, whatever the label (paper Eq. 17–20; Jiang et al. 2020).

        r⁽⁰⁾ ~ N(0, σ²),   r⁽ᵗ⁾ = Π(r⁽ᵗ⁻¹⁾ + α · g⁽ᵗ⁾ / ‖g⁽ᵗ⁾‖ₚ),   t = 1 … S
        g⁽ᵗ⁾ = ∇ᵣ KL(f(x; θ) ‖ f(x + r⁽ᵗ⁻¹⁾; θ))
        F(θ) = L(f(x; θ), y) + λ · R(θ)
        R(θ) = 1/n · Σᵢ [KL(f(xᵢ + rᵢ) ‖ f(xᵢ)) + KL(f(xᵢ) ‖ f(xᵢ + rᵢ))],   r = r⁽ˢ⁾

    n counts the labelled words (or sentences); the gradient of R reaches θ through both predictions. The paper calls
    λ α; here it is `adversarial_weight`, since α is a step size. In the paper's words KL guides the first k − 1 passes
    and symmetric KL is the last one, so S = k − 1. Where several labels or numbers are predicted, `divergence.py` tells
    what takes the place of KL.

    Departures: the paper says nothing of r⁽⁰⁾, but at r = 0 the gradient of KL is 0. `preset: original` climbs on the
    symmetric KL in an ∞-ball, is pulled back only from outside, and its step is η = `step_size`.
    Both graphs are held at once, so it needs the memory of two.

    Args:
        sigma: σ > 0, of each coordinate of r⁽⁰⁾, in embedding units. Under bf16 the first g is mostly rounding noise
            below about 0.003; later ones, taken at length ε, are not (see docs/log.md).
        climbs_on: "kl" (paper) or "symmetric_kl" (original).
        norm: 2 (paper) or "inf" (original).
        projection: "sphere" (paper) or "ball" (original).
    """

    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "paper": {"climbs_on": "kl", "norm": 2, "projection": "sphere"},
        "original": {"climbs_on": "symmetric_kl", "norm": "inf", "projection": "ball"},
    }

    climbs_on: Literal["kl", "symmetric_kl"] = FROM_PRESET
    norm: Norm = FROM_PRESET
    sigma: float = 1e-3

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("climbs_on", self.climbs_on, tuple(DIVERGENCES))
        in_range("sigma", self.sigma, above=0)

    def __call__(self, passes: Passes) -> None:
        """Climb away from the clean prediction, then learn to stay near it."""
        divergence = DIVERGENCES[self.climbs_on]
        clean = passes.clean()
        target = clean.prediction.detach()
        ball = self.ball(passes)
        r = self.sigma * passes.normal() * ball.mask
        for _ in range(self.steps):
            g = passes.ascend(r, loss=lambda output: passes.mean(divergence(target, output.prediction)))
            r = self.climb(ball, r, g)

        def objective(adversarial: Output) -> Tensor:
            regulariser = passes.mean(symmetric_kl(adversarial.prediction, clean.prediction))
            return self.clean_weight * clean.loss + self.adversarial_weight * regulariser

        passes.learn(r, loss=objective, last=True)

    @property
    def counts(self) -> PassCounts:
        """S ascents, and one backward pass through both predictions of the objective."""
        return PassCounts(forward=self.steps + 2, backward=2, backward_to_input=self.steps)
