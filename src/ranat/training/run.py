"""Train a run: settings in, a run folder out."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from rich.console import Console
from transformers.integrations.integration_utils import get_available_reporting_integrations

from ranat import corpora
from ranat.documents import Document
from ranat.errors import UsageError
from ranat.formats import jsonl
from ranat.models.loading import never_truncate, quiet_libraries
from ranat.models.precision import autocast
from ranat.runs.card import render_card
from ranat.runs.failures import explained
from ranat.runs.folder import RunFolder
from ranat.runs.remarks import remarks
from ranat.runs.settings import Settings
from ranat.tasks import Task
from ranat.terminal import plain_console
from ranat.training.prepare import prepare, with_precision
from ranat.training.runtrainer import RunTrainer


def train(
    settings: Settings,
    out: Path,
    *,
    data: Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    test: bool = True,
    console: Console | None = None,
) -> dict[str, Any]:
    """Train, choose the best epoch by dev F1, evaluate on dev and test, and write the run folder.

    Args:
        settings: resolved settings, as `read_settings` gives them.
        out: the run folder.
        data: the folder of corpora; None: RANAT_DATA, else the user's cache folder.
        resume: go on from the last whole checkpoint, if there is one.
        overwrite: replace the run that the folder holds, once the new one can start.
        test: whether the test split is looked at; a search for settings leaves it alone.
        console: where progress is shown; None: nowhere.
    Returns:
        What metrics.json holds; empty on processes other than the first.
    Raises:
        UserError: something that can be mended; nothing was written then, or the run can be resumed.
        Diverged: so is this, but resumed with the same settings it will diverge again.
    """
    if resume and overwrite:
        raise UsageError("is set, and so is --resume", where="--overwrite", remedy="give one of the two")
    quiet_libraries()
    first = os.environ.get("RANK", "0") == "0"
    console = plain_console(console if first else None)
    settings = with_precision(settings)
    _check_trackers(settings.train.report_to)
    folder = RunFolder(out)
    with explained(out), folder.held() if first else nullcontext():
        if first:
            folder.admit(settings, resume=resume, overwrite=overwrite)
        if resume and folder.finished:
            if first:
                folder.clean()
            console.print(f"{out} is done already")
            return folder.metrics()
        prepared = prepare(settings, data, test=test, console=console)
        settings, task, corpus = prepared.settings, prepared.task, prepared.corpus
        model = prepared.new_model()
        start = None
        if first:  # only now, as data and model could be read: a mistake in them leaves no folder behind
            folder.begin(settings, resume=resume)
            start = _go_on(folder, console) if resume else None
            os.environ.setdefault("TENSORBOARD_LOGGING_DIR", str(folder.tensorboard))
        trainer = RunTrainer(settings, folder, task, model, prepared.encoded, corpus.splits["dev"], console)
        trainer.fit(start)
        if not first:
            return {}
        train_facts = {
            "documents": len(prepared.train),
            "sha256": documents_hash(prepared.train),
            "classes": prepared.encoded.classes,
        }
        if added := prepared.added.documents:
            replaced = sum(map(prepared.added.replaces, corpus.splits["train"]))
            train_facts["added"] = {
                "documents": len(added),
                "replaced": replaced,
                "left_out": prepared.added.left_out,
            }
        return _finish(settings, folder, task, trainer, corpus, train_facts, console)


def _go_on(folder: RunFolder, console: Console) -> int | None:
    """The step to go on from; says what was damaged, and goes back before it."""
    step, damaged = folder.checkpoints.newest_usable()
    for line in damaged:
        console.print(f"note: {line}")
    if damaged:
        console.print(f"note: training goes on from {f'step {step}' if step else 'the start'}")
    folder.checkpoints.go_back_to(step)
    return step


def _finish(
    settings: Settings,
    folder: RunFolder,
    task: Task,
    trainer: RunTrainer,
    corpus: corpora.Corpus,
    train_facts: dict[str, Any],
    console: Console,
) -> dict[str, Any]:
    """Evaluate the model that is kept, and write everything."""
    trainer.load_kept()
    metrics: dict[str, Any] = {"definition": task.definition, "splits": {"train": train_facts}, "per_type": {}}
    with console.status("evaluating the best epoch"), autocast(settings.train.precision):
        for split in [split for split in ("dev", "test") if split in corpus.splits]:
            gold = corpus.splits[split]
            predicted = task.predict(trainer.model, gold)
            metrics[split] = task.score(gold, predicted)
            metrics["per_type"][split] = metrics[split].pop("per_type")
            metrics["splits"][split] = {"documents": len(gold), "sha256": documents_hash(gold)}
            folder.write_predictions(split, predictions(task, gold, predicted))
    cost = trainer.cost()
    metrics["remarks"] = remarks(metrics["dev"]["f1"], cost["optimizer_steps"])
    for remark in metrics["remarks"]:
        console.print(f"note: {remark}")
    never_truncate(task.tokenizer)
    folder.finish(trainer.model, task.tokenizer, metrics, cost, render_card(settings, metrics, cost, corpus))
    return metrics


def default_folder(settings: Settings) -> Path:
    """runs/CORPUS-MODEL-REGIME-seedN; of one that goes on from another run: that one's name, with -next."""
    if RunFolder(base := Path(settings.model)).exists:
        return base.with_name(f"{base.name}-next")
    parts = [Path(settings.corpus).name, Path(settings.model).name, settings.regime, f"seed{settings.train.seed}"]
    return Path("runs") / "-".join(parts).replace(" ", "-").replace("/", "-")


def documents_hash(documents: Sequence[Document]) -> str:
    """sha256 of documents with all that is annotated: two splits are equal if theirs are."""
    return hashlib.sha256("".join(f"{jsonl.dumped(document)}\n" for document in documents).encode()).hexdigest()


def predictions(task: Task, gold: Sequence[Document], predicted: Sequence[Document]) -> list[dict[str, Any]]:
    """Of each document what is scored of it: gold and predicted (place, type)."""
    return [
        {
            "id": document.id,
            "text": document.text,
            "gold": sorted(task.answers(document)),
            "predicted": sorted(task.answers(answered)),
        }
        for document, answered in zip(gold, predicted, strict=True)
    ]


def _check_trackers(names: Sequence[str]) -> None:
    installed = get_available_reporting_integrations()
    for name in names:
        if name not in installed:
            raise UsageError(
                f"{name!r} is no tracker that is installed here",
                where="train.report_to",
                remedy=f"pip install it; installed: {', '.join(installed) or 'none'}",
            )
