"""Every attack against a naive float64 re-derivation of its equation, written example by example.

The re-derivation feeds embeddings to the model directly (`inputs_embeds`), so it shares neither the hook, nor the
ball, nor the passes with the code under test.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import softmax

import tiny
from ranat.attacks import FGM, FGSM, PGD, SMART, Attack, FreeLB, Noise, Twice
from ranat.training.cost import Cost
from ranat.training.passes import BatchPasses
from ranat.training.step import model_loss

EPSILON = 0.4
TOLERANCE = 1e-6


class Naive:
    """The model as a function of r, and each attack's equations as loops over examples."""

    def __init__(self, model: Any, batch: dict[str, Tensor], noise: dict[str, Tensor]) -> None:
        self.model, self.batch, self.noise = model, batch, noise
        self.mask = (batch["attention_mask"] * (1 - batch["special_tokens_mask"])).bool()

    def output(self, r: Tensor) -> Any:
        x = self.model.get_input_embeddings()(self.batch["input_ids"])
        return self.model(inputs_embeds=x + r, attention_mask=self.batch["attention_mask"], labels=self.batch["labels"])

    def loss(self, r: Tensor) -> Tensor:
        return self.output(r).loss

    def gradient(self, function: Callable[[Tensor], Tensor], r: Tensor) -> Tensor:
        r = r.clone().requires_grad_()
        (g,) = torch.autograd.grad(function(r), r)
        return g

    def zero(self) -> Tensor:
        hidden = self.model.config.hidden_size
        return torch.zeros(*self.batch["input_ids"].shape, hidden, dtype=torch.float64)

    def each(self, function: Callable[[Tensor], Tensor], *tensors: Tensor) -> Tensor:
        """Apply a function of (own tokens, hidden) to each example's perturbable tokens; 0 elsewhere."""
        result = self.zero()
        for i in range(len(result)):
            result[i, self.mask[i]] = function(*(tensor[i, self.mask[i]] for tensor in tensors))
        return result

    def kl(self, p: Tensor, q: Tensor) -> Tensor:
        """Σ P log(P / Q), averaged over labelled words; P and Q are logits."""
        labelled = self.batch["labels"] != -100
        p, q = softmax(p, -1)[labelled], softmax(q, -1)[labelled]
        return (p * torch.log(p / q)).sum(-1).mean()


def two(v: Tensor) -> Tensor:
    return torch.sqrt((v**2).sum())


def infinity(v: Tensor) -> Tensor:
    return v.abs().max()


def fgsm(n: Naive, clean: float) -> tuple[Tensor, Tensor]:
    g = n.gradient(n.loss, n.zero())
    r = n.each(lambda g: EPSILON * torch.sign(g), g)
    return r, clean * n.loss(n.zero()) + n.loss(r)


def fgm(n: Naive) -> tuple[Tensor, Tensor]:
    g = n.gradient(n.loss, n.zero())
    r = n.each(lambda g: EPSILON * g / two(g), g)
    return r, n.loss(n.zero()) + n.loss(r)


def pgd_points(n: Naive, steps: int, norm: Callable[[Tensor], Tensor]) -> list[Tensor]:
    points = [n.zero()]
    for _ in range(steps):
        g = n.gradient(n.loss, points[-1])
        moved = n.each(lambda r, g: r + EPSILON / steps * g / norm(g), points[-1], g)
        points.append(n.each(lambda r: EPSILON / norm(r) * r, moved))
    return points


def pgd(n: Naive, norm: Callable[[Tensor], Tensor] = two) -> tuple[Tensor, Tensor]:
    r = pgd_points(n, 3, norm)[-1]
    return r, n.loss(n.zero()) + n.loss(r)


def pull_back(r: Tensor) -> Tensor:
    return r if two(r) <= EPSILON else EPSILON / two(r) * r


def cube(u: Tensor) -> Tensor:
    return EPSILON * u / u.numel() ** 0.5


def pgd_original(n: Naive) -> tuple[Tensor, Tensor]:
    r = n.each(cube, n.noise["uniform"])
    for _ in range(3):
        r = n.each(lambda r, g: pull_back(r + EPSILON / 3 * g / two(g)), r, n.gradient(n.loss, r))
    return r, n.loss(r)


def pgd_original_infinity(n: Naive) -> tuple[Tensor, Tensor]:
    r = n.each(lambda u: EPSILON * u, n.noise["uniform"])
    for _ in range(3):
        g = n.gradient(n.loss, r)
        r = n.each(lambda r, g: (r + EPSILON / 3 * torch.sign(g)).clamp(-EPSILON, EPSILON), r, g)
    return r, n.loss(r)


def freelb(n: Naive) -> tuple[Tensor, Tensor]:
    points = pgd_points(n, 3, two)
    return points[-1], n.loss(n.zero()) + sum(n.loss(r) for r in points[1:]) / 3


def freelb_original(n: Naive) -> tuple[Tensor, Tensor]:
    points = [n.each(cube, n.noise["uniform"])]
    for _ in range(2):
        g = n.gradient(n.loss, points[-1])
        points.append(n.each(lambda r, g: pull_back(r + EPSILON / 3 * g / two(g)), points[-1], g))
    return points[-1], sum(n.loss(r) for r in points) / 3


def freelb_mixed(n: Naive, clean: float) -> tuple[Tensor, Tensor]:
    """From a random start, learning from the points after it."""
    points = [n.each(cube, n.noise["uniform"])]
    for _ in range(3):
        g = n.gradient(n.loss, points[-1])
        moved = n.each(lambda r, g: r + EPSILON / 3 * g / two(g), points[-1], g)
        points.append(n.each(lambda r: EPSILON / two(r) * r, moved))
    return points[-1], clean * n.loss(n.zero()) + sum(n.loss(r) for r in points[1:]) / 3


def smart(n: Naive, weight: float = 1.0) -> tuple[Tensor, Tensor]:
    target = n.output(n.zero()).logits.detach()
    r = n.each(lambda z: 0.05 * z, n.noise["normal"])
    for _ in range(2):
        g = n.gradient(lambda r: n.kl(target, n.output(r).logits), r)
        moved = n.each(lambda r, g: r + EPSILON / 2 * g / two(g), r, g)
        r = n.each(lambda r: EPSILON / two(r) * r, moved)
    clean, after = n.output(n.zero()), n.output(r)
    regulariser = n.kl(after.logits, clean.logits) + n.kl(clean.logits, after.logits)
    return r, clean.loss + weight * regulariser


def smart_original(n: Naive) -> tuple[Tensor, Tensor]:
    target = n.output(n.zero()).logits.detach()

    def symmetric(r: Tensor) -> Tensor:
        logits = n.output(r).logits
        return n.kl(target, logits) + n.kl(logits, target)

    r = n.each(lambda z: 0.05 * z, n.noise["normal"])
    for _ in range(2):
        g = n.gradient(symmetric, r)
        r = n.each(lambda r, g: (r + 0.3 * g / infinity(g)).clamp(-EPSILON, EPSILON), r, g)
    clean, after = n.output(n.zero()), n.output(r)
    return r, clean.loss + n.kl(after.logits, clean.logits) + n.kl(clean.logits, after.logits)


def noise(n: Naive, clean: float) -> tuple[Tensor, Tensor]:
    r = n.each(lambda z: EPSILON * z / two(z), n.noise["normal"])
    return r, clean * n.loss(n.zero()) + n.loss(r)


def twice(n: Naive) -> tuple[Tensor, Tensor]:
    return n.zero(), 2 * n.loss(n.zero())


def weighted(n: Naive, case: tuple[Tensor, Tensor], weight: float) -> tuple[Tensor, Tensor]:
    """The adversarial part weighs so much."""
    r, objective = case
    return r, n.loss(n.zero()) + weight * (objective - n.loss(n.zero()))


def plus_clean(n: Naive, case: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    return case[0], case[1] + n.loss(n.zero())


def minus_clean(n: Naive, case: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    return case[0], case[1] - n.loss(n.zero())


CASES: list[tuple[Attack, Callable[[Naive], tuple[Tensor, Tensor]]]] = [
    (FGSM(epsilon=EPSILON), lambda n: fgsm(n, 1)),
    (FGSM(epsilon=EPSILON, preset="original"), lambda n: fgsm(n, 0)),
    (FGSM(epsilon=EPSILON, adversarial_weight=3.0), lambda n: weighted(n, fgsm(n, 1), 3.0)),
    (FGM(epsilon=EPSILON), fgm),
    (FGM(epsilon=EPSILON, adversarial_weight=3.0), lambda n: weighted(n, fgm(n), 3.0)),
    (FGM(epsilon=EPSILON, preset="original"), fgm),
    (PGD(epsilon=EPSILON), pgd),
    (PGD(epsilon=EPSILON, norm="inf"), lambda n: pgd(n, infinity)),
    (PGD(epsilon=EPSILON, preset="original"), pgd_original),
    (PGD(epsilon=EPSILON, preset="original", norm="inf"), pgd_original_infinity),
    (PGD(epsilon=EPSILON, clean_weight=0.0), lambda n: (pgd(n)[0], n.loss(pgd(n)[0]))),
    (PGD(epsilon=EPSILON, adversarial_weight=3.0), lambda n: weighted(n, pgd(n), 3.0)),
    (PGD(epsilon=EPSILON, preset="original", clean_weight=1.0), lambda n: plus_clean(n, pgd_original(n))),
    (FreeLB(epsilon=EPSILON, clean_weight=0.0), lambda n: minus_clean(n, freelb(n))),
    (FreeLB(epsilon=EPSILON, start="random"), lambda n: freelb_mixed(n, 1)),
    (FreeLB(epsilon=EPSILON, start="random", clean_weight=0.0), lambda n: freelb_mixed(n, 0)),
    (FreeLB(epsilon=EPSILON, preset="original", clean_weight=1.0), lambda n: plus_clean(n, freelb_original(n))),
    (FreeLB(epsilon=EPSILON), freelb),
    (FreeLB(epsilon=EPSILON, preset="original"), freelb_original),
    (Noise(epsilon=EPSILON), lambda n: noise(n, 0)),
    (Noise(epsilon=EPSILON, clean_weight=1.0), lambda n: noise(n, 1)),
    (Twice(), twice),
    (SMART(epsilon=EPSILON, sigma=0.05, steps=2), smart),
    (SMART(epsilon=EPSILON, sigma=0.05, steps=2, adversarial_weight=3.0), lambda n: smart(n, 3.0)),
    (SMART(epsilon=EPSILON, sigma=0.05, steps=2, step_size=0.3, preset="original"), smart_original),
]


@pytest.mark.parametrize(("attack", "naive"), CASES, ids=lambda case: repr(case) if isinstance(case, Attack) else "")
@pytest.mark.parametrize("architecture", ["bert", "deberta-v2"])
def test_equation(attack: Attack, naive: Callable[[Naive], tuple[Tensor, Tensor]], architecture: str) -> None:
    model = tiny.model(architecture).double().eval()
    batch = tiny.batch()
    inputs = {name: tensor for name, tensor in batch.items() if name != "special_tokens_mask"}
    mask = (batch["attention_mask"] * (1 - batch["special_tokens_mask"])).bool()
    passes = BatchPasses(
        model, inputs, mask, loss=model_loss, backward=Tensor.backward, mean=torch.mean, cost=Cost(),
        shared_dropout=True, noise_seed=(0, 0),
    )  # fmt: skip
    learnt: list[Tensor | None] = []
    learn = passes.learn
    passes.learn = lambda r=None, **options: (learnt.append(r), learn(r, **options))[1]  # type: ignore[method-assign]  # records
    attack(passes)
    found = {name: parameter.grad.clone() for name, parameter in model.named_parameters() if parameter.grad is not None}

    model.zero_grad()
    noise = {"uniform": passes.uniform().double(), "normal": passes.normal().double()}
    r, objective = naive(Naive(model, inputs | {"special_tokens_mask": batch["special_tokens_mask"]}, noise))
    objective.backward()

    assert (learnt[-1] is None and not r.any()) or relative_error(learnt[-1], r) < TOLERANCE
    assert abs(passes.objective.item() - objective.item()) < TOLERANCE * abs(objective.item())
    expected = {name: parameter for name, parameter in model.named_parameters() if parameter.grad is not None}
    assert found.keys() == expected.keys()
    for name, parameter in expected.items():
        if parameter.grad.norm() > 1e-12:
            assert relative_error(found[name], parameter.grad) < TOLERANCE, name


def relative_error(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).norm() / expected.norm())
