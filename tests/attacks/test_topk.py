"""`topk` against a naive float64 derivation, and who is chosen."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch
from torch import Tensor

import tiny
from ranat.attacks import FGM, TopK
from ranat.errors import UserError
from ranat.training.contract import RecordedPasses, attacked
from ranat.training.cost import Cost
from ranat.training.step import AdversarialStep

EPSILON = 0.4
LENGTHS = (5, 9, 7, 6, 8)


def gradients(model: Any) -> dict[str, Tensor]:
    return {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}


def loss_at(model: Any, batch: dict[str, Tensor], r: Tensor) -> Any:
    x = model.get_input_embeddings()(batch["input_ids"])
    return model(inputs_embeds=x + r, attention_mask=batch["attention_mask"], labels=batch["labels"]).loss


@pytest.mark.parametrize("gamma", [0.2, 0.4, 0.6])
def test_equation(gamma: float) -> None:
    """The clean mean over the batch, plus the mean over the chosen at x + r."""
    model, batch = tiny.model().double().eval(), tiny.batch(LENGTHS)
    passes = attacked(TopK(epsilon=EPSILON, gamma=gamma), model, batch)
    ours = gradients(model)
    model.zero_grad()

    mask = (batch["attention_mask"] * (1 - batch["special_tokens_mask"])).bool()
    zero = torch.zeros(*batch["input_ids"].shape, 16, dtype=torch.float64)
    r = zero.clone().requires_grad_()
    (g,) = torch.autograd.grad(loss_at(model, batch, r), r)
    size = [torch.sqrt((g[i][mask[i]] ** 2).sum()) for i in range(5)]
    uniform = (passes.uniform()[:, 1, 0].double() + 1) / 2  # at the first word
    score = [torch.log(size[i]) - torch.log(-torch.log(uniform[i])) for i in range(5)]
    chosen = sorted(sorted(range(5), key=lambda i: -float(score[i]))[: round(gamma * 5)])
    point = torch.stack([EPSILON * g[i] * mask[i, :, None] / size[i] for i in range(5)])
    part = {name: torch.stack([value[i] for i in chosen]) for name, value in batch.items()}
    objective = loss_at(model, batch, zero) + loss_at(model, part, point[chosen])
    objective.backward()

    assert torch.allclose(passes.learnt[-1], point, atol=1e-6)
    assert float(passes.objective) == pytest.approx(float(objective), rel=1e-6)
    for name, gradient in gradients(model).items():
        assert (ours[name] - gradient).norm() <= 1e-6 * gradient.norm() + 1e-12, name


def test_who_is_chosen_does_not_depend_on_where_padding_is() -> None:
    model, batch = tiny.model().eval(), tiny.batch(LENGTHS)
    positions = torch.arange(9).repeat(5, 1)
    right = {**batch, "position_ids": positions}
    left = {
        name: torch.stack([row.roll(9 - length) for row, length in zip(values, LENGTHS, strict=True)])
        for name, values in right.items()
    }
    for seed in range(20):
        kept = [attacked(TopK(gamma=0.4), model, given, noise_seed=(seed, 0)) for given in (right, left)]
        losses = [float(passes.objective) for passes in kept]
        assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_all_of_the_batch_is_fgm() -> None:
    model, batch = tiny.model().double().eval(), tiny.batch(LENGTHS)
    attacked(FGM(epsilon=EPSILON), model, batch)
    expected = gradients(model)
    model.zero_grad()
    attacked(TopK(epsilon=EPSILON, gamma=1.0), model, batch)
    for name, gradient in gradients(model).items():
        assert torch.allclose(gradient, expected[name], rtol=1e-9, atol=1e-12), name


def test_its_cost_is_that_of_the_share() -> None:
    cost = Cost()
    attacked(TopK(gamma=0.4), tiny.model(), tiny.batch(LENGTHS), cost=cost)
    assert (cost.forward, cost.backward, cost.xfp) == pytest.approx((1.4, 1.4, 4.2))
    assert TopK(gamma=0.4).cost == pytest.approx(4.2)


def test_the_hardest_are_chosen_most_often_and_others_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """In proportion to their gradients: an example without one is never chosen."""
    model, batch = tiny.model().double().eval(), tiny.batch(LENGTHS)
    batch["labels"][3] = -100
    passes = attacked(FGM(epsilon=EPSILON), model, batch)
    sizes = (passes.learn() * passes.mask).flatten(1).norm(dim=1)
    taken: Counter[int] = Counter()
    learn = RecordedPasses.learn
    monkeypatch.setattr(
        RecordedPasses,
        "learn",
        lambda self, r=None, rows=None, **options: (
            taken.update([] if rows is None else rows.tolist()),
            learn(self, r, rows=rows, **options),
        )[1],
    )
    for seed in range(200):
        attacked(TopK(gamma=0.2), model, batch, noise_seed=(seed, 0))
    assert taken.total() == 200
    expected = sizes / sizes.sum()
    assert taken[3] == 0
    for row in range(5):
        assert taken[row] / 200 == pytest.approx(float(expected[row]), abs=0.1)


def test_a_batch_that_cannot_be_divided_is_refused() -> None:
    model, batch = tiny.model(), tiny.batch()
    with pytest.raises(UserError, match="weights cannot be divided into examples"):
        AdversarialStep(TopK())(model, {**batch, "weights": torch.ones(2)}, loss=lambda m, b: m(
            input_ids=b["input_ids"], attention_mask=b["attention_mask"], labels=b["labels"]
        ).loss)  # fmt: skip


@pytest.mark.parametrize(("option", "value"), [("gamma", 0.0), ("gamma", 1.5), ("clean_weight", 0.0)])
def test_a_wrong_option_is_named(option: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"^{option} must be"):
        TopK(**{option: value})
