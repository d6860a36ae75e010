"""What of a model's output is compared, and which of it has a label."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from scripts import causal, rows
from test_trainer_features import made
from torch import Tensor, nn

import tiny
from ranat import AdversarialStep
from ranat.attacks import FGM
from ranat.errors import UserError
from ranat.training.predictions import labelled, prediction_of
from ranat.training.step import model_loss
from ranat.training.trainer import StepState

LOGITS = torch.arange(24.0).reshape(2, 4, 3)
PLAIN = SimpleNamespace()


@pytest.mark.parametrize(
    "output",
    [{"loss": torch.ones(()), "logits": LOGITS}, (torch.ones(()), LOGITS), (LOGITS,), LOGITS,
     SimpleNamespace(logits=LOGITS), (torch.ones(2), LOGITS), (None, torch.ones(()), LOGITS, LOGITS + 1)],
    ids=["mapping", "loss and logits", "logits alone", "tensor", "object", "losses and logits", "tuple of more"],
)  # fmt: skip
def test_logits_are_found(output: Any) -> None:
    prediction = prediction_of(PLAIN, output, None)
    assert torch.equal(prediction.logits, LOGITS)
    assert prediction.kind == "classes"


@pytest.mark.parametrize(
    ("output", "has"),
    [
        ({"loss": torch.ones(()), "start_logits": LOGITS}, "it has loss, start_logits"),
        ((torch.ones(()),), "it is a tuple"),
        ("text", "it is of str"),
    ],
)
def test_without_logits_it_is_told_what_there_is(output: Any, has: str) -> None:
    with pytest.raises(UserError) as caught:
        prediction_of(PLAIN, output, None)
    assert str(caught.value) == (
        f"the attack compares predictions, but the model's output has no logits ({has}) (give the model's output a "
        "field `logits`, or take an attack that climbs on the loss, such as fgm)"
    )


@pytest.mark.parametrize(
    ("problem", "outputs", "labels", "kind"),
    [
        ("single_label_classification", 3, torch.ones(2, 3), "classes"),
        ("multi_label_classification", 3, torch.ones(2, dtype=torch.long), "labels"),
        ("regression", 3, None, "numbers"),
        (None, 1, None, "numbers"),
        (None, 3, torch.ones(2, 3), "labels"),
        (None, 3, torch.ones(2, 3, dtype=torch.long), "classes"),
        (None, 3, torch.ones(2, 2), "classes"),
        (None, 3, None, "classes"),
    ],
)
def test_kinds(problem: str | None, outputs: int, labels: Tensor | None, kind: str) -> None:
    model = SimpleNamespace(config=SimpleNamespace(problem_type=problem))
    assert prediction_of(model, torch.zeros(2, outputs), labels).kind == kind


def test_logits_may_be_of_tokens_or_of_texts() -> None:
    for shape, kind in (((2, 3), "classes"), ((2, 1, 3), "classes"), ((2, 3, 1), "numbers")):
        assert prediction_of(PLAIN, (torch.ones(()), torch.zeros(shape)), None).kind == kind


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_half_precision_is_compared_in_float32(dtype: torch.dtype) -> None:
    found = prediction_of(PLAIN, LOGITS.to(dtype), None).logits.dtype
    assert found == (torch.float64 if dtype == torch.float64 else torch.float32)


def test_what_has_a_label() -> None:
    values = torch.arange(8.0).reshape(2, 4)
    labels = torch.tensor([[-100, 1, 0, -100], [2, -100, -100, 0]])
    assert labelled(PLAIN, values, {"labels": labels}).tolist() == [1, 2, 4, 7]
    assert labelled(PLAIN, values[:, 0], {"labels": torch.tensor([1, -100])}).tolist() == [0]
    assert labelled(PLAIN, values[:, 0], {"labels": labels}).tolist() == [0, 4]  # several labels each
    assert labelled(PLAIN, values, {}).tolist() == list(range(8))
    mask = torch.tensor([[1, 1, 0, 0], [1, 1, 1, 0]])
    assert labelled(PLAIN, values, {"attention_mask": mask}).tolist() == [0, 1, 4, 5, 6]
    assert labelled(PLAIN, values[:, 0], {"attention_mask": mask}).tolist() == [0, 4]
    with pytest.raises(UserError) as caught:
        labelled(PLAIN, values, {"labels": labels[:, :3]})
    assert str(caught.value) == (
        "predictions for (2, 4) cannot be compared where labels are (2, 3) "
        "(give a label for each prediction, or take an attack that climbs on the loss)"
    )


class Adapted(nn.Module):
    """As PEFT wraps a model."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.base_model = model

    def get_base_model(self) -> Any:
        return self.base_model


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_language_model_predicts_the_next_token(wrapped: bool) -> None:
    model = Adapted(causal()) if wrapped else causal()
    values = torch.arange(8.0).reshape(2, 4)
    labels = torch.tensor([[5, -100, 7, -100], [-100, 6, -100, 8]])
    assert labelled(model, values, {"labels": labels}).tolist() == [1, 4, 6]
    assert labelled(model, values[:, 0], {"labels": torch.tensor([1, -100])}).tolist() == [0]  # a class of each text


def test_the_loss_of_a_model_that_gives_tuples() -> None:
    model = tiny.model()
    batch = {name: value for name, value in tiny.batch().items() if name != "special_tokens_mask"}
    model.config.return_dict = False
    assert isinstance(model(**batch), tuple)
    assert model_loss(model, batch).ndim == 0
    step = AdversarialStep(FGM(epsilon=0.3))
    assert step(model, batch) > 0
    assert step.cost.attacked_batches == 1
    with pytest.raises(UserError) as caught:
        model_loss(lambda **inputs: {"logits": LOGITS}, batch)
    assert str(caught.value) == (
        "the model gives no loss for this batch (give labels, or the step a `loss` of its own)"
    )


def test_evaluation_is_trainers(tmp_path: Path) -> None:
    data = [{**row, "special_tokens_mask": torch.zeros(8, dtype=torch.long)} for row in rows()]
    trainer = made(tmp_path)
    inputs = {name: torch.stack([row[name] for row in data]) for name in data[0]}
    loss, logits, labels = trainer.prediction_step(trainer.model, dict(inputs), False)
    assert loss > 0
    assert logits.shape == (8, 8, 3)
    assert torch.equal(labels, inputs["labels"])
    assert trainer.prediction_step(trainer.model, dict(inputs), True)[1:] == (None, None)
    assert trainer.prediction_step(trainer.model, dict(inputs), False, ["logits"])[1] in (None, ())


def test_the_state_is_found_where_several_trainers_left_theirs() -> None:
    stored = {"attributes": {"saved": {"cost": {}, "gate": {}}}, "args": {}}
    for stateful in (stored, [stored, {"attributes": {"saved": None}}]):
        state = StepState()
        state.restore(SimpleNamespace(stateful_callbacks={"StepState": stateful}))
        assert state.saved == stored["attributes"]["saved"]
        assert state.state()["attributes"]["saved"] == stored["attributes"]["saved"]
    other = SimpleNamespace(stateful_callbacks={})
    with pytest.warns(UserWarning, match=r"^the checkpoint is of another trainer: cost is counted from here on only$"):
        StepState().restore(other)
    assert other.stateful_callbacks == {"StepState": StepState().state()}  # where Trainer looks when it saves
