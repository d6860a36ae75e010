"""What holds for every registered attack, in every preset, norm and scope it has."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch import Tensor

import tiny
from ranat.attacks import Attack, attacks
from ranat.attacks.ball import length
from ranat.attacks.divergence import DIVERGENCES
from ranat.errors import UserError
from ranat.training.cost import Cost
from ranat.training.passes import BatchPasses
from ranat.training.step import AdversarialStep, model_loss


def variants() -> list[Attack]:
    """Each attack with each preset, scope and, if it has the option, norm."""
    found = []
    for name in attacks.names():
        kind = attacks.get(name)
        norms: list[dict[str, Any]] = [{}]
        if any(field.name == "norm" for field in dataclasses.fields(kind)):
            norms = [{"norm": 2}, {"norm": "inf"}]
        for preset in kind.presets:
            for scope in ("sequence", "token", "batch"):
                found += [kind(preset=preset, scope=scope, epsilon=0.3, **norm) for norm in norms]
    return found


every_attack = pytest.mark.parametrize("attack", variants(), ids=repr)


class Recorded(BatchPasses):
    """Passes that remember the r they learnt from, and the loss there."""

    def __init__(self, model: Any, batch: dict[str, Tensor], **changed: Any) -> None:
        inputs = {name: tensor for name, tensor in batch.items() if name != "special_tokens_mask"}
        mask = (batch["attention_mask"] * (1 - batch["special_tokens_mask"])).bool()
        settings = {"loss": model_loss, "backward": Tensor.backward, "mean": torch.mean, "cost": Cost()} | changed
        super().__init__(model, inputs, mask, shared_dropout=True, noise_seed=(0, 0), **settings)
        self.learnt: list[Tensor] = []
        self.lasts: list[bool] = []

    def learn(self, r: Tensor | None = None, **options: Any) -> Tensor:
        self.lasts.append(options.get("last", False))
        if r is not None:
            self.learnt.append(r)
        return super().learn(r, **options)


def run(attack: Attack, model: Any, batch: dict[str, Tensor], **changed: Any) -> Recorded:
    passes = Recorded(model, batch, **changed)
    attack(passes)
    return passes


@pytest.fixture(scope="module")
def model() -> Any:
    return tiny.model().eval()


@every_attack
def test_stays_in_the_ball(attack: Attack, model: Any) -> None:
    passes = run(attack, model, tiny.batch())
    for r in passes.learnt:
        assert length(r, passes.mask, attack.norm, attack.scope).max() <= attack.epsilon * (1 + 1e-5)


@every_attack
def test_relative_radius_is_a_fraction_of_x(attack: Attack, model: Any) -> None:
    relative = dataclasses.replace(attack, epsilon=0.1, epsilon_unit="relative")
    passes = run(relative, model, tiny.batch())
    norm = attack.norm
    x = model.get_input_embeddings()(tiny.batch()["input_ids"]).detach()
    allowed = 0.1 * length(x, passes.mask, norm, attack.scope) * (1 + 1e-5)
    r = passes.learnt[-1]
    assert (length(r, passes.mask, norm, attack.scope) <= allowed).all()
    assert length(r, passes.mask, norm, attack.scope).max() > 0


@every_attack
def test_padding_and_special_tokens_are_untouched(attack: Attack, model: Any) -> None:
    passes = run(attack, model, tiny.batch())
    outside = ~passes.mask.expand_as(passes.learnt[-1])
    for r in passes.learnt:
        assert not r[outside].any()


@every_attack
def test_ascends(attack: Attack, model: Any) -> None:
    """For a small ε what the attack climbs on rises, and more than along a random direction of that length."""
    small = dataclasses.replace(attack, epsilon=1e-2)
    double = tiny.model().double().eval()
    passes = run(small, double, tiny.batch())
    clean = passes.clean()

    def gain(r: Tensor) -> float:
        with torch.no_grad():
            output, _ = passes._forward(double, r)
            if attack.climbs_on == "loss":
                return float(output.loss - clean.loss)
            return float(passes.mean(DIVERGENCES[attack.climbs_on](clean.prediction, output.prediction)))

    r = passes.learnt[-1].double()
    generator = torch.Generator().manual_seed(0)
    random = torch.randn(r.shape, generator=generator, dtype=r.dtype) * passes.mask
    random *= length(r, passes.mask, attack.norm, attack.scope) / length(
        random, passes.mask, attack.norm, attack.scope
    ).clamp(min=1e-30)
    assert gain(r) > 0
    assert gain(r) > gain(random)


@pytest.mark.parametrize("attack", [a for a in variants() if a.scope != "batch"], ids=repr)
def test_an_example_meets_the_same_r_alone_or_in_any_batch(attack: Attack) -> None:
    model = tiny.model().double().eval()
    batch = tiny.batch((5, 9, 7))
    together = run(attack, model, batch).learnt[-1]
    for i, size in enumerate((5, 9, 7)):
        alone = {name: tensor[i : i + 1, :size] for name, tensor in batch.items()}
        r = run(attack, model, alone).learnt[-1]
        assert torch.allclose(together[i, :size], r[0], rtol=1e-6, atol=1e-9)


@every_attack
def test_loss_scale_does_not_matter(attack: Attack, model: Any) -> None:
    plain = run(attack, model, tiny.batch()).learnt[-1]
    scaled = run(attack, model, tiny.batch(), backward=lambda loss: (loss * 2.0**20).backward()).learnt[-1]
    assert torch.allclose(plain, scaled, rtol=1e-4, atol=1e-7)


@every_attack
def test_zero_gradients_are_counted_and_finite(attack: Attack) -> None:
    model = tiny.model().eval()
    torch.nn.init.zeros_(model.classifier.weight)  # the loss no longer depends on x
    passes = run(attack, model, tiny.batch())
    assert passes.unusable() == 3
    for r in passes.learnt:
        assert torch.isfinite(r).all()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


@pytest.mark.parametrize("name", ["fgsm", "fgm", "pgd", "freelb"])
def test_an_example_without_a_gradient_is_left_alone_and_its_neighbours_are_not(name: str, model: Any) -> None:
    batch = tiny.batch()
    batch["labels"][1] = -100  # its loss is empty, so its gradient is zero
    passes = run(attacks.get(name)(epsilon=0.3), model, batch)
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

    passes = run(attacks.get(name)(epsilon=0.3), model, tiny.batch(), loss=broken)
    assert passes.unusable() == 1
    assert not passes.learnt[-1][1].any()
    assert torch.isfinite(passes.learnt[-1]).all()
    model.zero_grad()


@every_attack
def test_it_makes_the_passes_it_says(attack: Attack, model: Any) -> None:
    cost = Cost()
    run(attack, model, tiny.batch(), cost=cost)
    assert (cost.forward, cost.backward, cost.backward_to_input) == attack.counts
    assert cost.xfp == attack.cost


@every_attack
def test_only_the_last_pass_synchronises(attack: Attack, model: Any) -> None:
    assert run(attack, model, tiny.batch()).lasts.count(True) == 1
    assert run(attack, model, tiny.batch()).lasts[-1]


@pytest.mark.parametrize("attack", [a for a in variants() if a.scope == "sequence"], ids=repr)
@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_runs_on_every_architecture_frozen_embeddings_included(attack: Attack, architecture: str) -> None:
    model = tiny.model(architecture, dropout=0.1).train()
    model.get_input_embeddings().weight.requires_grad_(False)
    passes = run(attack, model, tiny.batch())
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
