"""The fast gradient method on the hardest examples of a batch."""

from dataclasses import dataclass

import torch

from ranat.attacks.base import Attack, PassCounts, Passes, in_range, register_attack


@register_attack("topk")
@dataclass(frozen=True, kw_only=True)
class TopK(Attack):
    """FGM on a share γ of the batch, drawn in proportion to how large the gradient of each example is.

        T = the round(γ · n) of the n examples with the largest log ‖gᵢ‖₂ − log(−log uᵢ),   uᵢ ~ U(0, 1)
        rᵢ = ε · gᵢ / ‖gᵢ‖₂ for i in T,   g = ∇ₓ L(f(x; θ), y)
        L_topk = L(f(x; θ), y) + L(f(x_T + r; θ), y_T)

    Not in the paper. Most sentences are easy: what an attack spends on them changes little. The second loss is the mean
    over T. The noise (Gumbel-top-k, Kool et al. 2019, arXiv 1903.06059) is a function of example, step and seed, and
    makes T a sample without replacement. Dropout of the second pass is drawn for a smaller batch, so it is another.

    Args:
        gamma: γ in (0, 1], the share of a batch that is attacked; one example at least.
        clean_weight: above 0, as hardness is known from the clean pass.
    """

    gamma: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        in_range("gamma", self.gamma, above=0, most=1)
        in_range("clean_weight", self.clean_weight, above=0)

    def __call__(self, passes: Passes) -> None:
        """Learn from x, and from x + r of the hardest."""
        g = passes.learn(weight=self.clean_weight)
        ball = self.ball(passes)
        hardness = torch.linalg.vector_norm((g * ball.mask).float(), dim=(1, 2))
        first = ball.mask.int().argmax(1, keepdim=True)  # of what may be perturbed, wherever padding is
        uniform = passes.uniform().gather(1, first)[:, 0, 0].double().add(1).div(2)
        order = (hardness.double().log() - (-uniform.log()).log()).argsort(descending=True)
        rows = order[: max(round(self.gamma * len(g)), 1)].sort().values
        passes.learn(ball.radius * ball.unit(g), weight=self.adversarial_weight, rows=rows, last=True)

    @property
    def counts(self) -> PassCounts:
        """A pass at x, and a share of one at x + r."""
        return PassCounts(forward=1 + self.gamma, backward=1 + self.gamma, backward_to_input=0)

    @property
    def cost_formula(self) -> str:
        """The cost as a formula in γ."""
        return "3 + 3γ"
