"""What comes before the first step of a run: its corpus read, its task and labels known, its examples encoded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from transformers import set_seed

from ranat import corpora
from ranat.documents import Document
from ranat.errors import UsageError
from ranat.models.loading import load_config, load_tokenizer, window_size
from ranat.models.precision import resolve_precision
from ranat.runs.identity import backbone
from ranat.runs.settings import Settings, TrainSettings
from ranat.tasks import Encoded, Task, tasks
from ranat.tasks.base import model_labels
from ranat.training.additions import Additions, additions


@dataclass(frozen=True)
class Prepared:
    """All that training starts from but the model.

    Args:
        settings: with the task and all of its options.
        corpus: as it was read.
        task: with the labels of the corpus.
        added: what is added to the training split of the corpus.
        train: the documents to train on.
        encoded: their examples.
    """

    settings: Settings
    corpus: corpora.Corpus
    task: Task
    added: Additions
    train: Sequence[Document]
    encoded: Encoded

    def new_model(self) -> Any:
        """The backbone with a head, of which the seed decides what is not known yet."""
        set_seed(self.settings.train.seed)
        return self.task.new_model(backbone(self.settings.model))


def prepare(settings: Settings, data: Path | None, *, test: bool, console: Console) -> Prepared:
    """Read and encode what the settings name.

    Args:
        settings: their precision is resolved.
        data: the folder of corpora; None: RANAT_DATA, else the user's cache folder.
        test: whether the test split is looked at.
        console: where progress and oddities of the corpus are shown.
    Raises:
        UserError: the corpus or the backbone cannot be read.
    """
    corpus = _read(settings, data, test, console)
    added = additions(settings.add, corpus)
    for notice in added.notices:
        console.print(str(notice))
    settings, task = _task(settings, corpus, added, console)
    train = training_documents(settings, corpus, added)
    return Prepared(settings, corpus, task, added, train, _encode(task, train, console))


def training_documents(settings: Settings, corpus: corpora.Corpus, added: Additions) -> Sequence[Document]:
    """What a run learns from: its share of the training split, and all that is added."""
    own = sample(corpus.splits["train"], settings.train)
    return added.to(own) if added.documents else own


def with_precision(settings: Settings) -> Settings:
    """The settings with the precision that "auto" means here."""
    precision = resolve_precision(settings.train.precision)
    return settings.model_copy(update={"train": settings.train.model_copy(update={"precision": precision})})


def _read(settings: Settings, data: Path | None, test: bool, console: Console) -> corpora.Corpus:
    with console.status(f"reading {settings.corpus}"):
        corpus = corpora.load(settings.corpus, data, settings.read.how())
    report_notices(corpus, console)
    return corpus if test else replace(corpus, splits={name: corpus.splits[name] for name in ("train", "dev")})


def _task(settings: Settings, corpus: corpora.Corpus, added: Additions, console: Console) -> tuple[Settings, Task]:
    """The task, with the labels of all that may be trained on, and the settings with its name."""
    source = backbone(settings.model)
    tokenizer, config = load_tokenizer(source), load_config(source)
    settings = settings.for_task(settings.task or corpus.task)
    corpus = replace(corpus, splits={**corpus.splits, "train": tuple(added.to(corpus.splits["train"]))})
    task = tasks.get(str(settings.task)).for_corpus(
        corpus, tokenizer, window_size(config, tokenizer), settings.task_options()
    )
    for line in _changes(task, config):
        console.print(f"note: {settings.model}: {line}")
    return settings, task


def _changes(task: Task, config: Any) -> list[str]:
    """What a trained model has to learn anew, or forgets."""
    if not hasattr(config, "ranat"):
        return []
    if not task.goes_on(config):
        return ["is a model for another task, or with other options of it: its head begins anew"]
    known = set(model_labels(config))
    new = [label for label in task.labels if label not in known]
    gone = sorted(known - set(task.labels))
    return [
        *([f"does not know {', '.join(new)} yet: that part of its head begins anew"] if new else []),
        *([f"knows {', '.join(gone)}, which train has not: the new model will not"] if gone else []),
    ]


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


def sample(documents: Sequence[Document], train: TrainSettings) -> Sequence[Document]:
    """The documents that the settings choose, the same for every seed, in their order; at least one."""
    if train.fraction == 1:
        return documents
    size = max(round(train.fraction * len(documents)), 1)
    order = np.random.default_rng(0).permutation(len(documents))
    chosen = order[train.sample * size : (train.sample + 1) * size]
    if len(chosen) < size:  # sizes are rounded, so the last one may not fit
        remedy = "choose an earlier one, or a smaller train.fraction"
        raise UsageError(
            f"{len(documents)} documents have no sample {train.sample}", where="train.sample", remedy=remedy
        )
    return [documents[index] for index in sorted(chosen)]


def report_notices(corpus: corpora.Corpus, console: Console, most: int = 10) -> None:
    """Say what was odd in a corpus: the first few, what was lost or changed before mere notes, and how many more."""
    notices = sorted(corpus.notices, key=lambda notice: notice.kind == "note")
    for notice in notices[:most]:
        console.print(str(notice))
    if len(notices) > most:
        console.print(f"and {len(notices) - most} more of {len(notices)}; `ranat corpora check` lists them")
