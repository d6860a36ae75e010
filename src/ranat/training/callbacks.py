"""What happens around the steps of a run: seeds, log, progress, checkpoints, early stopping.

Each is a function of what checkpoints store, so a resumed run cannot tell that it was interrupted.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import MofNCompleteColumn, TimeRemainingColumn
from transformers import Trainer, TrainerCallback
from transformers.trainer_callback import ExportableState
from transformers.trainer_pt_utils import nested_gather

from ranat.runs.folder import RunFolder
from ranat.terminal import progress_bar
from ranat.training.cost import Cost
from ranat.training.sampler import LengthGroupedSampler


class Seeds(TrainerCallback):
    """Makes dropout a function of (seed, step, process), and the order of examples one of (seed, epoch).

    So a resumed run draws what it would have drawn, whatever the generators went through in between.
    """

    def __init__(self, seed: int, sampler: LengthGroupedSampler) -> None:
        self._seed, self._sampler = seed, sampler

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Choose the epoch's order; in the middle of an epoch `state.epoch` is a fraction."""
        self._sampler.set_epoch(int(state.epoch or 0))

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Seed the generators for this step."""
        # Hashed to 32 bits, as the CPU's generator takes no more of a seed: shifted up, the run's seed was lost.
        drawn = np.random.SeedSequence((self._seed, state.global_step, args.process_index))
        torch.manual_seed(int(drawn.generate_state(1)[0]))


class SaveEvery(TrainerCallback):
    """Asks for a checkpoint every few steps, besides those at the end of each epoch.

    Not after an epoch's last step, nor the run's: that checkpoint comes after the evaluation, and one from before it
    would make a resumed run leave the evaluation out.
    """

    def __init__(self, save_steps: int, steps_an_epoch: int) -> None:
        self._save_steps, self._steps_an_epoch = save_steps, steps_an_epoch

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Save if it is time."""
        step = state.global_step
        if step % self._save_steps == 0 and step % self._steps_an_epoch and step < state.max_steps:
            control.should_save = True


class LossSinceLog(TrainerCallback, ExportableState):
    """Keeps in every checkpoint what `Trainer` forgets: the losses since the last log, whose mean is logged next.

    And what was attacked until the last log, as that since then is logged next.

    Args:
        trainer: whose running sum it is.
    """

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._kept: dict[str, Any] = {"sum": 0.0, "since": 0, "attacked": 0, "radius": 0.0}

    def state(self) -> dict[str, Any]:
        """What `Trainer` writes into trainer_state.json."""
        return {"args": {}, "attributes": self._kept}

    def gather(self) -> None:
        """Before a checkpoint: the mean over all processes, each of which must call this."""
        losses = nested_gather(self._trainer._tr_loss, self._trainer.args.parallel_mode)
        self._kept |= {"sum": float(losses.mean()), "since": self._trainer._globalstep_last_logged}

    def attacked(self, cost: Cost) -> dict[str, Any]:
        """Batches and attacked batches so far, and the mean ‖r‖/‖x‖ of those attacked since the last log, if any."""
        number = cost.attacked_batches - self._kept["attacked"]
        radius = cost.relative_radius - self._kept["radius"]
        self._kept |= {"attacked": cost.attacked_batches, "radius": cost.relative_radius}
        so_far = {"batches": cost.batches, "attacked_batches": cost.attacked_batches}
        return so_far | ({"relative_radius": radius / number} if number else {})

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Go on from the checkpoint's sum; `Trainer` has just set its own to 0."""
        if state.global_step > 0:
            kept = state.stateful_callbacks[type(self).__name__]["attributes"]
            self._kept |= kept
            self._trainer._tr_loss += kept["sum"]
            self._trainer._globalstep_last_logged = kept["since"]

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Log, so that a short run has a loss in its log, and each epoch one beside its dev F1."""
        control.should_log = True


class RunLog(TrainerCallback):
    """Writes the log of a run, a line a logged step, and shows progress on standard error."""

    def __init__(self, folder: RunFolder, console: Console | None) -> None:
        self._folder = folder
        self._progress = progress_bar(console, MofNCompleteColumn(), TimeRemainingColumn())
        self._console = console

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Begin anew, or where the checkpoint was: what was logged after it will be logged again."""
        if args.should_save:
            if state.global_step > 0:
                state.log_history.append({"step": state.global_step, "resumed": True})
            self._folder.write_log(state.log_history)
            self._progress.start()
            self._bar = self._progress.add_task("training", total=state.max_steps, completed=state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """One step further."""
        if args.should_save:
            self._progress.update(self._bar, completed=state.global_step)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        """Append the newest line."""
        if not args.should_save or not state.log_history:
            return
        entry = state.log_history[-1]
        if "train_runtime" in entry:  # Trainer's summary of this process; cost.json has that of the run
            return
        self._folder.append_log(entry)
        if "eval_f1" in entry and self._console:
            self._console.print(f"epoch {entry['epoch']:.2f}: dev F1 {100 * entry['eval_f1']:.2f}")

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Take the bar away."""
        if args.should_save:
            self._progress.stop()


class Patience(TrainerCallback):
    """Stops after so many evaluations without a better dev F1, counted from the log and so right after a resume."""

    def __init__(self, patience: int) -> None:
        self._patience = patience

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Look at the evaluations so far."""
        control.should_training_stop |= exhausted(state.log_history, self._patience)


def exhausted(log: list[dict[str, Any]], patience: int | None) -> bool:
    """Whether the last `patience` evaluations in a log brought no better dev F1 than those before."""
    values = [entry["eval_f1"] for entry in log if "eval_f1" in entry]
    return patience is not None and len(values) > patience and max(values[-patience:]) <= max(values[:-patience])
