"""A random direction, to compare attacks with."""

from dataclasses import dataclass

from ranat.attacks.base import Attack, PassCounts, Passes, register_attack


@register_attack("noise")
@dataclass(frozen=True, kw_only=True)
class Noise(Attack):
    """A control: a perturbation of the same length in a direction that has nothing to do with the loss.

    r = ε · n / ‖n‖₂,   n ~ N(0, 1)
    L_noise = L(f(x + r; θ), y)

    Not in the paper. If it gains what an attack gains, the gain is that of any noise.

    Args:
        clean_weight: 0: one pass, at x + r; above 0 the clean loss as well, with the passes of FGM.
    """

    clean_weight: float = 0.0

    @property
    def climbs_on(self) -> None:
        """Nothing."""
        return None

    def __call__(self, passes: Passes) -> None:
        """Learn from x + r, and from x if that has a weight."""
        if self.clean_weight:
            passes.learn(weight=self.clean_weight)
        ball = self.ball(passes)
        passes.learn(ball.radius * ball.unit(passes.normal()), weight=self.adversarial_weight, last=True)

    @property
    def counts(self) -> PassCounts:
        """A pass at x + r, and one at x if that has a weight."""
        passes = 1 + (self.clean_weight > 0)
        return PassCounts(forward=passes, backward=passes, backward_to_input=0)
