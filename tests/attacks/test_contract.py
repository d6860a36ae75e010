"""What holds for every registered attack, in every preset, norm and scope it has."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import tiny
from ranat.attacks import Attack, attacks
from ranat.errors import UserError
from ranat.training import contract
from ranat.training.contract import attacked
from ranat.training.step import AdversarialStep, model_loss

ATTACKS = [attack for name in attacks.names() for attack in contract.variants(attacks.get(name))]


@pytest.fixture(scope="module")
def model() -> Any:
    return tiny.model().eval()


@pytest.mark.parametrize("attack", ATTACKS, ids=repr)
@pytest.mark.parametrize("check", contract.CHECKS)
def test_every_attack_keeps_its_promises(check: str, attack: Attack) -> None:
    promise = contract.CHECKS[check]
    assert not contract.applies(promise, attack) or promise(attack) is None


@pytest.mark.parametrize("name", ["fgsm", "fgm", "pgd", "freelb"])
def test_an_example_without_a_gradient_is_left_alone_and_its_neighbours_are_not(name: str, model: Any) -> None:
    batch = tiny.batch()
    batch["labels"][1] = -100  # its loss is empty, so its gradient is zero
    passes = attacked(attacks.get(name)(epsilon=0.3), model, batch)
    assert passes.unusable() == 1
    assert not passes.learnt[-1][1].any()
    assert passes.learnt[-1][0].any()


@pytest.mark.parametrize("name", ["fgsm", "fgm", "pgd", "freelb"])
def test_a_gradient_that_is_not_finite_is_left_out(name: str, model: Any) -> None:
    def broken(passes_model: Any, batch: Any) -> Any:
        logits = passes_model(**batch).logits
        per_word = torch.nn.functional.cross_entropy(
            logits.transpose(1, 2), batch["labels"], ignore_index=-100, reduction="none"
        )
        return (per_word * torch.tensor([1.0, float("inf"), 1.0])[:, None]).sum()

    passes = attacked(attacks.get(name)(epsilon=0.3), model, tiny.batch(), loss=broken)
    assert passes.unusable() == 1
    assert not passes.learnt[-1][1].any()
    assert torch.isfinite(passes.learnt[-1]).all()
    model.zero_grad()


@pytest.mark.parametrize("attack", [a for a in ATTACKS if a.scope == "sequence"], ids=repr)
@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_runs_on_every_architecture_frozen_embeddings_included(attack: Attack, architecture: str) -> None:
    model = tiny.model(architecture, dropout=0.1).train()
    model.get_input_embeddings().weight.requires_grad_(False)
    passes = attacked(attack, model, tiny.batch())
    assert passes.unusable() == 0
    assert model.get_input_embeddings().weight.grad is None
    assert model.classifier.weight.grad.norm() > 0


@pytest.mark.parametrize("name", attacks.names())
@pytest.mark.parametrize(
    ("option", "value"),
    [("epsilon", 0), ("epsilon", -1.0), ("epsilon", float("nan")), ("scope", "word"), ("preset", "mine"),
     ("epsilon_unit", "percent"), ("adversarial_weight", 0), ("clean_weight", -1)],
)  # fmt: skip
def test_a_bad_option_is_named(name: str, option: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{option} "):
        attacks.get(name)(**{option: value})


@pytest.mark.parametrize(
    ("option", "value"), [("steps", 0), ("steps", 1.5), ("step_size", 0), ("norm", 3), ("projection", "cube")]
)
def test_a_bad_step_option_is_named(option: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{option} "):
        attacks.get("pgd")(**{option: value})


def test_dropout_is_shared_unless_asked_otherwise() -> None:
    """With shared dropout the generator moves on by one pass, as in standard training; fresh moves on by every pass."""
    states = {}
    for dropout in ("shared", "fresh"):
        model = tiny.model(dropout=0.5).train()
        torch.manual_seed(3)
        AdversarialStep(attacks.get("pgd")(epsilon=0.3), dropout=dropout)(model, tiny.batch())  # type: ignore[arg-type]  # a loop variable is no Literal
        states[dropout] = torch.get_rng_state()
    model = tiny.model(dropout=0.5).train()
    torch.manual_seed(3)
    AdversarialStep(None)(model, tiny.batch())
    assert torch.equal(states["shared"], torch.get_rng_state())
    assert not torch.equal(states["fresh"], torch.get_rng_state())


def test_the_step_says_when_the_embeddings_are_not_used(model: Any) -> None:
    batch = tiny.batch()

    def around(passes_model: Any, inputs: Any) -> Any:
        x = torch.zeros(*inputs["input_ids"].shape, 16)
        return model_loss(passes_model, {"inputs_embeds": x, "labels": inputs["labels"]})

    with pytest.raises(UserError, match="nothing was perturbed"):
        AdversarialStep(attacks.get("fgm")())(model, batch, loss=around)
