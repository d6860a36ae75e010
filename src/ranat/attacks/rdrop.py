"""Regularised dropout, to compare attacks with."""

from dataclasses import dataclass

from torch import Tensor

from ranat.attacks.base import Attack, Output, PassCounts, Passes, in_range, register_attack
from ranat.attacks.divergence import symmetric_kl


@register_attack("rdrop")
@dataclass(frozen=True, kw_only=True)
class RDrop(Attack):
    """Two clean passes whose predictions are kept close to each other (R-Drop; Liang et al. 2021, arXiv 2106.14448).

        L_rdrop = L(f₁(x; θ), y) + L(f₂(x; θ), y) + α · ½ · 1/n · Σᵢ [KL(f₁(xᵢ) ‖ f₂(xᵢ)) + KL(f₂(xᵢ) ‖ f₁(xᵢ))]

    f₁ and f₂ differ in dropout alone, so it asks for fresh dropout by itself; in a model without dropout it is `twice`.
    n counts the labelled words (or sentences). Not in the paper, and no attack: nothing is perturbed, and ε means
    nothing here. What it gains beyond `twice` is the gain of smoothness without an adversary; SMART is that with one.
    Both graphs are held at once, so it needs the memory of two.

    Args:
        clean_weight: above 0, of both losses.
        adversarial_weight: α > 0, of what keeps predictions close; Liang et al. take 1 to 5.
    """

    needs_fresh_dropout = True

    def __post_init__(self) -> None:
        super().__post_init__()
        in_range("clean_weight", self.clean_weight, above=0)

    @property
    def climbs_on(self) -> None:
        """Nothing: r stays 0."""
        return None

    def __call__(self, passes: Passes) -> None:
        """Learn from x twice at once, and to predict the same both times."""
        first = passes.clean()

        def objective(second: Output) -> Tensor:
            apart = passes.mean(symmetric_kl(first.prediction, second.prediction)) / 2
            return self.clean_weight * (first.loss + second.loss) + self.adversarial_weight * apart

        passes.learn(loss=objective, last=True)

    @property
    def counts(self) -> PassCounts:
        """Two passes."""
        return PassCounts(forward=2, backward=2, backward_to_input=0)
