"""The direction of an example's last gradient, carried over to the next epoch."""

from dataclasses import dataclass

from ranat.attacks.base import Attack, PassCounts, Passes, in_range, register_attack


@register_attack("carry")
@dataclass(frozen=True, kw_only=True)
class Carry(Attack):
    """One pass at x + r, r along the gradients that the example had in earlier epochs; g of this pass comes with it.

        r = ε · u / ‖u‖₂,   g = ∇ᵣ L(f(x + r; θ), y),   L_carry = L(f(x + r; θ), y)
        u ← μ · u / ‖u‖₂ + g / ‖g‖₂

    u is 0 before an example's first batch, so the first epoch is clean. Where the gate leaves a batch out, r = 0, and u
    goes on as before. A batch costs what one of standard training costs, attacked or not.

    Not in the paper. A perturbation is kept from epoch to epoch by Zheng et al. 2020 (arXiv 1912.11969), who add to it,
    and as a start by Jia et al. 2022 (arXiv 2207.08859), who then take a step with a second pass; here only its
    direction is kept. Li and Qiu 2021 (arXiv 2004.14543) keep one for each token of the vocabulary. u is kept in 8 bits
    an element; an example is told from others by its tokens.

    Args:
        momentum: μ in [0, 1], how much of the older direction stays.
        clean_weight: 0, as there is no clean pass.
    """

    sees_every_batch = True

    momentum: float = 0.5
    clean_weight: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        in_range("momentum", self.momentum, least=0, most=1)
        if self.clean_weight:
            raise ValueError(f"clean_weight must be 0 in carry, which makes one pass, not {self.clean_weight:g}")

    @property
    def climbs_on(self) -> None:
        """Nothing at once: r follows the gradient of another epoch."""
        return None

    def __call__(self, passes: Passes) -> None:
        """Learn from x + r."""
        self._learn(passes, attacked=True)

    def rest(self, passes: Passes) -> None:
        """Learn from x."""
        self._learn(passes, attacked=False)

    def _learn(self, passes: Passes, *, attacked: bool) -> None:
        ball = self.ball(passes)
        u = ball.unit(passes.recall())
        weight = self.adversarial_weight if attacked else 1.0
        g = passes.learn(ball.radius * u if attacked else None, weight=weight, last=True)
        passes.keep(self.momentum * u + ball.unit(g))

    @property
    def counts(self) -> PassCounts:
        """One pass."""
        return PassCounts(forward=1, backward=1, backward_to_input=0)
