"""Scripts as people have them: `compute_loss` in every form, models without logits, SMART by kind of problem.

What a `Trainer` subclass must give is derived from `Trainer` itself: its own step on x, and its own step on x + r, r
being computed naively with its own `compute_loss`. So none of its arithmetic is repeated here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from scripts import Plain, arguments, causal, rows
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy, cross_entropy, softmax
from transformers import (
    BertConfig,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    Trainer,
    default_data_collator,
)  # fmt: skip

import tiny
from ranat import AdversarialStep, AdversarialTrainer
from ranat.attacks import FGM, PGD, SMART, FreeLB
from ranat.errors import UserError
from ranat.training.cost import Cost
from ranat.training.passes import BatchPasses
from ranat.training.step import model_loss

EPSILON = 0.4


class Pops(Trainer):
    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **kwargs: Any) -> Any:
        labels = inputs.pop("labels")
        outputs = model(**inputs)
        loss = cross_entropy(outputs.logits.flatten(0, 1), labels.flatten(), ignore_index=-100)
        return (loss, outputs) if return_outputs else loss


class OtherOrder(Trainer):
    def compute_loss(
        self, model: Any, inputs: Any, num_items_in_batch: Any = None, return_outputs: bool = False
    ) -> Any:
        outputs = model(**inputs)
        total = cross_entropy(outputs.logits.flatten(0, 1), inputs["labels"].flatten(), reduction="sum")
        loss = total / num_items_in_batch
        return (loss, outputs) if return_outputs else loss


class LossOnly(Trainer):
    def compute_loss(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> Any:
        return model(**inputs).loss * 1.5


class SampleWeights(Trainer):
    loss_is_scaled_for_ga = False

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **kwargs: Any) -> Any:
        weight = inputs.pop("weight")
        outputs = model(**inputs)
        each = cross_entropy(outputs.logits.transpose(1, 2), inputs["labels"], reduction="none").mean(1)
        loss = (weight * each).mean()
        return (loss, outputs) if return_outputs else loss


class ClassWeights(Trainer):
    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        inputs["labels"].clamp_(min=-100)  # in place, as scripts do
        labels = inputs["labels"]
        inputs["labels"] = None
        outputs = model(**inputs)
        weight = torch.tensor([0.2, 1.0, 3.0], dtype=outputs.logits.dtype)
        loss = cross_entropy(outputs.logits.flatten(0, 1), labels.flatten(), weight=weight)
        return (loss, outputs) if return_outputs else loss


class InPlace(Trainer):
    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        inputs["labels"] += 1  # what the next pass must not meet
        inputs["labels"][inputs["labels"] == -99] = 0
        outputs = model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"])
        logits = torch.cat([outputs.logits.new_zeros(*outputs.logits.shape[:2], 1), outputs.logits], -1)
        loss = cross_entropy(logits.flatten(0, 1), inputs["labels"].flatten())
        return (loss, outputs) if return_outputs else loss


SCRIPTS: list[tuple[type[Trainer], dict[str, Any]]] = [
    (Trainer, {}),
    (Trainer, {"label_smoothing_factor": 0.2}),
    (Pops, {}),
    (OtherOrder, {}),
    (LossOnly, {}),
    (SampleWeights, {}),
    (ClassWeights, {}),
    (InPlace, {}),
]


def word_examples(kind: type[Trainer]) -> list[dict[str, Any]]:
    found = rows()
    for number, row in enumerate(found):
        if kind in (OtherOrder, SampleWeights):
            row["labels"] = row["labels"].clamp(min=0)
        if kind is SampleWeights:
            row["weight"] = torch.tensor(0.5 + number, dtype=torch.float64)
    return found


def error(found: Tensor, expected: Tensor) -> float:
    """Relative; a gradient that is 0 but for rounding has none."""
    return float((found - expected).norm() / max(float(expected.norm()), 1e-6))


def tagger() -> Any:
    return tiny.model().double()


@contextmanager
def embedding(model: Any, r_of: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """The model embeds at x + r, r being a function of the ids."""
    module = model.get_input_embeddings()
    plain = module.forward
    module.forward = lambda ids: plain(ids) + r_of(ids)
    try:
        yield
    finally:
        del module.forward


def change(kind: Any, folder: Path, data: list[Any], r_of: Any = None, **options: Any) -> dict[str, Tensor]:
    """What one optimizer step changes in the weights."""
    settings = options.pop("settings", {})
    model = options.pop("model", tagger)()
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    args = arguments(folder, **settings)
    trainer = kind(model=model, args=args, train_dataset=data, data_collator=default_data_collator, **options)
    if r_of is None:
        trainer.train()
    else:
        with embedding(model, r_of):
            trainer.train()
    return {name: weight.detach() - before[name] for name, weight in model.named_parameters()}


def naive_r(kind: type[Trainer], folder: Path, data: list[Any], size: int, settings: Any, special: Any) -> Any:
    """ε · g / ‖g‖ for each example, g from the script's own `compute_loss`; by ids."""
    model = tagger()
    trainer = kind(model=model, args=arguments(folder, **settings), train_dataset=data)
    known: dict[tuple[int, ...], Tensor] = {}
    for start in range(0, len(data), size):
        batch = default_data_collator([dict(row) for row in data[start : start + size]])
        ids = batch["input_ids"].clone()
        r = torch.zeros(*ids.shape, 16, dtype=torch.float64, requires_grad=True)
        with embedding(model, lambda _, r=r: r):
            loss = trainer.compute_loss(model, batch, num_items_in_batch=torch.tensor(17))
        (g,) = torch.autograd.grad(loss, r)
        for tokens, own in zip(ids, g, strict=True):
            own = own * ~torch.isin(tokens, torch.tensor(special)).unsqueeze(-1)
            known[tuple(tokens.tolist())] = EPSILON * own / own.norm()
    return lambda ids: torch.stack([known[tuple(tokens.tolist())] for tokens in ids])


@pytest.mark.parametrize("accumulation", [1, 2])
@pytest.mark.parametrize(("kind", "settings"), SCRIPTS, ids=lambda case: getattr(case, "__name__", str(case)))
def test_any_compute_loss_is_called_as_trainer_calls_it(
    kind: type[Trainer], settings: dict[str, Any], accumulation: int, tmp_path: Path
) -> None:
    data = word_examples(kind)
    size = 8 // accumulation
    settings = {**settings, "per_device_train_batch_size": size, "gradient_accumulation_steps": accumulation}
    special = [1, 2]
    r_of = naive_r(kind, tmp_path, data, size, settings, special)
    clean = change(kind, tmp_path, data, settings=settings)
    moved = change(kind, tmp_path, data, r_of, settings=settings)

    adversarial = type("Adversarial", (AdversarialTrainer,) if kind is Trainer else (kind, AdversarialTrainer), {})
    found = change(
        adversarial, tmp_path, data, settings=settings, attack=FGM(epsilon=EPSILON),
        processing_class=tiny.tokenizer("bert"),
    )  # fmt: skip
    for name, one in clean.items():
        assert error(found[name], one + moved[name]) < 1e-6, name
    assert not torch.allclose(found["classifier.weight"], 2 * clean["classifier.weight"], rtol=1e-3)


@pytest.mark.parametrize("kind", [Pops, OtherOrder, LossOnly, SampleWeights, InPlace])
@pytest.mark.parametrize("attack", [PGD(), FreeLB(), SMART(), PGD(preset="original")], ids=lambda a: type(a).__name__)
def test_every_attack_runs_in_every_script(kind: Any, attack: Any, tmp_path: Path) -> None:
    adversarial = type("Adversarial", (kind, AdversarialTrainer), {})
    found = change(
        adversarial, tmp_path, word_examples(kind), attack=attack, processing_class=tiny.tokenizer("bert"),
    )  # fmt: skip
    assert all(torch.isfinite(one).all() for one in found.values())
    assert found["classifier.weight"].abs().max() > 0


def test_a_loss_that_calls_the_model_twice_cannot_be_compared(tmp_path: Path) -> None:
    class Twice(AdversarialTrainer):
        def compute_loss(self, model: Any, inputs: Any, **kwargs: Any) -> Any:  # type: ignore[override]  # as scripts do
            return model(**inputs).loss + model(**inputs).loss

    options: dict[str, Any] = {"processing_class": tiny.tokenizer("bert")}
    twice = change(Twice, tmp_path, rows(), attack=FGM(epsilon=EPSILON), **options)
    once = change(AdversarialTrainer, tmp_path, rows(), attack=FGM(epsilon=EPSILON), **options)
    for name, one in once.items():  # both calls meet the same r
        assert error(twice[name], 2 * one) < 1e-6, name
    with pytest.raises(UserError, match="the model was called 2 times for one loss"):
        change(Twice, tmp_path, rows(), attack=SMART(), **options)


# Models without logits -----------------------------------------------------------------------------------------------


def answering() -> Any:
    torch.manual_seed(0)
    return BertForQuestionAnswering(
        BertConfig(**{**tiny.SIZES, "vocab_size": 120, "num_labels": 2, "initializer_range": 0.3})
    ).double()


class LossAlone(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = Plain()

    def forward(self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor) -> tuple[Tensor]:
        return (self.inner(input_ids, attention_mask, labels)["loss"],)


@pytest.mark.parametrize(
    ("model", "labels", "embeddings"),
    [(answering, "span", None), (Plain, "class", "words"), (LossAlone, "class", "inner.words")],
)
def test_attacks_on_the_loss_need_no_logits(model: Any, labels: str, embeddings: Any, tmp_path: Path) -> None:
    options = {"embeddings": embeddings, "processing_class": tiny.tokenizer("bert"), "model": model}
    for attack in (FGM(epsilon=EPSILON), PGD(), FreeLB()):
        found = change(AdversarialTrainer, tmp_path, rows(labels=labels), attack=attack, **options)
        assert max(one.abs().max() for one in found.values()) > 0
    with pytest.raises(UserError, match=r"compares predictions, but the model's output has no logits \("):
        change(AdversarialTrainer, tmp_path, rows(labels=labels), attack=SMART(), **options)


def test_a_module_of_ones_own_has_its_embeddings_named(tmp_path: Path) -> None:
    """Against the gradient derived by hand."""
    data = rows(labels="class")
    model = Plain().double()
    batch = default_data_collator(data)
    x = model.words(batch["input_ids"]).detach()

    def loss(r: Tensor) -> Tensor:
        states = torch.tanh(model.mixed(model.words(batch["input_ids"]) + r)).mean(1)
        labels = batch["labels"]
        return cross_entropy(model.one(states), labels) + cross_entropy(model.other(states), labels % 2)

    r = torch.zeros_like(x, requires_grad=True)
    (g,) = torch.autograd.grad(loss(r), r)
    (loss(torch.zeros_like(x)) + loss(EPSILON * g / g.flatten(1).norm(dim=1)[:, None, None])).backward()
    expected = {name: parameter.grad.clone() for name, parameter in model.named_parameters()}
    model.zero_grad()
    for named in ("words", model.words):
        AdversarialStep(FGM(epsilon=EPSILON), embeddings=named)(model, batch)  # type: ignore[arg-type]  # a loop variable
        for name, parameter in model.named_parameters():
            assert error(parameter.grad, expected[name]) < 1e-6, name
        model.zero_grad()
    with pytest.raises(UserError, match="does not tell which module embeds its words"):
        AdversarialStep(FGM())(model, batch)


# SMART by kind of problem --------------------------------------------------------------------------------------------


def classifier(problem: str | None = None, outputs: int = 3) -> Any:
    torch.manual_seed(0)
    sizes = {**tiny.SIZES, "num_labels": outputs, "vocab_size": 120, "initializer_range": 0.3}
    config = BertConfig(**sizes, problem_type=problem, hidden_dropout_prob=0, attention_probs_dropout_prob=0)
    return BertForSequenceClassification(config).double()


def over_classes(p: Tensor, q: Tensor) -> Tensor:
    p, q = softmax(p, -1), softmax(q, -1)
    return (p * torch.log(p / q)).sum(-1)


def over_labels(p: Tensor, q: Tensor) -> Tensor:
    p, q = torch.sigmoid(p), torch.sigmoid(q)
    cross = binary_cross_entropy(q, p, reduction="none") - binary_cross_entropy(p, p, reduction="none")
    return cross.sum(-1)


def over_numbers(p: Tensor, q: Tensor) -> Tensor:
    return ((p - q) ** 2).sum(-1) / 2  # each way, so that both ways are the squared distance


KINDS: dict[str, tuple[Any, dict[str, Any], Any, Callable[[Tensor, Tensor], Tensor]]] = {
    "one class": (classifier, {"labels": "class"}, None, over_classes),
    "several labels": (classifier, {"labels": "several"}, None, over_labels),
    "labels, named": (lambda: classifier("multi_label_classification"), {"labels": "several"}, None, over_labels),
    "a number": (lambda: classifier(outputs=1), {"labels": "number"}, None, over_numbers),
    "numbers": (lambda: classifier("regression"), {"labels": "several"}, None, over_numbers),
    "words": (tagger, {}, lambda b: b["labels"] != -100, over_classes),
    "the next word": (lambda: causal().double(), {"labels": "next"}, "next", over_classes),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_smart_compares_what_is_predicted(kind: str) -> None:
    """F = L + R, r having climbed on the divergence of that kind; everything derived naively."""
    make, given, chosen, divergence = KINDS[kind]
    model = make().train()
    batch = default_data_collator(rows(4, **given))
    if given.get("labels") == "several":
        batch["labels"] = batch["labels"].double()
    ids = batch["input_ids"]
    special = [1, 2]
    attack = SMART(epsilon=EPSILON, steps=2, sigma=0.05)

    def counted(values: Tensor) -> Tensor:
        if isinstance(chosen, str):
            return values[:, :-1][batch["labels"][:, 1:] != -100]
        return values.flatten() if chosen is None else values[chosen(batch)]

    def both_ways(p: Tensor, q: Tensor) -> Tensor:
        return divergence(p, q) + divergence(q, p)

    mask = ~torch.isin(ids, torch.tensor(special))
    passes = BatchPasses(
        model, dict(batch), mask, loss=model_loss, backward=Tensor.backward, mean=torch.mean, cost=Cost(),
        shared_dropout=True, noise_seed=(0, 0),
    )  # fmt: skip
    outside = ~mask.unsqueeze(-1)
    r = (0.05 * passes.normal().double()).masked_fill(outside, 0)

    def output(r: Tensor) -> Any:
        with embedding(model, lambda _: r):
            return model(**batch)

    target = output(torch.zeros_like(r)).logits.detach()
    for _ in range(2):
        leaf = r.clone().requires_grad_()
        (g,) = torch.autograd.grad(counted(divergence(target, output(leaf).logits)).mean(), leaf)
        g = g.masked_fill(outside, 0)
        r = r + EPSILON / 2 * g / g.flatten(1).norm(dim=1)[:, None, None]
        r = EPSILON * r / r.flatten(1).norm(dim=1)[:, None, None]
    clean, moved = output(torch.zeros_like(r)), output(r)
    (clean.loss + counted(both_ways(moved.logits, clean.logits)).mean()).backward()
    expected = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}

    model.zero_grad()
    AdversarialStep(attack, special_ids=special)(model, batch)
    for name, gradient in expected.items():
        assert error(model.get_parameter(name).grad, gradient) < 1e-6, name


@pytest.mark.parametrize("accumulation", [2, 4])
def test_smart_weighs_the_same_when_gradients_are_accumulated(accumulation: int, tmp_path: Path) -> None:
    """A language model divides its loss by the items of all accumulated batches, so R must be, too."""
    options: dict[str, Any] = {"attack": SMART(sigma=0.05), "processing_class": tiny.tokenizer("bert")}
    data = rows(8, labels="next")
    whole, parts = (
        change(
            AdversarialTrainer, tmp_path, data, model=lambda: causal().double(), **options,
            settings={"per_device_train_batch_size": 8 // n, "gradient_accumulation_steps": n},
        )
        for n in (1, accumulation)
    )  # fmt: skip
    for name, one in whole.items():
        assert error(parts[name], one) < 1e-6, name


@pytest.mark.parametrize(("scaled", "share"), [(None, 1), (False, 2), (True, 1)])
def test_smart_has_the_share_that_trainer_gives_the_loss(scaled: bool | None, share: int, tmp_path: Path) -> None:
    """A mean over a batch: Trainer divides it by the accumulated batches, or not, and R with it."""
    kind = type("Own", (LossOnlyOnce, AdversarialTrainer), {"loss_is_scaled_for_ga": scaled})
    settings = {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 2}
    options = {"processing_class": tiny.tokenizer("bert"), "attack": SMART(sigma=0.05)}
    found = change(kind, tmp_path, rows(), settings=settings, **options)
    halves = [
        change(
            AdversarialTrainer, tmp_path, rows()[part], settings={"per_device_train_batch_size": 4}, **options
        )["classifier.weight"]
        for part in (slice(4), slice(4, 8))
    ]  # fmt: skip
    assert error(found["classifier.weight"], (halves[0] + halves[1]) / share) < 1e-6


class LossOnlyOnce(Trainer):
    def compute_loss(self, model: Any, inputs: Any, **kwargs: Any) -> Any:  # type: ignore[override]  # as scripts do
        return model(**inputs).loss
