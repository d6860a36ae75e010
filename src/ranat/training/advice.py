"""What to begin with for a corpus: what is in it, what of it cannot be learnt, and settings that suit it.

Rules of thumb, not a search: `ranat tune` searches, on dev.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from ranat import corpora
from ranat.attacks.base import SAFE_EPSILON
from ranat.corpora import Corpus
from ranat.documents.pairs import candidates
from ranat.errors import UserError
from ranat.models.backbones import BACKBONES, at_hand
from ranat.plainyaml import dump_yaml
from ranat.runs.nested import merge
from ranat.runs.settings import Settings, read_settings
from ranat.tasks import tasks
from ranat.tasks.windows import split_sentences
from ranat.terminal import counted, plain, plain_console
from ranat.training.estimate import Stopwatch
from ranat.training.prepare import report_notices

STEPS = 1000
"""About as many optimizer steps as `minilm` takes on NCBI-disease, where more epochs brought nothing on dev."""

EPOCHS = (3, 20)
"""The least and the most epochs, whatever the size."""

SMALL = 2000
"""With fewer examples than this a batch is 16 instead of 32, so that an epoch has enough steps."""

ATTACK = {"name": "fgm", "epsilon": SAFE_EPSILON[2], "epsilon_unit": "relative"}
"""The cheapest attack, with the radius that an attack has if nobody says one."""

RAT = {"p": 0.5}

OF_TASK = {("minilm", "relation"): {"representation": "entity"}}
"""Options of a task that suit a backbone: the first state of `minilm` was never trained to stand for a sentence."""


@dataclass(frozen=True)
class Advice:
    """Settings to begin with, and why.

    Args:
        corpus: as it was read.
        settings: resolved; of standard training.
        counts: what is counted → split → how many.
        lost: of train, what cannot be learnt → how many of how many: mentions, or relations.
        seconds: of a run on this machine: "standard" and "rat"; empty if it could not be timed.
        untimed: why not.
    """

    corpus: Corpus
    settings: Settings
    counts: Mapping[str, Mapping[str, int]]
    lost: Mapping[str, int]
    seconds: Mapping[str, float]
    untimed: str | None

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            "settings": self.settings.model_dump(),
            "counts": self.counts,
            "lost": self.lost,
            "seconds": self.seconds,
            "untimed": self.untimed,
        }


def advise(settings: Settings, data: Path | None, console: Console, *, timed: bool = True) -> Advice:
    """Read a corpus, and choose what is not chosen yet.

    Args:
        settings: with the corpus and the model; what they set of `train` is replaced.
        data: the folder of corpora; None: RANAT_DATA, else the user's cache folder.
        console: where progress and oddities of the corpus are shown.
        timed: whether a few steps are made, to tell how long a run takes.
    Raises:
        UserError: the corpus cannot be read, or has nothing to learn for the task.
    """
    with console.status(f"reading {settings.corpus}"):
        corpus = corpora.load(settings.corpus, data, settings.read.how())
        report_notices(corpus, console)
    task = settings.task or corpus.task
    with console.status(f"counting {settings.corpus}"):
        looks = {split: _look(documents, corpus, task) for split, documents in corpus.splits.items()}
    if not looks["train"].examples or not looks["train"].answers:
        what = "relation between two entities of a sentence" if _pairs(task) else "mention"
        raise UserError(f"the training split has no {what} to learn", where=settings.corpus, remedy="annotate some")
    train = _suited(looks["train"].examples)
    own = OF_TASK.get((settings.model, task), {})
    chosen = read_settings(flags=merge({**_said(settings), "task": task, "train": train}, {task: own} if own else {}))
    seconds, untimed = _seconds(chosen, data, console) if timed else ({}, None)
    names = list(dict.fromkeys(name for one in looks.values() for name in one.counts))
    counts = {name: {split: one.counts[name] for split, one in looks.items()} for name in names}
    return Advice(corpus, chosen, counts, looks["train"].lost, seconds, untimed)


def suggested_model() -> str:
    """pubmedbert where there is a GPU; else minilm, which trains on a CPU, if it is installed."""
    return "minilm" if at_hand("minilm") and not torch.cuda.is_available() else "pubmedbert"


@dataclass(frozen=True)
class _Split:
    counts: Counter[str]
    examples: int
    answers: int
    lost: Counter[str]


def _look(documents: Sequence[Any], corpus: Corpus, task: str) -> _Split:
    sentences, lost = split_sentences(documents)
    counts = Counter({"documents": len(documents), "sentences": len(sentences)})
    types = Counter(entity.type for document in documents for entity in document.entities)
    related = Counter(relation.type for document in documents for relation in document.relations)
    counts.update({f"mentions of {kind}": n for kind, n in sorted(types.items())})
    counts.update({f"relations {kind}": n for kind, n in sorted(related.items())})
    if not _pairs(task):
        return _Split(counts, len(sentences), sum(types.values()) - lost.total(), lost)
    found = [candidates(document, corpus.pair_types) for document in documents]
    pairs = [pair for one in found for pair in one.pairs]
    counts["pairs of a sentence, which are the examples"] = len(pairs)
    answers = sum(pair.label != corpus.pair_types.negative for pair in pairs)
    apart = Counter({"of two entities that no sentence holds": sum(len(one.apart) for one in found)})
    return _Split(counts, len(pairs), answers, +apart)


def _pairs(task: str) -> bool:
    """Whether a task's examples are pairs of entities; those of others are sentences."""
    return tasks.get(task).stage == "relations"


def _suited(examples: int) -> dict[str, Any]:
    size = 16 if examples < SMALL else 32
    least, most = EPOCHS
    return {"epochs": min(max(math.ceil(STEPS * size / examples), least), most), "batch_size": size}


def _said(settings: Settings) -> dict[str, Any]:
    kept = settings.model_dump()
    return {key: value for key, value in kept.items() if key not in ("train", "attack", "rat")}


def _seconds(settings: Settings, data: Path | None, console: Console) -> tuple[dict[str, float], str | None]:
    attacked = read_settings(flags=settings.model_dump() | {"attack": ATTACK, "rat": RAT})
    try:
        with console.status("timing a few steps, to tell how long a run takes"):
            watch = Stopwatch(settings, data, plain_console(None))  # what is odd in the corpus was told before
            return {"standard": watch.estimate(settings).seconds, "rat": watch.estimate(attacked).seconds}, None
    except UserError as error:
        if error.where not in ("model", settings.model):  # it is the corpus, and a run would fail as well
            raise
        return {}, error.what


def render(advice: Advice, command: str) -> str:
    """A config file with comments that say what was counted and why a value was chosen.

    Args:
        advice: what to write.
        command: that trains with the file.
    """
    settings, train = advice.settings, advice.settings.train
    note = BACKBONES[settings.model].note if settings.model in BACKBONES else "a backbone of your own"
    told = [f"Train with: {command}", "", *_counted(advice)]
    lines = [*(f"# {_one_line(line)}".rstrip() for line in told), ""]
    lines += _yaml({"corpus": settings.corpus, "task": settings.task})
    lines += _yaml({"model": settings.model}, f"{note}; `ranat models` lists others")
    values = settings.model_dump()
    lines += _yaml({name: values[name] for name in ("read", *settings.of_tasks) if name in values})
    steps = "about 1,000 optimizer steps, " if EPOCHS[0] < train.epochs < EPOCHS[1] else ""
    lines += ["train:"]
    lines += _inside("epochs", int(train.epochs), f"{steps}within {EPOCHS[0]} and {EPOCHS[1]}; the best on dev is kept")
    lines += _inside("batch_size", train.batch_size, f"16 where train has fewer than {SMALL:,} examples")
    lines += _inside("learning_rate", train.learning_rate, "the default of this backbone and task")
    lines += _inside("seed", train.seed, "one seed proves nothing: train three, then `ranat compare` them")
    lines += [
        "",
        "# Random adversarial training; take the two # away, and compare it with standard training on the same seeds.",
        "# ε is a fraction of the embeddings' norm, so it means the same on every backbone; `ranat tune` searches it.",
        f"# attack: {{{', '.join(f'{key}: {value}' for key, value in ATTACK.items())}}}",
        f"# rat: {{{', '.join(f'{key}: {value}' for key, value in RAT.items())}}}",
        *(f"# {_one_line(line)}" for line in _timed(advice)),
        "",
    ]
    return "\n".join(lines)


def _timed(advice: Advice) -> list[str]:
    if advice.seconds:
        standard, rat = (_minutes(advice.seconds[name]) for name in ("standard", "rat"))
        return ["", f"On the machine where this was written a run takes about {standard}, with RAT {rat}."]
    return ["", f"How long a run takes is not known: {advice.untimed}."] if advice.untimed else []


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:,.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"


def _one_line(text: str) -> str:
    """Names of types come from outside, and must not end a comment."""
    return plain(text.replace("\n", r"\n"))


def _counted(advice: Advice) -> list[str]:
    splits = list(advice.corpus.splits)
    width = max(map(len, advice.counts))
    rows = [f"{'':{width}}{''.join(f'{split:>9}' for split in splits)}"]
    for name, counts in advice.counts.items():
        rows.append(f"{name:{width}}{''.join(f'{counts[split]:>9,}' for split in splits)}")
    what = "relations" if _pairs(str(advice.settings.task)) else "mentions"
    if advice.lost:
        lost = ", ".join(f"{n:,} {why}" for why, n in advice.lost.items())
        total = sum(advice.lost.values())
        rows += ["", f"{counted(total, what)} of train cannot be learnt: {lost}. In dev and test such count as missed."]
    else:
        rows += ["", f"All {what} of train can be learnt."]
    return rows


def _yaml(values: Mapping[str, Any], comment: str = "") -> list[str]:
    lines = dump_yaml(dict(values)).splitlines() if values else []
    return [*lines[:-1], f"{lines[-1]}  # {comment}"] if comment else lines


def _inside(key: str, value: Any, comment: str) -> list[str]:
    (line,) = dump_yaml({key: value}).splitlines()
    return [f"  {line:22} # {comment}"]
