"""Train a run: settings in, a run folder out."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from transformers import set_seed
from transformers.integrations.integration_utils import get_available_reporting_integrations

from ranat import corpora
from ranat.documents import Document
from ranat.errors import UsageError
from ranat.formats import jsonl
from ranat.models.loading import load_config, load_tokenizer, never_truncate, quiet_libraries, window_size
from ranat.models.precision import autocast, resolve_precision
from ranat.runs.card import render_card
from ranat.runs.failures import explained
from ranat.runs.folder import RunFolder
from ranat.runs.remarks import remarks
from ranat.runs.settings import Settings
from ranat.tasks import Encoded, Task, tasks
from ranat.terminal import plain_console
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
    precision = resolve_precision(settings.train.precision)
    settings = settings.model_copy(update={"train": settings.train.model_copy(update={"precision": precision})})
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
        corpus = _read(settings, data, test, console)
        settings, task = _task(settings, corpus)
        train_split = fraction(corpus.splits["train"], settings.train.fraction)
        encoded = _encode(task, train_split, console)
        set_seed(settings.train.seed)
        model = task.new_model(settings.model)
        start = None
        if first:  # all that can be wrong was found by now
            folder.begin(settings, resume=resume)
            start = _go_on(folder, console) if resume else None
            os.environ.setdefault("TENSORBOARD_LOGGING_DIR", str(folder.tensorboard))
        trainer = RunTrainer(settings, folder, task, model, encoded, corpus.splits["dev"], console)
        trainer.fit(start)
        if not first:
            return {}
        train_facts = {"documents": len(train_split), "sha256": documents_hash(train_split), "classes": encoded.classes}
        return _finish(settings, folder, task, trainer, corpus, train_facts, console)


def _read(settings: Settings, data: Path | None, test: bool, console: Console) -> corpora.Corpus:
    with console.status(f"reading {settings.corpus}"):
        corpus = corpora.load(settings.corpus, data, settings.read.how())
    report_notices(corpus, console)
    return corpus if test else replace(corpus, splits={name: corpus.splits[name] for name in ("train", "dev")})


def _task(settings: Settings, corpus: corpora.Corpus) -> tuple[Settings, Task]:
    """The task, and the settings with its name."""
    tokenizer = load_tokenizer(settings.model)
    window = window_size(load_config(settings.model), tokenizer)
    settings = settings.for_task(settings.task or corpus.task)
    return settings, tasks.get(str(settings.task)).for_corpus(corpus, tokenizer, window, settings.task_options())


def _encode(task: Task, documents: Sequence[Document], console: Console) -> Encoded:
    with console.status("encoding the training split"):
        encoded = task.encode(documents)
    for message in encoded.notices:
        console.print(f"note: train: {message}")
    if encoded.classes:
        total = sum(encoded.classes.values())
        shares = (f"{label} {n:,} ({n / total:.1%})" for label, n in encoded.classes.items())
        console.print(f"classes in train: {', '.join(shares)}")
    return encoded


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
            found = task.predict(trainer.model, gold)
            metrics[split] = task.score(gold, found)
            metrics["per_type"][split] = metrics[split].pop("per_type")
            metrics["splits"][split] = {"documents": len(gold), "sha256": documents_hash(gold)}
            folder.write_predictions(split, predictions(task, gold, found))
    cost = trainer.cost()
    metrics["remarks"] = remarks(metrics["dev"]["f1"], cost["optimizer_steps"])
    for remark in metrics["remarks"]:
        console.print(f"note: {remark}")
    never_truncate(task.tokenizer)
    folder.finish(trainer.model, task.tokenizer, metrics, cost, render_card(settings, metrics, cost, corpus))
    return metrics


def default_folder(settings: Settings) -> Path:
    """runs/CORPUS-MODEL-REGIME-seedN."""
    parts = [Path(settings.corpus).name, Path(settings.model).name, settings.regime, f"seed{settings.train.seed}"]
    return Path("runs") / "-".join(parts).replace(" ", "-").replace("/", "-")


def fraction(documents: Sequence[Document], share: float) -> Sequence[Document]:
    """The same share of the documents for every seed, in their order; at least one."""
    if share == 1:
        return documents
    chosen = np.random.default_rng(0).permutation(len(documents))[: max(round(share * len(documents)), 1)]
    return [documents[index] for index in sorted(chosen)]


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
            "predicted": sorted(task.answers(found)),
        }
        for document, found in zip(gold, predicted, strict=True)
    ]


def report_notices(corpus: corpora.Corpus, console: Console, most: int = 10) -> None:
    """Say what was odd in a corpus: the first few, what was lost or changed before mere notes, and how many more."""
    notices = sorted(corpus.notices, key=lambda notice: notice.kind == "note")
    for notice in notices[:most]:
        console.print(str(notice))
    if len(notices) > most:
        console.print(f"and {len(notices) - most} more of {len(notices)}; `ranat corpora check` lists them")


def _check_trackers(names: Sequence[str]) -> None:
    installed = get_available_reporting_integrations()
    for name in names:
        if name not in installed:
            raise UsageError(
                f"{name!r} is no tracker that is installed here",
                where="train.report_to",
                remedy=f"pip install it; installed: {', '.join(installed) or 'none'}",
            )
