"""The passes of one attacked batch, each counted: what an attack is handed (`ranat.attacks.Passes`)."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any

import torch
from accelerate.utils import extract_model_from_parallel
from torch import Tensor

from ranat.attacks import Output
from ranat.models.perturbation import Perturbed, look_up
from ranat.training.cost import Cost

Batch = Mapping[str, Any]
Loss = Callable[[Any, Batch], Output]
Mean = Callable[[Tensor], Tensor]


class BatchPasses:
    """Implements `ranat.attacks.Passes` for one batch.

    Args:
        model: the model, or its DistributedDataParallel wrapper.
        batch: its inputs, with input_ids (batch, tokens) and labels.
        mask: (batch, tokens), bool: what may be perturbed.
        loss: runs the model on a batch.
        backward: differentiates a loss into θ.grad.
        mean: normalises (n,) values, one for each labelled word or sentence, as `loss` does.
        cost: where passes are counted.
        shared_dropout: replay the generators so that every pass draws the same dropout.
        noise_seed: of random starts.
        embeddings: the word-embedding module or its name, if the model does not tell.
    """

    def __init__(
        self,
        model: Any,
        batch: Batch,
        mask: Tensor,
        *,
        loss: Loss,
        backward: Callable[[Tensor], Any],
        mean: Mean,
        cost: Cost,
        shared_dropout: bool,
        noise_seed: tuple[int, int],
        embeddings: Any = None,
    ) -> None:
        self.mask = mask.unsqueeze(-1)
        self.objective = torch.zeros((), device=mask.device)
        self._wrapped, self._model = model, extract_model_from_parallel(model)
        self._batch, self._loss, self._backward, self._mean = batch, loss, backward, mean
        self._cost, self._noise_seed = cost, noise_seed
        self._ids: Tensor = batch["input_ids"].flatten(0, -2)
        self._module = embeddings
        self._x: Tensor | None = None
        self._unusable = torch.zeros(mask.shape[0], dtype=torch.bool, device=mask.device)
        self._generators = _Generators(mask.device) if shared_dropout else None

    @property
    def embeddings(self) -> Tensor:
        """x (batch, tokens, hidden), looked up if no pass has met it yet."""
        if self._x is None:
            self._x = look_up(self._model, self._ids, self._module)
        return self._x

    def learn(
        self,
        r: Tensor | None = None,
        *,
        weight: float = 1.0,
        loss: Callable[[Output], Tensor] | None = None,
        last: bool = False,
    ) -> Tensor:
        """See `Passes.learn`: one forward, one backward."""
        with nullcontext() if last else self._without_synchronisation():
            output, leaf = self._forward(self._wrapped, r)
            objective = weight * (output.loss if loss is None else loss(output))
            with self._no_autocast():
                self._backward(objective)
        self._cost.backward += 1
        self.objective = self.objective + objective.detach()
        assert leaf.grad is not None
        return self._usable(leaf.grad)

    def ascend(self, r: Tensor | None = None, *, loss: Callable[[Output], Tensor] | None = None) -> Tensor:
        """See `Passes.ascend`: one forward, one backward to r only."""
        output, leaf = self._forward(self._model, r)
        objective = output.loss if loss is None else loss(output)
        with self._no_autocast():
            # Scaled against underflow in fp16; a power of two changes no bit elsewhere, and no direction anywhere.
            (gradient,) = torch.autograd.grad(objective * 2**16, leaf)
        self._cost.backward_to_input += 1
        return self._usable(gradient)

    def clean(self) -> Output:
        """See `Passes.clean`: one forward, and the backward that the later loss makes it pay."""
        with self._without_synchronisation():
            output, _ = self._forward(self._wrapped, None)
        self._cost.backward += 1
        return output

    def mean(self, values: Tensor) -> Tensor:
        """See `Passes.mean`."""
        labels = self._batch["labels"]
        return self._mean(values[labels != -100] if labels.shape == values.shape else values.flatten())

    def uniform(self) -> Tensor:
        """See `Passes.uniform`."""
        return self._noise(lambda size, generator: 2 * torch.rand(size, generator=generator) - 1)

    def normal(self) -> Tensor:
        """See `Passes.normal`."""
        return self._noise(lambda size, generator: torch.randn(size, generator=generator))

    def unusable(self) -> int:
        """How many examples had a zero or non-finite gradient in some pass."""
        return int(self._unusable.sum())

    def _forward(self, model: Any, r: Tensor | None) -> tuple[Output, Tensor]:
        if self._generators:
            self._generators.replay()
        with Perturbed(self._model, r, ids=self._ids, module=self._module) as perturbed:
            output = self._loss(model, self._batch)
        self._cost.forward += 1
        self._x = perturbed.x
        return output, perturbed.r

    def _without_synchronisation(self) -> Any:
        return getattr(self._wrapped, "no_sync", nullcontext)()

    def _no_autocast(self) -> Any:
        """Backward passes take the types of their forward; a caller's autocast may span the whole step."""
        return torch.autocast(self.mask.device.type, enabled=False)

    def _usable(self, gradient: Tensor) -> Tensor:
        """0 for the examples whose gradient is zero or not finite (they are counted)."""
        largest = (gradient * self.mask).abs().amax((1, 2))
        usable = torch.isfinite(largest) & (largest > 0)
        self._unusable |= ~usable
        return torch.where(usable[:, None, None], gradient, 0)

    def _noise(self, draw: Callable[[tuple[int, int], torch.Generator], Tensor]) -> Tensor:
        """Noise that an example meets alone, in any batch and on any process alike: seeded by its own tokens."""
        x, ids = self.embeddings, self._ids.cpu()
        real = self._batch.get("attention_mask", torch.ones_like(ids)).flatten(0, -2).cpu().bool()
        noise = torch.zeros(x.shape, dtype=torch.promote_types(x.dtype, torch.float32))
        for row, (tokens, present) in enumerate(zip(ids, real, strict=True)):
            own = tokens[present].to(torch.int64).numpy()
            generator = torch.Generator().manual_seed(zlib.crc32(repr((*self._noise_seed, own.tolist())).encode()))
            noise[row, present] = draw((len(own), x.shape[-1]), generator).to(noise.dtype)
        return noise.to(x.device)


class _Generators:
    """The state of the generators that dropout draws from, captured now and replayed before each later pass."""

    def __init__(self, device: torch.device) -> None:
        self._module: Any = None if device.type == "cpu" else torch.get_device_module(device)
        self._state = torch.get_rng_state()
        self._device_state = self._module.get_rng_state() if self._module else None

    def replay(self) -> None:
        torch.set_rng_state(self._state)
        if self._module:
            self._module.set_rng_state(self._device_state)
