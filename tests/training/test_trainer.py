"""`AdversarialTrainer`: counted cost against the closed forms, and p = 0 against `transformers.Trainer` to the bit."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import Trainer, TrainingArguments

import tiny
from ranat import AdversarialStep, AdversarialTrainer
from ranat.attacks import FGM, FGSM, PGD, SMART, Attack, Carry, FreeLB
from ranat.gates import Always, Bernoulli, Exact, Gate, Never
from ranat.tasks.ner import NER

COSTS = [  # docs/equations.md
    (FGSM(), 6),
    (FGSM(preset="original"), 5),
    (FGM(), 6),
    (PGD(steps=3), 4 + 2 * 3),
    (PGD(steps=1), 4 + 2 * 1),
    (PGD(steps=2, preset="original"), 3 + 2 * 2),
    (FreeLB(steps=3), 3 + 3 * 3),
    (FreeLB(steps=2, preset="original"), 3 * 2),
    (SMART(steps=1), 6 + 2 * 1),
    (SMART(steps=2), 6 + 2 * 2),
    (SMART(steps=2, preset="original"), 6 + 2 * 2),
]


def features(count: int = 24) -> list[dict[str, Any]]:
    """Examples of 4 to 11 tokens."""
    rows = []
    for number in range(count):
        batch = tiny.batch((4 + number % 8,), seed=number)
        rows.append({name: batch[name][0].tolist() for name in ("input_ids", "labels", "special_tokens_mask")})
    return rows


def task() -> NER:
    return NER(("O", "B-X", "I-X"), tiny.tokenizer("bert"), 64)


def arguments(folder: Path, **settings: Any) -> TrainingArguments:
    defaults: dict[str, Any] = {
        "per_device_train_batch_size": 2, "num_train_epochs": 1, "learning_rate": 1e-2, "report_to": "none",
        "save_strategy": "no", "use_cpu": True, "remove_unused_columns": False, "disable_tqdm": True, "seed": 1,
    }  # fmt: skip
    return TrainingArguments(output_dir=str(folder), **(defaults | settings))


def trained(folder: Path, kind: Any = AdversarialTrainer, dropout: float = 0.0, **options: Any) -> Any:
    settings = {k: options.pop(k) for k in ("gradient_accumulation_steps", "num_train_epochs") if k in options}
    trainer = kind(
        model=tiny.model(dropout=dropout),
        args=arguments(folder, **settings),
        train_dataset=options.pop("train_dataset", None) or features(),
        data_collator=options.pop("data_collator", task().collate),
        compute_loss_func=task().loss,
        **options,
    )
    trainer.train()
    return trainer


def test_attacks_that_changed_nothing_are_told(tmp_path: Path) -> None:
    """`carry` begins in the second epoch; tokens that are masked anew in each are never met again."""

    def train(epochs: int, collator: Any) -> list[str]:
        with warnings.catch_warnings(record=True) as caught:
            trained(tmp_path, attack=Carry(epsilon=0.1), num_train_epochs=epochs, data_collator=collator)
        return [str(one.message) for one in caught if "nothing was changed" in str(one.message)]

    collate = task().collate

    def masked_anew(rows: list[dict[str, Any]]) -> dict[str, Any]:
        batch = collate(rows)
        return batch | {"input_ids": torch.randint_like(batch["input_ids"], 10, 40)}

    assert train(2, collate) == []
    (told,) = train(1, collate)
    assert told.startswith("12 batches were attacked")
    (told,) = train(3, masked_anew)
    assert told.startswith("36 batches were attacked")


@pytest.mark.parametrize(("attack", "attacked_cost"), COSTS, ids=repr)
@pytest.mark.parametrize("p", [0, 0.5, 1])
@pytest.mark.parametrize("accumulation", [1, 4])
def test_counted_cost_is_the_closed_form(
    attack: Attack, attacked_cost: int, p: float, accumulation: int, tmp_path: Path
) -> None:
    gate = Bernoulli(p, seed=3)
    trainer = trained(tmp_path, attack=attack, gate=gate, gradient_accumulation_steps=accumulation)
    cost = trainer.step.cost
    attacked = accumulation * sum(gate(step) for step in range(trainer.state.global_step))
    assert cost.batches == 12
    assert cost.attacked_batches == attacked
    assert cost.xfp == attacked * attacked_cost + (12 - attacked) * 3
    assert 0 < attacked < 12 or p != 0.5
    assert cost.train_seconds > 0
    assert cost.processor_seconds > 0


@pytest.mark.parametrize("gate", [Bernoulli(0.0), Never(), Exact(0.0, total_steps=5)], ids=repr)
def test_with_p_zero_the_weights_are_those_of_the_plain_trainer(gate: Gate, tmp_path: Path) -> None:
    adversarial = trained(tmp_path, attack=PGD(), gate=gate, dropout=0.1, num_train_epochs=2)

    def without_mask(rows: Any) -> Any:
        batch = task().collate(rows)
        del batch["special_tokens_mask"]
        return batch

    plain = trained(tmp_path, Trainer, dropout=0.1, data_collator=without_mask, num_train_epochs=2)
    for name, weight in plain.model.state_dict().items():
        assert torch.equal(weight, adversarial.model.state_dict()[name]), name


def test_an_attack_changes_the_weights(tmp_path: Path) -> None:
    """So that the test above cannot pass by an attack that does nothing."""
    attacked = trained(tmp_path, attack=PGD(), gate=Always()).model.state_dict()
    plain = trained(tmp_path, attack=None).model.state_dict()
    assert not torch.equal(attacked["classifier.weight"], plain["classifier.weight"])


@pytest.mark.parametrize("attack", [FGM(), PGD(), FreeLB(), SMART(sigma=0.05), PGD(preset="original")], ids=repr)
def test_accumulated_batches_give_the_gradient_of_the_whole_batch(attack: Attack, tmp_path: Path) -> None:
    whole = trained_once(attack, tmp_path, size=8, accumulation=1)
    parts = trained_once(attack, tmp_path, size=2, accumulation=4)
    for name, weight in whole.items():
        assert torch.allclose(weight, parts[name], atol=1e-5), name


def trained_once(attack: Attack, folder: Path, size: int, accumulation: int) -> dict[str, torch.Tensor]:
    """The weights after one step of SGD on eight examples."""
    trainer = AdversarialTrainer(
        model=tiny.model(),
        args=arguments(
            folder, per_device_train_batch_size=size, gradient_accumulation_steps=accumulation, max_steps=1,
            optim="sgd", learning_rate=0.1, train_sampling_strategy="sequential",
        ),
        train_dataset=features(8), data_collator=task().collate, compute_loss_func=task().loss,
        attack=attack, gate=Always(),
    )  # fmt: skip
    trainer.train()
    return dict(trainer.model.state_dict())


def test_a_trainer_script_as_people_have_it(tmp_path: Path) -> None:
    """No special tokens mask, the model's own loss: one argument switches the attack on."""
    from transformers import DataCollatorForTokenClassification

    rows = [{name: row[name] for name in ("input_ids", "labels")} for row in features(8)]
    trainer = AdversarialTrainer(
        model=tiny.model(), args=arguments(tmp_path, remove_unused_columns=True), train_dataset=rows, eval_dataset=rows,
        data_collator=DataCollatorForTokenClassification(tiny.tokenizer("bert")),
        processing_class=tiny.tokenizer("bert"), attack=FGM(epsilon=0.3),
    )  # fmt: skip
    trainer.train()
    assert trainer.step.cost.attacked_batches == 4
    assert trainer.evaluate()["eval_loss"] > 0
    ids = torch.tensor([[1, 2, 0, 3, 7]])  # [CLS] [SEP] [PAD] are special; [UNK], the first of the vocabulary, is not
    special = trainer.step.perturbable({"input_ids": ids})[0].tolist()
    names = tiny.tokenizer("bert").convert_ids_to_tokens(ids[0].tolist())
    assert special == [name not in ("[CLS]", "[SEP]", "[PAD]") for name in names]


def test_a_plain_loop() -> None:
    model = tiny.model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    step = AdversarialStep(attack=FGM(epsilon=0.3), gate=Bernoulli(p=0.5, seed=0), accumulation=2)
    losses = []
    for number in range(40):
        losses.append(float(step(model, tiny.batch(seed=number % 2))))
        if number % 2:
            optimizer.step()
            optimizer.zero_grad()
    gate = Bernoulli(p=0.5, seed=0)
    assert step.cost.attacked_batches == 2 * sum(gate(k) for k in range(20))
    plain = AdversarialStep(attack=None)
    assert float(plain(model, tiny.batch(seed=0))) < losses[0] / 2
