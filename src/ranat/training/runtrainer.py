"""The trainer of a run: deterministic order and dropout, dev F1 of the task, whole checkpoints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from rich.console import Console
from transformers import TrainerState, TrainingArguments
from transformers.trainer_callback import PrinterCallback, ProgressCallback

from ranat.documents import Document
from ranat.models.memory import keep_freed_memory
from ranat.models.precision import autocast
from ranat.runs.settings import Settings
from ranat.tasks import Encoded, Task
from ranat.training.callbacks import KeepBest, Patience, RunLog, SaveEvery, Seeds, exhausted
from ranat.training.checkpoints import seal, unseal
from ranat.training.sampler import LengthGroupedSampler
from ranat.training.trainer import AdversarialTrainer


class RunTrainer(AdversarialTrainer):
    """An `AdversarialTrainer` that can be killed at any moment and resumed to the same weights.

    Args:
        settings: resolved settings.
        out: the run folder.
        task: encodes, scores.
        model: with the task's head.
        train: training examples.
        dev: documents that the best epoch is chosen on.
        console: where progress is shown; None: nowhere.
    """

    def __init__(
        self,
        settings: Settings,
        out: Path,
        task: Task,
        model: Any,
        train: Encoded,
        dev: Sequence[Document],
        console: Console | None,
    ) -> None:
        keep_freed_memory()
        chosen = settings.train
        args = training_arguments(settings, out)
        group = chosen.batch_size * chosen.gradient_accumulation * args.world_size
        steps_an_epoch = math.ceil(len(train.features) / group)
        self._total_steps = chosen.max_steps or math.ceil(chosen.epochs * steps_an_epoch)
        self._sampler = LengthGroupedSampler(train.lengths, group, chosen.seed)
        self._task, self._dev, self._precision = task, dev, chosen.precision
        self._keep, self._patience = chosen.keep, chosen.patience
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
        self.add_callback(KeepBest())
        self.add_callback(RunLog(out / "log.jsonl", console))
        if chosen.save_steps:
            self.add_callback(SaveEvery(chosen.save_steps, steps_an_epoch))
        if chosen.patience:
            self.add_callback(Patience(chosen.patience))

    def fit(self, checkpoint: Path | None) -> Path:
        """Train on from a checkpoint, or from the start; returns the checkpoint to keep."""
        if checkpoint:
            self.state = TrainerState.load_from_json(str(checkpoint / "trainer_state.json"))
        if self.state.global_step >= self._total_steps or exhausted(self.state.log_history, self._patience):
            self.step_state.restore(self.state)
            self.step_state.bind(self.step)
        else:
            self.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        kept = self.state.best_global_step if self._keep == "best" else self.state.global_step
        return Path(str(self.args.output_dir)) / f"checkpoint-{kept}"

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Dev scores of the task, in place of the loss on features."""
        with autocast(self._precision):
            found = self._task.predict(self.model, self._dev)
        scores = self._task.score(self._dev, found)
        metrics = {f"eval_{name}": float(scores[name]) for name in ("precision", "recall", "f1")}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

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

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        checkpoint = Path(str(self.args.output_dir)) / f"checkpoint-{self.state.global_step}"
        if self.args.should_save:
            unseal(checkpoint)
        super()._save_checkpoint(model, trial)
        self.accelerator.wait_for_everyone()
        if self.args.should_save:
            seal(checkpoint)

    def _get_train_sampler(self, train_dataset: Any = None) -> LengthGroupedSampler:
        return self._sampler


def training_arguments(settings: Settings, out: Path) -> TrainingArguments:
    """What the settings mean to `Trainer`."""
    chosen = settings.train
    assert chosen.learning_rate is not None
    return TrainingArguments(
        output_dir=str((out / "checkpoints").resolve()),
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
        save_total_limit=2,  # the best and the newest
        metric_for_best_model="f1" if chosen.keep == "best" else None,
        greater_is_better=True if chosen.keep == "best" else None,
        logging_steps=10,
        remove_unused_columns=False,
        report_to=chosen.report_to or "none",
        disable_tqdm=True,
    )
