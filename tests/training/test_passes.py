"""Passes one by one: noise, underflow, autocast, synchronisation, copies of the batch, what is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
import torch.distributed
from scripts import Plain, arguments, rows
from test_trainer_features import made
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel
from transformers import default_data_collator

import tiny
from ranat import AdversarialStep, AdversarialTrainer
from ranat.attacks import FGM, PGD, SMART, FreeLB
from ranat.errors import UserError
from ranat.gates import Always
from ranat.training.cost import Cost
from ranat.training.passes import BatchPasses, copied
from ranat.training.step import model_loss


def passes(batch: dict[str, Tensor] | None = None, **changed: Any) -> BatchPasses:
    batch = batch or tiny.batch()
    inputs = {name: tensor for name, tensor in batch.items() if name != "special_tokens_mask"}
    mask = (batch["attention_mask"] * (1 - batch["special_tokens_mask"])).bool()
    settings: dict[str, Any] = {
        "loss": model_loss, "backward": Tensor.backward, "mean": torch.mean, "cost": Cost(), "shared_dropout": True,
        "noise_seed": (0, 0),
    }  # fmt: skip
    model = changed.pop("model", None) or tiny.model().eval()
    return BatchPasses(model, inputs, mask, **(settings | changed))


@pytest.mark.parametrize("kind", ["uniform", "normal"])
def test_noise_is_a_function_of_example_step_and_seed(kind: str) -> None:
    draws = {seed: getattr(passes(noise_seed=seed), kind)() for seed in ((0, 0), (1, 0), (0, 1))}
    assert torch.equal(draws[0, 0], getattr(passes(), kind)())
    for one in ((1, 0), (0, 1)):
        assert not torch.equal(draws[0, 0], draws[one])
    first, second, _ = draws[0, 0]
    assert not torch.equal(first[:5], second[:5])
    alone = {name: tensor[1:2, :9] for name, tensor in tiny.batch().items()}
    assert torch.equal(getattr(passes(alone), kind)()[0], second[:9])
    absent = tiny.batch()["attention_mask"] == 0
    assert not draws[0, 0][absent].any()
    if kind == "uniform":
        assert draws[0, 0].min() < -0.9
        assert 0.9 < draws[0, 0].max() < 1
    else:
        present = draws[0, 0][~absent]
        assert float(present.mean()) == pytest.approx(0, abs=0.2)
        assert float(present.std()) == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize(
    "attack", [PGD(preset="original", epsilon=0.3), SMART(epsilon=0.3)], ids=lambda a: type(a).__name__
)
def test_random_starts_differ_between_steps_and_seeds(attack: Any) -> None:
    """Through the step: its seed and the optimizer step reach the noise."""
    starts = {}
    for seed, at in ((0, 0), (0, 1), (1, 0), (0, 0)):
        model, seen = tiny.model().eval(), []

        def loss(model: Any, batch: Any, seen: list[Tensor] = seen) -> Tensor:
            value = model_loss(model, batch)
            seen.append(value.detach())
            return value

        AdversarialStep(attack, seed=seed)(model, tiny.batch(), loss=loss, at=at)
        start = seen[1 if isinstance(attack, SMART) else 0]
        assert starts.setdefault((seed, at), start) == start
    assert len({float(start) for start in starts.values()}) == 3


def test_ascending_survives_gradients_that_would_underflow() -> None:
    """At 10⁻⁴³ float32 has no digits left; fp16 meets that at sizes that losses have."""
    scaled, plain = (passes(loss=lambda m, b, s=s: model_loss(m, b) * s) for s in (1e-43, 1.0))
    g, expected = scaled.ascend().double().flatten(), plain.ascend().double().flatten()
    assert float(torch.nn.functional.cosine_similarity(g / g.norm(), expected, dim=0)) > 0.9999


class Watched(torch.autograd.Function):
    """Tells whether autocast is on in a backward pass."""

    seen: ClassVar[list[bool]] = []

    @staticmethod
    def forward(ctx: Any, loss: Tensor) -> Tensor:
        return loss.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]  # as torch documents it
        Watched.seen.append(torch.is_autocast_enabled("cpu"))
        return gradient


@pytest.mark.parametrize("attack", [FGM(), PGD(), FreeLB(), SMART()], ids=lambda a: type(a).__name__)
def test_backward_passes_are_outside_of_autocast(attack: Any) -> None:
    Watched.seen.clear()
    with torch.autocast("cpu", torch.bfloat16):
        AdversarialStep(attack)(tiny.model(), tiny.batch(), loss=lambda m, b: Watched.apply(model_loss(m, b)))
    assert len(Watched.seen) >= (1 if isinstance(attack, SMART) else 2)
    assert not any(Watched.seen)


@pytest.mark.parametrize("attack", [FGM(), PGD(), FreeLB(), SMART()], ids=lambda a: type(a).__name__)
def test_only_the_last_backward_synchronises_processes(attack: Any, one_process: None) -> None:
    model = DistributedDataParallel(tiny.model())
    synchronised: list[bool] = []

    def backward(loss: Tensor) -> None:
        synchronised.append(model.require_backward_grad_sync)
        loss.backward()

    def forward(model: Any, batch: Any) -> Tensor:
        with_graph = isinstance(model, DistributedDataParallel)
        if with_graph and model.require_backward_grad_sync:
            forwards.append(True)
        return model_loss(model, batch)

    forwards: list[bool] = []
    AdversarialStep(attack)(model, tiny.batch(), backward, loss=forward)
    assert synchronised == [False] * (len(synchronised) - 1) + [True]
    assert forwards == [True]  # the pass that synchronises was prepared for it, and no other


class Switched(torch.optim.SGD):
    """As schedule-free optimizers are: to be told when training begins."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.training = False

    def train(self) -> None:
        self.training = True

    def eval(self) -> None:
        self.training = False


def test_an_optimizer_is_told_that_it_trains(tmp_path: Path) -> None:
    told: list[bool] = []

    class Telling(AdversarialTrainer):
        def compute_loss(self, *args: Any, **kwargs: Any) -> Any:
            told.append(optimizer.training)
            return super().compute_loss(*args, **kwargs)

    model = tiny.model()
    optimizer = Switched(model.parameters(), lr=0.1)
    Telling(
        model=model, args=arguments(tmp_path), train_dataset=rows(), data_collator=default_data_collator,
        optimizers=(optimizer, None), attack=FGM(), gate=Always(), processing_class=tiny.tokenizer("bert"),
    ).train()  # fmt: skip
    assert told == [True, True]


def test_each_pass_has_a_batch_of_its_own() -> None:
    batch = {"a": torch.ones(2), "b": {"c": [torch.ones(2), 3]}, "d": None}
    one = copied(batch)
    one["a"] += 1
    one["b"]["c"][0] += 1
    assert torch.equal(batch["a"], torch.ones(2))
    assert torch.equal(batch["b"]["c"][0], torch.ones(2))  # type: ignore[index]  # a nested batch
    assert one["b"]["c"][1] == 3
    assert one["d"] is None


def test_what_cannot_be_attacked_is_told() -> None:
    model, batch = tiny.model(), tiny.batch()
    step = AdversarialStep(FGM())
    with pytest.raises(UserError) as caught:
        step(model, {"labels": batch["labels"], "mine": None})
    assert str(caught.value) == (
        "the batch has no input_ids to perturb the embeddings of: it has labels, mine "
        "(name the token ids input_ids, two texts in one batch; inputs_embeds cannot be attacked)"
    )
    with pytest.raises(UserError, match=r"attention_mask is \(3, 1, 9\), input_ids \(3, 9\)"):
        step(model, {**batch, "attention_mask": batch["attention_mask"].unsqueeze(1)})
    with pytest.raises(UserError, match=r"special_tokens_mask is \(3, 8\), input_ids \(3, 9\)"):
        step(model, {**batch, "special_tokens_mask": batch["special_tokens_mask"][:, :8]})
    with pytest.raises(UserError, match="the model gives no loss for this batch"):
        step(model, {name: value for name, value in batch.items() if name != "labels"})
    short = {**batch, "labels": batch["labels"][:, :4]}
    with pytest.raises(UserError, match=r"predictions for \(3, 9\) cannot be compared where labels are \(3, 4\)"):
        AdversarialStep(SMART())(model, short, loss=without_labels)
    with pytest.raises(UserError, match="the loss does not depend on the word embeddings"):
        step(model, batch, loss=lambda m, b: m.classifier.weight.sum() + without_labels(m, b).detach())


def without_labels(model: Any, batch: Any) -> Tensor:
    loss: Tensor = model(**{name: value for name, value in batch.items() if name != "labels"}).logits.sum()
    return loss


class Reversible(torch.nn.Module):
    """As Reformer's layers: its backward pass differentiates its own loss into the weights."""

    def __init__(self) -> None:
        super().__init__()
        self.words = torch.nn.Embedding(60, 4)
        self.weight = torch.nn.Parameter(torch.ones(4))

    def forward(self, input_ids: Tensor, **inputs: Any) -> dict[str, Tensor]:
        states = self.words(input_ids) * self.weight

        def again(gradient: Tensor) -> None:
            with torch.enable_grad():
                (self.weight * 1.0).sum().backward()

        if states.requires_grad:
            states.register_hook(again)
        return {"loss": states.sum()}


def test_a_model_that_adds_to_its_gradients_by_itself_is_not_climbed_on() -> None:
    model, batch = Reversible(), tiny.batch()
    del batch["labels"]
    AdversarialStep(FGM(), embeddings="words")(model, batch)
    with pytest.raises(UserError) as caught:
        AdversarialStep(PGD(), embeddings="words")(model, batch)
    assert str(caught.value) == (
        "Reversible adds to the gradients of its weights in every backward pass, also where only that of r is wanted "
        "(take an attack that does not ascend, such as fgm or freelb)"
    )


class Replacing(Reversible):
    """Puts another tensor in the place of a gradient."""

    def forward(self, input_ids: Tensor, **inputs: Any) -> dict[str, Tensor]:
        states = self.words(input_ids) * self.weight

        def again(gradient: Tensor) -> None:
            before = self.weight.grad
            self.weight.grad = None if before is None else before + 1

        if states.requires_grad:
            states.register_hook(again)
        return {"loss": states.sum()}


def test_a_gradient_that_is_replaced_is_noticed_too() -> None:
    model, batch = Replacing(), tiny.batch()
    del batch["labels"]
    with pytest.raises(UserError, match="Replacing adds to the gradients of its weights"):
        AdversarialStep(PGD(), embeddings="words")(model, batch)


def test_two_calls_for_one_loss_cannot_be_compared() -> None:
    def twice(model: Any, batch: Any) -> Tensor:
        loss: Tensor = model(**batch).loss + model(**batch).loss
        return loss

    batch = {name: value for name, value in tiny.batch().items() if name != "special_tokens_mask"}
    with pytest.raises(UserError) as caught:
        AdversarialStep(SMART())(tiny.model(), batch, loss=twice)
    assert str(caught.value) == (
        "the attack compares predictions, but the model was called 2 times for one loss (call it once in compute_loss, "
        "or take an attack that climbs on the loss, such as fgm)"
    )


def test_the_batchs_labels_tell_of_what_kind_predictions_are() -> None:
    kinds = {}
    for dtype in (torch.float32, torch.long):
        batch = tiny.batch()
        labels = torch.ones(3, 9, 3, dtype=dtype)
        for_all = passes({**batch, "labels": labels}, loss=without_labels)
        kinds[dtype] = for_all.clean().prediction.kind
    assert kinds == {torch.float32: "labels", torch.long: "classes"}


def test_noise_is_as_exact_as_the_embeddings_and_the_same_for_ids_of_any_type() -> None:
    exact = passes(model=tiny.model().double().eval()).normal()
    assert exact.dtype == torch.float64
    assert torch.equal(exact.float(), passes().normal())
    short = {**tiny.batch(), "input_ids": tiny.batch()["input_ids"].to(torch.int32)}
    assert torch.equal(passes(short).normal(), passes().normal())


def test_without_labels_all_that_is_attended_is_compared() -> None:
    """A loss of one's own on the outputs: R is the mean over the tokens that are no padding."""
    batch = {name: value for name, value in tiny.batch().items() if name != "labels"}
    model = tiny.model().double()
    together = passes({**batch, "labels": tiny.batch()["labels"]}, model=model)
    together._batch = {name: value for name, value in together._batch.items() if name != "labels"}
    values = torch.arange(27, dtype=torch.float64).reshape(3, 9)
    assert float(together.mean(values)) == pytest.approx(float(values[batch["attention_mask"].bool()].mean()))


def test_a_step_without_a_tokenizer_perturbs_all_but_padding() -> None:
    batch = {name: value for name, value in tiny.batch().items() if name != "special_tokens_mask"}
    assert torch.equal(AdversarialStep(FGM()).perturbable(batch), batch["attention_mask"].bool())
    known = AdversarialStep(FGM(), special_ids=[1, 2]).perturbable(batch)
    assert not known[:, 0].any()
    assert known[:, 1].all()
    del batch["attention_mask"]
    assert AdversarialStep(FGM()).perturbable(batch).all()


def test_choices_are_rows_of_their_own() -> None:
    ids = torch.randint(5, 60, (2, 4, 7))
    step = AdversarialStep(FGM(), special_ids=[5])
    assert torch.equal(step.perturbable({"input_ids": ids}), (ids != 5).reshape(8, 7))


def test_the_objective_is_clean_plus_adversarial_loss() -> None:
    model, batch = tiny.model().eval(), tiny.batch()
    losses: list[float] = []

    def loss(model: Any, batch: Any) -> Tensor:
        value = model_loss(model, batch)
        losses.append(float(value))
        return value

    attack = FGM(epsilon=0.3, clean_weight=0.5, adversarial_weight=2.0)
    objective = AdversarialStep(attack)(model, batch, loss=loss)
    assert float(objective) == pytest.approx(0.5 * losses[0] + 2 * losses[1], rel=1e-6)
    assert not objective.requires_grad
    plain = AdversarialStep(None)(model, batch)
    assert float(plain) == pytest.approx(losses[0])
    assert not plain.requires_grad


def test_a_plain_loop_counts_its_optimizer_steps() -> None:
    asked: list[int] = []

    @dataclasses.dataclass(frozen=True)
    class Recording(Always):
        def __call__(self, step: int) -> bool:
            asked.append(step)
            return False

    step = AdversarialStep(FGM(), gate=Recording(), accumulation=3)
    model = tiny.model()
    for _ in range(7):
        step(model, tiny.batch())
    assert asked == [0, 1, 2]
    assert (step.cost.batches, step.cost.forward, step.cost.backward) == (7, 7, 7)


def test_a_module_with_two_heads_is_attacked_in_a_plain_loop() -> None:
    batch = default_data_collator(rows(4, labels="class"))
    model = Plain()
    step = AdversarialStep(FGM(epsilon=0.3), embeddings="words")
    assert float(step(model, batch)) > 0
    assert step.cost.to_dict() | {"xfp": 6} == step.cost.to_dict()


def test_a_trainer_with_several_devices_in_one_process_is_refused(tmp_path: Path) -> None:
    settings = arguments(tmp_path)
    settings._n_gpu = 2
    with pytest.raises(UserError, match=r"2 devices in one process \(DataParallel\) cannot be attacked"):
        AdversarialTrainer(model=tiny.model(), args=settings, train_dataset=rows(), attack=FGM())
    assert made(tmp_path, attack=None).step.attack is None
