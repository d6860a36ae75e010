"""Each check of the contract can fail: an attack that breaks just that promise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from ranat.attacks import FGM, Attack, PassCounts, Passes
from ranat.attacks.ball import Ball
from ranat.training.contract import CHECKS, examine, variants


@dataclass(frozen=True, kw_only=True)
class Broken(FGM):
    """FGM with an r of its own."""

    def r(self, ball: Ball, g: Tensor) -> Tensor:
        return ball.radius * ball.unit(g)

    def __call__(self, passes: Passes) -> None:
        g = self.clean_gradient(passes)
        passes.learn(self.r(self.ball(passes), g), weight=self.adversarial_weight, last=True)


class LeavesTheBall(Broken):
    def r(self, ball: Ball, g: Tensor) -> Tensor:
        return 1.01 * super().r(ball, g)


class IgnoresTheUnit(Broken):
    def ball(self, passes: Passes) -> Ball:
        return FGM(epsilon=self.epsilon, scope=self.scope).ball(passes)


class PerturbsPadding(Broken):
    def r(self, ball: Ball, g: Tensor) -> Tensor:
        return torch.where(ball.mask, super().r(ball, g), 1e-9)


class Descends(Broken):
    def r(self, ball: Ball, g: Tensor) -> Tensor:
        return -super().r(ball, g)


class SharesAmongExamples(Broken):
    def r(self, ball: Ball, g: Tensor) -> Tensor:
        return super().r(ball, g) / len(g)


class FollowsTheScale(Broken):
    def r(self, ball: Ball, g: Tensor) -> Tensor:
        longest = (g * ball.mask).norm(dim=(1, 2), keepdim=True)
        return super().r(ball, g) * longest / (1 + longest)


class DividesByZero(Broken):
    def r(self, ball: Ball, g: Tensor) -> Tensor:
        longest = (g * ball.mask).norm(dim=(1, 2), keepdim=True)
        return super().r(ball, g) * (longest / longest)


class SaysLastTwice(Broken):
    def clean_gradient(self, passes: Passes) -> Tensor:
        return passes.learn(weight=self.clean_weight, last=True)


class SaysLastTooEarly(Broken):
    def __call__(self, passes: Passes) -> None:
        g = passes.learn(last=True)
        passes.learn(self.r(self.ball(passes), g))


class NeverSaysLast(Broken):
    def __call__(self, passes: Passes) -> None:
        passes.learn(self.r(self.ball(passes), passes.learn()))


class MakesMorePasses(Broken):
    def __call__(self, passes: Passes) -> None:
        passes.ascend()
        super().__call__(passes)


class CountsMorePasses(Broken):
    @property
    def counts(self) -> PassCounts:
        return PassCounts(forward=3, backward=2, backward_to_input=0)


class OnlyLearns(Broken):
    def __call__(self, passes: Passes) -> None:
        passes.learn()
        passes.learn(last=True)


class Raises(Broken):
    def __call__(self, passes: Passes) -> None:
        raise RuntimeError("out of order")


ABOUT_R = {
    "measures_a_relative_radius",
    "climbs",
    "does_not_depend_on_the_batch",
    "does_not_depend_on_the_scale_of_the_loss",
}
BROKEN: dict[type[Attack], set[str]] = {
    Broken: set(),
    LeavesTheBall: {"stays_in_the_ball", "measures_a_relative_radius"},
    IgnoresTheUnit: {"measures_a_relative_radius"},
    PerturbsPadding: {"leaves_special_tokens_alone"},
    Descends: {"climbs"},
    SharesAmongExamples: {"does_not_depend_on_the_batch"},
    # The loss is a mean over the batch, so its scale is one of the batch, too.
    FollowsTheScale: {"does_not_depend_on_the_scale_of_the_loss", "does_not_depend_on_the_batch"},
    DividesByZero: {"counts_what_has_no_gradient"},
    SaysLastTwice: {"says_which_pass_is_the_last"},
    SaysLastTooEarly: {"says_which_pass_is_the_last"},
    NeverSaysLast: {"says_which_pass_is_the_last"},
    MakesMorePasses: {"makes_the_passes_it_counts"},
    CountsMorePasses: {"makes_the_passes_it_counts"},
    OnlyLearns: ABOUT_R,
    Raises: set(CHECKS),
}


def wrong(kind: Any) -> dict[str, str]:
    return {verdict.name: str(verdict.wrong) for verdict in examine(list(variants(kind))) if verdict.wrong is not None}


@pytest.mark.parametrize("kind", BROKEN, ids=lambda kind: kind.__name__)
def test_a_broken_promise_is_found_and_no_other(kind: type[Attack]) -> None:
    assert wrong(kind).keys() == BROKEN[kind]


def test_every_check_is_the_point_of_some_attack() -> None:
    assert {name for names in BROKEN.values() if len(names) <= 2 for name in names} == set(CHECKS)


def test_the_first_variant_that_breaks_it_is_named() -> None:
    class DescendsByToken(Broken):
        def r(self, ball: Ball, g: Tensor) -> Tensor:
            return (-1 if self.scope == "token" else 1) * super().r(ball, g)

    verdicts = {verdict.name: verdict for verdict in examine(list(variants(DescendsByToken)))}
    assert verdicts["climbs"].attack == DescendsByToken(scope="token", epsilon=0.3)
    assert "the loss rises by -" in str(verdicts["climbs"].wrong)


def test_what_is_wrong_is_said() -> None:
    assert wrong(LeavesTheBall)["stays_in_the_ball"] == "‖r‖ = 0.303 where ε = 0.3"
    assert wrong(SaysLastTwice) == {"says_which_pass_is_the_last": "of 2 passes, [1, 2] say so"}
    assert wrong(NeverSaysLast) == {"says_which_pass_is_the_last": "of 2 passes, none say so"}
    assert set(wrong(Raises).values()) == {"RuntimeError: out of order"}
