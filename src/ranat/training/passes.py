"""The passes of one attacked batch, each counted: what an attack is handed (`ranat.attacks.Passes`)."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from accelerate.utils import extract_model_from_parallel
from torch import Tensor, nn

from ranat.attacks import Output, Prediction
from ranat.errors import UserError
from ranat.models.perturbation import Perturbed, embedded_once, look_up
from ranat.training.cost import Cost
from ranat.training.memory import ExampleMemory
from ranat.training.predictions import labelled, prediction_of

Batch = Mapping[str, Any]
Loss = Callable[[Any, Batch], Tensor]
Mean = Callable[[Tensor], Tensor]

_AGAINST_UNDERFLOW = 2.0**16, 2.0**8, 1.0
"""What an objective is multiplied by; in fp16 the largest of them with which its gradient is finite."""


class BatchPasses:
    """Implements `ranat.attacks.Passes` for one batch.

    Args:
        model: the model, or its DistributedDataParallel wrapper.
        batch: its inputs, with input_ids (batch, tokens) or (batch, choices, tokens), each choice a row of its own.
        mask: (rows, tokens), bool: what may be perturbed.
        embeddings: the word-embedding module or its name; None: the model's own.
        loss: runs the model on a batch and gives its loss (); each pass hands it a copy of the batch.
        backward: differentiates a loss into θ.grad.
        mean: normalises (n,) values, one for each labelled word or sentence, as `loss` does.
        cost: where passes are counted.
        shared_dropout: replay the generators so that every pass draws the same dropout.
        noise_seed: of random starts: the seed and the optimizer step.
        memory: what is kept of examples from one visit to the next; None: nothing yet.
    """

    def __init__(
        self,
        model: Any,
        batch: Batch,
        mask: Tensor,
        *,
        embeddings: nn.Module | str | None = None,
        loss: Loss,
        backward: Callable[[Tensor], Any],
        mean: Mean,
        cost: Cost,
        shared_dropout: bool,
        noise_seed: tuple[int, int],
        memory: ExampleMemory | None = None,
    ) -> None:
        self.mask = mask.unsqueeze(-1)
        self.objective = torch.zeros((), device=mask.device)
        self._model = extract_model_from_parallel(model, keep_torch_compile=False)
        # What synchronises processes must be called as it is.
        self._wrapped = model if hasattr(model, "no_sync") else self._model
        self._batch, self._ids = batch, rows_of(batch["input_ids"])
        self._embeddings = embeddings
        self._loss, self._backward, self._mean = loss, backward, mean
        self._cost, self._noise_seed = cost, noise_seed
        self._memory = ExampleMemory() if memory is None else memory
        self._x: Tensor | None = None
        self._unusable = torch.zeros(mask.shape[0], dtype=torch.bool, device=mask.device)
        self._radii: list[Tensor] = []
        self._in_fp16 = False
        self._generators = _Generators(mask.device) if shared_dropout else None

    @property
    def embeddings(self) -> Tensor:
        """x (rows, tokens, hidden), looked up if no pass has met it yet."""
        if self._x is None:
            self._x = look_up(self._model, self._ids, self._embeddings)
        return self._x

    def learn(
        self,
        r: Tensor | None = None,
        *,
        weight: float = 1.0,
        loss: Callable[[Output], Tensor] | None = None,
        rows: Tensor | None = None,
        last: bool = False,
    ) -> Tensor:
        """See `Passes.learn`: one forward, one backward."""
        with nullcontext() if last else self._without_synchronisation():
            output, leaf = self._forward(self._wrapped, r if rows is None or r is None else r[rows], rows)
            objective = weight * (output.loss if loss is None else loss(output))
            del output  # its logits are not needed by the backward pass
            with self._no_autocast(), embedded_once(self._model, self._embeddings):
                self._backward(objective)
        self._cost.backward += self._share(rows)
        if r is not None:
            self._radii.append(self._relative_norm(r.detach(), rows))
        self.objective = self.objective + objective.detach()
        if leaf.grad is None:
            raise UserError(
                "the loss does not depend on the word embeddings, so there is nothing to perturb",
                remedy="let the model's own embeddings be part of its loss, or train without an attack",
            )
        if rows is None:
            return self._usable(leaf.grad)
        whole = leaf.grad.new_zeros(len(self._ids), *leaf.grad.shape[1:])
        whole[rows] = leaf.grad
        return whole

    def ascend(self, r: Tensor | None = None, *, loss: Callable[[Output], Tensor] | None = None) -> Tensor:
        """See `Passes.ascend`: one forward, one backward to r only."""
        before = _gradients(self._model)
        output, leaf = self._forward(self._model, r)
        objective = output.loss if loss is None else loss(output)
        if self._in_fp16:
            objective = objective.float()
        with self._no_autocast(), embedded_once(self._model, self._embeddings):
            # A power of two changes no direction, and elsewhere than in fp16 no bit that is not lost otherwise.
            for scale in _AGAINST_UNDERFLOW:
                is_last = not self._in_fp16 or scale == _AGAINST_UNDERFLOW[-1]
                (gradient,) = torch.autograd.grad(objective * scale, leaf, retain_graph=not is_last)
                if is_last or bool(torch.isfinite(gradient).all()):
                    break
        if _gradients(self._model) != before:
            raise UserError(
                f"{type(self._model).__name__} adds to the gradients of its weights in every backward pass, also where "
                "only that of r is wanted",
                remedy="take an attack that does not ascend, such as fgm or freelb",
            )
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
        return self._mean(labelled(self._model, values, self._batch))

    def uniform(self) -> Tensor:
        """See `Passes.uniform`."""
        return self._noise(lambda size, generator: 2 * torch.rand(size, generator=generator) - 1)

    def normal(self) -> Tensor:
        """See `Passes.normal`."""
        return self._noise(lambda size, generator: torch.randn(size, generator=generator))

    def recall(self) -> Tensor:
        """See `Passes.recall`."""
        x, present = self.embeddings, attended(self._batch).cpu()
        values = torch.zeros(x.shape)
        for row, tokens in enumerate(self._tokens()):
            if (known := self._memory.recall(tokens)) is not None:
                values[row, present[row]] = known
        return values.to(x.device)

    def keep(self, values: Tensor) -> None:
        """See `Passes.keep`."""
        present = attended(self._batch).cpu()
        rows = zip(self._tokens(), values.detach().float().cpu(), present, strict=True)
        self._memory.keep([(tokens, row[real]) for tokens, row, real in rows])

    def unusable(self) -> int:
        """How many rows had a zero or non-finite gradient in some pass."""
        return int(self._unusable.sum())

    def _share(self, rows: Tensor | None) -> float:
        return 1 if rows is None else len(rows) / len(self._ids)

    def relative_radius(self) -> float:
        """‖r‖/‖x‖, a mean over the rows and over the passes that learned at x + r; 0 if none did."""
        return float(torch.stack(self._radii).mean()) if self._radii else 0.0

    def _relative_norm(self, r: Tensor, rows: Tensor | None) -> Tensor:
        """() of the norms over what of a row may be perturbed, a mean over the rows of a pass."""
        of_r, of_x = ((values.float() * self.mask).flatten(1).norm(dim=1) for values in (r, self.embeddings))
        shares: Tensor = of_r / of_x.clamp(min=torch.finfo(torch.float32).tiny)
        return (shares if rows is None else shares[rows]).mean()

    def _forward(self, model: Any, r: Tensor | None, rows: Tensor | None = None) -> tuple[Output, Tensor]:
        if self._generators:
            self._generators.replay()
        outputs: list[Any] = []
        batch = copied(self._batch) if rows is None else part_of(self._batch, rows)
        with (
            self._model.register_forward_hook(lambda module, inputs, output: outputs.append(output)),
            Perturbed(self._model, r, ids=rows_of(batch["input_ids"]), module=self._embeddings) as perturbed,
        ):
            loss = self._loss(model, batch)
        self._in_fp16 = perturbed.in_fp16
        self._cost.forward += self._share(rows)
        if rows is None:
            self._x = perturbed.x
        return Output(loss, lambda: self._prediction(outputs)), perturbed.r

    def _prediction(self, outputs: Sequence[Any]) -> Prediction:
        if len(outputs) != 1:
            raise UserError(
                f"the attack compares predictions, but the model was called {len(outputs)} times for one loss",
                remedy="call it once in compute_loss, or take an attack that climbs on the loss, such as fgm",
            )
        return prediction_of(self._model, outputs[0], self._batch.get("labels"))

    def _without_synchronisation(self) -> Any:
        return self._wrapped.no_sync() if hasattr(self._wrapped, "no_sync") else nullcontext()

    def _no_autocast(self) -> Any:
        """Backward passes take the types of their forward; a caller's autocast may span the whole step."""
        return torch.autocast(self.mask.device.type, enabled=False)

    def _usable(self, gradient: Tensor) -> Tensor:
        """0 for the rows whose gradient is zero or not finite (they are counted)."""
        largest = (gradient * self.mask).abs().amax((1, 2))
        usable = torch.isfinite(largest) & (largest > 0)
        self._unusable |= ~usable
        return torch.where(usable[:, None, None], gradient, 0)

    def _noise(self, draw: Callable[[tuple[int, int], torch.Generator], Tensor]) -> Tensor:
        """Noise that an example meets alone, in any batch and on any process alike: seeded by its own tokens."""
        x, present = self.embeddings, attended(self._batch).cpu()
        noise = torch.zeros(x.shape, dtype=torch.promote_types(x.dtype, torch.float32))
        for row, own in enumerate(self._tokens()):
            generator = torch.Generator().manual_seed(zlib.crc32(repr((*self._noise_seed, own)).encode()))
            noise[row, present[row]] = draw((len(own), x.shape[-1]), generator).to(noise.dtype)
        return noise.to(x.device)

    def _tokens(self) -> list[list[int]]:
        """The token ids of each row, without padding: what tells examples apart, in any batch."""
        present = attended(self._batch).cpu()
        return [row[real].tolist() for row, real in zip(self._ids.cpu(), present, strict=True)]


def rows_of(ids: Tensor) -> Tensor:
    """(batch, tokens) as it is, (batch, choices, tokens) as (batch · choices, tokens)."""
    return ids.flatten(0, -2)


def attended(batch: Batch) -> Tensor:
    """(rows, tokens), bool: what attention_mask does not mask; all of it if there is none."""
    ids = rows_of(batch["input_ids"])
    mask = batch.get("attention_mask")
    if mask is None:
        return torch.ones_like(ids, dtype=torch.bool)
    if mask.shape != batch["input_ids"].shape:
        raise UserError(
            f"attention_mask is {tuple(mask.shape)}, input_ids {tuple(batch['input_ids'].shape)}",
            remedy="give a mask with a value for each token, as tokenizers do",
        )
    return rows_of(mask).bool()


def copied(batch: Any) -> Any:
    """A copy of a batch, its tensors included: whatever a loss does to its inputs, the next pass meets them whole."""
    if isinstance(batch, Tensor):
        return batch.clone()
    if isinstance(batch, Mapping):
        return {name: copied(value) for name, value in batch.items()}
    return [copied(value) for value in batch] if isinstance(batch, list) else batch


def part_of(batch: Batch, rows: Tensor) -> dict[str, Any]:
    """A copy of some examples of a batch.

    Raises:
        UserError: an input does not have an entry for each example, or an example has several rows.
    """
    size = len(batch["input_ids"])
    part: dict[str, Any] = {}
    for name, value in batch.items():
        whole = isinstance(value, Tensor) and value.dim() > 0
        if batch["input_ids"].dim() != 2 or (whole and len(value) != size) or isinstance(value, Mapping | list):
            raise UserError(
                f"the attack takes some examples of a batch, and {name} cannot be divided into examples",
                remedy="take an attack of whole batches, such as fgm",
            )
        part[name] = value[rows].clone() if whole else value
    return part


def _gradients(model: nn.Module) -> list[tuple[int, int] | None]:
    """A mark of each parameter's gradient, to see whether a pass touched it: Reformer's reversible layers do."""
    gradients = (parameter.grad for parameter in model.parameters())
    return [None if gradient is None else (id(gradient), gradient._version) for gradient in gradients]


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
