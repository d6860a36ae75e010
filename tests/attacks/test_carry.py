"""`carry` against a naive float64 derivation over several epochs, and what it keeps from one to the next."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import tiny
from ranat.attacks import Carry, Noise
from ranat.gates import Every
from ranat.training.memory import ExampleMemory
from ranat.training.step import AdversarialStep

EPSILON, MOMENTUM, RATE = 0.4, 0.3, 0.05


def naive(model: Any, batches: list[dict[str, Tensor]], epochs: int, attacked: list[bool]) -> list[float]:
    """Plain gradient descent, example by example, through `inputs_embeds`; u is kept as a list of rounded vectors."""
    kept: dict[tuple[int, ...], Tensor] = {}
    losses = []
    for step in range(epochs * len(batches)):
        batch = batches[step % len(batches)]
        mask = (batch["attention_mask"] * (1 - batch["special_tokens_mask"])).bool()
        x = model.get_input_embeddings()(batch["input_ids"])
        u = torch.zeros_like(x)
        for i, row in enumerate(keys(batch)):
            if row in kept:
                own = kept[row][mask[i, : len(row)]]
                u[i, mask[i]] = own / torch.sqrt((own**2).sum())
        u = u.detach()
        r = (EPSILON * u if attacked[step] else torch.zeros_like(u)).requires_grad_()
        loss = model(inputs_embeds=x + r, attention_mask=batch["attention_mask"], labels=batch["labels"]).loss
        model.zero_grad()
        loss.backward()
        for i, row in enumerate(keys(batch)):
            g = r.grad[i, mask[i]]
            new = torch.zeros(len(row), x.shape[-1], dtype=torch.float64)
            new[mask[i, : len(row)]] = MOMENTUM * u[i, mask[i]] + g / torch.sqrt((g**2).sum())
            unit = new.abs().max() / 127
            kept[row] = torch.round(new / unit) * unit
        with torch.no_grad():
            for parameter in model.parameters():
                parameter -= RATE * (0 if parameter.grad is None else parameter.grad)
        losses.append(loss.item())
    return losses


def keys(batch: dict[str, Tensor]) -> list[tuple[int, ...]]:
    """Each example's tokens, without padding."""
    rows = zip(batch["input_ids"].tolist(), batch["attention_mask"].tolist(), strict=True)
    return [tuple(token for token, real in zip(*row, strict=True) if real) for row in rows]


@pytest.mark.parametrize("k", [1, 2])
def test_equation(k: int) -> None:
    """Also where the gate leaves batches out: u goes on there."""
    batches = [tiny.batch(seed=0), tiny.batch((6, 4), seed=1), tiny.batch((7, 8, 5), seed=2)]
    gate = Every(k)
    expected = naive(tiny.model().double().eval(), batches, 3, [gate(step) for step in range(9)])
    model = tiny.model().double().eval()
    step = AdversarialStep(Carry(epsilon=EPSILON, momentum=MOMENTUM), gate)
    losses = []
    for number in range(9):
        model.zero_grad()
        losses.append(float(step(model, batches[number % 3])))
        with torch.no_grad():
            for parameter in model.parameters():
                parameter -= RATE * (0 if parameter.grad is None else parameter.grad)
    assert losses == pytest.approx(expected, rel=1e-6)
    assert (step.cost.batches, step.cost.attacked_batches, step.cost.xfp) == (9, 9 // k, 27)
    assert step.cost.unusable_gradients == 0
    assert len(step.memory) == 8


def test_the_direction_of_the_last_epoch_raises_the_loss() -> None:
    """By more than a random one of the same length, in a model that has changed a little since."""
    model, batch = tiny.model().double().eval(), tiny.batch()
    step = AdversarialStep(Carry(epsilon=0.05))
    clean = float(step(model, batch))
    carried = float(step(model, batch))
    noisy = float(AdversarialStep(Noise(epsilon=0.05))(model, batch))
    assert carried - clean > 3 * abs(noisy - clean)


def test_examples_are_told_apart_by_their_tokens_in_any_batch_and_padding() -> None:
    memory, model = ExampleMemory(), tiny.model().double().eval()
    together = tiny.batch((5, 9, 7))
    AdversarialStep(Carry(), memory=memory)(model, together)
    alone = {name: value[2:, :7] for name, value in together.items()}
    tokens = alone["input_ids"][0].tolist()
    before = memory.recall(tokens)
    assert before is not None
    assert len(memory) == 3
    AdversarialStep(Carry(momentum=1.0), memory=memory)(model, alone)
    assert len(memory) == 3
    assert memory.recall(tokens[:-1]) is None


@given(st.integers(0, 2**32 - 1), st.floats(-12, 12))
def test_rounding_turns_a_direction_by_little(seed: int, magnitude: float) -> None:
    values = torch.randn(30, 384, generator=torch.Generator().manual_seed(seed)) * 10**magnitude
    memory = ExampleMemory()
    memory.keep([([1, 2], values)])
    again = memory.recall([1, 2])
    assert again is not None
    one, other = values.double().flatten(), again.double().flatten()
    cosine = float((one / one.norm()) @ (other / other.norm()))
    assert math.degrees(math.acos(min(cosine, 1.0))) < 1


def test_a_memory_is_written_and_read_again(tmp_path: Path) -> None:
    memory, other = ExampleMemory(), ExampleMemory()
    generator = torch.Generator().manual_seed(0)
    for length in (3, 5, 0):
        memory.keep([(list(range(length)), torch.randn(length, 4, generator=generator))])
    memory.save(tmp_path / "memory.safetensors")
    other.keep([([7], torch.ones(1, 4))])
    other.load(tmp_path / "memory.safetensors")
    assert len(other) == 3
    for length in (3, 5, 0):
        assert torch.equal(memory.recall(range(length)), other.recall(range(length)))  # type: ignore[arg-type]  # both are there
    assert other.recall([7]) is None
    ExampleMemory().save(tmp_path / "none.safetensors")
    assert not (tmp_path / "none.safetensors").exists()
    other.load(tmp_path / "none.safetensors")
    assert len(other) == 0


@pytest.mark.parametrize(("option", "value"), [("momentum", -0.1), ("momentum", 1.1), ("clean_weight", 1.0)])
def test_a_wrong_option_is_named(option: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"^{option} must be"):
        Carry(**{option: value})
