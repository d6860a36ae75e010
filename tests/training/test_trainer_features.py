"""What `Trainer` has besides a loss: checkpoints of several makes, callbacks, tokenizers, dropout, wrong arguments."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from scripts import arguments, rows
from torch import Tensor
from transformers import DataCollatorForTokenClassification, Trainer, default_data_collator

import tiny
from ranat import AdversarialStep, AdversarialTrainer
from ranat.attacks import FGM, PGD, Carry, TopK, attacks
from ranat.gates import Always, Bernoulli, Exact, ObservingGate, Signal
from ranat.training.trainer import MEMORY, StepState


def made(folder: Path, kind: Any = AdversarialTrainer, **options: Any) -> Any:
    """A trainer of four steps that saves each."""
    settings: dict[str, Any] = {
        "max_steps": 4, "per_device_train_batch_size": 2, "save_strategy": "steps", "save_steps": 1,
        "learning_rate": 0.1, "logging_steps": 1, **options.pop("settings", {}),
    }  # fmt: skip
    if kind is AdversarialTrainer:
        options = {"attack": PGD(epsilon=0.3), "gate": Exact(0.5, 3, total_steps=4), **options}
    options = {"processing_class": tiny.tokenizer("bert"), "data_collator": default_data_collator, **options}
    model = tiny.model(dropout=0.1)
    return kind(model=model, args=arguments(folder, **settings), train_dataset=rows(), **options)


def weights(trainer: Any) -> dict[str, Tensor]:
    return {name: weight.clone() for name, weight in trainer.model.state_dict().items()}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(weight, other[name]) for name, weight in one.items())


@pytest.mark.parametrize("restore", [False, True])
def test_a_resumed_trainer_goes_on_with_its_cost(restore: bool, tmp_path: Path) -> None:
    """Also where Trainer makes its callbacks anew from the checkpoint."""
    settings = {"restore_callback_states_from_checkpoint": restore}
    whole = made(tmp_path, settings=settings)
    whole.train()
    resumed = made(tmp_path, settings=settings)
    resumed.train(resume_from_checkpoint=str(tmp_path / "checkpoint-2"))
    assert same(weights(whole), weights(resumed))
    counts = [{k: v for k, v in t.step.cost.to_dict().items() if "seconds" not in k} for t in (whole, resumed)]
    assert counts[0] == counts[1]
    assert counts[0]["batches"] == 4
    assert counts[0]["attacked_batches"] == 2
    assert whole.step.cost.train_seconds > 0
    assert resumed.step.cost.train_seconds > 0
    assert sum(isinstance(callback, StepState) for callback in resumed.callback_handler.callbacks) == 1


def test_a_pass_over_some_examples_is_their_mean_however_trainer_divides(tmp_path: Path) -> None:
    """Trainer divides by the labels of the whole batch: for a part, by the part's share of them."""

    def divided(outputs: Any, labels: Tensor, num_items_in_batch: Any = None) -> Tensor:
        total = torch.nn.functional.cross_entropy(outputs["logits"].flatten(0, 1), labels.flatten(), reduction="sum")
        return total / num_items_in_batch

    batch, attack = tiny.batch((6, 9, 5, 7)), TopK(epsilon=0.3)
    found = []
    for compute_loss_func in (None, divided):
        trainer = made(tmp_path, attack=attack, gate=Always(), compute_loss_func=compute_loss_func)
        model = tiny.model().eval()
        model.train = lambda mode=True, model=model: model  # without dropout
        trainer.training_step(model, dict(batch), (batch["labels"] != -100).sum())
        found.append({name: weight.grad for name, weight in model.named_parameters() if weight.grad is not None})
    model = tiny.model().eval()
    AdversarialStep(attack, seed=trainer.args.seed)(model, dict(batch))
    for name, weight in model.named_parameters():
        for gradients in found if weight.grad is not None else ():
            assert torch.allclose(gradients[name], weight.grad, rtol=1e-4, atol=1e-6), name


@pytest.mark.parametrize("accumulation", [1, 2])
def test_a_resumed_trainer_goes_on_with_what_it_kept_of_examples(accumulation: int, tmp_path: Path) -> None:
    settings = {"max_steps": 8, "learning_rate": 0.05, "gradient_accumulation_steps": accumulation}
    options = {"attack": Carry(epsilon=0.5), "gate": Bernoulli(0.7, 1), "settings": settings}
    whole = made(tmp_path, **options)
    whole.train()
    assert len(whole.step.memory) == len(rows())
    for checkpoint in (1, 5):
        resumed = made(tmp_path, **options)
        resumed.train(resume_from_checkpoint=str(tmp_path / f"checkpoint-{checkpoint}"))
        assert same(weights(whole), weights(resumed))
    (tmp_path / "checkpoint-5" / MEMORY).unlink()
    forgetful = made(tmp_path, **options)
    forgetful.train(resume_from_checkpoint=str(tmp_path / "checkpoint-5"))
    assert not same(weights(whole), weights(forgetful))


def test_the_optimizer_goes_on_too(tmp_path: Path) -> None:
    settings = {"optim": "adamw_torch", "learning_rate": 0.01, "lr_scheduler_type": "linear", "warmup_steps": 3}
    whole, resumed = (made(tmp_path, settings=settings) for _ in range(2))
    whole.train()
    resumed.train(resume_from_checkpoint=str(tmp_path / "checkpoint-2"))
    assert same(weights(whole), weights(resumed))


@pytest.mark.parametrize("loss_only", [True, False])
@pytest.mark.parametrize("ignored", [None, ["logits"]])
def test_predictions_are_made_as_trainer_makes_them(loss_only: bool, ignored: Any, tmp_path: Path) -> None:
    batch = tiny.batch()
    plain = {name: value for name, value in batch.items() if name != "special_tokens_mask"}
    ours, theirs = made(tmp_path), made(tmp_path, Trainer)
    model = tiny.model().eval()
    loss, logits, labels = ours.prediction_step(model, batch, loss_only, ignored)
    expected = theirs.prediction_step(model, plain, loss_only, ignored)
    assert float(loss) == float(expected[0])
    for one, other in ((logits, expected[1]), (labels, expected[2])):
        assert torch.equal(one, other) if isinstance(other, Tensor) else one == other


def test_the_clocks_run_in_training_steps_only(tmp_path: Path) -> None:
    import time

    class Slow(AdversarialTrainer):
        def compute_loss(self, *args: Any, **kwargs: Any) -> Any:
            until = time.process_time() + 0.05
            while time.process_time() < until:
                pass
            return super().compute_loss(*args, **kwargs)

        def _save_checkpoint(self, *args: Any, **kwargs: Any) -> None:
            time.sleep(0.3)
            super()._save_checkpoint(*args, **kwargs)

    trainer = made(tmp_path, Slow, attack=None)
    trainer.train()
    cost = trainer.step.cost
    assert 4 * 0.05 < cost.train_seconds < 4 * 0.3
    assert cost.processor_seconds > 4 * 0.05


@pytest.mark.parametrize("restore", [False, True])
def test_a_checkpoint_of_a_plain_trainer_can_be_gone_on_with(restore: bool, tmp_path: Path) -> None:
    settings = {"restore_callback_states_from_checkpoint": restore}
    made(tmp_path, Trainer).train()
    resumed = made(tmp_path, gate=Always(), settings=settings)
    with pytest.warns(UserWarning, match="^the checkpoint is of another trainer: cost is counted from here on only$"):
        resumed.train(resume_from_checkpoint=str(tmp_path / "checkpoint-2"))
    assert resumed.state.global_step == 4
    assert (resumed.step.cost.batches, resumed.step.cost.attacked_batches) == (2, 2)


def test_a_plain_trainer_goes_on_with_our_checkpoint(tmp_path: Path) -> None:
    whole = made(tmp_path, gate=Bernoulli(0.0))
    whole.train()
    plain = made(tmp_path, Trainer, settings={"restore_callback_states_from_checkpoint": True})
    plain.train(resume_from_checkpoint=str(tmp_path / "checkpoint-2"))
    assert same(weights(whole), weights(plain))


@dataclass
class OnRise(ObservingGate):
    """Attacks after the loss rose; remembers all that it saw."""

    seen: list[tuple[int, float, float]] = field(default_factory=list)

    def __call__(self, step: int) -> bool:
        return len(self.seen) > 1 and self.seen[-1][1] > self.seen[-2][1]

    @property
    def share(self) -> float:
        return 0.5

    @property
    def label(self) -> str:
        return "on rise"

    def observe(self, step: int, signal: Signal) -> None:
        self.seen.append((step, signal.loss, signal.gradient_norm))

    def state_dict(self) -> dict[str, Any]:
        return {"seen": self.seen}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.seen = [(step, loss, norm) for step, loss, norm in state["seen"]]


@pytest.mark.parametrize("accumulation", [1, 2])
def test_a_gate_sees_what_steps_gave_and_a_resumed_run_decides_as_it_would_have(
    accumulation: int, tmp_path: Path
) -> None:
    settings = {"max_steps": 8, "learning_rate": 0.5, "gradient_accumulation_steps": accumulation}
    whole = made(tmp_path, gate=OnRise(), settings=settings)
    whole.train()
    whole.step.state_dict()
    assert [step for step, *_ in whole.step.gate.seen] == list(range(8))
    logged = [entry for entry in whole.state.log_history if "grad_norm" in entry]
    for (_, loss, norm), entry in zip(whole.step.gate.seen, logged, strict=True):
        assert loss * accumulation == pytest.approx(
            entry["loss"] * (1 if accumulation == 1 else accumulation), rel=1e-3
        )
        assert norm == pytest.approx(entry["grad_norm"], rel=1e-4)
    assert 0 < whole.step.cost.attacked_batches < 8 * accumulation
    for checkpoint in (3, 6):
        resumed = made(tmp_path, gate=OnRise(), settings=settings)
        resumed.train(resume_from_checkpoint=str(tmp_path / f"checkpoint-{checkpoint}"))
        resumed.step.state_dict()
        assert resumed.step.gate.seen == whole.step.gate.seen
        assert same(weights(whole), weights(resumed))


def test_the_gate_is_asked_once_a_step(tmp_path: Path) -> None:
    asked: list[int] = []

    @dataclass(frozen=True)
    class Counting(Always):
        def __call__(self, step: int) -> bool:
            asked.append(step)
            return step % 2 == 0

    made(tmp_path, gate=Counting(), settings={"gradient_accumulation_steps": 2}).train()
    assert asked == [0, 1, 2, 3]


@pytest.mark.parametrize("where", ["processing_class", "collator", "mask", "nowhere"])
def test_special_tokens_are_known_from_wherever_the_tokenizer_is(where: str, tmp_path: Path) -> None:
    tokenizer = tiny.tokenizer("bert")
    data = rows()
    options: dict[str, Any] = {"processing_class": None}
    if where == "processing_class":
        options = {"processing_class": tokenizer}
    elif where == "collator":
        options["data_collator"] = DataCollatorForTokenClassification(tokenizer)
    elif where == "mask":
        for row in data:
            row["special_tokens_mask"] = ((row["input_ids"] == 1) | (row["input_ids"] == 2)).long()
    trainer = made(tmp_path, gate=Always(), attack=FGM(epsilon=0.3), **options)
    trainer.train_dataset = data
    masks: list[Tensor] = []
    perturbable = trainer.step.perturbable
    trainer.step.perturbable = lambda batch: (masks.append(perturbable(batch)), masks[-1])[1]
    if where == "nowhere":
        said = (
            "no tokenizer tells which tokens are special, so [CLS] and [SEP] are perturbed as words are; "
            "pass processing_class=tokenizer, or a special_tokens_mask among the features"
        )
        with pytest.warns(UserWarning, match=f"^{re.escape(said)}$"):
            trainer.train()
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            trainer.train()
    for mask in masks:
        assert bool(mask[:, 0].any()) is (where == "nowhere")
        assert mask[:, 1:-1].all()
    assert len(masks) == 4


def test_a_mask_of_special_tokens_does_not_reach_the_model_when_it_is_evaluated(tmp_path: Path) -> None:
    data = [{**row, "special_tokens_mask": torch.zeros(8, dtype=torch.long)} for row in rows()]
    trainer = made(tmp_path, eval_dataset=data)
    assert trainer.evaluate()["eval_loss"] > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"attack": "fgm"}, r"attack must be an attack, such as FGM\(epsilon=0.3\), or None, not 'fgm'"),
        ({"attack": FGM}, "attack must be an attack"),
        ({"gate": 0.5}, r"gate must be a gate, such as Bernoulli\(p=0.5\), not 0.5"),
        ({"gate": Bernoulli}, "gate must be a gate"),
        ({"gate": None}, "gate must be a gate"),
        ({"dropout": "none"}, "dropout must be one of shared, fresh, not 'none'"),
    ],
)
def test_wrong_arguments_are_told_at_construction(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        made(tmp_path, **options)
    with pytest.raises((TypeError, ValueError), match=message):
        AdversarialStep(**{"attack": FGM(), **options})
    with pytest.raises(ValueError, match=r"^p must be in"):
        Bernoulli(p=None)  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(ValueError, match=r"^accumulation must be at least 1"):
        AdversarialStep(FGM(), accumulation=0)


def rdrop() -> Any:
    if "rdrop" not in attacks.names():
        file = Path(__file__).parents[1] / "plugins" / "rdrop.py"
        spec = importlib.util.spec_from_file_location("rdrop", file)
        assert spec
        assert spec.loader
        sys.modules["rdrop"] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return attacks.get("rdrop")


@pytest.mark.parametrize("dropout", ["shared", "fresh"])
def test_an_attack_that_needs_fresh_dropout_gets_it(dropout: str) -> None:
    """R-Drop with the same dropout twice would be standard training."""
    batch = {name: value for name, value in tiny.batch().items() if name != "special_tokens_mask"}
    objectives = []
    for weight in (1e-9, 1.0):
        model = tiny.model(dropout=0.3).train()
        torch.manual_seed(5)
        attack = rdrop()(adversarial_weight=weight)
        objectives.append(float(AdversarialStep(attack, dropout=dropout)(model, batch)))  # type: ignore[arg-type]  # no Literal
    assert objectives[1] > objectives[0] + 0.01


def test_a_compiled_model_is_attacked_like_a_plain_one() -> None:
    gradients = []
    for compiled in (False, True):
        model = tiny.model().eval()
        AdversarialStep(FGM(epsilon=0.3))(torch.compile(model) if compiled else model, tiny.batch())
        gradients.append({name: p.grad.clone() for name, p in model.named_parameters()})
    assert same(*gradients)


def test_the_state_is_in_the_checkpoint_as_json(tmp_path: Path) -> None:
    made(tmp_path).train()
    state = json.loads((tmp_path / "checkpoint-4" / "trainer_state.json").read_text())
    saved = state["stateful_callbacks"]["StepState"]["attributes"]["saved"]
    assert saved["cost"]["batches"] == 4
