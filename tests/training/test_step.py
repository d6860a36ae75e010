"""An adversarial step in a loop of one's own: what it counts, what gates see, what it refuses."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import torch
from test_trainer_features import OnRise
from torch import Tensor

import tiny
from ranat import AdversarialStep
from ranat.attacks import FGM, Attack, Carry, PassCounts, Passes
from ranat.errors import UserError
from ranat.gates import Every, Never
from ranat.training.step import model_loss, special_ids


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


def test_a_gate_sees_the_mean_over_processes(one_process: None) -> None:
    """Here there is one; several are in test_distributed.py."""
    gate, model = OnRise(), tiny.model().eval()
    step = AdversarialStep(FGM(epsilon=0.3), gate=gate)
    losses = [float(step(model, tiny.batch())) for _ in range(2)]
    step.state_dict()
    assert [(at, loss) for at, loss, _ in gate.seen] == [(0, pytest.approx(losses[0])), (1, pytest.approx(losses[1]))]


def test_what_is_wrong_with_a_mask_and_how_to_mend_it() -> None:
    batch = tiny.batch()
    with pytest.raises(UserError) as caught:
        AdversarialStep(FGM())(tiny.model(), {**batch, "special_tokens_mask": batch["special_tokens_mask"][:, :8]})
    assert str(caught.value) == (
        "special_tokens_mask is (3, 8), input_ids (3, 9) (give a mask with a value for each token, as tokenizers do)"
    )


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        ({"attack": "fgm"}, TypeError, "attack must be an attack, such as FGM(epsilon=0.3), or None, not 'fgm'"),
        ({"gate": 0.5}, TypeError, "gate must be a gate, such as Bernoulli(p=0.5), not 0.5"),
        ({"dropout": "none"}, ValueError, "dropout must be one of shared, fresh, not 'none'"),
        ({"accumulation": 0}, ValueError, "accumulation must be at least 1, not 0"),
    ],
)
def test_what_cannot_be_a_step_is_refused(given: dict[str, Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=f"^{re.escape(message)}$"):
        AdversarialStep(**{"attack": FGM(), **given})


def test_a_loss_is_the_first_of_what_is_no_mapping_or_it_is_none() -> None:
    loss, other = torch.tensor(1.0), torch.tensor(2.0)
    assert model_loss(lambda **batch: (loss, other), {}) is loss
    assert model_loss(lambda **batch: {"logits": other, "loss": loss}, {}) is loss
    for output in ({"logits": other}, (None, other)):
        with pytest.raises(UserError) as caught:
            model_loss(lambda *, given=output, **batch: given, {})
        assert str(caught.value) == (
            "the model gives no loss for this batch (give labels, or the step a `loss` of its own)"
        )


def test_special_ids_are_those_around_texts_and_not_of_unknown_words() -> None:
    names = ("cls_token_id", "sep_token_id", "bos_token_id", "eos_token_id", "pad_token_id", "unk_token_id")
    tokenizer = SimpleNamespace(**{name: number for number, name in enumerate(names)})
    assert special_ids(tokenizer) == {0, 1, 2, 3, 4}
    assert special_ids(SimpleNamespace(cls_token_id=7, pad_token_id=None)) == {7}


def test_what_may_be_perturbed_is_neither_padding_nor_special() -> None:
    ids = torch.tensor([[1, 5, 6, 2, 0], [1, 7, 2, 0, 0]])
    present, special = ids != 0, (ids == 1) | (ids == 2)
    inside = torch.tensor([[False, True, True, False, False], [False, True, False, False, False]])
    batch = {"input_ids": ids, "attention_mask": present.long()}
    step = AdversarialStep(FGM(), special_ids={1, 2})
    assert torch.equal(step.perturbable(batch), inside)
    assert torch.equal(AdversarialStep(FGM()).perturbable({**batch, "special_tokens_mask": special.long()}), inside)
    assert torch.equal(AdversarialStep(FGM()).perturbable(batch), present)
    choices = {name: values[None] for name, values in batch.items()}  # (batch, choices, tokens)
    assert torch.equal(step.perturbable(choices), inside)
    assert torch.equal(step.perturbable({**choices, "special_tokens_mask": special.long()[None]}), inside)


@dataclass(frozen=True)
class Twice(Attack):
    """Two passes at x, so that it is seen whether they have the same dropout."""

    needs_fresh_dropout: ClassVar[bool] = False

    @property
    def counts(self) -> PassCounts:
        return PassCounts(forward=2, backward=2)

    def __call__(self, passes: Passes) -> None:
        passes.learn()
        passes.learn(last=True)


@dataclass(frozen=True)
class TwiceFresh(Twice):
    needs_fresh_dropout: ClassVar[bool] = True


@pytest.mark.parametrize(
    ("attack", "dropout", "alike"),
    [(Twice(), "shared", True), (Twice(), "fresh", False), (TwiceFresh(), "shared", False)],
)
def test_passes_share_their_dropout_if_both_the_step_and_the_attack_want_that(
    attack: Attack, dropout: Any, alike: bool
) -> None:
    losses: list[float] = []

    def loss(model: Any, batch: Any) -> Tensor:
        value = model_loss(model, batch)
        losses.append(float(value.detach()))
        return value

    AdversarialStep(attack, dropout=dropout)(tiny.model(dropout=0.3).train(), tiny.batch(), loss=loss)
    assert (losses[0] == losses[1]) is alike


def test_a_step_counts_and_goes_on_from_what_it_counted() -> None:
    step, model = AdversarialStep(FGM(epsilon=0.3), gate=Every(k=2)), tiny.model().eval()
    for _ in range(4):
        step(model, tiny.batch())
    assert (step.cost.batches, step.cost.attacked_batches, step.cost.forward) == (4, 2, 6)
    batch = tiny.batch()
    x = model.get_input_embeddings()(batch["input_ids"]) * (1 - batch["special_tokens_mask"])[..., None]
    radius = float((0.3 / x.detach().flatten(1).norm(dim=1)).mean())
    assert step.cost.relative_radius == pytest.approx(2 * radius, rel=1e-5)
    state = step.state_dict()
    assert state == {"cost": step.cost.to_dict(), "gate": {}}
    resumed = AdversarialStep(FGM(epsilon=0.3), gate=Every(k=2))
    resumed.load_state_dict(state)
    assert resumed.cost == step.cost
    resumed(model, tiny.batch())
    assert (resumed.cost.batches, resumed.cost.attacked_batches) == (5, 2)


def test_what_a_gate_saw_is_in_the_state() -> None:
    gate, model = OnRise(), tiny.model().eval()
    step = AdversarialStep(FGM(epsilon=0.3), gate=gate)
    step(model, tiny.batch())
    state = step.state_dict()
    assert state["gate"] == gate.state_dict()
    resumed = AdversarialStep(FGM(epsilon=0.3), gate=(other := OnRise()))
    resumed.load_state_dict(state)
    assert other.state_dict() == gate.state_dict()


def test_a_step_is_asked_of_the_gate_once_and_carries_on_where_it_is_closed() -> None:
    fgm, carry = AdversarialStep(FGM(), gate=Never()), AdversarialStep(Carry(), gate=Never())
    assert fgm.draw(0) is None
    assert AdversarialStep(None).draw(0) is None
    assert carry.draw(0) == carry.attack.rest
    model, batch = tiny.model().eval(), tiny.batch()
    carry(model, batch)
    assert len(carry.memory) == 3
    assert (carry.cost.batches, carry.cost.attacked_batches) == (1, 0)
