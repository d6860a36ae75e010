"""Two clean passes, to compare attacks with."""

from dataclasses import dataclass

from ranat.attacks.base import Attack, PassCounts, Passes, register_attack


@register_attack("twice")
@dataclass(frozen=True, kw_only=True)
class Twice(Attack):
    """A control: each batch is learnt from twice, with dropout of its own, and nothing is perturbed.

        L_twice = L(f₁(x; θ), y) + L(f₂(x; θ), y)

    f₁ and f₂ differ in dropout alone. Not in the paper. If it gains what FGM gains, the gain is that of a second pass.
    ε means nothing here.
    """

    needs_fresh_dropout = True

    @property
    def climbs_on(self) -> None:
        """Nothing: r stays 0."""
        return None

    def __call__(self, passes: Passes) -> None:
        """Learn from x and again from x."""
        if self.clean_weight:
            passes.learn(weight=self.clean_weight)
        passes.learn(weight=self.adversarial_weight, last=True)

    @property
    def counts(self) -> PassCounts:
        """Two passes; one if the first has no weight."""
        passes = 1 + (self.clean_weight > 0)
        return PassCounts(forward=passes, backward=passes, backward_to_input=0)
