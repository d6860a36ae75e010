"""The fast gradient method."""

from dataclasses import dataclass

from ranat.attacks.base import Attack, PassCounts, Passes, register_attack


@register_attack("fgm")
@dataclass(frozen=True, kw_only=True)
class FGM(Attack):
    """One step along the gradient (paper Eq. 6–7; Miyato et al. 2017, of whom the paper departs in nothing).

    r = ε · g / ‖g‖₂,   g = ∇ₓ L(f(x; θ), y)
    L_FGM = L(f(x; θ), y) + L(f(x + r; θ), y)
    """

    def __call__(self, passes: Passes) -> None:
        """Learn from x and from x + r."""
        g = self.clean_gradient(passes)
        ball = self.ball(passes)
        passes.learn(ball.radius * ball.unit(g), weight=self.adversarial_weight, last=True)

    @property
    def counts(self) -> PassCounts:
        """A pass at x and one at x + r."""
        clean = self.clean_weight > 0
        return PassCounts(forward=2, backward=1 + clean, backward_to_input=1 - clean)
