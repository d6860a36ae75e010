"""How a model lays out the ids that it embeds: padded, transposed, in several calls; and what is refused."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ranat.errors import UserError
from ranat.models.perturbation import Perturbed

IDS = torch.tensor([[3, 4, 5], [6, 7, 8]])
PADDING = 1


class Embeds(nn.Module):
    """A model that is nothing but an embedding, which it calls with what `arrange` makes of the ids."""

    def __init__(self, arrange: Any) -> None:
        super().__init__()
        self.words = nn.Embedding(9, 4, padding_idx=PADDING)
        self.arrange = arrange

    def forward(self, ids: Tensor) -> Tensor:
        made = self.arrange(ids)
        return self.words(made)


def padded(ids: Tensor) -> Tensor:
    """Two tokens more."""
    return nn.functional.pad(ids, (0, 2), value=PADDING)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("more", [False, True])
def test_r_is_laid_out_as_the_ids_are(transposed: bool, more: bool) -> None:
    def arrange(ids: Tensor) -> Tensor:
        ids = padded(ids) if more else ids.clone()
        return ids.T if transposed else ids

    model = Embeds(arrange)
    r = torch.randn(2, 3, 4, dtype=torch.float64)
    with Perturbed(model, r, ids=IDS, module="words") as perturbed:
        output = model(IDS)
    output.sum().backward()
    given = output.transpose(0, 1) if transposed else output
    x = model.words(IDS)
    assert torch.equal(given[:, :3], x + r.float())
    assert torch.equal(given[:, 3:], torch.zeros(2, 2 if more else 0, 4))  # the row of padding is 0, and r adds none
    assert torch.equal(perturbed.x, x)
    assert perturbed.r.dtype == torch.float32  # as wide as the model, whatever was given
    assert torch.equal(perturbed.r.grad, torch.ones(2, 3, 4))


def test_a_call_with_nothing_but_padding_is_left_alone() -> None:
    model = Embeds(lambda ids: ids)
    r = torch.randn(2, 3, 4)
    more = torch.full((2, 2), PADDING)
    with Perturbed(model, r, ids=IDS, module="words") as perturbed:
        model(IDS)
        assert torch.equal(model.words(more), torch.zeros(2, 2, 4))
    assert torch.equal(perturbed.x, model.words(IDS))
    model.words.padding_idx = None
    with refused("was called with other ids, 2 × 2, than"), Perturbed(model, r, ids=IDS, module="words"):
        model.words(more)


class Mixed(nn.Module):
    """Embeds the last of what it is called with; before that come a mask and weights, which are no ids."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(9, 4)

    def forward(self, *given: Any, ids: Tensor | None = None) -> Tensor:
        return self.table(given[-1] if ids is None else ids)


def test_ids_are_found_among_what_the_module_is_called_with() -> None:
    model = nn.Module()
    model.embed = Mixed()
    r = torch.randn(2, 3, 4)
    expected = model.embed.table(IDS) + r
    with Perturbed(model, r, ids=IDS, module="embed"):
        assert torch.equal(model.embed(IDS > 3, IDS.float(), "fast", IDS), expected)
        assert torch.equal(model.embed(ids=IDS), expected)
    nothing = "the word-embedding module embed (Mixed) was called without token ids (name another module)"
    with refused(nothing), Perturbed(model, r, ids=IDS, module="embed"):
        model.embed(IDS > 3, IDS.float())


@pytest.mark.parametrize(
    ("arrange", "message"),
    [
        (
            lambda ids: ids + 1 - 1 * (ids > 7),
            "was called with other ids, 2 × 3, than the step's input_ids, 2 × 3 (put all texts of a step, such as "
            "both of a pair, into one batch, or name another module)",
        ),
        (lambda ids: ids[:1], "was called with other ids, 1 × 3, than the step's input_ids, 2 × 3 (put all"),
        (lambda ids: ids[None], "was called with other ids, 1 × 2 × 3, than the step's input_ids, 2 × 3 (put all"),
        (lambda ids: ids[:, :2], "was called with other ids, 2 × 2, than the step's input_ids, 2 × 3 (put all"),
    ],
)
def test_other_ids_are_refused(arrange: Any, message: str) -> None:
    model = Embeds(arrange)
    with refused(f"the word-embedding module words (Embedding) {message}"), Perturbed(model, ids=IDS, module="words"):
        model(IDS)


def test_ids_that_read_the_same_transposed_are_refused() -> None:
    model = Embeds(torch.clone)
    message = (
        "input_ids, 2 × 2, read the same transposed, so whether the word-embedding module words (Embedding) got them "
        "so is not clear (use another batch size)"
    )
    with refused(message), Perturbed(model, ids=torch.tensor([[3, 4], [4, 5]]), module="words"):
        model(torch.tensor([[3, 4], [4, 5]]))
    with Perturbed(model, ids=torch.tensor([[3]]), module="words") as perturbed:
        model(torch.tensor([[3]]))  # one token is laid out in one way only
    assert perturbed.x.shape == (1, 1, 4)


class Odd(nn.Embedding):
    """Gives what no embedding gives."""

    kind = "list"

    def forward(self, ids: Tensor) -> Any:
        x = super().forward(ids)
        return {"list": [x, x], "scales": (x, x), "tokens": x[:, :2], "none": (x, None)}[self.kind]


@pytest.mark.parametrize("kind", ["list", "scales", "tokens"])
def test_what_is_no_vector_for_each_token_is_refused(kind: str) -> None:
    model = nn.Module()
    model.words = Odd(9, 4)
    model.words.kind = kind
    message = (
        "the word-embedding module words (Odd) gives something else than a vector for each token (name another module)"
    )
    with refused(message), Perturbed(model, ids=IDS, module="words"):
        model.words(IDS)
    model.words.kind = "none"
    with Perturbed(model, r := torch.randn(2, 3, 4), ids=IDS, module="words") as perturbed:
        x, nothing = model.words(IDS)
    assert nothing is None
    assert torch.equal(x, perturbed.x + r)


def refused(message: str) -> Any:
    return pytest.raises(
        UserError, match=f"^{re.escape(message)}" if message.startswith("the ") else re.escape(message)
    )
