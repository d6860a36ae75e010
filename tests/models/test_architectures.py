"""What FGM and SMART leave in θ.grad on every architecture of transformers, to 1e-6 of a naive derivation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import pytest
import torch
from architectures import HEADS, WORDS, batch, small
from naive import relative_error
from torch import Tensor, nn

from ranat.errors import UserError

TOLERANCE = 1e-6

EMBEDDINGS = {"perceiver": "perceiver.input_preprocessor.embeddings"}
"""Of models that do not tell their own."""


class Outcome(NamedTuple):
    """What became of an architecture: its errors by attack, or why it was left out or refused."""

    errors: dict[str, float] = {}
    left_out: str = ""
    refused: str = ""


CASES = [(head, model_type) for head, names in HEADS.items() for model_type in names]


@pytest.fixture(autouse=True)
def _float64(monkeypatch) -> Iterator[None]:
    """Masks keep the least number of float32: CANINE, FSMT and Longformer put it into float32 whatever the model is."""
    least = torch.finfo(torch.float32)
    monkeypatch.setattr(torch, "finfo", lambda dtype: least)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@cache
def outcome(head: str, model_type: str) -> Outcome:
    try:
        model = small(model_type, head)
        inputs = batch(model, head)
        model(**inputs).loss.backward()
    except Exception as error:
        return Outcome(left_out=f"{type(error).__name__}: {error}".splitlines()[0][:110])
    model.zero_grad()
    attacks = ("fgm",) if head == "causal" else ("fgm", "smart")
    try:
        return Outcome({attack: relative_error(attack, model, inputs, embeddings=EMBEDDINGS.get(model_type), tokens_first=model_type == "xlnet") for attack in attacks})
    except UserError as error:
        return Outcome(refused=str(error))


@pytest.mark.parametrize(("head", "model_type"), CASES)
def test_it(head, model_type):
    o = outcome(head, model_type)
    print(o)
    if o.left_out: pytest.skip(o.left_out)
    if o.refused: pytest.xfail(o.refused)
    assert max(o.errors.values()) <= TOLERANCE
