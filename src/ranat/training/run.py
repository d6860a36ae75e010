"""Train a run: settings in, a run folder out."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from safetensors import SafetensorError
from transformers import set_seed
from transformers.integrations.integration_utils import get_available_reporting_integrations

from ranat import corpora
from ranat.disk import write_atomically
from ranat.documents import Document
from ranat.documents.formats import jsonl
from ranat.errors import UsageError, UserError
from ranat.models.loading import load_config, load_tokenizer, never_truncate, quiet_libraries, window_size
from ranat.models.precision import autocast, resolve_precision
from ranat.runs.settings import Settings, read_settings
from ranat.tasks import Task, tasks
from ranat.terminal import plain_console
from ranat.training.card import render_card
from ranat.training.checkpoints import last_whole, load_weights, remove_incomplete
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
        overwrite: replace the run that the folder holds.
        test: whether the test split is looked at; a search for settings leaves it alone.
        console: where progress is shown; None: nowhere.
    Returns:
        What metrics.json holds; empty on processes other than the first.
    Raises:
        UserError: something that can be mended; nothing was written then, or the run can be resumed.
    """
    quiet_libraries()
    first = os.environ.get("RANK", "0") == "0"
    console = plain_console(console if first else None)
    precision = resolve_precision(settings.train.precision)
    settings = settings.model_copy(update={"train": settings.train.model_copy(update={"precision": precision})})
    _check_trackers(settings.train.report_to)
    if first:
        _may_write(out, settings, resume=resume, overwrite=overwrite)
    if resume and (out / "metrics.json").is_file():
        console.print(f"{out} is done already")
        return read_json(out / "metrics.json")

    with console.status(f"reading {settings.corpus}"):
        corpus = corpora.load(settings.corpus, data)
    report_notices(corpus, console)
    if not test:
        corpus = replace(corpus, splits={name: corpus.splits[name] for name in ("train", "dev")})
    tokenizer = load_tokenizer(settings.model)
    window = window_size(load_config(settings.model), tokenizer)
    settings = settings.for_task(settings.task or corpus.task)
    task = tasks.get(str(settings.task)).for_corpus(corpus, tokenizer, window, settings.task_options())
    train_split = fraction(corpus.splits["train"], settings.train.fraction)
    with console.status("encoding the training split"):
        encoded = task.encode(train_split)
    for message in encoded.notices:
        console.print(f"note: train: {message}")
    if encoded.classes:
        total = sum(encoded.classes.values())
        shares = (f"{label} {n:,} ({n / total:.1%})" for label, n in encoded.classes.items())
        console.print(f"classes in train: {', '.join(shares)}", highlight=False, markup=False)
    set_seed(settings.train.seed)
    model = task.new_model(settings.model)

    if first:
        _prepare(out, settings, resume=resume)
        os.environ.setdefault("TENSORBOARD_LOGGING_DIR", str(out / "tensorboard"))
    trainer = RunTrainer(settings, out, task, model, encoded, corpus.splits["dev"], console)
    with _full_disk_explained(out):
        best = trainer.fit(last_whole(out / "checkpoints") if resume else None)
        if not first:
            return {}
        load_weights(best, trainer.model)
        train_facts = {"documents": len(train_split), "sha256": documents_hash(train_split), "classes": encoded.classes}
        return _finish(settings, out, task, trainer, corpus, train_facts, console)


def _finish(
    settings: Settings,
    out: Path,
    task: Task,
    trainer: RunTrainer,
    corpus: corpora.Corpus,
    train_facts: dict[str, Any],
    console: Console,
) -> dict[str, Any]:
    """Evaluate the best epoch and write everything; metrics.json comes last, so it says that the run is done."""
    metrics: dict[str, Any] = {"definition": task.definition, "splits": {"train": train_facts}, "per_type": {}}
    with console.status("evaluating the best epoch"), autocast(settings.train.precision):
        for split in [split for split in ("dev", "test") if split in corpus.splits]:
            gold = corpus.splits[split]
            found = task.predict(trainer.model, gold)
            metrics[split] = task.score(gold, found)
            metrics["per_type"][split] = metrics[split].pop("per_type")
            metrics["splits"][split] = {"documents": len(gold), "sha256": documents_hash(gold)}
            write_predictions(out, split, task, gold, found)
    _save_model(trainer.model, task, out)
    write_atomically(out / "cost.json", json.dumps(trainer.cost(), indent=2) + "\n")
    write_atomically(out / "README.md", render_card(settings, metrics, trainer.cost(), corpus))
    write_atomically(out / "metrics.json", json.dumps(metrics, indent=2, ensure_ascii=False) + "\n")
    shutil.rmtree(out / "checkpoints")
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


def write_predictions(
    out: Path, split: str, task: Task, gold: Sequence[Document], predicted: Sequence[Document]
) -> None:
    """predictions/SPLIT.jsonl: a line a document, with what is scored of it: gold and predicted (place, type)."""
    lines = [
        {
            "id": document.id,
            "text": document.text,
            "gold": sorted(task.answers(document)),
            "predicted": sorted(task.answers(found)),
        }
        for document, found in zip(gold, predicted, strict=True)
    ]
    (out / "predictions").mkdir(exist_ok=True)
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    write_atomically(out / "predictions" / f"{split}.jsonl", text)


def read_predictions(run: Path, split: str) -> list[dict[str, Any]]:
    """What `write_predictions` wrote.

    Raises:
        OSError: it cannot be read.
        ValueError: it is something else.
    """
    text = (run / "predictions" / f"{split}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.split("\n") if line]  # a document's text may hold other ends of lines


def report_notices(corpus: corpora.Corpus, console: Console, most: int = 5) -> None:
    """Say what was odd in a corpus: the first few, and how many more there are."""
    for notice in corpus.notices[:most]:
        console.print(f"note: {notice}", highlight=False, markup=False, soft_wrap=True)
    if len(corpus.notices) > most:
        console.print(f"note: and {len(corpus.notices) - most} more; `ranat corpora check` lists them")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object of a run folder."""
    return dict(json.loads(path.read_text(encoding="utf-8")))


def _may_write(out: Path, settings: Settings, *, resume: bool, overwrite: bool) -> None:
    if not out.exists():
        return
    if not out.is_dir():
        raise UserError("is a file", where=str(out), remedy="name a folder with --out")
    saved = out / "config.yaml"
    if not saved.is_file():
        # What begins with a dot is a draft that a killed process left.
        if any(not file.name.startswith(".") for file in out.iterdir()):
            raise UserError(
                "the folder is not empty and holds no run", where=str(out), remedy="name another with --out"
            )
    elif resume:
        stored = read_settings(saved)
        before, now = stored.flat(), settings.for_task(settings.task or str(stored.task)).flat()
        for key in sorted(before.keys() | now.keys()):
            if before.get(key) != now.get(key):
                raise UserError(
                    f"the run began with {before.get(key)!r}, not {now.get(key)!r}",
                    where=f"{out}: {key}",
                    remedy="resume it with the settings it has, or begin another with --out",
                )
    elif not overwrite:
        raise UserError(
            "the folder holds a run already", where=str(out), remedy="--resume, --overwrite or another --out"
        )


def _check_trackers(names: Sequence[str]) -> None:
    installed = get_available_reporting_integrations()
    for name in names:
        if name not in installed:
            raise UsageError(
                f"{name!r} is no tracker that is installed here",
                where="train.report_to",
                remedy=f"pip install it; installed: {', '.join(installed) or 'none'}",
            )


@contextmanager
def _full_disk_explained(out: Path) -> Iterator[None]:
    """Each library that writes has its own words for a full disk."""
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        if "No space left" in str(error) or shutil.disk_usage(out).free < 1 << 16:
            raise UserError("the disk is full", where=str(out), remedy="make room, then go on with --resume") from error
        raise


def _prepare(out: Path, settings: Settings, *, resume: bool) -> None:
    if not resume and out.exists():
        shutil.rmtree(out)
    out.mkdir(parents=True, exist_ok=True)
    remove_incomplete(out / "checkpoints")
    write_atomically(out / "config.yaml", settings.to_yaml())


def _save_model(model: Any, task: Task, out: Path) -> None:
    draft = out / ".model.part"
    shutil.rmtree(draft, ignore_errors=True)
    never_truncate(task.tokenizer)
    model.save_pretrained(draft)
    task.tokenizer.save_pretrained(draft)
    shutil.rmtree(out / "model", ignore_errors=True)
    draft.rename(out / "model")
