"""Does correcting the most uncertain documents first need fewer of them? Simulated: gold plays the annotator.

    python benchmarks/active.py [--data FOLDER_OF_CORPORA] [--seeds 5] [--output results/active.json]

The corpus is `ncbi-disease/original`, whose documents are abstracts; the model is `minilm`. A seed draws 30 abstracts
of train to begin with, and the model learns from them for four epochs. Each round draws 150 of the abstracts that are
left, the model tags them, the 30 that come first get their gold annotations, and the model goes on for one epoch over
all that are annotated. What comes first is the document with:

- `least`: the lowest score among its mentions, documents without a mention last;
- `mean`: the lowest mean score of its mentions;
- `random`: the luck of the draw.

All begin with the same model and meet the same draws. No point depends on a choice by dev or test; strict F1 on all
abstracts of test is reported after each round. Each point is written at once, its model is kept in the folder of
`--work`, and the same command goes on after an interruption.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean
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
from ranat.tasks import NER, load
from ranat.training.prepare import with_precision
from ranat.training.runtrainer import RunTrainer

CORPUS = "ncbi-disease/original"
BATCH, DRAWN, ROUNDS, FIRST_EPOCHS, SENTENCES = 30, 150, 4, 4, 16
STRATEGIES = ("least", "random", "mean")


def main() -> None:
    """Measure the points that are missing, and say what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of corpora; default: as everywhere")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--strategies", nargs="+", choices=STRATEGIES, default=list(STRATEGIES))
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "ranat-active")
    parser.add_argument("--output", type=Path, default=Path("results/active.json"))
    chosen = parser.parse_args()
    quiet_libraries()
    points: list[dict[str, Any]] = []
    if chosen.output.is_file():
        points = json.loads(chosen.output.read_text(encoding="utf-8"))["points"]
    corpus = corpora.load(CORPUS, chosen.data)
    for seed in range(chosen.seeds):
        for strategy in chosen.strategies:
            for point in simulate(corpus, seed, strategy, points, chosen.work):
                points.append(point)
                write(chosen.output, points)
                print(json.dumps(point | {"annotated": len(point["annotated"])}), file=sys.stderr, flush=True)


def simulate(
    corpus: corpora.Corpus, seed: int, strategy: str, known: Sequence[dict[str, Any]], work: Path
) -> Iterator[dict[str, Any]]:
    """The points of a seed and a strategy that are not known yet, one after the other."""
    train = {document.id: document for document in corpus.splits["train"]}
    for round in range(ROUNDS + 1):
        name = "first" if round == 0 else f"{strategy}-{round}"
        before = work / f"{seed}-{'first' if round == 1 else f'{strategy}-{round - 1}'}"
        done = {point["name"]: point for point in known if point["seed"] == seed}
        if name in done and (round == ROUNDS or (work / f"{seed}-{name}").is_dir()):
            annotated = done[name]["annotated"]
            continue
        began = time.perf_counter()
        draw = np.random.default_rng([seed, round])
        if round == 0:
            annotated = [str(id) for id in draw.permutation(list(train))[:BATCH]]
        else:
            left = [str(id) for id in draw.permutation([id for id in train if id not in annotated])[:DRAWN]]
            annotated = [*annotated, *ordered(strategy, [train[id] for id in left], before)[:BATCH]]
        task, model = trained([train[id] for id in annotated], corpus, seed, before if round else None)
        model.save_pretrained(work / f"{seed}-{name}")
        task.tokenizer.save_pretrained(work / f"{seed}-{name}")
        with autocast(settings(seed).train.precision):
            scores = task.score(corpus.splits["test"], task.predict(model, corpus.splits["test"]))
        yield {
            "name": name,
            "seed": seed,
            "strategy": strategy,
            "documents": len(annotated),
            "characters": sum(len(train[id].text) for id in annotated),
            "mentions": sum(len(train[id].entities) for id in annotated),
            **{measure: round_to(scores[measure]) for measure in ("precision", "recall", "f1")},
            "seconds": round_to(time.perf_counter() - began, 1),
            "annotated": annotated,
        }


def ordered(strategy: str, documents: Sequence[Document], model: Path) -> list[str]:
    """The ids of documents, those that a person is to look at first before all others."""
    if strategy == "random":
        return [document.id for document in documents]
    task, loaded = load(str(model))
    with autocast(settings(0).train.precision):
        found = task.predict(loaded, documents)
    return [document.id for document in sorted(found, key=lambda document: sureness(strategy, document))]


def sureness(strategy: str, document: Document) -> float:
    """How sure the model is of a document; without a mention there is nothing to be unsure of."""
    scores = [entity.score for entity in document.entities if entity.score is not None]
    return 1.0 if not scores else min(scores) if strategy == "least" else fmean(scores)


def settings(seed: int, epochs: int = 1) -> Settings:
    """Those of a training."""
    train = {"seed": seed, "epochs": epochs, "batch_size": SENTENCES, "keep": "last"}
    return with_precision(read_settings(flags={"corpus": CORPUS, "model": "minilm", "task": "ner", "train": train}))


def trained(documents: Sequence[Document], corpus: corpora.Corpus, seed: int, before: Path | None) -> tuple[NER, Any]:
    """A tagger that was trained on documents, beginning with the model of the round before."""
    chosen = settings(seed, 1 if before else FIRST_EPOCHS)
    source = str(before or chosen.model)
    tokenizer = load_tokenizer(source)
    task = NER.for_corpus(corpus, tokenizer, window_size(load_config(source), tokenizer))
    set_seed(seed)
    with tempfile.TemporaryDirectory() as folder:
        model, examples = task.new_model(source), task.encode(documents)
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
    told = json.dumps({"corpus": CORPUS, "model": "minilm", "drawn": DRAWN, "batch_size": SENTENCES})
    output.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(output, f'{{\n  "settings": {told},\n  "points": [\n{lines}\n  ]\n}}\n')


if __name__ == "__main__":
    main()
