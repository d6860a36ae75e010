"""`rdrop` against a naive float64 derivation with dropout, and what it comes to without."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import tiny
from ranat.attacks import RDrop, Twice
from ranat.training.step import AdversarialStep

LENGTHS = (5, 9, 7)


def gradients(model: Any) -> dict[str, Tensor]:
    return {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}


def naive(model: Any, batch: dict[str, Tensor], alpha: float) -> Any:
    """Both passes, then KL word by word as it is printed."""
    inputs = {name: value for name, value in batch.items() if name != "special_tokens_mask"}
    one, other = model(**inputs), model(**inputs)
    p, q = one.logits.softmax(-1), other.logits.softmax(-1)
    apart = []
    for row, word in (batch["labels"] != -100).nonzero().tolist():
        first, second = p[row, word], q[row, word]
        apart.append(sum(a * torch.log(a / b) + b * torch.log(b / a) for a, b in zip(first, second, strict=True)) / 2)
    assert bool((torch.stack(apart) > 0).all())  # the two differ in dropout
    return one.loss + other.loss + alpha * torch.stack(apart).mean()


@pytest.mark.parametrize("alpha", [0.5, 3.0])
@pytest.mark.parametrize("dropout", ["shared", "fresh"])
def test_equation(alpha: float, dropout: Any) -> None:
    """The step's dropout does not matter: it asks for its own."""
    model, batch = tiny.model(dropout=0.2).double().train(), tiny.batch(LENGTHS)
    torch.manual_seed(0)
    objective = AdversarialStep(RDrop(adversarial_weight=alpha), dropout=dropout)(model, batch)
    ours = gradients(model)
    model.zero_grad()

    torch.manual_seed(0)
    expected = naive(model, batch, alpha)
    expected.backward()
    assert float(objective) == pytest.approx(float(expected.detach()), rel=1e-9)
    for name, gradient in gradients(model).items():
        assert (ours[name] - gradient).norm() <= 1e-9 * gradient.norm() + 1e-12, name


def test_without_dropout_it_is_twice() -> None:
    model, batch = tiny.model().double().train(), tiny.batch(LENGTHS)
    AdversarialStep(RDrop())(model, batch)
    ours = gradients(model)
    model.zero_grad()
    AdversarialStep(Twice())(model, batch)
    for name, gradient in gradients(model).items():
        assert torch.allclose(ours[name], gradient, rtol=1e-9, atol=1e-12), name


def test_both_losses_must_count() -> None:
    with pytest.raises(ValueError, match="clean_weight must be above 0"):
        RDrop(clean_weight=0)
