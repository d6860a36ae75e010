from __future__ import annotations

from typing import Any

import pytest
import torch
from architectures import batch, small
from torch import Tensor, nn

import tiny
from ranat.errors import UserError
from ranat.models.embedding import word_embeddings
from ranat.models.perturbation import Perturbed, look_up


def inputs() -> dict[str, Any]:
    return {name: value for name, value in tiny.batch().items() if name in ("input_ids", "attention_mask")}


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_it_adds_exactly_r_to_the_word_embeddings(architecture: str) -> None:
    model = tiny.model(architecture).eval()
    batch = inputs()
    x = model.get_input_embeddings()(batch["input_ids"]).detach()
    r = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    given = r.clone()
    seen: list[torch.Tensor] = []
    with Perturbed(model, r, ids=batch["input_ids"]) as perturbed:
        # A hook registered later runs later, so it sees what the model goes on with.
        handle = model.get_input_embeddings().register_forward_hook(lambda module, args, output: seen.append(output))
        logits = model(**batch).logits
        handle.remove()
    assert torch.equal(seen[0], x + r)
    assert torch.equal(perturbed.x, x)
    assert torch.equal(perturbed.r, given)
    assert torch.equal(r, given)
    assert not r.requires_grad
    if architecture == "bert":  # whose positions do not come from the ids
        expected = model(inputs_embeds=x + r, attention_mask=batch["attention_mask"]).logits
        assert torch.equal(logits, expected)
    assert not torch.equal(logits, model(**batch).logits)


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
@pytest.mark.parametrize("given", [True, False])
def test_zeros_leave_the_outputs_bit_equal(architecture: str, given: bool) -> None:
    model = tiny.model(architecture, dropout=0.1).train()
    batch = tiny.batch()
    del batch["special_tokens_mask"]
    torch.manual_seed(0)
    plain = model(**batch)
    plain.loss.backward()
    gradients = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    torch.manual_seed(0)
    r = torch.zeros(*batch["input_ids"].shape, 16) if given else None
    with Perturbed(model, r, ids=batch["input_ids"]) as perturbed:
        output = model(**batch)
        output.loss.backward()
    assert torch.equal(output.logits, plain.logits)
    assert len(gradients) > 30
    for name, gradient in gradients.items():
        assert torch.equal(model.get_parameter(name).grad, gradient), name
    assert perturbed.r.grad is not None
    assert perturbed.r.grad.abs().max() > 0


def test_the_gradient_of_r_is_that_of_the_embeddings() -> None:
    """Each row of the embedding matrix gathers the gradients of r at the tokens that have its id."""
    model = tiny.model().eval()
    batch = tiny.batch()
    del batch["special_tokens_mask"]
    with Perturbed(model, ids=batch["input_ids"]) as perturbed:
        model(**batch).loss.backward()
    expected = torch.zeros_like(model.get_input_embeddings().weight)
    expected.index_add_(0, batch["input_ids"].flatten(), perturbed.r.grad.flatten(0, 1))
    expected[model.get_input_embeddings().padding_idx] = 0
    assert torch.allclose(model.get_input_embeddings().weight.grad, expected, atol=1e-7)


def test_it_leaves_no_trace() -> None:
    model = tiny.model().eval()
    batch, weights = inputs(), model.get_input_embeddings().weight.detach().clone()
    ids, ones = batch["input_ids"], torch.ones(*batch["input_ids"].shape, 16)
    before = model(**batch).logits
    with Perturbed(model, ones, ids=ids):
        model(**batch)
    with pytest.raises(ZeroDivisionError), Perturbed(model, ones, ids=ids):
        1 / 0  # noqa: B018  (raises on purpose)
    with pytest.raises(UserError, match="other ids"), Perturbed(model, ones, ids=ids + 1):
        model(**batch)
    assert torch.equal(model(**batch).logits, before)
    assert torch.equal(model.get_input_embeddings().weight, weights)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_r_of_half_precision_embeddings_is_a_float32_leaf() -> None:
    model = tiny.model().bfloat16().eval()
    batch = inputs()
    with Perturbed(model, ids=batch["input_ids"]) as perturbed:
        model(**batch).logits.float().sum().backward()
    assert perturbed.x.dtype == torch.bfloat16
    assert perturbed.r.dtype == torch.float32
    assert perturbed.r.grad is not None


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_a_pass_around_the_embeddings_fails_loudly(architecture: str) -> None:
    model = tiny.model(architecture).eval()
    ids = torch.ones(1, 4, dtype=torch.long)
    with (
        pytest.raises(UserError, match=r"did not go through the word-embedding module .*word_embeddings \(Embedding\)"),
        Perturbed(model, torch.zeros(1, 4, 16), ids=ids),
    ):
        model(inputs_embeds=torch.zeros(1, 4, 16), attention_mask=torch.ones(1, 4))
    remedy = r"\(give the model input_ids, not inputs_embeds, or name the module that embeds them\)"
    with pytest.raises(UserError, match=f"so nothing was perturbed {remedy}$"), Perturbed(model, ids=ids):
        pass


@pytest.mark.parametrize("in_place", [True, False])
def test_a_compiled_model_is_perturbed_and_compiled_again_afterwards(in_place: bool) -> None:
    bare = tiny.model().eval()
    batch, r = inputs(), torch.randn(*inputs()["input_ids"].shape, 16)
    with Perturbed(bare, r, ids=batch["input_ids"]):
        expected = bare(**batch).logits
    runs: list[Any] = []

    def backend(graph: Any, example: Any) -> Any:
        def run(*args: Any) -> Any:
            runs.append(None)
            return graph(*args)

        return run

    model: Any = torch.compile(bare, backend=backend)
    if in_place:
        bare.compile(backend=backend)
        model = bare
    plain = model(**batch).logits
    before = len(runs)
    assert before > 0
    with Perturbed(bare, r, ids=batch["input_ids"]):
        assert torch.equal(model(**batch).logits, expected)
    assert len(runs) == before
    assert torch.equal(model(**batch).logits, plain)
    assert len(runs) > before


class LowRank(nn.Module):
    """An adapter around an embedding, as PEFT's LoRA puts it there."""

    def __init__(self, base: nn.Embedding) -> None:
        super().__init__()
        self.base = base.requires_grad_(False)
        self.a = nn.Parameter(torch.randn(len(base.weight), 2))
        self.b = nn.Parameter(torch.randn(2, base.weight.shape[1]))

    def forward(self, ids: Tensor) -> Tensor:
        return self.base(ids) + self.a[ids] @ self.b


def test_an_adapter_around_frozen_embeddings_is_part_of_x() -> None:
    model = tiny.model().eval()
    batch = inputs()
    model.set_input_embeddings(LowRank(model.get_input_embeddings()))
    x = model.get_input_embeddings()(batch["input_ids"]).detach()
    r = torch.randn(x.shape)
    with Perturbed(model, r, ids=batch["input_ids"]) as perturbed:
        logits = model(**batch).logits
    logits.sum().backward()
    assert torch.equal(perturbed.x, x)
    assert torch.equal(logits, model(inputs_embeds=x + r, attention_mask=batch["attention_mask"]).logits)
    assert perturbed.r.grad is not None
    assert model.get_input_embeddings().a.grad.abs().max() > 0


@pytest.mark.parametrize("model_type", ["t5", "bart"])
def test_in_an_encoder_decoder_model_only_the_encoder_is_perturbed(model_type: str) -> None:
    """Also where both look up in one module, not in two that share their weights."""
    model = small(model_type, "seq2seq").float()
    model.get_decoder().embed_tokens = model.get_encoder().embed_tokens
    ids = batch(model, "seq2seq")["input_ids"]
    x = model.get_encoder().embed_tokens(ids).detach()
    r = torch.randn(x.shape)
    with Perturbed(model, r, ids=ids) as perturbed:
        # The decoder's ids are the encoder's own, so that they do not tell whose they are.
        logits = model(input_ids=ids, decoder_input_ids=ids).logits
    assert torch.equal(perturbed.x, x)
    encoded = model.get_encoder()(inputs_embeds=x + r)
    assert torch.allclose(logits, model(encoder_outputs=encoded, decoder_input_ids=ids).logits, atol=1e-6)


def test_ids_that_read_the_same_transposed_are_refused_where_the_model_may_have_transposed_them() -> None:
    model = small("xlnet", "token").float()
    ids = torch.tensor([[5, 6], [6, 7]])
    with (
        pytest.raises(UserError, match=r"2 × 2, read the same transposed, .*use another batch size"),
        Perturbed(model, ids=ids),
    ):
        model(input_ids=ids)
    bert = tiny.model().eval()
    with Perturbed(bert, ids=ids):  # which embeds the very tensor
        bert(input_ids=ids)


def test_quantised_embeddings_are_refused() -> None:
    model = small("ibert", "token").float()
    model.ibert.embeddings.word_embeddings.quant_mode = True
    ids = torch.tensor([[5, 6, 7]])
    with pytest.raises(UserError, match="else than a vector for each token"), Perturbed(model, ids=ids):
        model(input_ids=ids)


class Holder(nn.Module):
    """A model of one's own that holds others."""

    def __init__(self, **parts: nn.Module) -> None:
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)


def test_the_module_is_found_in_a_model_of_transformers_inside_ones_own() -> None:
    bert = tiny.model()
    assert word_embeddings(Holder(head=nn.Linear(2, 2), encoder=bert)) is bert.get_input_embeddings()
    assert word_embeddings(Holder(a=bert, b=bert)) is bert.get_input_embeddings()


def test_a_model_that_does_not_tell_says_what_may_be_named() -> None:
    model = Holder(words=nn.Embedding(9, 2), head=nn.Linear(2, 2))
    with pytest.raises(UserError, match=r"^Holder does not tell .*name the module .* one of words"):
        word_embeddings(model)
    assert word_embeddings(model, "words") is model.words
    assert word_embeddings(model, model.words) is model.words
    with pytest.raises(UserError, match=r"no module named 'word'.* one of words"):
        word_embeddings(model, "word")
    towers = Holder(a=tiny.model(), b=tiny.model())
    with pytest.raises(UserError, match=r"more than one module: a\.bert.*, b\.bert"):
        word_embeddings(towers)


@pytest.mark.parametrize("model_type", ["canine", "xlnet", "ibert", "bart"])
def test_x_is_looked_up_without_a_pass(model_type: str) -> None:
    model = small(model_type, "sequence").float()
    inputs = batch(model, "sequence")
    with Perturbed(model, ids=inputs["input_ids"]) as perturbed:
        model(**inputs)
    assert torch.equal(look_up(model, inputs["input_ids"]), perturbed.x)
