from __future__ import annotations

from typing import Any

import pytest
import torch

import tiny
from ranat.models.perturbation import Perturbed


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
    with Perturbed(model, r) as perturbed:
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
    with Perturbed(model, r) as perturbed:
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
    with Perturbed(model) as perturbed:
        model(**batch).loss.backward()
    expected = torch.zeros_like(model.get_input_embeddings().weight)
    expected.index_add_(0, batch["input_ids"].flatten(), perturbed.r.grad.flatten(0, 1))
    expected[model.get_input_embeddings().padding_idx] = 0
    assert torch.allclose(model.get_input_embeddings().weight.grad, expected, atol=1e-7)


def test_it_leaves_no_trace() -> None:
    model = tiny.model().eval()
    batch, weights = inputs(), model.get_input_embeddings().weight.detach().clone()
    before = model(**batch).logits
    with Perturbed(model, torch.ones(*batch["input_ids"].shape, 16)):
        model(**batch)
    with pytest.raises(ZeroDivisionError), Perturbed(model, torch.ones(*batch["input_ids"].shape, 16)):
        1 / 0  # noqa: B018  (raises on purpose)
    assert torch.equal(model(**batch).logits, before)
    assert torch.equal(model.get_input_embeddings().weight, weights)
    assert not model.get_input_embeddings()._forward_hooks


def test_r_of_half_precision_embeddings_is_a_float32_leaf() -> None:
    model = tiny.model().bfloat16().eval()
    batch = inputs()
    with Perturbed(model) as perturbed:
        model(**batch).logits.float().sum().backward()
    assert perturbed.x.dtype == torch.bfloat16
    assert perturbed.r.dtype == torch.float32
    assert perturbed.r.grad is not None


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_a_pass_around_the_embeddings_fails_loudly(architecture: str) -> None:
    model = tiny.model(architecture).eval()
    with (
        pytest.raises(RuntimeError, match="did not go through the word-embedding module Embedding"),
        Perturbed(model, torch.zeros(1, 4, 16)),
    ):
        model(inputs_embeds=torch.zeros(1, 4, 16), attention_mask=torch.ones(1, 4))
    with pytest.raises(RuntimeError, match="nothing was perturbed"), Perturbed(model):
        pass
