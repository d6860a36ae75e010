"""Evaluate a trained run on a split of its corpus, or on another corpus."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from rich.console import Console

from ranat import corpora
from ranat.errors import UsageError, UserError
from ranat.formats import How
from ranat.models.loading import quiet_libraries
from ranat.models.precision import autocast, resolve_precision
from ranat.runs.folder import RunFolder
from ranat.runs.loading import load
from ranat.runs.settings import Settings
from ranat.tasks import Task
from ranat.terminal import counted, plain_console
from ranat.training.prepare import report_notices


@dataclass(frozen=True)
class TrainedRun:
    """A run's model, ready to predict.

    Args:
        settings: what it was trained with.
        task: with the labels of the model.
        model: in float32.
    """

    settings: Settings
    task: Task
    model: Any

    @classmethod
    def load(cls, run: Path) -> Self:
        """The trained model of a run folder.

        Raises:
            UserError: the folder holds no finished run, or its model is damaged.
        """
        settings = RunFolder(run).settings()
        quiet_libraries()
        return cls(settings, *load(str(run)))


def evaluate(
    run: Path,
    *,
    split: str = "test",
    on: str | None = None,
    how: How | None = None,
    data: Path | None = None,
    console: Console | None = None,
) -> dict[str, Any]:
    """Scores of a run.

    Types that differ in case alone are the same. A mention or relation of a type that the model does not know counts as
    missed, a predicted one of a type that the split has not as wrong; a notice says so.

    Args:
        run: the run folder.
        split: "train", "dev" or "test".
        on: another corpus than its own.
        how: the files of a corpus of one's own are read; None: as the run's own were, others strictly.
        data: the folder of corpora.
        console: where progress is shown.
    Returns:
        The scores, with "corpus", "split", "notices" and "definition".
    Raises:
        UserError: the run or the corpus cannot be read, or the corpus has other types.
        UsageError: the corpus has no such split.
    """
    console = plain_console(console)
    trained = TrainedRun.load(run)
    name = on or trained.settings.corpus
    with console.status(f"reading {name}"):
        corpus = corpora.load(name, data, how or (None if on else trained.settings.read.how()))
    report_notices(corpus, console)
    if split not in corpus.splits:
        raise UsageError(f"{name} has no split {split!r}", where="--split", remedy=f"it has {', '.join(corpus.splits)}")
    gold = [trained.task.normalise_type_case(document) for document in corpus.splits[split]]
    known, types = trained.task.types, {kind for document in gold for _, kind in trained.task.answers(document)}
    if not types & known:
        raise UserError(
            f"none of its types ({', '.join(sorted(types)) or 'it has none'}) is known to the model "
            f"({', '.join(sorted(known))})",
            where=name,
            remedy="evaluate on a corpus with the types it was trained on",
        )
    precision = resolve_precision(trained.settings.train.precision)
    with console.status(f"predicting {counted(len(gold), 'documents')}"), autocast(precision):
        predicted = trained.task.predict(trained.model, gold)
    scores = trained.task.score(gold, predicted)
    notices = _unshared_types(scores["per_type"], known, split)
    for notice in notices:
        console.print(f"note: {notice}")
    return {"corpus": name, "split": split, **scores, "notices": notices, "definition": trained.task.definition}


def _unshared_types(per_type: Mapping[str, Mapping[str, int]], known: Collection[str], split: str) -> list[str]:
    missed = [f"{kind} ({counts['gold']:,} gold)" for kind, counts in per_type.items() if kind not in known]
    wrong = [f"{kind} ({counts['predicted']:,} predicted)" for kind, counts in per_type.items() if not counts["gold"]]
    sides = [("the model does not know", missed, "missed"), (f"{split} does not have", wrong, "wrong")]
    return [f"{who} {', '.join(types)}: counted as {what}" for who, types, what in sides if types]
