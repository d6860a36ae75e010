"""What the weights of an attack mean: G = a · (clean gradient) + b · (adversarial gradient)."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch import Tensor

import tiny
from ranat.attacks import Attack, attacks
from ranat.training.contract import attacked
from ranat.training.memory import ExampleMemory

WEIGHTED = [attacks.get(name)(epsilon=0.3) for name in attacks.names()]


def gradient(attack: Attack, seed: int = 0) -> Tensor:
    """θ.grad, with an example memory that another step has filled."""
    model, memory = tiny.model().double().eval(), ExampleMemory()
    if attack.sees_every_batch:
        attacked(attack, model, tiny.batch(), memory=memory)
        model.zero_grad()
    attacked(attack, model, tiny.batch(), memory=memory)
    return torch.cat([weight.grad.flatten() for weight in model.parameters() if weight.grad is not None])


@pytest.mark.parametrize("attack", WEIGHTED, ids=lambda attack: type(attack).__name__)
def test_the_gradient_is_linear_in_the_adversarial_weight(attack: Attack) -> None:
    one, two, four = (gradient(dataclasses.replace(attack, adversarial_weight=weight)) for weight in (1.0, 2.0, 4.0))
    assert (two - one).norm() > 1e-3 * one.norm()
    assert torch.allclose(four - two, 2 * (two - one), rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize(
    "attack", [attack for attack in WEIGHTED if attack.clean_weight], ids=lambda attack: type(attack).__name__
)
def test_the_gradient_is_linear_in_the_clean_weight(attack: Attack) -> None:
    half, one, two = (gradient(dataclasses.replace(attack, clean_weight=weight)) for weight in (0.5, 1.0, 2.0))
    assert (one - half).norm() > 1e-3 * one.norm()
    assert torch.allclose(two - one, 2 * (one - half), rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("attack", WEIGHTED, ids=lambda attack: type(attack).__name__)
def test_a_batch_that_is_left_out_is_learnt_from_once_at_x(attack: Attack) -> None:
    """The plain gradient, in one pass that is the last."""
    seen: list[Any] = []

    class Watched:
        def __getattr__(self, name: str) -> Any:
            return getattr(passes, name)

        def learn(self, r: Tensor | None = None, **options: Any) -> Tensor:
            seen.append((r, options.get("last")))
            return passes.learn(r, **options)

    model = tiny.model().double().eval()
    passes = attacked(attack, model, tiny.batch())
    model.zero_grad()
    attack.rest(Watched())  # type: ignore[arg-type]  # stands in for passes
    assert seen == [(None, True)]
    found = torch.cat([weight.grad.flatten() for weight in model.parameters() if weight.grad is not None])
    plain = tiny.model().double().eval()
    plain(**{name: value for name, value in tiny.batch().items() if name != "special_tokens_mask"}).loss.backward()
    expected = torch.cat([weight.grad.flatten() for weight in plain.parameters() if weight.grad is not None])
    assert torch.allclose(found, expected)
