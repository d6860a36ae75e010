"""The errors of a trained run: its predictions, set beside the corpus that it was trained and evaluated on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from ranat import corpora
from ranat.disk import check_free, write_atomically
from ranat.documents import Document
from ranat.errors import UsageError, UserError
from ranat.evaluation.error_page import error_page
from ranat.evaluation.errors import Analysis
from ranat.evaluation.f1 import Answer
from ranat.runs.folder import RunFolder
from ranat.runs.settings import Settings
from ranat.tasks import tasks
from ranat.terminal import plain_console
from ranat.training.additions import additions
from ranat.training.prepare import report_notices, training_documents
from ranat.training.run import documents_hash


@dataclass(frozen=True)
class RunErrors:
    """What a run gets wrong on a split.

    Args:
        run: its folder.
        split: "dev" or "test".
        settings: what it was trained with.
        analysis: the errors.
    """

    run: Path
    split: str
    settings: Settings
    analysis: Analysis

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        facts = {"corpus": self.settings.corpus, "split": self.split, "task": self.settings.task}
        return {"run": str(self.run), **facts, **self.analysis.to_dict()}

    def write(self, out: Path) -> None:
        """Write the page.

        Raises:
            UserError: it is there already, or cannot be written.
        """
        check_free(out)
        scores = self.analysis.to_dict()
        facts = [
            f"{self.settings.model} on {self.split} of {self.settings.corpus}, {self.settings.regime}, "
            f"seed {self.settings.train.seed}: {len(self.analysis.documents):,} texts.",
            f"Strict F1 {100 * scores['f1']:.2f}, precision {100 * scores['precision']:.2f}, "
            f"recall {100 * scores['recall']:.2f}.",
        ]
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(out, error_page(self.analysis, f"Errors of {self.run}", facts))
        except OSError as error:
            raise UserError(f"cannot write: {error.strerror}", where=str(out), remedy="name another file") from None


def run_errors(
    run: Path, *, split: str = "test", data: Path | None = None, console: Console | None = None
) -> RunErrors:
    """The errors of a run, from its predictions; no model is run.

    Args:
        run: the run folder.
        split: "dev" or "test".
        data: the folder of corpora.
        console: where progress is shown.
    Raises:
        UserError: the folder holds no finished run, its corpus is not what it was, or its predictions do not belong to
            the corpus.
        UsageError: it has no predictions of the split.
    """
    console = plain_console(console)
    folder = RunFolder(run)
    settings, metrics = folder.settings(), folder.metrics()
    known = [name for name in ("dev", "test") if name in metrics]
    if split not in known:
        raise UsageError(
            f"the run has no predictions of {split!r}", where="--split", remedy=f"it has {', '.join(known)}"
        )
    with console.status(f"reading {settings.corpus}"):
        corpus = corpora.load(settings.corpus, data, settings.read.how())
    report_notices(corpus, console)
    documents = corpus.splits.get(split, ())
    training = training_documents(settings, corpus, additions(settings.add, corpus))
    for name, now in ((split, documents), ("train", training)):
        if documents_hash(now) != metrics["splits"].get(name, {}).get("sha256"):
            raise UserError(
                f"{name} is not what it was when the run was trained",
                where=settings.corpus,
                remedy="name the folder that has the corpus of that time with --data",
            )
    with console.status(f"judging the predictions of {len(documents):,} texts"):
        gold, predicted = _predictions(folder, split, documents)
        analysis = tasks.get(str(settings.task)).errors(corpus, documents, gold, predicted, training)
    if analysis.counts.gold["right"] != metrics[split]["true_positives"]:
        raise _foreign(folder.predictions_file(split))
    return RunErrors(run, split, settings, analysis)


def _predictions(
    folder: RunFolder, split: str, documents: Sequence[Document]
) -> tuple[list[set[Answer]], list[set[Answer]]]:
    """What was scored of each document: gold and predicted."""
    lines = folder.predictions(split)
    try:
        gold, predicted = ([{*_answers(line[side])} for line in lines] for side in ("gold", "predicted"))
        same = [(line["id"], line["text"]) for line in lines] == [(item.id, item.text) for item in documents]
    except (ValueError, TypeError, KeyError):
        same = False
    if not same:
        raise _foreign(folder.predictions_file(split))
    return gold, predicted


def _answers(values: list[Any]) -> Iterator[Answer]:
    """JSON has lists where answers have tuples."""
    for place, kind in values:
        yield tuple(tuple(part) if isinstance(part, list) else part for part in place), kind


def _foreign(file: Path) -> UserError:
    return UserError("does not hold what the run was scored by", where=str(file), remedy="train the run again")
