"""The trainer of a run: deterministic order and dropout, dev F1 of the task, whole checkpoints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import transformers
from accelerate.utils import broadcast_object_list
from rich.console import Console
from safetensors.torch import load_model
from torch import Tensor
from transformers import TrainerState, TrainingArguments
from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_callback import PrinterCallback, ProgressCallback
from transformers.utils import SAFE_WEIGHTS_NAME

from ranat.documents import Document
from ranat.errors import UserError
from ranat.models.dropout import FastDropout
from ranat.models.memory import keep_freed_memory
from ranat.models.precision import autocast
from ranat.runs.folder import RunFolder, check_model
from ranat.runs.settings import Settings, TrainSettings
from ranat.tasks import Encoded, Task
from ranat.training.callbacks import LossSinceLog, Patience, RunLog, SaveEvery, Seeds, exhausted
from ranat.training.sampler import LengthGroupedSampler
from ranat.training.trainer import AdversarialTrainer


class Diverged(UserError):
    """Training left what numbers can hold; the same settings would do so again."""


class RunTrainer(AdversarialTrainer):
    """An `AdversarialTrainer` that can be killed at any moment and resumed to the same weights.

    Args:
        settings: resolved settings.
        folder: where checkpoints and the log are written.
        task: encodes, scores.
        model: with the task's head.
        train: training examples.
        dev: documents that the best epoch is chosen on.
        console: where progress is shown; None: nowhere.
    """

    def __init__(
        self,
        settings: Settings,
        folder: RunFolder,
        task: Task,
        model: Any,
        train: Encoded,
        dev: Sequence[Document],
        console: Console | None,
    ) -> None:
        keep_freed_memory()
        chosen = settings.train
        args = training_arguments(settings, folder)
        group = chosen.batch_size * chosen.gradient_accumulation * args.world_size
        steps_an_epoch = math.ceil(len(train.features) / group)
        self._total_steps = total_steps(chosen, steps_an_epoch)
        self._sampler = LengthGroupedSampler(train.lengths, group, chosen.seed)
        self._task, self._dev, self._precision = task, dev, chosen.precision
        self._keep, self._patience = chosen.keep, chosen.patience
        self._folder = folder
        super().__init__(
            model=model,
            args=args,
            train_dataset=train.features,
            eval_dataset=train.features[:1],  # Trainer insists on one; `evaluate` takes the dev documents instead
            data_collator=task.collate,
            compute_loss_func=task.loss,
            processing_class=task.tokenizer,
            attack=settings.make_attack(),
            gate=settings.make_gate(self._total_steps),
            dropout=settings.dropout,
        )
        self.remove_callback(ProgressCallback)
        self.remove_callback(PrinterCallback)
        self.add_callback(Seeds(chosen.seed, self._sampler))
        self._losses = LossSinceLog(self)
        self.add_callback(self._losses)
        self.add_callback(RunLog(folder, console))
        if chosen.save_steps:
            self.add_callback(SaveEvery(chosen.save_steps, steps_an_epoch))
        if chosen.patience:
            self.add_callback(Patience(chosen.patience))

    def fit(self, start: int | None) -> None:
        """Train on from the checkpoint of a step, or from the start; what the first process says counts.

        Raises:
            Diverged: a loss, the gradients or the weights are no longer finite.
        """
        (start,) = broadcast_object_list([start])
        checkpoint = self._folder.checkpoints.path(start) if start else None
        if checkpoint:
            self.state = TrainerState.load_from_json(str(checkpoint / TRAINER_STATE_NAME))
        if self.state.global_step >= self._total_steps or exhausted(self.state.log_history, self._patience):
            self.step_state.restore(self.state)
            self.step_state.bind(self.step)
            if self.args.should_save:
                self._folder.write_log(self.state.log_history)
        else:
            self.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)

    def load_kept(self) -> None:
        """Give the model the weights of the best epoch, or of the last if that is kept.

        Raises:
            UserError: they were damaged since they were written.
        """
        best = self.state.best_global_step if self._keep == "best" else None
        checkpoint = self._folder.checkpoints.path(best or self.state.global_step)
        check_model(checkpoint)
        model: Any = self.model
        load_model(model, checkpoint / SAFE_WEIGHTS_NAME)  # which knows of tied weights

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> Tensor:
        """A step whose loss must be finite."""
        with FastDropout():
            loss = super().training_step(model, inputs, num_items_in_batch)
        if not torch.isfinite(loss):
            raise self._diverged(f"the loss of step {self.state.global_step + 1} is {loss.item():g}")
        return loss

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Dev scores of the task, in place of the loss on features."""
        with autocast(self._precision):
            predicted = self._task.predict(self.model, self._dev)
        scores = self._task.score(self._dev, predicted)
        metrics = {f"eval_{name}": float(scores[name]) for name in ("precision", "recall", "f1")}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        """What is logged with a loss: how many batches were attacked so far, and how far, of this process."""
        if "loss" in logs and self.step.attack:
            logs |= self._losses.attacked(self.step.cost)
        super().log(logs, *args, **kwargs)

    def cost(self) -> dict[str, Any]:
        """The counted cost, and what it was counted on."""
        return {
            **self.step.cost.to_dict(),
            "optimizer_steps": self.state.global_step,
            "processes": self.args.world_size,
            "precision": self._precision,
            "device": self.args.device.type,
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        }

    def _clip_grad_norm(self, model: Any) -> Any:
        norm = super()._clip_grad_norm(model)
        # In fp16 an overflowing gradient is normal: the scaler skips the step and lowers its scale.
        if self.accelerator.scaler is None and not torch.isfinite(norm):
            raise self._diverged(f"the gradient norm of step {self.state.global_step + 1} is {float(norm):g}")
        return norm

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        if not all(torch.isfinite(weights).all() for weights in model.parameters()):
            raise self._diverged(f"the weights after step {self.state.global_step} are not finite")
        self._losses.gather()
        super()._save_checkpoint(model, trial)
        self.accelerator.wait_for_everyone()
        if self.args.should_save:
            self._folder.checkpoints.publish(self.state.global_step)
            self._folder.checkpoints.keep(self.state.global_step)

    def _get_output_dir(self, trial: Any) -> str:
        """Trainer writes a checkpoint file by file, so it does that aside."""
        return str(self._folder.checkpoints.aside)

    def _diverged(self, what: str) -> Diverged:
        lower = ["train.learning_rate", *(["attack.epsilon"] if self.step.attack else [])]
        other = "" if self._precision == "fp32" else ", or train with --train.precision fp32"
        return Diverged(
            f"training diverged: {what}", where=str(self._folder.path), remedy=f"lower {' or '.join(lower)}{other}"
        )

    def _get_train_sampler(self, train_dataset: Any = None) -> LengthGroupedSampler:
        return self._sampler


def total_steps(chosen: TrainSettings, steps_an_epoch: int) -> int:
    """The optimizer steps of a run."""
    return chosen.max_steps or math.ceil(chosen.epochs * steps_an_epoch)


def training_arguments(settings: Settings, folder: RunFolder) -> TrainingArguments:
    """What the settings mean to `Trainer`."""
    chosen = settings.train
    assert chosen.learning_rate is not None
    return TrainingArguments(
        output_dir=str(folder.checkpoints.folder.resolve()),
        num_train_epochs=chosen.epochs,
        max_steps=chosen.max_steps or -1,
        per_device_train_batch_size=chosen.batch_size,
        gradient_accumulation_steps=chosen.gradient_accumulation,
        learning_rate=chosen.learning_rate,
        warmup_steps=chosen.warmup,  # below 1 it is a share of all steps
        weight_decay=chosen.weight_decay,
        bf16=chosen.precision == "bf16",
        fp16=chosen.precision == "fp16",
        use_cpu=not torch.cuda.is_available(),
        seed=chosen.seed,
        eval_strategy="epoch" if chosen.keep == "best" else "no",
        save_strategy="epoch",
        metric_for_best_model="f1" if chosen.keep == "best" else None,
        greater_is_better=True if chosen.keep == "best" else None,
        logging_steps=10,
        logging_nan_inf_filter=False,
        remove_unused_columns=False,
        report_to=chosen.report_to or "none",
        disable_tqdm=True,
    )
