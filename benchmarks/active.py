"""Does correcting the most uncertain documents first need fewer of them? Simulated: gold plays the annotator.

    python benchmarks/active.py [--data FOLDER_OF_CORPORA] [--seeds 5] [--output results/active.json]

The corpus is `ncbi-disease/original`, whose documents are abstracts; the model is `minilm`. A seed draws a pool of 300
abstracts of train, and 30 of them to begin with. Each round the model tags what is left of the pool, the next 30
documents get their gold annotations, and `minilm` is trained anew on all that are annotated, always for the same number
of steps: no point depends on a choice by dev or test. "uncertain" takes the documents whose least sure mention has the
lowest score, documents without a mention last, as the page for corrections does; "random" draws. Both share the
beginning, its model included. Strict F1 on all abstracts of test is reported after each round.

Each point is written at once, so that the same command goes on after an interruption.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from transformers import set_seed
from transformers.trainer_utils import SaveStrategy

from ranat import corpora
from ranat.disk import write_atomically
from ranat.documents import Document
from ranat.models.loading import load_config, load_tokenizer, quiet_libraries, window_size
from ranat.models.precision import autocast
from ranat.runs.folder import RunFolder
from ranat.runs.settings import Settings, read_settings
from ranat.tasks import NER
from ranat.training.prepare import with_precision
from ranat.training.runtrainer import RunTrainer

CORPUS = "ncbi-disease/original"
POOL, BATCH, ROUNDS, STEPS, SENTENCES = 300, 30, 5, 120, 16
STRATEGIES = ("uncertain", "random")


def main() -> None:
    """Measure the points that are missing, and say what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of corpora; default: as everywhere")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--output", type=Path, default=Path("results/active.json"))
    chosen = parser.parse_args()
    quiet_libraries()
    points: list[dict[str, Any]] = []
    if chosen.output.is_file():
        points = json.loads(chosen.output.read_text(encoding="utf-8"))["points"]
    corpus = corpora.load(CORPUS, chosen.data)
    for seed in range(chosen.seeds):
        for point in simulate(corpus, seed, points):
            points.append(point)
            write(chosen.output, points)
            print(json.dumps({**point, "chosen": len(point["chosen"])}), file=sys.stderr, flush=True)


def simulate(corpus: corpora.Corpus, seed: int, known: Sequence[dict[str, Any]]) -> Any:
    """The points of a seed that are not known yet, one after the other."""
    draw = np.random.default_rng(seed)
    train = {document.id: document for document in corpus.splits["train"]}
    pool = [str(id) for id in draw.permutation(list(train))[:POOL]]
    done = {(point["strategy"], point["documents"]): point for point in known if point["seed"] == seed}
    for strategy in STRATEGIES:
        annotated = pool[:BATCH]
        for round in range(ROUNDS + 1):
            size = BATCH * (round + 1)
            point = done.get((strategy, size))
            if point is None and round == 0 and (first := done.get((STRATEGIES[0], size))):
                point = {**first, "strategy": strategy}
                yield point
            if point is None:
                began = time.perf_counter()
                task, model = trained([train[id] for id in annotated], corpus, seed)
                with autocast(settings(seed).train.precision):
                    scores = task.score(corpus.splits["test"], task.predict(model, corpus.splits["test"]))
                    left = [train[id] for id in pool if id not in annotated]
                    order = ordered(strategy, left, task, model, seed, round)
                point = {
                    "seed": seed,
                    "strategy": strategy,
                    "documents": size,
                    "characters": sum(len(train[id].text) for id in annotated),
                    "mentions": sum(len(train[id].entities) for id in annotated),
                    **{name: round_to(scores[name]) for name in ("precision", "recall", "f1")},
                    "chosen": order[:BATCH],
                    "seconds": round_to(time.perf_counter() - began, 1),
                }
                yield point
                done[strategy, size] = point
            following = point["chosen"]
            if strategy == "random" and round == 0:  # the model is shared, what it chose is not
                following = ordered(strategy, [train[id] for id in pool if id not in annotated], None, None, seed, 0)
            annotated = [*annotated, *following[:BATCH]]


def ordered(strategy: str, left: Sequence[Document], task: Any, model: Any, seed: int, round: int) -> list[str]:
    """The ids of documents, those that a person is to look at first before all others."""
    if strategy == "random":
        return [str(id) for id in np.random.default_rng([seed, round]).permutation([document.id for document in left])]
    found = task.predict(model, left)
    return [document.id for document in sorted(found, key=sureness)]


def sureness(document: Document) -> float:
    """The score of the least sure mention; without a mention there is nothing to be unsure of."""
    return min((entity.score for entity in document.entities if entity.score is not None), default=1.0)


def settings(seed: int) -> Settings:
    """Those of every training."""
    train = {"seed": seed, "max_steps": STEPS, "batch_size": SENTENCES, "keep": "last"}
    return with_precision(read_settings(flags={"corpus": CORPUS, "model": "minilm", "task": "ner", "train": train}))


def trained(documents: Sequence[Document], corpus: corpora.Corpus, seed: int) -> tuple[NER, Any]:
    """A tagger that was trained on documents; nothing is kept on the disk."""
    chosen = settings(seed)
    tokenizer = load_tokenizer(chosen.model)
    task = NER.for_corpus(corpus, tokenizer, window_size(load_config(chosen.model), tokenizer))
    set_seed(seed)
    with tempfile.TemporaryDirectory() as folder:
        model, examples = task.new_model(chosen.model), task.encode(documents)
        trainer = RunTrainer(chosen, RunFolder(Path(folder)), task, model, examples, (), None)
        trainer.args.save_strategy = SaveStrategy.NO
        trainer.train()
    return task, model


def round_to(value: float, digits: int = 5) -> float:
    """As the file has it."""
    return round(float(value), digits)


def write(output: Path, points: Sequence[dict[str, Any]]) -> None:
    """The points, and what they say."""
    lines = ",\n".join(f"    {json.dumps(point)}" for point in points)
    told = json.dumps({"corpus": CORPUS, "model": "minilm", "pool": POOL, "steps": STEPS, "batch_size": SENTENCES})
    output.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(output, f'{{\n  "settings": {told},\n  "points": [\n{lines}\n  ]\n}}\n')


if __name__ == "__main__":
    main()
