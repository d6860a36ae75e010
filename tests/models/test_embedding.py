"""Where words are embedded: what is said when a model does not tell."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

import tiny
from ranat.errors import UserError
from ranat.models.embedding import encoder_of, module_name, word_embeddings
from ranat.models.perturbation import Perturbed, look_up


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = tiny.model(), tiny.model()


class Own(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(20, 4), nn.Embedding(9, 4)


def said(error: pytest.ExceptionInfo[UserError]) -> str:
    return str(error.value)


def test_a_module_is_found_or_named() -> None:
    model, own = tiny.model(), Own()
    table = model.bert.embeddings.word_embeddings
    assert word_embeddings(model) is table
    assert word_embeddings(model, "bert.embeddings.word_embeddings") is table
    assert word_embeddings(own, "words") is own.words
    assert word_embeddings(own, own.places) is own.places
    assert module_name(model, table) == "bert.embeddings.word_embeddings (Embedding)"
    assert module_name(model, nn.Linear(1, 1)) == "(Linear)"


def test_what_cannot_be_found_is_told_with_the_candidates() -> None:
    with pytest.raises(UserError) as caught:
        word_embeddings(Own())
    assert said(caught) == (
        "Own does not tell which module embeds its words (name the module that embeds input_ids, one of words, places)"
    )
    with pytest.raises(UserError) as caught:
        word_embeddings(Own(), "word")
    assert said(caught) == (
        "Own has no module named 'word' (name the module that embeds input_ids, one of words, places)"
    )
    with pytest.raises(UserError) as caught:
        word_embeddings(nn.Linear(1, 1))
    assert said(caught) == "Linear does not tell which module embeds its words (name the module that embeds input_ids)"
    with pytest.raises(UserError) as caught:
        word_embeddings(Two())
    left, right = (f"{side}.bert.embeddings.word_embeddings" for side in ("left", "right"))
    assert said(caught).startswith(
        f"Two embeds words in more than one module: {left} (Embedding), {right} (Embedding) (name the module"
    )


def test_ids_of_another_shape_are_other_ids() -> None:
    own = Own()
    ids = torch.tensor([[1, 2, 3]])
    for called in (torch.tensor([1, 2, 3]), torch.tensor([[[1, 2, 3]]]), torch.tensor([[1, 2, 4]])):
        with (
            pytest.raises(UserError, match=r"was called with other ids, .*, than the step's input_ids, 1 × 3"),
            Perturbed(own, ids=ids, module="words"),
        ):
            own.words(called)


def test_x_is_looked_up_without_a_pass() -> None:
    model, own, ids = tiny.model(), Own(), torch.tensor([[1, 2, 3], [4, 5, 6]])
    assert torch.equal(look_up(model, ids), model.bert.embeddings.word_embeddings(ids))
    assert torch.equal(look_up(own, ids, "places"), own.places(ids))
    assert torch.equal(look_up(own, ids, own.words), own.words(ids))
    assert not look_up(own, ids, "words").requires_grad


class Half(nn.Module):
    """A part that names an encoder, as models of transformers do."""

    def __init__(self, encoder: nn.Module, config: Any) -> None:
        super().__init__()
        self.encoder = encoder
        if config is not None:
            self.config = config

    def get_encoder(self) -> nn.Module:
        return self.encoder


def test_the_encoder_is_that_which_holds_the_embeddings_beside_a_decoder() -> None:
    both, alone = SimpleNamespace(is_encoder_decoder=True), SimpleNamespace(is_encoder_decoder=False)
    own, other = Own(), Own()
    for first in (Half(own, alone), Half(own, SimpleNamespace()), Half(own, None)):  # no decoder, as far as is said
        assert encoder_of(first, own.words) is None
        assert encoder_of(nn.ModuleList([first, Half(own, both)]), own.words) is own
    assert encoder_of(nn.ModuleList([Half(other, both), Half(own, both)]), own.words) is own
    assert encoder_of(Half(other, both), own.words) is None

    class Same(Own):
        config = both

        def get_encoder(self) -> nn.Module:
            return self

    same = Same()
    assert encoder_of(same, same.words) is None  # all of it is the encoder
