"""An adversarial step in a loop of one's own: what it counts, what gates see, what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from test_trainer_features import OnRise
from torch import Tensor

import tiny
from ranat import AdversarialStep
from ranat.attacks import FGM
from ranat.errors import UserError


def scaled(by: float) -> Callable[[Tensor], Any]:
    return lambda loss: (loss * by).backward()


def test_examples_without_a_usable_gradient_add_up_over_batches() -> None:
    step, model = AdversarialStep(FGM(epsilon=0.3)), tiny.model().eval()
    without = tiny.batch()
    without["labels"][:2] = -100
    for batch, expected in ((without, 2), (tiny.batch(), 2), (without, 4)):
        step(model, batch)
        assert step.cost.unusable_gradients == expected


@pytest.mark.parametrize("scale", [None, 8.0])
def test_a_gate_sees_the_norm_of_the_gradients_without_their_scale(scale: float | None) -> None:
    gate, model = OnRise(), tiny.model().eval()
    step = AdversarialStep(FGM(epsilon=0.3), gate=gate)
    if scale is None:
        loss = step(model, tiny.batch())
    else:
        loss = step(model, tiny.batch(), scaled(scale), gradient_scale=scale)
    found = [p.grad.flatten() for p in model.parameters() if p.grad is not None]
    step.state_dict()  # before a checkpoint the gate is told of the last step
    ((at, seen_loss, norm),) = gate.seen
    assert at == 0
    assert seen_loss == pytest.approx(float(loss))
    assert norm == pytest.approx(float(torch.cat(found).norm()) / (scale or 1), rel=1e-5)


def test_what_is_wrong_with_a_mask_and_how_to_mend_it() -> None:
    batch = tiny.batch()
    with pytest.raises(UserError) as caught:
        AdversarialStep(FGM())(tiny.model(), {**batch, "special_tokens_mask": batch["special_tokens_mask"][:, :8]})
    assert str(caught.value) == (
        "special_tokens_mask is (3, 8), input_ids (3, 9) (give a mask with a value for each token, as tokenizers do)"
    )
