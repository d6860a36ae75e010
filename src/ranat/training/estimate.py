"""How long a run will take on this machine: a few of its steps are timed before it starts."""

from __future__ import annotations

import json
import math
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from rich.console import Console
from torch.utils.data import SequentialSampler
from transformers import TrainerCallback
from transformers.trainer_utils import SaveStrategy

from ranat.documents import Document
from ranat.gates import Gate
from ranat.models.loading import quiet_libraries
from ranat.models.precision import autocast
from ranat.runs.folder import RunFolder
from ranat.runs.settings import Settings, TrainSettings
from ranat.tasks import Encoded
from ranat.tasks.batches import chunks
from ranat.training.prepare import Prepared, prepare, with_precision
from ranat.training.runtrainer import RunTrainer, total_steps
from ranat.training.sampler import LengthGroupedSampler

SAMPLES = 4
"""Optimizer steps of each kind that are timed, short sentences and long ones."""

_EVALUATED = 40
"""Documents whose prediction is timed."""


@dataclass(frozen=True)
class Estimate:
    """What a run will take, without loading its data and model and without writing checkpoints.

    Args:
        steps: optimizer steps.
        attacked_steps: those of them that are attacked; the mean, if the gate looks at what steps give.
        plain_seconds: of a step that is not attacked.
        attacked_seconds: of one that is; None if none is.
        evaluation_seconds: of all predictions of the dev split, and that of the test split.
    """

    steps: int
    attacked_steps: int
    plain_seconds: float
    attacked_seconds: float | None
    evaluation_seconds: float

    @property
    def seconds(self) -> float:
        """Of the whole run."""
        plain = (self.steps - self.attacked_steps) * self.plain_seconds
        return plain + self.attacked_steps * (self.attacked_seconds or 0) + self.evaluation_seconds

    def rows(self) -> list[list[str]]:
        """As a table: what is done, how many times, and the seconds each time."""
        kinds = [("plain steps", self.steps - self.attacked_steps, self.plain_seconds)]
        if self.attacked_seconds is not None:
            kinds.append(("attacked steps", self.attacked_steps, self.attacked_seconds))
        kinds.append(("all evaluations", 1, self.evaluation_seconds))
        return [[what, f"{times:,}", f"{seconds:.2f}"] for what, times, seconds in kinds]

    def to_dict(self) -> dict[str, float | None]:
        """The fields, and the seconds of the whole."""
        return {**asdict(self), "seconds": self.seconds}


class Stopwatch:
    """A corpus and a model, of whose steps a few are timed under one attack after another.

    Args:
        settings: of a run; those of its attack and gate do not matter.
        data: the folder of corpora; None: RANAT_DATA, else the user's cache folder.
        console: where progress is shown.
    Raises:
        UserError: the corpus or the backbone cannot be read.
    """

    def __init__(self, settings: Settings, data: Path | None, console: Console) -> None:
        quiet_libraries()
        self._prepared = prepare(with_precision(settings), data, test=True, console=console)
        self._console = console
        self._measured: dict[str, tuple[float, float | None]] = {}
        self._evaluation: float | None = None

    def estimate(self, settings: Settings) -> Estimate:
        """What a run takes whose settings differ from the first ones in attack, gate and seed alone."""
        chosen = settings.train
        group = chosen.batch_size * chosen.gradient_accumulation
        steps = total_steps(chosen, math.ceil(len(self._prepared.encoded.features) / group))
        attack = json.dumps([settings.attack, settings.dropout]) if settings.share else ""
        with self._console.status(f"timing a few steps: {settings.corpus}, {settings.regime}"):
            if attack not in self._measured:
                self._measured[attack] = self._seconds_a_step(settings)
            if self._evaluation is None:
                self._evaluation = self._seconds_of_evaluations(settings.train)
        plain, attacked = self._measured[attack]
        return Estimate(steps, round(settings.share * steps), plain, attacked, self._evaluation)

    def _seconds_a_step(self, settings: Settings) -> tuple[float, float | None]:
        """Means over groups of examples from short to long ones: of a plain step, and of an attacked one."""
        encoded, train = self._prepared.encoded, self._prepared.settings.train
        size = train.batch_size * train.gradient_accumulation
        order = list(LengthGroupedSampler(encoded.lengths, size, train.seed))
        whole = [group for group in chunks(order, size) if len(group) == size] or [order]
        groups = sorted(whole, key=lambda group: max(encoded.lengths[index] for index in group))
        chosen = [groups[int((n + 0.5) * len(groups) / SAMPLES)] for n in range(SAMPLES)]
        kinds = [False, True] if settings.share else [False]
        plan = [(group, kind) for group in chosen for kind in kinds for _ in ("to warm up", "to time")]
        seconds = _Trial(self._prepared, settings, plan).run()
        plain, attacked = ([seconds[n] for n in range(1, len(plan), 2) if plan[n][1] == kind] for kind in (False, True))
        return fmean(plain), fmean(attacked) if attacked else None

    def _seconds_of_evaluations(self, train: TrainSettings) -> float:
        """Of all predictions of a run, by the characters of the splits."""
        splits = self._prepared.corpus.splits
        sample = splits["dev"][:_EVALUATED]
        model = self._prepared.new_model().to("cuda" if torch.cuda.is_available() else "cpu")
        with autocast(self._prepared.settings.train.precision):
            self._prepared.task.predict(model, sample[:4])
            began = time.perf_counter()
            self._prepared.task.predict(model, sample)
            seconds = time.perf_counter() - began
        evaluated = {"dev": 1 + math.ceil(train.epochs if train.keep == "best" else 0), "test": 1}
        characters = sum(times * _characters(splits.get(name, ())) for name, times in evaluated.items())
        return seconds * characters / max(_characters(sample), 1)


class _Trial(RunTrainer):
    """Takes steps as planned and times each; nothing is evaluated and nothing kept.

    Args:
        prepared: what is trained on.
        settings: whose attack is made.
        plan: of each step the examples, and whether they are attacked.
    """

    def __init__(self, prepared: Prepared, settings: Settings, plan: Sequence[tuple[list[int], bool]]) -> None:
        self._aside = tempfile.TemporaryDirectory()
        chosen, examples = prepared.settings.train, len(plan[0][0])
        batch_size = min(chosen.batch_size, examples)  # a corpus may have fewer than a batch
        batches = min(chosen.gradient_accumulation, examples // batch_size)
        features = [prepared.encoded.features[index] for group, _ in plan for index in group[: batch_size * batches]]
        size = {"batch_size": batch_size, "gradient_accumulation": batches, "epochs": 1, "max_steps": len(plan)}
        own = chosen.model_copy(update={**size, "keep": "last", "save_steps": None, "report_to": []})
        settings = settings.model_copy(update={"train": own})
        folder = RunFolder(Path(self._aside.name))
        self._features = features
        super().__init__(settings, folder, prepared.task, prepared.new_model(), Encoded(features, ()), (), None)
        self.args.save_strategy = SaveStrategy.NO
        self.step.gate = _Planned(tuple(attacked for _, attacked in plan))
        self._clock = _Clock(self)
        self.add_callback(self._clock)

    def run(self) -> list[float]:
        """Seconds of each step."""
        with self._aside:
            self.train()
        return self._clock.seconds

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        return SequentialSampler(self._features)


@dataclass(frozen=True)
class _Planned(Gate):
    """A gate that was told each step; it is no option of a run."""

    attacked: tuple[bool, ...]

    def __call__(self, step: int) -> bool:
        return self.attacked[step]

    @property
    def share(self) -> float:
        return fmean(self.attacked)

    @property
    def label(self) -> str:
        return "as planned"


class _Clock(TrainerCallback):
    """Notes what each step added to the seconds of training."""

    def __init__(self, trainer: RunTrainer) -> None:
        self._trainer = trainer
        self.seconds: list[float] = []

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.seconds.append(self._trainer.step.cost.train_seconds - sum(self.seconds))


def _characters(documents: Sequence[Document]) -> int:
    return sum(len(document.text) for document in documents)
