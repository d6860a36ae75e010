"""FGM and SMART derived naively in float64: r is added by replacing what looks the words up, whatever the model.

So the derivation shares neither the hooks, nor the search for the module, nor the passes with the code under test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import architectures
import torch
from torch import Tensor, nn
from torch.nn.functional import pad, softmax

from ranat.attacks import FGM, SMART, Attack, Passes
from ranat.training.step import AdversarialStep

EPSILON = 0.4
SIGMA = 0.1


class Naive:
    """The model as a function of r, and the equations example by example; SMART with one ascent.

    Args:
        model: any model with one table of words.
        inputs: its batch.
        tokens_first: it embeds (tokens, batch).
        predicts_the_next: the label of a word is what the word before it should predict.
        repeated: r is added whenever words are looked up, else only the first time (an encoder's).
    """

    def __init__(
        self,
        model: Any,
        inputs: dict[str, Tensor],
        *,
        tokens_first: bool = False,
        predicts_the_next: bool = False,
        repeated: bool = False,
    ) -> None:
        self.model, self.inputs = model, inputs
        self.tokens_first, self.predicts_the_next, self.repeated = tokens_first, predicts_the_next, repeated
        ids = inputs["input_ids"].flatten(0, -2)
        self.words = ids > architectures.SPECIAL[-1]
        owner, method = lookups(model)[0]
        width = owner.weight.shape[1] if method == "forward" else model.config.hidden_size
        self.zero = torch.zeros(*ids.shape, width)

    def output(self, r: Tensor) -> Any:
        with added(self.model, r.transpose(0, 1) if self.tokens_first else r, self.repeated):
            torch.manual_seed(0)
            return self.model(**self.inputs)

    def direction(self, function: Callable[[Any], Tensor], r: Tensor) -> Tensor:
        """g / ‖g‖₂ of each example over its own words."""
        r = r.clone().requires_grad_()
        (g,) = torch.autograd.grad(function(self.output(r)), r)
        self.model.zero_grad()  # Reformer writes θ.grad whatever is asked for
        return self.unit(g)

    def unit(self, g: Tensor) -> Tensor:
        unit = torch.zeros_like(g)
        for row, words in enumerate(self.words):
            unit[row, words] = g[row, words] / torch.sqrt((g[row, words] ** 2).sum())
        return unit

    def kl(self, p: Tensor, q: Tensor) -> Tensor:
        """Σ P log(P / Q) over the classes, averaged over what has a label; P and Q are logits."""
        p, q = softmax(p, -1), softmax(q, -1)
        divergence, labels = (p * torch.log(p / q)).sum(-1), self.inputs["labels"]
        if self.predicts_the_next:
            divergence, labels = divergence[:, :-1], labels[:, 1:]
        return divergence[labels != -100].mean()

    def fgm(self) -> Tensor:
        r = EPSILON * self.direction(lambda output: output.loss, self.zero)
        return self.output(self.zero).loss + self.output(r).loss

    def smart(self, noise: Tensor) -> Tensor:
        clean = self.output(self.zero)
        r = SIGMA * noise * self.words[..., None]
        g = self.direction(lambda output: self.kl(clean.logits.detach(), output.logits), r)
        logits = self.output(EPSILON * self.unit(r + EPSILON * g)).logits
        return clean.loss + self.kl(logits, clean.logits) + self.kl(clean.logits, logits)


def lookups(model: nn.Module) -> list[tuple[Any, str]]:
    """What gives the vectors of words, as objects and names of their methods: the tables with a row for each word."""
    hashed = [(module, "_embed_hash_buckets") for module in model.modules() if hasattr(module, "_embed_hash_buckets")]
    return hashed or [
        (module, "forward")
        for module in model.modules()
        if not isinstance(module, nn.Linear)
        and isinstance(weight := getattr(module, "weight", None), Tensor)
        and len(weight) == architectures.WORDS
    ]


@contextmanager
def added(model: nn.Module, r: Tensor, repeated: bool) -> Iterator[None]:
    """Meanwhile r is added to what the first lookup gives, or to each."""
    calls = 0

    def plus_r(method: Callable[..., Any]) -> Callable[..., Any]:
        def lookup(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            calls += 1
            x = method(*args, **kwargs)
            if calls > 1 and not repeated:
                return x
            if isinstance(x, tuple):
                return x[0] + r, *x[1:]
            return x + pad(r, (0, 0, 0, x.shape[1] - r.shape[1]))

        return lookup

    found = lookups(model)
    for owner, name in found:
        setattr(owner, name, plus_r(getattr(owner, name)))
    try:
        yield
    finally:
        for owner, name in found:
            delattr(owner, name)


@dataclass(frozen=True, kw_only=True)
class AudibleSMART(SMART):
    """SMART that tells the noise it starts from."""

    noise: list[Tensor] = field(default_factory=list)

    def __call__(self, passes: Passes) -> None:
        self.noise.append(passes.normal())
        super().__call__(passes)


def relative_error(
    attack: str, model: Any, inputs: dict[str, Tensor], *, embeddings: str | None = None, **settings: bool
) -> float:
    """How far what the step leaves in θ.grad is from the derivation: the worst of all parameters.

    Raises:
        UserError: as the step does.
    """
    smart = AudibleSMART(epsilon=EPSILON, steps=1, sigma=SIGMA)
    recipe: Attack = FGM(epsilon=EPSILON) if attack == "fgm" else smart
    torch.manual_seed(0)
    AdversarialStep(recipe, special_ids=architectures.SPECIAL, embeddings=embeddings)(model, dict(inputs))
    got = gradients(model)
    naive = Naive(model, inputs, **settings)
    (naive.fgm() if attack == "fgm" else naive.smart(*smart.noise)).backward()
    expected = gradients(model)
    assert got.keys() == expected.keys()
    # A bias that softmax cancels has a gradient of 0 but for rounding: its error is taken relative to the largest.
    rounding = 1e-8 * max(float(g.norm()) for g in expected.values())
    return max(float((got[name] - g).norm() / (g.norm() + rounding)) for name, g in expected.items())


def gradients(model: nn.Module) -> dict[str, Tensor]:
    """Of all parameters that have one; they are taken away."""
    taken = {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}
    model.zero_grad()
    return taken
