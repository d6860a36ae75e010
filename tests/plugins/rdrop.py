"""R-Drop (Liang et al. 2021) as an attack of one's own: it perturbs nothing but dropout.

ranat train --plugin rdrop.py --attack.name rdrop --attack.adversarial_weight 0.5 …
"""

from dataclasses import dataclass

from torch import Tensor

from ranat.attacks import Attack, Output, PassCounts, Passes, register_attack
from ranat.attacks.divergence import symmetric_kl


@register_attack("rdrop")
@dataclass(frozen=True, kw_only=True)
class RDrop(Attack):
    """Two passes with dropout of their own, whose predictions shall agree.

        L = ½ · (L₁ + L₂) + λ · mean of [KL(f₁ ‖ f₂) + KL(f₂ ‖ f₁)]

    Args:
        adversarial_weight: λ > 0.
    """

    needs_fresh_dropout = True

    @property
    def climbs_on(self) -> None:
        """Nothing: r stays 0."""
        return None

    def __call__(self, passes: Passes) -> None:
        """Learn from both passes at once."""
        first = passes.clean()

        def objective(second: Output) -> Tensor:
            apart = passes.mean(symmetric_kl(first.prediction, second.prediction))
            return (first.loss + second.loss) / 2 * self.clean_weight + self.adversarial_weight * apart

        passes.learn(loss=objective, last=True)

    @property
    def counts(self) -> PassCounts:
        """Two passes, both learnt from."""
        return PassCounts(forward=2, backward=2, backward_to_input=0)
