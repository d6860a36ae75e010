"""`transformers.Trainer` with adversarial training as one more argument."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import Trainer, TrainerCallback
from transformers.trainer_callback import ExportableState
from transformers.training_args import OptimizerNames

from ranat.attacks import Attack, Dropout
from ranat.errors import UserError
from ranat.gates import Always, Gate
from ranat.training.passes import Batch
from ranat.training.step import SPECIAL_TOKENS_MASK, AdversarialStep, special_ids

MEMORY = "example_memory.safetensors"
"""The file of a checkpoint with what an attack keeps of examples."""


class AdversarialTrainer(Trainer):
    """A `Trainer` whose training step attacks the batches that the gate chooses.

        trainer = AdversarialTrainer(model=model, args=args, train_dataset=train, attack=PGD(epsilon=0.3, steps=3),
                                     gate=Bernoulli(p=0.5, seed=0))

    Everything else is the Trainer's. A batch that is not attacked goes through Trainer's own step, so with a gate that
    never opens the weights are bit-identical to those of `Trainer`. Each pass of an attack runs that same step up to
    where it calls backward, so your `compute_loss` is part of every pass.

    Special tokens are never perturbed. They are known from a `special_tokens_mask` among the features (set
    `remove_unused_columns=False` to keep it), else from the tokenizer that is the `processing_class` or in the data
    collator.

    Args:
        attack: see `ranat.attacks`; None: standard training.
        gate: which optimizer steps are attacked; see `ranat.gates`.
        dropout: see `AdversarialStep`.
        embeddings: see `AdversarialStep`.
    Raises:
        UserError: there are several devices in one process (DataParallel), where hooks do not reach the copies, or
            DeepSpeed makes the optimizer's steps, or the optimizer makes them within the backward pass.
        TypeError, ValueError: see `AdversarialStep`.
    """

    def __init__(
        self,
        *args: Any,
        attack: Attack | None,
        gate: Gate = Always(),  # noqa: B008 - immutable
        dropout: Dropout = "shared",
        embeddings: nn.Module | str | None = None,
        **kwargs: Any,
    ) -> None:
        step = AdversarialStep(attack=attack, gate=gate, dropout=dropout, embeddings=embeddings)
        super().__init__(*args, **kwargs)
        if attack is not None and self.args.n_gpu > 1:
            raise UserError(
                f"{self.args.n_gpu} devices in one process (DataParallel) cannot be attacked",
                remedy="start one process a device with torchrun or accelerate launch",
            )
        if attack is not None and self.is_deepspeed_enabled:
            raise UserError(
                "DeepSpeed makes an optimizer step with every backward pass, and an attack makes several of them",
                remedy="train with DistributedDataParallel: torchrun, or accelerate launch --multi_gpu",
            )
        optimizer = OptimizerNames(self.args.optim).value
        if attack is not None and ("lomo" in optimizer or "layerwise" in optimizer):
            raise UserError(
                f"the optimizer {optimizer} makes its step within a backward pass, and an attack makes several of them",
                where="optim",
                remedy="take another one, such as adamw_torch",
            )
        step.seed = self.args.seed
        step.special_ids = special_ids(self.processing_class or getattr(self.data_collator, "tokenizer", None))
        self.step = step
        self.add_callback(StepState(step))
        self._divides_by_items: bool | None = None  # not known before the first attacked batch
        self._halves: bool | None = None

    @property
    def step_state(self) -> StepState:
        """The callback that keeps the step's state; `Trainer` may have made it anew from a checkpoint."""
        return next(callback for callback in self.callback_handler.callbacks if isinstance(callback, StepState))

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> Tensor:
        """The Trainer's step for a batch that is not attacked, else the attack's passes."""
        self.step_state.bind(self.step)
        if self.step.draw(self.state.global_step) is None:
            objective = super().training_step(model, _without_special_tokens_mask(inputs), num_items_in_batch)
            self.step.cost.add_plain()
            self.step.observe(model, objective, gradient_scale=self._gradient_scale())
            return objective
        if not self.step.special_ids and SPECIAL_TOKENS_MASK not in inputs:
            warnings.warn(
                "no tokenizer tells which tokens are special, so [CLS] and [SEP] are perturbed as words are; "
                "pass processing_class=tokenizer, or a special_tokens_mask among the features",
                stacklevel=2,
            )
        options: dict[str, Any] = {}

        def loss(model: Any, batch: Batch) -> Tensor:
            items, whole = num_items_in_batch, _items(inputs)
            if items is not None and whole and len(batch["input_ids"]) != len(inputs["input_ids"]):
                items = items * _items(batch) / whole  # a part of the batch: its share of the items
            if self._divides_by_items is None and items is not None:
                items = torch.as_tensor(items, dtype=torch.float32, device=self.args.device).requires_grad_()
            # As Trainer calls it: mixed precision is for the model alone, not for what a loss does with its output.
            with torch.autocast(self.args.device.type, enabled=False):
                value, own_options = self._undifferentiated(model, batch, items)
            options.update(own_options)
            if self._divides_by_items is None:
                self._divides_by_items = items is not None and _depends(value, items)
            return value

        def mean(values: Tensor) -> Tensor:
            # As Trainer: the items are those of all processes, over which gradients are averaged.
            together = self.args.average_tokens_across_devices and num_items_in_batch is not None
            processes = self.accelerator.num_processes if together else 1
            if self._divides_by_items or self._seems_to_divide(model, inputs, num_items_in_batch):
                total: Tensor = values.sum() * processes / num_items_in_batch
                return total
            return values.mean() * processes * self._share(model, inputs, num_items_in_batch)

        with self.accelerator.autocast():  # around all passes, so that weights are cast once, not in every pass
            return self.step(
                model,
                self._prepare_inputs(inputs),
                backward=lambda loss: self.accelerator.backward(loss, **options),
                loss=loss,
                mean=mean,
                at=self.state.global_step,
                gradient_scale=self._gradient_scale(),
            )

    def prediction_step(
        self, model: Any, inputs: dict[str, Any], prediction_loss_only: bool, ignore_keys: list[str] | None = None
    ) -> Any:
        """The Trainer's; a special_tokens_mask is kept from the model here, too."""
        return super().prediction_step(model, _without_special_tokens_mask(inputs), prediction_loss_only, ignore_keys)

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        super()._save_optimizer_and_scheduler(output_dir)
        if self.args.should_save:
            self.step.memory.save(Path(output_dir) / MEMORY)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        super()._load_optimizer_and_scheduler(checkpoint)
        if checkpoint is not None:
            self.step.memory.load(Path(checkpoint) / MEMORY)

    def _undifferentiated(self, model: Any, batch: Batch, items: Any) -> tuple[Tensor, dict[str, Any]]:
        """The loss that Trainer's own step would differentiate, with everything it does to a loss, and its options.

        Trainer scales a loss for accumulation and processes inside `training_step`, in ways that change between its
        versions. So its step is run as it is, with `accelerator.backward` replaced by a function that takes the loss
        down: none of that arithmetic is repeated here.
        """
        caught: list[tuple[Tensor, dict[str, Any]]] = []
        with _instead(self.accelerator, "backward", lambda loss, **options: caught.append((loss, options))):
            super().training_step(model, dict(batch), items)
        (one,) = caught
        return one

    def _seems_to_divide(self, model: Any, batch: Batch, items: Any) -> bool:
        """Whether twice as many items make half of the loss: one that calls `int` on them leaves no trace in its graph.

        It matters, and is asked once, only where batches are accumulated.
        """
        if self._halves is None:
            self._halves = False
            if items is not None and self.args.gradient_accumulation_steps > 1:
                losses = []
                for times in (1, 2):
                    with torch.no_grad(), torch.random.fork_rng():
                        torch.manual_seed(0)
                        losses.append(float(self._undifferentiated(model, batch, times * items)[0]))
                self._halves = losses[1] < 0.75 * losses[0]
        return self._halves

    def _share(self, model: Any, batch: Batch, items: Any) -> float:
        """What Trainer's own step makes of a loss of 1: less than 1, if it averages over accumulated batches.

        A regulariser such as SMART's is a loss that Trainer does not know. Without this factor it would be
        over-weighted by the number of accumulation steps.
        """
        with _instead(self, "compute_loss", lambda *args, **kwargs: torch.ones((), device=self.args.device)):
            return float(self._undifferentiated(model, batch, items)[0])

    def _gradient_scale(self) -> float:
        """What losses were multiplied by against underflow in fp16."""
        scaler = self.accelerator.scaler
        return 1.0 if scaler is None else float(scaler.get_scale())


class StepState(TrainerCallback, ExportableState):
    """Keeps the state of an `AdversarialStep` in every checkpoint and goes on from there; times its steps.

    With `restore_callback_states_from_checkpoint` Trainer replaces the callback by a new one, made of what `state`
    gave, so the trainer binds whichever there is to its step.
    """

    def __init__(self, step: AdversarialStep | None = None) -> None:
        self.saved: dict[str, Any] | None = None
        self._step = step
        self._started = self._processor = 0.0

    def state(self) -> dict[str, Any]:
        """What `Trainer` writes into trainer_state.json."""
        return {"args": {}, "attributes": {"saved": self._step.state_dict() if self._step else self.saved}}

    def bind(self, step: AdversarialStep) -> None:
        """Be the state of that step, which goes on from the checkpoint if one was loaded."""
        self._step = step
        if self.saved:
            step.load_state_dict(self.saved)
            self.saved = None

    def restore(self, state: Any) -> None:
        """Take what a `TrainerState` holds."""
        stored = state.stateful_callbacks.get(type(self).__name__)
        if stored is None:
            warnings.warn("the checkpoint is of another trainer: cost is counted from here on only", stacklevel=2)
            state.stateful_callbacks[type(self).__name__] = self.state()  # where Trainer will look for it when it saves
        else:
            self.saved = (stored[0] if isinstance(stored, list) else stored)["attributes"]["saved"]

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Go on from the checkpoint if training resumes; else begin anew, whatever was trained before."""
        if state.global_step > 0:
            self.restore(state)
        elif self._step:
            self._step.begin(args.seed)

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Start the clocks."""
        self._started, self._processor = time.perf_counter(), time.process_time()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Stop the clocks; the device may still be computing, so wait for it."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        if self._step:
            self._step.tell_gate()  # on every process; a checkpoint is written by one alone
            self._step.cost.train_seconds += time.perf_counter() - self._started
            self._step.cost.processor_seconds += time.process_time() - self._processor

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Tell if what was kept of examples was of no use, as with `carry` that never met one again."""
        step = self._step
        if step and step.memory and step.cost.attacked_batches and not step.cost.relative_radius:
            warnings.warn(
                f"{step.cost.attacked_batches:,} batches were attacked, and nothing was changed in any of them; "
                "carry acts from an example's second visit on, and knows it by its tokens: "
                "train for more than one epoch, with tokens that stay the same",
                stacklevel=2,
            )


@contextmanager
def _instead(owner: Any, name: str, function: Callable[..., Any]) -> Iterator[None]:
    """A method of an object replaced for a while; one that somebody set on the object itself comes back."""
    own = vars(owner)
    before = own.get(name)
    own[name] = function
    try:
        yield
    finally:
        if before is None:
            del own[name]
        else:
            own[name] = before


def _items(batch: Batch) -> int:
    """How many labels Trainer counts in a batch; where there are none, how many examples."""
    labels = batch.get("labels")
    return len(batch["input_ids"]) if labels is None else int((labels != -100).sum())


def _without_special_tokens_mask(inputs: Any) -> Any:
    return {name: value for name, value in inputs.items() if name != SPECIAL_TOKENS_MASK}


def _depends(loss: Tensor, items: Tensor) -> bool:
    """Whether the loss was divided by the number of items: whether its graph leads to that number."""
    (gradient,) = torch.autograd.grad(loss, items, retain_graph=True, allow_unused=True)
    return gradient is not None
