"""Fast dropout drops as torch's does: each element with probability p, whatever else is drawn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn
from torch.nn import functional

import tiny
from operations import Operations
from ranat.models.dropout import FastDropout, keep_mask

TYPES = (torch.float32, torch.bfloat16, torch.float16, torch.float64)


@pytest.mark.parametrize("p", [0.1, 0.3, 0.5, 0.9, 0.001])
def test_as_many_are_dropped_as_p_says(p: float) -> None:
    n = 1_000_000
    dropped = int((keep_mask(torch.empty(n), p, seed=0) == 0).sum())
    assert stats.binomtest(dropped, n, round(p * 65_536) / 65_536).pvalue > 1e-4


def test_elements_are_independent_of_their_neighbours() -> None:
    kept = (keep_mask(torch.empty(1_000_000), 0.1, seed=1) > 0).numpy()
    for distance in (1, 2, 3, 4, 5, 8, 64, 384):
        one, other = kept[:-distance], kept[distance:]
        table = [[np.sum(one & other), np.sum(one & ~other)], [np.sum(~one & other), np.sum(~one & ~other)]]
        assert stats.chi2_contingency(table).pvalue > 1e-4, distance


@pytest.mark.parametrize("type_", TYPES, ids=str)
def test_what_stays_is_divided_by_its_probability(type_: torch.dtype) -> None:
    torch.manual_seed(0)
    x = torch.full((7, 11), 2.0, dtype=type_)
    with FastDropout():
        y = functional.dropout(x, 0.25, training=True)
    assert y.dtype == type_
    assert y.shape == x.shape
    scale = torch.ones((), dtype=type_) / 0.75
    assert set(y.flatten().tolist()) == {0.0, float(2 * scale)}


def test_the_mean_stays() -> None:
    torch.manual_seed(0)
    with FastDropout():
        y = functional.dropout(torch.ones(1_000_000), 0.1, training=True)
    assert float(y.mean()) == pytest.approx(1, abs=5 * (0.1 / 0.9 / 1e6) ** 0.5)


def test_gradients_go_where_values_went() -> None:
    torch.manual_seed(0)
    x = torch.randn(50, 20, dtype=torch.float64, requires_grad=True)
    with FastDropout():
        y = functional.dropout(x, 0.5, training=True)
    y.sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, torch.where(y == 0, 0.0, 2.0).to(torch.float64))


def test_the_generator_decides() -> None:
    x = torch.ones(100)
    dropout = nn.Dropout(0.5)
    with FastDropout():
        state = torch.get_rng_state()
        one, two = dropout(x), dropout(x)
        torch.set_rng_state(state)
        again = dropout(x)
    assert torch.equal(one, again)
    assert not torch.equal(one, two)


def test_masks_are_the_same_on_every_machine() -> None:
    kept = "".join(str(int(value > 0)) for value in keep_mask(torch.empty(40), 0.5, seed=0))
    assert kept == "1000010100010101001110100100010001011111"


def test_a_mask_in_use_is_not_made_twice_and_one_that_is_not_is_let_go() -> None:
    x = torch.ones(1000, requires_grad=True)
    with FastDropout() as mode:
        state = torch.get_rng_state()
        first = functional.dropout(x, 0.5, training=True)
        torch.set_rng_state(state)
        second = functional.dropout(x, 0.5, training=True)
        masks = [y.grad_fn._saved_other for y in (first, second)]  # type: ignore[union-attr]  # both have one
        assert masks[0].data_ptr() == masks[1].data_ptr()
        assert len(mode._in_use) == 1
        del masks, first, second
        assert len(mode._in_use) == 0
        torch.set_rng_state(state)
        assert functional.dropout(x, 0.5, training=True).shape == x.shape


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_all_or_nothing(p: float) -> None:
    with FastDropout():
        assert functional.dropout(torch.ones(10), p, training=True).sum() == 10 * (1 - p)


def test_nothing_is_dropped_in_prediction_and_nothing_drawn() -> None:
    x, dropout, state = torch.randn(10), nn.Dropout(0.5).eval(), torch.get_rng_state()
    with FastDropout():
        assert torch.equal(dropout(x), x)
    assert torch.equal(torch.get_rng_state(), state)


def test_outside_torch_draws_for_itself() -> None:
    torch.manual_seed(0)
    x = torch.ones(1000)
    expected = functional.dropout(x, 0.5, training=True)
    with FastDropout():
        functional.dropout(x, 0.5, training=True)
    torch.manual_seed(0)
    assert torch.equal(functional.dropout(x, 0.5, training=True), expected)


@pytest.mark.parametrize(("architecture", "places"), [("bert", 8), ("roberta", 8), ("deberta-v2", 10)])
def test_no_mask_of_an_encoder_is_drawn_by_torch(architecture: str, places: int) -> None:
    """One number of the generator for each place with dropout: the embeddings, three (or four) a layer, the head."""
    model = tiny.model(architecture, dropout=0.1).train()
    model.set_attn_implementation("eager")
    batch = {"input_ids": torch.randint(5, 50, (2, 9)), "attention_mask": torch.ones(2, 9, dtype=torch.long)}
    with FastDropout(), Operations() as operations:
        model(**batch).logits.sum().backward()
    assert operations.names["randint"] == places
    assert not operations.names.keys() & {"bernoulli", "bernoulli_", "native_dropout", "dropout"}
