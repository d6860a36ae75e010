"""What FGM and SMART leave in θ.grad on every architecture of transformers: within 1e-6 of a naive derivation."""

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
from torch.nn.functional import cross_entropy
from transformers import BertConfig, BertModel
from transformers.modeling_outputs import SequenceClassifierOutput

from ranat.attacks import FGM
from ranat.errors import UserError
from ranat.training.step import AdversarialStep

TOLERANCE = 1e-6
ATTACKS = ("fgm", "smart")
EMBEDDINGS = {"perceiver": "perceiver.input_preprocessor.embeddings"}
"""The module, where a model does not tell it."""


def cases() -> list[tuple[str, str]]:
    """Heads and types of model: other heads only for those that have none for tokens, besides those with other ids."""
    return [
        (head, model_type)
        for head, types in HEADS.items()
        for model_type in types
        if head in ("token", "seq2seq", "choice")
        or not any(model_type in HEADS[other] for other in ("token", "sequence", "seq2seq") if other != head)
    ]


REFUSED = {("reformer", "smart"): "adds to the gradients of its weights in every backward pass"}
"""What the step refuses, and why: all that is not refused is right."""


class Outcome(NamedTuple):
    """The relative error of each attack that was not refused, or why the architecture was left out."""

    errors: dict[str, float]
    left_out: str = ""


@pytest.fixture(autouse=True)
def _float64(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Models are float64, but the least number is float32's: CANINE, FSMT and Longformer put it into float32 masks."""
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
        output = model(**inputs)
        output.loss.backward()
        assert output.logits.dtype == torch.float64, "it computes in float32 whatever its weights are"
    except Exception as error:  # whatever keeps transformers from training it, small and on text alone
        return Outcome({}, f"{type(error).__name__}: {' '.join(str(error).split())}")
    model.zero_grad()
    settings = {
        "embeddings": EMBEDDINGS.get(model_type),
        "tokens_first": model_type == "xlnet",
        "predicts_the_next": head == "causal",
    }
    errors = {}
    for attack in ATTACKS:
        if reason := REFUSED.get((model_type, attack)):
            with pytest.raises(UserError, match=reason):
                relative_error(attack, model, inputs, **settings)
        else:
            errors[attack] = relative_error(attack, model, inputs, **settings)
    return Outcome(errors)


@pytest.mark.parametrize(("head", "model_type"), cases())
def test_gradients_are_those_of_the_equations(head: str, model_type: str) -> None:
    errors, left_out = outcome(head, model_type)
    if left_out:
        pytest.skip(left_out)
    assert max(errors.values()) <= TOLERANCE, errors


def test_most_architectures_were_compared() -> None:
    """So that reasons for leaving one out do not become many unnoticed; at least 36 were asked for."""
    outcomes = {case: outcome(*case) for case in cases()}
    compared = {model_type: o for (_, model_type), o in outcomes.items() if o.errors}
    reasons = Counter(o.left_out[:100] for o in outcomes.values() if o.left_out)
    print(f"{len(compared)} architectures compared in {sum(bool(o.errors) for o in outcomes.values())} cases")
    print(f"worst relative error {max(max(o.errors.values()) for o in compared.values()):.1e}")
    print(f"{sum(reasons.values())} left out:", *(f"{n} × {reason}" for reason, n in reasons.most_common()), sep="\n  ")
    assert len(compared) >= 150
    assert compared.keys() > {
        "t5",
        "bart",
        "longformer",
        "big_bird",
        "led",
        "reformer",
        "xlnet",
        "canine",
        "fsmt",
        "gpt2",
    }


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize(
    ("model_type", "head", "lengths"),
    [
        ("xlnet", "token", (6, 4, 6, 5, 6, 3)),  # as many tokens as texts
        ("longformer", "token", (9, 17, 12)),  # padded inside to 24
        ("big_bird", "token", (9, 19, 12)),  # padded inside to 20, and long enough for its sparse attention
        ("bigbird_pegasus", "seq2seq", (9, 19, 12)),
        ("led", "seq2seq", (9, 17, 12)),
    ],
)
def test_models_that_lay_ids_out_otherwise(attack: str, model_type: str, head: str, lengths: tuple[int, ...]) -> None:
    model = small(model_type, head)
    inputs = batch(model, head, lengths)
    assert relative_error(attack, model, inputs, tokens_first=model_type == "xlnet") <= TOLERANCE


class Pair(nn.Module):
    """One encoder that is called twice in a forward pass: a siamese network, or R-Drop written into a model."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
        self.encoder = BertModel(BertConfig(vocab_size=WORDS, **sizes), add_pooling_layer=False).double().eval()
        self.head = nn.Linear(32, 3)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor, other_ids: Tensor | None = None
    ) -> SequenceClassifierOutput:
        others = input_ids if other_ids is None else other_ids
        first = self.encoder(input_ids, attention_mask).last_hidden_state
        second = self.encoder(others, attention_mask, token_type_ids=torch.ones_like(others)).last_hidden_state
        logits = self.head(torch.cat([first[:, 0], second[:, 0]], -1))
        return SequenceClassifierOutput(cross_entropy(logits, labels), logits)


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_module_called_twice_with_the_same_ids_gets_the_same_r(attack: str) -> None:
    model = Pair()
    assert relative_error(attack, model, batch(model, "sequence"), repeated=True) <= TOLERANCE


def test_two_texts_in_one_forward_are_refused() -> None:
    model = Pair()
    inputs = batch(model, "sequence")
    inputs["other_ids"] = inputs["input_ids"].flip(0)
    with pytest.raises(UserError, match=r"embeddings.word_embeddings .* other ids, 6 × 12, .* both of a pair"):
        AdversarialStep(FGM())(model, inputs)


class Bag(nn.Module):
    """No model of transformers, and two tables, so that the user has to name one."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.positions = nn.Embedding(20, 8)
        self.words = nn.Embedding(WORDS, 8)
        self.layers = nn.GRU(8, 8, batch_first=True)
        self.head = nn.Linear(8, 3)

    def forward(self, input_ids: Tensor, labels: Tensor) -> SequenceClassifierOutput:
        x = self.words(input_ids) + self.positions(torch.arange(input_ids.shape[1]))
        logits = self.head(self.layers(x)[0].mean(1))
        return SequenceClassifierOutput(cross_entropy(logits, labels), logits)


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_model_of_ones_own_with_a_named_module(attack: str) -> None:
    model: Any = Bag()
    assert relative_error(attack, model, batch(model, "sequence"), embeddings="words") <= TOLERANCE
