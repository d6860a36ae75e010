"""What an attack is, and what it may ask of the model: passes, each of which is counted."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple, Protocol

import torch
from torch import Tensor

from ranat.attacks.ball import Ball, Norm, Projection, Scope, as_norm, length
from ranat.registry import Registry

attacks: Registry[type[Attack]] = Registry("attack", "ranat.attacks")
register_attack = attacks.register

FROM_PRESET: Any = None
"""The default of an option whose value the preset decides."""


class Output(NamedTuple):
    """What a forward pass gives: the loss () and the logits (batch, classes) or (batch, tokens, classes)."""

    loss: Tensor
    logits: Tensor


class Passes(Protocol):
    """The passes through the model that an attack may make on one batch.

    r and gradients are (batch, tokens, hidden); r = None is r = 0. Dropout is the same in all passes of a batch
    unless the step says otherwise.
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
        last: bool = False,
    ) -> Tensor:
        """A pass at x + r that adds the gradient of weight · loss to θ.grad; returns the gradient of r, which is free.

        The attack says `last` in its last one: only that synchronises processes.
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


@dataclass(frozen=True, kw_only=True)
class Attack(ABC):
    """Spends passes on one batch, leaving the gradient of its objective in θ.grad.

    Args:
        preset: "paper" (its equations as printed) or "original" (the method's own paper).
        epsilon: ε > 0, the radius.
        epsilon_unit: "absolute" (embedding units) or "relative" (a fraction of ‖x‖ₚ in the same scope).
        scope: what shares one norm: "sequence" (an example over all its tokens), "token" or "batch".
        clean_weight: weight ≥ 0 of the loss at r = 0.
        adversarial_weight: weight > 0 of the adversarial loss.
    Raises:
        ValueError: an option is out of range; the message begins with its name.
    """

    presets: ClassVar[dict[str, dict[str, Any]]] = {"paper": {}, "original": {}}

    preset: Literal["paper", "original"] = "paper"
    epsilon: float = 1.0
    epsilon_unit: Literal["absolute", "relative"] = "absolute"
    scope: Scope = "sequence"
    clean_weight: float = 1.0
    adversarial_weight: float = 1.0

    @abstractmethod
    def __call__(self, passes: Passes) -> None:
        """Attack the batch and learn from it."""

    def __post_init__(self) -> None:
        one_of("preset", self.preset, tuple(self.presets))
        for option, value in self.presets[self.preset].items():
            if getattr(self, option) is FROM_PRESET:
                object.__setattr__(self, option, value)
        if hasattr(self, "norm"):
            object.__setattr__(self, "norm", as_norm(self.norm))
        one_of("epsilon_unit", self.epsilon_unit, ("absolute", "relative"))
        one_of("scope", self.scope, ("sequence", "token", "batch"))
        in_range("epsilon", self.epsilon, above=0)
        in_range("clean_weight", self.clean_weight, least=0)
        in_range("adversarial_weight", self.adversarial_weight, above=0)

    def ball(self, passes: Passes, norm: Norm = 2) -> Ball:
        """The ball of this attack around the batch, its radius measured on x if ε is relative."""
        mask = passes.mask
        if self.epsilon_unit == "relative":
            radius = self.epsilon * length(passes.embeddings, mask, norm, self.scope)
        else:
            radius = torch.full((1, 1, 1), self.epsilon, device=mask.device)
        return Ball(mask, radius, norm, self.scope)

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
        projection: "sphere" (r always is of length ε) or "ball" (only pulled back from outside).
    """

    steps: int = 3
    step_size: float | None = None
    norm: Norm = 2
    projection: Projection = FROM_PRESET

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.steps, int) or self.steps < 1:
            raise ValueError(f"steps must be a whole number of at least 1, not {self.steps!r}")
        if self.step_size is not None:
            in_range("step_size", self.step_size, above=0)
        one_of("projection", self.projection, ("sphere", "ball"))

    def climb(self, ball: Ball, r: Tensor | float, direction: Tensor) -> Tensor:
        """r⁽ᵗ⁾ = Π(r⁽ᵗ⁻¹⁾ + α · direction) (Eq. 11–12)."""
        fraction = 1 / self.steps if self.step_size is None else self.step_size / self.epsilon
        return ball.project(r + fraction * ball.radius * direction, self.projection)


def in_range(name: str, value: float, *, above: float = -math.inf, least: float = -math.inf) -> None:
    """Raise ValueError, its message beginning with the name, unless value is finite, > above and ≥ least."""
    bound = f"above {above:g}" if above > -math.inf else f"at least {least:g}"
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{name} must be a finite number {bound}, not {value!r}")
    if value <= above or value < least:
        raise ValueError(f"{name} must be {bound}, not {value:g}")


def one_of(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Raise ValueError, its message beginning with the name, unless value is one of the choices."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, not {value!r}")
