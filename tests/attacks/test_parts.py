"""The parts that attacks are made of: balls, directions, divergences, options; each beside its definition."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import softmax

from ranat.attacks import FGM, FGSM, PGD, PLAIN, SMART, FreeLB, PassCounts, Prediction, attacks, register_attack
from ranat.attacks.ball import Ball, as_norm, length
from ranat.attacks.base import SAFE_EPSILON, in_range, one_of
from ranat.attacks.divergence import kl, symmetric_kl
from ranat.errors import UsageError
from ranat.gates import Always, register_gate

SCOPES = ("sequence", "token", "batch")


def some(seed: int = 0) -> tuple[Tensor, Tensor]:
    """r (2, 3, 4) and a mask that leaves out one token."""
    generator = torch.Generator().manual_seed(seed)
    mask = torch.ones(2, 3, 1, dtype=torch.bool)
    mask[1, 2] = False
    return torch.randn(2, 3, 4, generator=generator, dtype=torch.float64), mask


def parts(r: Tensor, mask: Tensor, scope: str) -> list[Tensor]:
    """What shares one norm, flattened, without what is masked."""
    if scope == "batch":
        return [r[mask.squeeze(-1)].flatten()]
    if scope == "sequence":
        return [r[i, mask[i, :, 0]].flatten() for i in range(len(r))]
    return [r[i, j] for i in range(len(r)) for j in range(r.shape[1]) if mask[i, j, 0]]


def norm_of(v: Tensor, norm: Any) -> float:
    return float(v.abs().max()) if norm == "inf" else math.sqrt(float((v**2).sum()))


def ball(mask: Tensor, norm: Any, scope: Any, radius: float = 0.7) -> Ball:
    return Ball(mask, torch.full((1, 1, 1), radius, dtype=torch.float64), norm, scope)


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("norm", [2, "inf"])
def test_norms_and_directions(norm: Any, scope: Any) -> None:
    r, mask = some()
    b = ball(mask, norm, scope)
    assert torch.equal(b.length(r), length(r, mask, norm, scope))
    whole = b.length(r).expand(2, 3, 1)
    lengths = [norm_of(v, norm) for v in parts(r, mask, scope)]
    assert sorted({round(float(n), 9) for n in whole[mask]}) == sorted({round(n, 9) for n in lengths})
    for v in parts(b.unit(r), mask, scope):
        assert norm_of(v, norm) == pytest.approx(1)
    steepest = b.steepest(r)
    assert torch.allclose(steepest, torch.sign(r) * mask if norm == "inf" else b.unit(r))
    assert torch.equal(b.direction(r, "unit"), b.unit(r))
    assert torch.equal(b.direction(r, "steepest"), steepest)
    for onto in ("sphere", "ball"):
        for scale in (1e-3, 10.0):
            projected = b.project(scale * r, onto)  # type: ignore[arg-type]  # a loop variable is no Literal
            assert not projected[~mask.expand_as(r)].any()
            for v, given in zip(parts(projected, mask, scope), parts(scale * r, mask, scope), strict=True):
                inside = norm_of(given, norm) <= 0.7
                if onto == "sphere" or (norm == 2 and not inside):
                    assert torch.allclose(v, 0.7 * given / norm_of(given, norm))
                else:
                    assert torch.allclose(v, given.clamp(-0.7, 0.7))


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("norm", [2, "inf"])
def test_a_random_start_fills_the_ball_and_no_more(norm: Any, scope: Any) -> None:
    """At the corner of the cube it is as long as ε: the cube is inscribed in the ball, or is the ball."""
    _, mask = some()
    start = ball(mask, norm, scope).random(torch.ones(2, 3, 4, dtype=torch.float64))
    assert not start[~mask.expand_as(start)].any()
    for v in parts(start, mask, scope):
        assert norm_of(v, norm) == pytest.approx(0.7)


@pytest.mark.parametrize("size", [1e-30, 1e30])
def test_norms_neither_underflow_nor_overflow(size: float) -> None:
    r, mask = some()
    r = (r * size).float()
    expected = math.sqrt(float((r[0].double() ** 2).sum()))
    assert float(length(r, mask, 2, "sequence")[0]) == pytest.approx(expected, rel=1e-5)
    assert length(r.bfloat16(), mask, 2, "sequence").dtype == torch.float32


def test_what_has_no_direction_is_left_alone() -> None:
    _, mask = some()
    for value in (0.0, float("inf"), float("nan")):
        r = torch.full((2, 3, 4), value)
        r[1] = 1.0
        unit = ball(mask, 2, "sequence").unit(r)
        assert not unit[0].any()
        assert unit[1, 0].any()


@pytest.mark.parametrize(("given", "norm"), [(2, 2), ("2", 2), (2.0, 2), ("2.0", 2), ("inf", "inf"), (math.inf, "inf")])
def test_norms_as_people_write_them(given: Any, norm: Any) -> None:
    assert as_norm(given) == norm
    assert PGD(norm=given).norm == norm


def test_another_norm_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^norm is 2 or inf, not 1$"):
        PGD(norm=1)  # type: ignore[arg-type]  # wrong on purpose


def logits(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("shape", [(5,), (3, 5), (2, 3, 5)])
def test_divergences_of_each_kind(shape: tuple[int, ...]) -> None:
    one, other = logits(*shape, seed=0), logits(*shape, seed=1)
    p, q = softmax(one, -1), softmax(other, -1)
    forward, back = (p * (p / q).log()).sum(-1), (q * (q / p).log()).sum(-1)
    assert torch.allclose(kl(Prediction(one), Prediction(other)), forward)
    assert torch.allclose(symmetric_kl(Prediction(one), Prediction(other)), forward + back)

    p, q = torch.sigmoid(one), torch.sigmoid(other)
    forward = (p * (p / q).log() + (1 - p) * ((1 - p) / (1 - q)).log()).sum(-1)
    back = (q * (q / p).log() + (1 - q) * ((1 - q) / (1 - p)).log()).sum(-1)
    assert torch.allclose(kl(Prediction(one, "labels"), Prediction(other, "labels")), forward)
    assert torch.allclose(symmetric_kl(Prediction(one, "labels"), Prediction(other, "labels")), forward + back)

    squared = ((one - other) ** 2).sum(-1)
    assert torch.allclose(kl(Prediction(one, "numbers"), Prediction(other, "numbers")), squared)
    assert torch.allclose(symmetric_kl(Prediction(one, "numbers"), Prediction(other, "numbers")), squared)


def test_a_constant_prediction_stays_of_its_kind() -> None:
    one = logits(2, 3, seed=0).requires_grad_()
    constant = Prediction(one, "labels").detach()
    assert not constant.logits.requires_grad
    assert constant.kind == "labels"


@pytest.mark.parametrize(
    ("name", "option", "value", "message"),
    [
        ("smart", "sigma", 0, "sigma must be above 0, not 0"),
        ("smart", "sigma", None, "sigma must be a finite number above 0, not None"),
        ("smart", "climbs_on", "loss", "climbs_on must be one of kl, symmetric_kl, not 'loss'"),
        ("freelb", "start", "mine", "start must be one of zero, random, not 'mine'"),
        ("freelb", "first_point", 2, "first_point must be 0 or 1, not 2"),
        ("pgd", "start", "mine", "start must be one of zero, random, not 'mine'"),
        ("pgd", "direction", "mine", "direction must be one of unit, steepest, not 'mine'"),
        ("pgd", "projection", "mine", "projection must be one of sphere, ball, not 'mine'"),
        ("pgd", "steps", 0, "steps must be a whole number of at least 1, not 0"),
        ("pgd", "steps", True, "steps must be a whole number of at least 1, not True"),
        ("pgd", "step_size", -1, "step_size must be above 0, not -1"),
        ("fgm", "epsilon", "1", "epsilon must be a finite number above 0, not '1'"),
        ("fgm", "epsilon", True, "epsilon must be a finite number above 0, not True"),
        ("fgm", "epsilon", math.inf, "epsilon must be a finite number above 0, not inf"),
        ("fgm", "clean_weight", -0.5, "clean_weight must be at least 0, not -0.5"),
        ("fgm", "clean_weight", None, "clean_weight must be a finite number at least 0, not None"),
        ("fgm", "adversarial_weight", 0, "adversarial_weight must be above 0, not 0"),
        ("fgm", "preset", "mine", "preset must be one of paper, original, not 'mine'"),
        ("fgm", "epsilon_unit", "absolute", "epsilon must be given where epsilon_unit is absolute"),
        ("fgm", "epsilon_unit", "mm", "epsilon_unit must be one of absolute, relative, not 'mm'"),
        ("fgm", "scope", "word", "scope must be one of sequence, token, batch, not 'word'"),
    ],
)
def test_what_is_wrong_with_an_option(name: str, option: str, value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=r"^\w+ must be") as caught:
        attacks.get(name)(**{option: value})
    assert str(caught.value) == message


@pytest.mark.parametrize("name", attacks.names())
def test_an_epsilon_nobody_said_is_a_small_fraction_of_the_embeddings(name: str) -> None:
    attack = attacks.get(name)()
    assert (attack.epsilon, attack.epsilon_unit) == (SAFE_EPSILON[attack.norm], "relative")
    assert attacks.get(name)(epsilon=0.3).epsilon_unit == "absolute"
    relative = attacks.get(name)(epsilon=0.3, epsilon_unit="relative")
    assert (relative.epsilon, relative.epsilon_unit) == (0.3, "relative")


def test_bounds() -> None:
    in_range("x", 0, least=0)
    in_range("x", 0.5, above=0)
    one_of("x", "a", ("a", "b"))
    assert FGM(clean_weight=0).clean_weight == 0
    assert PGD(steps=1, step_size=0.1).step_size == 0.1


def test_costs() -> None:
    assert PassCounts(1, 10, 100).forward_equivalents == 1 + 2 * 10 + 100
    assert PLAIN == (1, 1, 0)
    formulas = {
        "6": [FGM(), FGSM(), FGM(preset="original")],
        "5": [FGSM(preset="original"), FGM(clean_weight=0)],
        "4 + 2S": [PGD(), PGD(steps=7)],
        "3 + 2S": [PGD(preset="original"), PGD(clean_weight=0)],
        "6 + 2S": [PGD(preset="original", clean_weight=1), SMART(), SMART(preset="original")],
        "3 + 3S": [FreeLB(), FreeLB(preset="original", clean_weight=1)],
        "3S": [FreeLB(preset="original")],
        "2 + 3S": [FreeLB(clean_weight=0)],
        "5 + 3S": [FreeLB(start="random")],
    }
    assert {text: {a.cost_formula for a in made} for text, made in formulas.items()} == {t: {t} for t in formulas}
    assert (PGD(steps=5).cost, FreeLB(steps=5).cost, SMART(steps=5).cost) == (14, 18, 16)


def test_no_attack_takes_the_name_of_standard_training() -> None:
    with pytest.raises(UsageError) as caught:
        register_attack("none")(FGM)
    assert str(caught.value) == "the attack 'none' cannot be registered: standard training is called so"


@pytest.mark.parametrize(
    ("register", "base", "taken"), [(register_attack, FGM, ["name"]), (register_gate, Always, ["gate", "dropout"])]
)
def test_attacks_and_gates_are_classes_with_options_that_can_be_given(
    register: Any, base: type[Any], taken: list[str]
) -> None:
    with pytest.raises(UsageError, match=r"'sage' cannot be registered: it is no class derived from (Attack|Gate)$"):
        register("sage")(lambda step: True)
    for option in taken:
        kind = dataclasses.make_dataclass("Sage", [(option, int, 0)], bases=(base,), frozen=True)
        with pytest.raises(UsageError, match=f"'sage' cannot be registered: no option can be called '{option}'"):
            register("sage")(kind)
