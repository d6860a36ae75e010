"""What every attack promises, as checks: on a small BERT with random weights, in seconds and with no download.

A check is a function of an attack that gives None, or what is wrong; its docstring is the promise.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import BertConfig, BertForTokenClassification

from ranat import plugins
from ranat.attacks import Attack, Output
from ranat.attacks.ball import length
from ranat.attacks.divergence import DIVERGENCES
from ranat.training.cost import Cost
from ranat.training.passes import Batch, BatchPasses
from ranat.training.step import SPECIAL_TOKENS_MASK, model_loss

Check = Callable[[Attack], str | None]

_LENGTHS = (5, 9, 7)
_ROUNDING = 1 + 1e-5


class Verdict(NamedTuple):
    """How a check of an attack went.

    Args:
        name: of the check.
        promise: what is checked.
        wrong: what is wrong; None: nothing.
        attack: the variant that breaks the promise; None: no one does.
        applies: whether it was checked.
    """

    name: str
    promise: str
    wrong: str | None
    attack: Attack | None
    applies: bool


class RecordedPasses(BatchPasses):
    """Passes that remember where they were made, and which of them said that it is the last."""

    def __init__(self, attack: Attack, model: Any, batch: Batch, **changed: Any) -> None:
        inputs = {name: tensor for name, tensor in batch.items() if name != SPECIAL_TOKENS_MASK}
        mask = (batch["attention_mask"] * (1 - batch[SPECIAL_TOKENS_MASK])).bool()
        usual: dict[str, Any] = {"loss": model_loss, "backward": Tensor.backward, "mean": torch.mean, "cost": Cost()}
        usual["noise_seed"] = (0, 0)
        shared = not attack.needs_fresh_dropout
        super().__init__(model, inputs, mask, shared_dropout=shared, **usual | changed)
        self.learnt: list[Tensor] = []
        """r of each pass that was learnt from, where it had one."""
        self.ascended: list[Tensor] = []
        """r of each other pass, where it had one."""
        self.lasts: list[bool] = []
        """Of each pass in order: whether it said that it is the last."""

    def learn(self, r: Tensor | None = None, **options: Any) -> Tensor:
        """See `Passes.learn`."""
        self.lasts.append(options.get("last", False))
        self.learnt += [] if r is None else [r]
        return super().learn(r, **options)

    def ascend(self, r: Tensor | None = None, **options: Any) -> Tensor:
        """See `Passes.ascend`."""
        self.lasts.append(False)
        self.ascended += [] if r is None else [r]
        return super().ascend(r, **options)

    def clean(self) -> Output:
        """See `Passes.clean`."""
        self.lasts.append(False)
        return super().clean()

    @torch.no_grad()
    def at(self, r: Tensor | None) -> Output:
        """What the model gives at x + r."""
        return self._forward(self._model, r)[0]


def attacked(attack: Attack, model: Any = None, batch: Batch | None = None, **changed: Any) -> RecordedPasses:
    """The passes of an attack on a batch.

    Args:
        attack: to be tried.
        model: default: the small BERT.
        batch: with special_tokens_mask; default: three sentences.
        changed: arguments of `BatchPasses` that shall differ.
    """
    passes = RecordedPasses(attack, model or small_model(), batch or sentences(), **changed)
    attack(passes)
    return passes


def small_model() -> Any:
    """A tagger without dropout, its weights large enough that gradients are not lost in rounding."""
    config = BertConfig(
        vocab_size=60,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=16,
        initializer_range=0.3,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    config.num_labels = 3
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return BertForTokenClassification(config).eval()


@cache
def sentences() -> dict[str, Tensor]:
    """A batch of three sentences of different length, each between two special tokens; some words have no label."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(5, 60, (len(_LENGTHS), max(_LENGTHS)), generator=generator)
    labels = torch.randint(0, 3, ids.shape, generator=generator)
    labels[:, 3] = -100
    position, size = torch.arange(ids.shape[1]), torch.tensor(_LENGTHS)[:, None]
    special = (position == 0) | (position >= size - 1)
    return {
        "input_ids": torch.where(special, torch.where(position == 0, 1, 2), ids) * (position < size),
        "attention_mask": (position < size).long(),
        SPECIAL_TOKENS_MASK: special.long(),
        "labels": torch.where(special, -100, labels),
    }


def variants(kind: type[Attack]) -> Iterator[Attack]:
    """An attack in each preset and scope that it has, and, if it has the option, in each norm."""
    norms: list[dict[str, Any]] = [{}]
    if any(field.name == "norm" for field in dataclasses.fields(kind)):
        norms = [{"norm": 2}, {"norm": "inf"}]
    for preset in kind.presets:
        for scope in ("sequence", "token", "batch"):
            for norm in norms:
                yield kind(preset=preset, scope=scope, epsilon=0.3, **norm)  # type: ignore[arg-type]  # a loop variable is no Literal


def stays_in_the_ball(attack: Attack) -> str | None:
    """No point that is learnt from is farther from x than ε."""
    passes = attacked(attack)
    longest = [float(_length(attack, passes, r).max()) for r in passes.learnt]
    outside = [value for value in longest if not value <= attack.epsilon * _ROUNDING]  # NaN is outside, too
    return f"‖r‖ = {outside[0]:g} where ε = {attack.epsilon:g}" if outside else None


def measures_a_relative_radius(attack: Attack) -> str | None:
    """With `epsilon_unit: relative`, ε is a fraction of ‖x‖ in the same norm and scope."""
    passes = attacked(dataclasses.replace(attack, epsilon=0.1, epsilon_unit="relative"))
    x, r = passes.embeddings.detach(), _last(passes)
    fraction = float((_length(attack, passes, r) / _length(attack, passes, x).clamp(min=1e-30)).max())
    return None if 0 < fraction <= 0.1 * _ROUNDING else f"‖r‖ = {fraction:g} · ‖x‖ where ε = 0.1"


def leaves_special_tokens_alone(attack: Attack) -> str | None:
    """Padding and special tokens are perturbed in no pass."""
    passes = attacked(attack)
    outside = ~passes.mask
    wrong = [r for r in (*passes.learnt, *passes.ascended) if (r * outside).any()]
    return f"they are in {len(wrong)} passes" if wrong else None


def climbs(attack: Attack) -> str | None:
    """For a small ε what it climbs on rises, and more than along a random direction of the same length."""
    passes = attacked(dataclasses.replace(attack, epsilon=1e-2), small_model().double())
    clean, r = passes.at(None), _last(passes).double()

    def gain(r: Tensor) -> float:
        there = passes.at(r)
        if attack.climbs_on == "loss":
            return float(there.loss - clean.loss)
        return float(passes.mean(DIVERGENCES[str(attack.climbs_on)](clean.prediction, there.prediction)))

    noise = torch.randn(r.shape, generator=torch.Generator().manual_seed(0), dtype=r.dtype) * passes.mask
    noise *= _length(attack, passes, r) / _length(attack, passes, noise).clamp(min=1e-30)
    if gain(r) > max(gain(noise), 0.0):
        return None
    return f"the {attack.climbs_on} rises by {gain(r):.3g}, along a random direction by {gain(noise):.3g}"


def does_not_depend_on_the_batch(attack: Attack) -> str | None:
    """An example meets the same r alone as in any batch."""
    model, batch = small_model().double(), sentences()
    together = _last(attacked(attack, model, batch))
    for row, size in enumerate(_LENGTHS):
        alone = {name: tensor[row : row + 1, :size] for name, tensor in batch.items()}
        r = _last(attacked(attack, model, alone))
        if not torch.allclose(together[row, :size], r[0], rtol=1e-6, atol=1e-9):
            return f"r of sentence {row + 1} differs by {float((together[row, :size] - r[0]).abs().max()):.3g}"
    return None


def does_not_depend_on_the_scale_of_the_loss(attack: Attack) -> str | None:
    """r is the same if the loss is multiplied before it is differentiated, as fp16 needs it."""
    plain = _last(attacked(attack))
    scaled = _last(attacked(attack, backward=lambda loss: (loss * 2.0**20).backward()))
    if torch.allclose(plain, scaled, rtol=1e-4, atol=1e-7):
        return None
    return f"r differs by {float((plain - scaled).abs().max()):.3g}"


def counts_what_has_no_gradient(attack: Attack) -> str | None:
    """Where the loss does not depend on x, r and the gradients are finite; what r could not follow is counted."""
    model = small_model()
    torch.nn.init.zeros_(model.classifier.weight)
    passes = attacked(attack, model)
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    if not all(torch.isfinite(tensor).all() for tensor in (*passes.learnt, *gradients)):
        return "they are not finite"
    counted = passes.unusable()
    if attack.climbs_on is None or counted == len(_LENGTHS):
        return None
    return f"{counted} of {len(_LENGTHS)} examples are counted"


def says_which_pass_is_the_last(attack: Attack) -> str | None:
    """The last of its passes, and no other, says `last`: that one synchronises processes."""
    lasts = attacked(attack).lasts
    said = [number for number, last in enumerate(lasts, 1) if last]
    return None if said == [len(lasts)] else f"of {len(lasts)} passes, {said or 'none'} say so"


def makes_the_passes_it_counts(attack: Attack) -> str | None:
    """It makes as many passes as its `counts` say."""
    cost = Cost()
    attacked(attack, cost=cost)
    made = type(attack.counts)(cost.forward, cost.backward, cost.backward_to_input)
    rounding = 0.5 / len(_LENGTHS)  # of a share of the batch to whole examples
    right = all(abs(one - other) <= rounding for one, other in zip(made, attack.counts, strict=True))
    return None if right else f"it makes {made}, and says {attack.counts}"


CHECKS: dict[str, Check] = {
    check.__name__: check
    for check in (
        stays_in_the_ball,
        measures_a_relative_radius,
        leaves_special_tokens_alone,
        climbs,
        does_not_depend_on_the_batch,
        does_not_depend_on_the_scale_of_the_loss,
        counts_what_has_no_gradient,
        says_which_pass_is_the_last,
        makes_the_passes_it_counts,
    )
}
ABOUT_R = (
    measures_a_relative_radius,
    climbs,
    does_not_depend_on_the_batch,
    does_not_depend_on_the_scale_of_the_loss,
)
"""What is promised of r only by an attack that climbs on something."""


def applies(check: Check, attack: Attack) -> bool:
    """Whether an attack promises what is checked."""
    if check is does_not_depend_on_the_batch and attack.scope == "batch":
        return False  # all examples share one norm then
    return check not in ABOUT_R or attack.climbs_on is not None


def examine(some: Sequence[Attack]) -> Iterator[Verdict]:
    """Check variants of an attack, promise after promise; the first variant that breaks one is named."""
    for name, check in CHECKS.items():
        promise = (check.__doc__ or "").strip()
        concerned = [attack for attack in some if applies(check, attack)]
        broken = ((wrong, attack) for attack in concerned if (wrong := _tried(check, attack)) is not None)
        wrong, attack = next(broken, (None, None))
        yield Verdict(name, promise, wrong, attack, bool(concerned))


def _tried(check: Check, attack: Attack) -> str | None:
    try:
        return check(attack)
    except Exception as error:  # the attack is somebody's own
        where = f" at {place}" if (place := plugins.place(error)) else ""
        return f"{type(error).__name__}: {error}{where}"


def _last(passes: RecordedPasses) -> Tensor:
    """The last r that was learnt from."""
    if not passes.learnt:
        raise ValueError("it climbs, but learns from no point but x")
    return passes.learnt[-1].detach()


def _length(attack: Attack, passes: RecordedPasses, r: Tensor) -> Tensor:
    return length(r, passes.mask, attack.norm, attack.scope)
