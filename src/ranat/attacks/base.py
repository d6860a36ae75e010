"""What an attack is, and what it may ask of the model: passes, each of which is counted."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, NamedTuple, Protocol

import torch
from torch import Tensor

from ranat.attacks.ball import Ball, Direction, Norm, Projection, Scope, as_norm, length
from ranat.attacks.divergence import Prediction
from ranat.registry import Registry, wrong_class, wrong_options

STANDARD = "none"
"""The name that stands for standard training, without an attack."""


def _wrong(name: str, kind: Any) -> str | None:
    if name == STANDARD:
        return "standard training is called so"
    return wrong_class(kind, Attack) or wrong_options(kind, taken=("name",))


attacks: Registry[type[Attack]] = Registry("attack", "ranat.attacks", _wrong)
register_attack = attacks.register

Start = Literal["zero", "random"]
Dropout = Literal["shared", "fresh"]
"""Whether all passes of a batch draw the same dropout."""

FROM_PRESET: Any = None
"""The default of an option whose value the preset, or another option, decides."""

SAFE_EPSILON: dict[Norm, float] = {2: 0.04, "inf": 0.003}
"""ε where nobody says one: a fraction of ‖x‖ₚ, so that it means the same on every backbone and for every length.

In `minilm` a sentence of 40 tokens has ‖x‖₂ ≈ 7, and there ε = 0.3 helped where ε = 1 hurt. A coordinate is 0.058 large
(root of the mean square), the largest of a sentence 0.73, so both fractions change a coordinate by about 0.0023.
"""


@dataclass(frozen=True)
class Output:
    """What a forward pass gives.

    Args:
        loss: ().
        predict: the model's prediction, asked for only by attacks that compare predictions.
    """

    loss: Tensor
    predict: Callable[[], Prediction]

    @property
    def prediction(self) -> Prediction:
        """The prediction.

        Raises:
            UserError: the model's output has none that could be compared.
        """
        return self.predict()


class PassCounts(NamedTuple):
    """Passes over one batch; one over some of its examples counts as their share."""

    forward: float
    """Forward passes."""

    backward: float
    """Backward passes to the parameters."""

    backward_to_input: float
    """Backward passes to r only."""

    @property
    def forward_equivalents(self) -> float:
        """Their cost in forward passes: a backward pass costs two, one to r only costs one."""
        return self.forward + 2 * self.backward + self.backward_to_input


PLAIN = PassCounts(forward=1, backward=1, backward_to_input=0)
"""The passes of a batch that is not attacked."""


class Passes(Protocol):
    """The passes through the model that an attack may make on one batch.

    r and gradients are (batch, tokens, hidden); r = None is r = 0. Dropout is the same in all passes of a batch, unless
    the step says otherwise or the attack needs it fresh.
    """

    mask: Tensor
    """(batch, tokens, 1), bool: what may be perturbed."""

    @property
    def embeddings(self) -> Tensor:
        """x: the word embeddings of the batch."""
        ...

    def learn(
        self,
        r: Tensor | None = None,
        *,
        weight: float = 1.0,
        loss: Callable[[Output], Tensor] | None = None,
        rows: Tensor | None = None,
        last: bool = False,
    ) -> Tensor:
        """A pass at x + r that adds the gradient of weight · loss to θ.grad; returns the gradient of r, which is free.

        With `rows` (n,) it is a pass of these examples alone: the loss is their mean, and the pass costs their share of
        one; r and its gradient are still of the whole batch. The attack says `last` in its last one: only that
        synchronises processes.
        """
        ...

    def ascend(self, r: Tensor | None = None, *, loss: Callable[[Output], Tensor] | None = None) -> Tensor:
        """A pass at x + r that computes the gradient of r only: a third cheaper than to learn."""
        ...

    def clean(self) -> Output:
        """A pass at x whose graph is kept, to be learnt from as part of a later loss."""
        ...

    def mean(self, values: Tensor) -> Tensor:
        """The mean of (batch,) or (batch, tokens) over all that has a label, normalised as the task's loss is."""
        ...

    def uniform(self) -> Tensor:
        """Noise in [-1, 1), a function of the example, the step and the seed only."""
        ...

    def normal(self) -> Tensor:
        """Standard normal noise, a function of the example, the step and the seed only."""
        ...

    def recall(self) -> Tensor:
        """(batch, tokens, hidden): what was kept of each example when it was last met; 0 if it never was."""
        ...

    def keep(self, values: Tensor) -> None:
        """Keep (batch, tokens, hidden) until each example is met again, in 8 bits an element; checkpoints hold it."""
        ...


@dataclass(frozen=True, kw_only=True)
class Attack(ABC):
    """Spends passes on one batch, leaving the gradient of its objective in θ.grad.

    What differs between presets is the value of options, so an attack reads the same in all of them.

    Args:
        preset: "paper" (its equations as printed) or "original" (the method's own paper).
        epsilon: ε > 0, the radius; by default a small fraction of ‖x‖ₚ, see `SAFE_EPSILON`.
        epsilon_unit: "absolute" (embedding units) or "relative" (a fraction of ‖x‖ₚ in the same scope); an ε without a
            unit is absolute.
        scope: what shares one norm: "sequence" (an example over all its tokens), "token" or "batch".
        clean_weight: weight ≥ 0 of the loss at r = 0.
        adversarial_weight: weight > 0 of the adversarial loss.
    Raises:
        ValueError: an option is out of range; the message begins with its name.
    """

    presets: ClassVar[dict[str, dict[str, Any]]] = {"paper": {}, "original": {}}

    needs_fresh_dropout: ClassVar[bool] = False
    """Whether each pass must draw dropout of its own, whatever the step's `dropout` is."""

    sees_every_batch: ClassVar[bool] = False
    """Whether it learns from the batches that the gate leaves out, too, by `rest`: it keeps something of each."""

    preset: Literal["paper", "original"] = "paper"
    epsilon: float = FROM_PRESET
    epsilon_unit: Literal["absolute", "relative"] = FROM_PRESET
    scope: Scope = "sequence"
    clean_weight: float = 1.0
    adversarial_weight: float = 1.0

    @abstractmethod
    def __call__(self, passes: Passes) -> None:
        """Attack the batch and learn from it."""

    def rest(self, passes: Passes) -> None:
        """Learn from a batch that the gate leaves out, in one forward and one backward pass."""
        passes.learn(last=True)

    @property
    def norm(self) -> Norm:
        """p of the ball; an option of the attacks that have several."""
        return 2

    @property
    def climbs_on(self) -> str | None:
        """What r is to raise: "loss", a divergence ("kl", "symmetric_kl"), or None if it raises nothing."""
        return "loss"

    @property
    @abstractmethod
    def counts(self) -> PassCounts:
        """The passes of an attacked batch."""

    @property
    def cost(self) -> float:
        """The cost of an attacked batch in forward-equivalents."""
        return self.counts.forward_equivalents

    @property
    def cost_formula(self) -> str:
        """The cost as a formula."""
        return f"{self.cost:g}"

    def __post_init__(self) -> None:
        one_of("preset", self.preset, tuple(self.presets))
        for option, value in self.presets[self.preset].items():
            if getattr(self, option) is FROM_PRESET:
                object.__setattr__(self, option, value)
        if "norm" in self.__dict__:
            object.__setattr__(self, "norm", as_norm(self.norm))
        if self.epsilon_unit is FROM_PRESET:
            object.__setattr__(self, "epsilon_unit", "relative" if self.epsilon is FROM_PRESET else "absolute")
        one_of("epsilon_unit", self.epsilon_unit, ("absolute", "relative"))
        one_of("scope", self.scope, ("sequence", "token", "batch"))
        if self.epsilon is FROM_PRESET:
            if self.epsilon_unit == "absolute":
                raise ValueError("epsilon must be given where epsilon_unit is absolute")
            object.__setattr__(self, "epsilon", SAFE_EPSILON[self.norm])
        in_range("epsilon", self.epsilon, above=0)
        in_range("clean_weight", self.clean_weight, least=0)
        in_range("adversarial_weight", self.adversarial_weight, above=0)

    def ball(self, passes: Passes) -> Ball:
        """The ball of this attack around the batch, its radius measured on x if ε is relative."""
        mask = passes.mask
        if self.epsilon_unit == "relative":
            radius = self.epsilon * length(passes.embeddings, mask, self.norm, self.scope)
        else:
            radius = torch.full((1, 1, 1), self.epsilon, device=mask.device)
        return Ball(mask, radius, self.norm, self.scope)

    def clean_gradient(self, passes: Passes) -> Tensor:
        """g = ∂L/∂r at r = 0: free if the clean loss is learnt from, else a pass of its own."""
        return passes.learn(weight=self.clean_weight) if self.clean_weight else passes.ascend()


@dataclass(frozen=True, kw_only=True)
class IterativeAttack(Attack):
    """An attack of several projected steps.

    Args:
        steps: S ≥ 1 (T in the paper), the number of ascents.
        step_size: α > 0, in the unit of ε; None: ε / S.
        norm: p, 2 or "inf".
        direction: "unit" (g / ‖g‖ₚ) or "steepest" (sign(g) if p = ∞).
        projection: "sphere" (r always is of length ε) or "ball" (only pulled back from outside).
    """

    steps: int = 3
    step_size: float | None = None
    norm: Norm = 2
    direction: Direction = "unit"
    projection: Projection = FROM_PRESET

    @property
    def cost_formula(self) -> str:
        """The cost as a formula in S, in which it is linear."""
        one, two = (replace(self, steps=steps).cost for steps in (1, 2))
        slope = two - one
        fixed = f"{one - slope:g} + " if one > slope else ""
        return f"{fixed}{slope:g}S"

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.steps, bool) or not isinstance(self.steps, int) or self.steps < 1:
            raise ValueError(f"steps must be a whole number of at least 1, not {self.steps!r}")
        if self.step_size is not None:
            in_range("step_size", self.step_size, above=0)
        one_of("direction", self.direction, ("unit", "steepest"))
        one_of("projection", self.projection, ("sphere", "ball"))

    def climb(self, ball: Ball, r: Tensor | None, g: Tensor) -> Tensor:
        """r⁽ᵗ⁾ = Π(r⁽ᵗ⁻¹⁾ + α · direction of g) (Eq. 11–12)."""
        fraction = 1 / self.steps if self.step_size is None else self.step_size / self.epsilon
        step = fraction * ball.radius * ball.direction(g, self.direction)
        return ball.project(step if r is None else r + step, self.projection)

    def begin(self, passes: Passes, start: Start) -> tuple[Ball, Tensor | None, Tensor | None]:
        """The ball, r⁽⁰⁾ and the gradient there, after the clean loss was learnt from, if it has a weight.

        That gives the gradient at r⁽⁰⁾ = 0 for free; None where it is not known.
        """
        g = passes.learn(weight=self.clean_weight) if self.clean_weight else None
        ball = self.ball(passes)
        return (ball, None, g) if start == "zero" else (ball, ball.random(passes.uniform()), None)


def in_range(
    name: str, value: float, *, above: float = -math.inf, least: float = -math.inf, most: float = math.inf
) -> None:
    """Raise ValueError, its message beginning with the name, unless value is finite, > above, ≥ least and ≤ most."""
    bound = f"above {above:g}" if above > -math.inf else f"at least {least:g}"
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{name} must be a finite number {bound}, not {value!r}")
    if value <= above or value < least:
        raise ValueError(f"{name} must be {bound}, not {value:g}")
    if value > most:
        raise ValueError(f"{name} must be at most {most:g}, not {value:g}")


def one_of(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Raise ValueError, its message beginning with the name, unless value is one of the choices."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, not {value!r}")
