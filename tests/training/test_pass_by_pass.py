"""Each pass by itself: what it counts, what it climbs on, which examples it is over, what it keeps of them."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from test_passes import passes
from torch import Tensor

import tiny
from ranat.errors import UserError
from ranat.training.cost import Cost
from ranat.training.memory import ExampleMemory
from ranat.training.passes import attended, part_of
from ranat.training.step import model_loss


def test_each_pass_is_counted() -> None:
    cost = Cost()
    one = passes(cost=cost)
    for expected in ((1, 0, 1), (2, 0, 2)):
        one.ascend()
        assert (cost.forward, cost.backward, cost.backward_to_input) == expected
    for expected in ((3, 1, 2), (4, 2, 2)):
        one.clean()
        assert (cost.forward, cost.backward, cost.backward_to_input) == expected
    for expected in ((5, 3, 2), (6, 4, 2)):
        one.learn()
        assert (cost.forward, cost.backward, cost.backward_to_input) == expected
    one.learn(rows=torch.tensor([True, False, False]).nonzero().flatten())
    assert (cost.forward, cost.backward) == (pytest.approx(6 + 1 / 3), pytest.approx(4 + 1 / 3))


def test_a_loss_of_ones_own_is_climbed_on() -> None:
    """g of 3 L and of L² by the chain rule."""
    g = passes().ascend()
    loss = model_loss(tiny.model().eval(), {k: v for k, v in tiny.batch().items() if k != "special_tokens_mask"})
    assert torch.allclose(passes().ascend(loss=lambda output: 3 * output.loss), 3 * g, rtol=1e-4, atol=1e-8)
    squared = passes().ascend(loss=lambda output: output.loss**2)
    assert torch.allclose(squared, 2 * float(loss.detach()) * g, rtol=1e-4, atol=1e-8)
    assert torch.allclose(passes().learn(loss=lambda output: 3 * output.loss), 3 * passes().learn(), rtol=1e-4)


def test_the_relative_radius_is_a_mean_over_examples_and_passes() -> None:
    one = passes()
    assert one.relative_radius() == 0
    one.learn()
    assert one.relative_radius() == 0  # nothing was perturbed
    x, inside = one.embeddings, one.mask
    one.learn(0.1 * x * inside)
    assert one.relative_radius() == pytest.approx(0.1, rel=1e-5)
    one.learn(0.3 * x * inside)
    assert one.relative_radius() == pytest.approx(0.2, rel=1e-5)
    rows = torch.tensor([0, 2])
    part = passes()
    scale = torch.tensor([0.1, 0.9, 0.5])[:, None, None]
    part.learn(scale * x * inside, rows=rows)
    assert part.relative_radius() == pytest.approx(0.3, rel=1e-5)


def test_what_is_kept_of_an_example_is_recalled_in_any_batch() -> None:
    memory = ExampleMemory()
    one = passes(memory=memory)
    present = tiny.batch()["attention_mask"].bool()[..., None]
    assert torch.equal(one.recall(), torch.zeros(3, 9, 16))
    values = torch.randn(3, 9, 16)
    one.keep(values)
    assert len(memory) == 3
    steps = (values * present).abs().amax((1, 2), keepdim=True) / 127
    assert ((one.recall() - values * present).abs() <= steps / 2 + 1e-6).all()
    second = {name: tensor[1:2].flip(0) for name, tensor in tiny.batch().items()}
    assert torch.equal(passes(second, memory=memory).recall()[0], one.recall()[1])
    other = {**second, "input_ids": second["input_ids"] + 1}
    assert not passes(other, memory=memory).recall().any()


def test_a_part_of_a_batch_is_a_copy_of_some_examples() -> None:
    batch = {"input_ids": torch.tensor([[5, 6], [7, 8], [9, 4]]), "weight": torch.tensor(2.0), "note": "as it is"}
    part = part_of(batch, torch.tensor([2, 0]))
    assert part["input_ids"].tolist() == [[9, 4], [5, 6]]
    assert (float(part["weight"]), part["note"]) == (2.0, "as it is")
    part["input_ids"].zero_()
    assert batch["input_ids"].tolist() == [[5, 6], [7, 8], [9, 4]]


@pytest.mark.parametrize(
    "wrong",
    [
        {"spans": torch.zeros(2, 4)},
        {"parts": [torch.zeros(3)]},
        {"parts": {"a": torch.zeros(3)}},
        {"input_ids": torch.ones(3, 2, 4, dtype=torch.long)},
    ],
)
def test_what_cannot_be_divided_into_examples_is_refused(wrong: dict[str, Tensor]) -> None:
    (name,) = wrong
    message = (
        f"the attack takes some examples of a batch, and {name} cannot be divided into examples "
        "(take an attack of whole batches, such as fgm)"
    )
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        part_of({"input_ids": torch.ones(3, 4, dtype=torch.long), **wrong}, torch.tensor([0]))


def test_what_was_unusable_in_any_pass_is_counted_once() -> None:
    """Sentence 1 has a gradient in the second pass only, sentence 2 in the first only, sentence 3 in both."""
    ignored = [0, 1, 1]

    def loss(model: Any, batch: Any) -> Tensor:
        labels = batch["labels"].clone()
        labels[ignored[0]] = -100
        return model_loss(model, {**batch, "labels": labels})

    one = passes(loss=loss)
    assert one.unusable() == 0
    for expected in (1, 2, 2):
        gradient = one.ascend()
        assert one.unusable() == expected
        assert [bool(row.any()) for row in gradient] == [row != ignored[0] for row in range(3)]
        ignored.pop(0)


def test_a_gradient_that_is_not_finite_counts_as_none() -> None:
    def loss(model: Any, batch: Any) -> Tensor:
        logits = model(**{name: value for name, value in batch.items() if name != "labels"}).logits
        return (logits.sum((1, 2)) * torch.tensor([1.0, torch.inf, 1.0])).sum()

    one = passes(loss=loss)
    assert [bool(row.any()) for row in one.ascend()] == [True, False, True]
    assert one.unusable() == 1


def test_what_cannot_be_perturbed_says_how_to_mend_it() -> None:
    message = (
        "the loss does not depend on the word embeddings, so there is nothing to perturb "
        "(let the model's own embeddings be part of its loss, or train without an attack)"
    )

    def loss(model: Any, batch: Any) -> Tensor:
        model_loss(model, batch)
        return model.classifier.bias.sum()

    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        passes(loss=loss).learn()
    message = "attention_mask is (3, 8), input_ids (3, 9) (give a mask with a value for each token, as tokenizers do)"
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        attended({**tiny.batch(), "attention_mask": torch.ones(3, 8)})
    assert attended({"input_ids": torch.ones(2, 3)}).tolist() == [[True] * 3] * 2
    assert attended({"input_ids": torch.ones(2, 3)}).dtype == torch.bool
