"""What holds on a CUDA device as on a CPU; `make gpu` runs these where there is one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import small_runs
import tiny
from ranat.attacks import FGM, PGD, Attack, attacks
from ranat.extraction import Extractor
from ranat.gates import Bernoulli
from ranat.runs.settings import read_settings
from ranat.training import contract
from ranat.training.evaluate import evaluate
from ranat.training.run import train
from ranat.training.step import AdversarialStep

DEVICE = "cuda"
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device was found"),
]

ATTACKS = [attack for name in attacks.names() for attack in contract.variants(attacks.get(name))]
ON_LOSS = [attack for name in attacks.names() if (attack := attacks.get(name)(epsilon=0.3)).climbs_on == "loss"]
"""Not SMART, whose start is so small that it is rounding noise in less than float64."""


def gradients(attack: Attack | None, device: str, dtype: torch.dtype, *, compiled: str | None = None) -> Tensor:
    """θ.grad of one attacked batch as one vector, on the CPU, in float64."""
    model = tiny.model().to(device, dtype).eval()
    batch = {name: value.to(device) for name, value in tiny.batch().items()}
    called: Any = torch.compile(model, mode=compiled) if compiled else model
    AdversarialStep(attack)(called, batch)
    return torch.cat([p.grad.flatten().double().cpu() for p in model.parameters() if p.grad is not None])


@pytest.mark.parametrize("attack", ATTACKS, ids=repr)
def test_every_attack_gives_the_gradients_of_a_cpu(attack: Attack) -> None:
    expected = gradients(attack, "cpu", torch.float64)
    assert torch.allclose(gradients(attack, DEVICE, torch.float64), expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("attack", [attack for attack in ON_LOSS if attack.norm == 2], ids=repr)
def test_float32_is_close_to_float64(attack: Attack) -> None:
    """Not asked where steps are signs, as that of a tiny gradient may turn."""
    expected = gradients(attack, "cpu", torch.float64)
    found = gradients(attack, DEVICE, torch.float32)
    assert float((found - expected).norm() / expected.norm()) < 1e-3


@pytest.mark.parametrize("attack", ON_LOSS, ids=repr)
def test_bf16_points_the_same_way(attack: Attack) -> None:
    model = tiny.model().to(DEVICE).eval()
    batch = {name: value.to(DEVICE) for name, value in tiny.batch().items()}
    with torch.autocast(DEVICE, torch.bfloat16):
        AdversarialStep(attack)(model, batch)
    found = torch.cat([p.grad.flatten().double().cpu() for p in model.parameters() if p.grad is not None])
    expected = gradients(attack, "cpu", torch.float64)
    assert float(torch.cosine_similarity(found, expected, dim=0)) > 0.95


@pytest.mark.parametrize("mode", ["default", "reduce-overhead"])
@pytest.mark.parametrize("attack", [None, FGM(epsilon=0.3), PGD(epsilon=0.3)], ids=repr)
def test_a_compiled_model_gives_the_gradients_of_an_uncompiled_one(attack: Attack | None, mode: str) -> None:
    """ "reduce-overhead" records CUDA graphs."""
    expected = gradients(attack, DEVICE, torch.float32)
    assert torch.allclose(gradients(attack, DEVICE, torch.float32, compiled=mode), expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("dropout", ["shared", "fresh"])
def test_passes_share_the_dropout_of_the_device(dropout: Any) -> None:
    """With an r of almost nothing the adversarial loss is the clean one, if both drop the same."""
    torch.manual_seed(0)
    model = tiny.model(dropout=0.5).to(DEVICE).train()
    batch = {name: value.to(DEVICE) for name, value in tiny.batch().items()}
    losses: list[float] = []

    def noting(model: Any, inputs: Any) -> Tensor:
        loss: Tensor = model(**inputs).loss
        losses.append(float(loss))
        return loss

    AdversarialStep(FGM(epsilon=1e-6), dropout=dropout)(model, batch, loss=noting)
    clean, adversarial = losses
    assert (abs(clean - adversarial) < 1e-4) == (dropout == "shared")


def test_skipped_batches_cost_one_pass() -> None:
    model = tiny.model().to(DEVICE).train()
    batch = {name: value.to(DEVICE) for name, value in tiny.batch().items()}
    step = AdversarialStep(PGD(epsilon=0.3, steps=3), gate=Bernoulli(p=0.5, seed=0))
    for _ in range(10):
        step(model, batch)
    cost = step.cost
    assert 0 < cost.attacked_batches < 10
    assert cost.xfp == 10 * cost.attacked_batches + 3 * (10 - cost.attacked_batches)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with random adversarial training, in the precision that the device has."""
    folder = tmp_path_factory.mktemp("gpu")
    small_runs.corpus(folder / "corpus")
    flags = {
        "corpus": str(folder / "corpus"),
        "model": str(small_runs.backbone(folder / "backbone")),
        "attack": {"name": "pgd", "epsilon": 0.3},
        "rat": {"p": 0.5},
        "train": {"epochs": 6, "batch_size": 8, "learning_rate": 0.01},
    }
    train(read_settings(flags=flags), folder / "run")
    return folder / "run"


def test_a_run_says_where_it_was_made_and_can_be_repeated(run: Path) -> None:
    cost = json.loads((run / "cost.json").read_text())
    assert cost["device"] == DEVICE
    assert cost["attacked_batches"] > 0
    assert evaluate(run)["f1"] == json.loads((run / "metrics.json").read_text())["test"]["f1"]


def test_extraction_finds_what_a_cpu_finds(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def spans(extractor: Extractor) -> list[set[Any]]:
        found = extractor.extract_stream([*tiny.TEXTS] * 20)
        return [{(entity.spans, entity.type) for entity in document.entities} for document in found]

    on_device = spans(Extractor.load(str(run), precision="fp32"))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    on_cpu = spans(Extractor.load(str(run), precision="fp32"))
    assert on_device == on_cpu
    assert any(on_cpu)
