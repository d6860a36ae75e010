"""`transformers.Trainer` with adversarial training as one more argument."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import Tensor
from transformers import Trainer, TrainerCallback
from transformers.trainer_callback import ExportableState

from ranat.attacks import Attack, Output
from ranat.errors import UserError
from ranat.gates import Always, Gate
from ranat.training.cost import Cost
from ranat.training.step import AdversarialStep, Dropout, special_ids


class AdversarialTrainer(Trainer):
    """A `Trainer` whose training step attacks the batches that the gate chooses.

        trainer = AdversarialTrainer(model=model, args=args, train_dataset=train, attack=PGD(epsilon=0.3, steps=3),
                                     gate=Bernoulli(p=0.5, seed=0))

    Everything else is the Trainer's: a batch that is not attacked goes through its own step, so with a gate that never
    opens the weights are bit-identical to those of `Trainer`. A `special_tokens_mask` among the features (set
    `remove_unused_columns=False` to keep it) tells what is never perturbed; else the `processing_class` does.

    SMART's regulariser is the mean over a batch. Where a model divides its own loss by the items of all accumulated
    batches (heads for language modelling do, those for classification do not), it weighs as many times too much.

    Args:
        attack: see `ranat.attacks`; None: standard training.
        gate: which optimizer steps are attacked; see `ranat.gates`.
        dropout: see `AdversarialStep`.
    Raises:
        UserError: there are several devices in one process (DataParallel), where hooks do not reach the copies.
    """

    def __init__(
        self, *args: Any, attack: Attack | None, gate: Gate = Always(), dropout: Dropout = "shared", **kwargs: Any  # noqa: B008 - immutable
    ) -> None:  # fmt: skip
        super().__init__(*args, **kwargs)
        if attack is not None and self.args.n_gpu > 1:
            raise UserError(
                f"{self.args.n_gpu} devices in one process (DataParallel) cannot be attacked",
                remedy="start one process a device with torchrun or accelerate launch",
            )
        self.step = AdversarialStep(
            attack=attack,
            gate=gate,
            dropout=dropout,
            seed=self.args.seed,
            special_ids=special_ids(self.processing_class),
        )
        self.cost_state = CostState(self.step.cost)
        self.add_callback(self.cost_state)

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The Trainer's loss; what only the attack needs is kept from the model, and the inputs from being emptied."""
        inputs = {name: value for name, value in inputs.items() if name != "special_tokens_mask"}
        return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> Tensor:
        """The Trainer's step for a batch that is not attacked, else the attack's passes."""
        if self.step.draw(self.state.global_step) is None:
            self.step.count_plain()
            return super().training_step(model, inputs, num_items_in_batch)

        model.train()
        switch_optimizer = getattr(self.optimizer, "train", None)  # schedule-free optimizers have one
        if callable(switch_optimizer):
            switch_optimizer()
        # As in Trainer: a loss that was divided by all accumulated items must not be divided by the number of batches.
        whole = (
            self.loss_is_scaled_for_ga
            if self.loss_is_scaled_for_ga is not None
            else (self.model_accepts_loss_kwargs and num_items_in_batch is not None)
            or self.compute_loss_func is not None
        )
        share = 1 if whole else self.current_gradient_accumulation_steps

        def loss(model: Any, batch: Any) -> Output:
            with self.compute_loss_context_manager():
                value, output = self.compute_loss(model, batch, True, num_items_in_batch)
            return Output(value / share, output["logits"] if isinstance(output, dict) else output[1])

        def mean(values: Tensor) -> Tensor:
            if self.compute_loss_func is None or num_items_in_batch is None:
                return values.mean() / share
            processes = self.accelerator.num_processes if self.args.average_tokens_across_devices else 1
            total: Tensor = values.sum() * processes / num_items_in_batch
            return total

        with self.accelerator.autocast():  # around all passes, so that weights are cast once, not in every pass
            return self.step(
                model,
                self._prepare_inputs(inputs),
                backward=self.accelerator.backward,
                loss=loss,
                mean=mean,
                at=self.state.global_step,
            )


class CostState(TrainerCallback, ExportableState):
    """Keeps the cost in every checkpoint, and goes on from there after a resume."""

    def __init__(self, cost: Cost) -> None:
        self._cost = cost
        self._started = self._processor = 0.0

    def state(self) -> dict[str, Any]:
        """What `Trainer` writes into trainer_state.json."""
        return {"args": {}, "attributes": self._cost.to_dict()}

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Go on from the checkpoint's counts if training resumes."""
        if state.global_step > 0:
            self.restore(state)

    def restore(self, state: Any) -> None:
        """Go on from the counts in a `TrainerState`."""
        self._cost.restore(state.stateful_callbacks[type(self).__name__]["attributes"])

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Start the clocks."""
        self._started, self._processor = time.perf_counter(), time.process_time()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Stop the clocks; the device may still be computing, so wait for it."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self._cost.train_seconds += time.perf_counter() - self._started
        self._cost.processor_seconds += time.process_time() - self._processor
