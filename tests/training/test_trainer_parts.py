"""The trainer part by part, without training: what it hands on to Trainer and to the step, and what it keeps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from scripts import arguments
from test_trainer_features import OnRise, made
from torch import Tensor

import tiny
from ranat import AdversarialStep, AdversarialTrainer
from ranat.attacks import FGM, SMART, Attack, PassCounts, Passes
from ranat.gates import Always, Never
from ranat.training.trainer import StepState


def test_its_own_arguments_are_the_steps_and_others_are_trainers(tmp_path: Path) -> None:
    model, args = tiny.model(), arguments(tmp_path, seed=7)
    attack, gate = FGM(epsilon=0.2), Never()
    words = model.get_input_embeddings()
    trainer = AdversarialTrainer(model, args, attack=attack, gate=gate, dropout="fresh", embeddings=words)
    step = trainer.step
    assert (trainer.model, trainer.args) == (model, args)
    assert (step.attack, step.gate, step.dropout, step.embeddings, step.seed) == (attack, gate, "fresh", words, 7)
    assert trainer.step_state.state()["attributes"]["saved"] == step.state_dict()


@pytest.mark.parametrize("gate", [Never(), Always()], ids=["closed", "open"])
def test_the_number_of_items_reaches_the_loss(gate: Any, tmp_path: Path) -> None:
    seen: list[Any] = []

    def loss(outputs: Any, labels: Tensor, num_items_in_batch: Any = None) -> Tensor:
        seen.append(num_items_in_batch)
        return outputs["logits"].square().sum() / num_items_in_batch

    trainer = made(tmp_path, attack=FGM(epsilon=0.3), gate=gate, compute_loss_func=loss)
    trainer.training_step(tiny.model().eval(), tiny.batch(), torch.tensor(40))
    assert [float(items.detach()) for items in seen] == [40] * (1 if isinstance(gate, Never) else 2)


@pytest.mark.parametrize("gate", [Never(), Always()], ids=["closed", "open"])
def test_gates_see_gradients_without_their_scale(gate: Any, tmp_path: Path) -> None:
    norms = []
    for scale in (None, 4.0):
        watching = OnRise() if isinstance(gate, Never) else AlwaysWatching()
        trainer = made(tmp_path, attack=FGM(epsilon=0.3), gate=watching)
        assert trainer._gradient_scale() == 1
        if scale:
            trainer.accelerator.scaler = SimpleNamespace(get_scale=lambda scale=scale: scale)
            trainer.accelerator.backward = lambda loss, scale=scale, **options: (loss * scale).backward()
            assert trainer._gradient_scale() == scale
        model = tiny.model().eval()
        model.train = lambda mode=True, model=model: model  # without dropout
        trainer.training_step(model, tiny.batch(), torch.tensor(40))
        trainer.step.state_dict()
        norms.append(watching.seen[-1][2])
    assert norms[0] == pytest.approx(norms[1], rel=1e-5)


class AlwaysWatching(OnRise):
    """Attacks every step."""

    def __call__(self, step: int) -> bool:
        return True


@dataclass(frozen=True, kw_only=True)
class Averages(Attack):
    """Notes what the mean of some values is."""

    values: Tensor
    found: list[float]

    @property
    def counts(self) -> PassCounts:
        return PassCounts(forward=1, backward=1, backward_to_input=0)

    def __call__(self, passes: Passes) -> None:
        passes.learn(last=True)
        self.found.append(float(passes.mean(self.values)))


def test_a_regulariser_is_divided_as_trainer_divides(tmp_path: Path) -> None:
    """By the items where the loss is, else a mean."""

    def divided(outputs: Any, labels: Tensor, num_items_in_batch: Any = None) -> Tensor:
        return outputs["logits"].square().sum() / num_items_in_batch

    def mean(outputs: Any, labels: Tensor, num_items_in_batch: Any = None) -> Tensor:
        return outputs["logits"].square().mean()

    batch, attack = tiny.batch(), Averages(values=torch.rand(3, 9), found=[])
    for loss in (divided, mean):
        trainer = made(tmp_path, attack=attack, gate=Always(), compute_loss_func=loss)
        trainer.training_step(tiny.model().eval(), dict(batch), torch.tensor(40))
    labelled = attack.values[batch["labels"] != -100]
    assert attack.found == [pytest.approx(float(labelled.sum()) / 40), pytest.approx(float(labelled.mean()))]


def test_methods_that_were_set_on_the_objects_themselves_stay_there(tmp_path: Path) -> None:
    seen: list[str] = []
    trainer = made(tmp_path, attack=SMART(epsilon=0.3), gate=Always())
    loss, backward = trainer.compute_loss, trainer.accelerator.backward
    trainer.compute_loss = lambda *args, **kwargs: (seen.append("loss"), loss(*args, **kwargs))[1]
    trainer.accelerator.backward = lambda *args, **kwargs: (seen.append("backward"), backward(*args, **kwargs))[1]
    for _ in range(2):
        trainer.training_step(tiny.model(), tiny.batch(), torch.tensor(40))
    assert seen.count("backward") == 2
    assert seen.count("loss") >= 2 * 3
    fresh = made(tmp_path, attack=SMART(epsilon=0.3), gate=Always())
    fresh.training_step(tiny.model(), tiny.batch(), torch.tensor(40))
    assert not {"compute_loss", "backward"} & {*vars(fresh), *vars(fresh.accelerator)}


def test_what_a_checkpoint_keeps_of_the_step() -> None:
    step = AdversarialStep(FGM(epsilon=0.3), gate=Always())
    step(tiny.model().eval(), tiny.batch())
    kept = StepState(step)
    assert kept.state() == {"args": {}, "attributes": {"saved": step.state_dict()}}
    assert StepState().state() == {"args": {}, "attributes": {"saved": None}}
    for stored in (kept.state(), [kept.state()]):
        fresh, other = StepState(), AdversarialStep(FGM(epsilon=0.3), gate=Always())
        state = SimpleNamespace(stateful_callbacks={"StepState": stored}, global_step=1)
        fresh.on_train_begin(None, state, None)
        assert fresh.saved == step.state_dict()
        assert fresh.state() == kept.state()
        fresh.bind(other)
        assert other.cost == step.cost
        assert fresh.saved is None
    begun, again = StepState(other), SimpleNamespace(stateful_callbacks={"StepState": kept.state()}, global_step=0)
    begun.on_train_begin(SimpleNamespace(seed=7), again, None)
    assert begun.saved is None  # nothing resumes at the first step, and what was trained before is forgotten
    assert (other.cost.batches, other.seed, len(other.memory)) == (0, 7, 0)
    state = SimpleNamespace(stateful_callbacks={}, global_step=3)
    with pytest.warns(UserWarning, match=r"^the checkpoint is of another trainer: cost is counted from here on only$"):
        begun.on_train_begin(None, state, None)
    assert state.stateful_callbacks["StepState"] == begun.state()
