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
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from transformers import set_seed
from transformers.trainer_utils import SaveStrategy

from ranat import corpora
from ranat.disk import write_atomically
from ranat.documents import Document
from ranat.evaluation.significance import student_interval
from ranat.experiments.report.figure import Plot, panels
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
    parser.add_argument("--draw", action="store_true", help="only draw what is measured already")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "ranat-active")
    parser.add_argument("--output", type=Path, default=Path("results/active.json"))
    chosen = parser.parse_args()
    quiet_libraries()
    points: list[dict[str, Any]] = []
    if chosen.output.is_file():
        points = json.loads(chosen.output.read_text(encoding="utf-8"))["points"]
    corpus = None if chosen.draw else corpora.load(CORPUS, chosen.data)
    for seed in range(0 if chosen.draw else chosen.seeds):
        for strategy in chosen.strategies:
            for point in simulate(corpus, seed, strategy, points, chosen.work):
                points.append(point)
                write(chosen.output, points)
                print(json.dumps(point | {"annotated": len(point["annotated"])}), file=sys.stderr, flush=True)
    write(chosen.output, points)
    draw(points, chosen.output.with_suffix(".svg"))


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
        if name in done:  # measured, but its model is gone
            annotated = done[name]["annotated"]
        elif round == 0:
            annotated = [str(id) for id in draw.permutation(list(train))[:BATCH]]
        else:
            left = [str(id) for id in draw.permutation([id for id in train if id not in annotated])[:DRAWN]]
            annotated = [*annotated, *ordered(strategy, [train[id] for id in left], before)[:BATCH]]
        task, model = trained([train[id] for id in annotated], corpus, seed, before if round else None)
        model.save_pretrained(work / f"{seed}-{name}")
        task.tokenizer.save_pretrained(work / f"{seed}-{name}")
        if name in done:
            continue
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
    said = ",\n".join(f"    {json.dumps(row)}" for row in summary(points))
    output.parent.mkdir(parents=True, exist_ok=True)
    text = f'{{\n  "settings": {told},\n  "summary": [\n{said}\n  ],\n  "points": [\n{lines}\n  ]\n}}\n'
    write_atomically(output, text)


def summary(points: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of each strategy and round beside random order, on the seeds that have both: F1 gained, and documents needed.

    "needed" is how many documents a strategy takes, between rounds on a straight line, to the F1 that random order has
    with "documents"; where it never gets there the seed does not count, and "seeds_needed" says how many do.
    """
    curves: dict[tuple[int, str], dict[int, float]] = defaultdict(dict)
    for point in points:
        names = STRATEGIES if point["name"] == "first" else (point["strategy"],)
        for name in names:
            curves[point["seed"], name][point["documents"]] = point["f1"]
    rows = []
    for strategy in STRATEGIES:
        for documents in sorted({size for curve in curves.values() for size in curve} - {BATCH}):
            pairs = [
                (curve, curves[seed, "random"])
                for (seed, name), curve in curves.items()
                if name == strategy != "random" and documents in curve and documents in curves[seed, "random"]
            ]
            if not pairs:
                continue
            gains = [curve[documents] - other[documents] for curve, other in pairs]
            needed = [size for curve, other in pairs if (size := reaches(curve, other[documents])) is not None]
            ends = student_interval(gains) if len(gains) > 1 else (None, None)
            rows.append(
                {
                    "strategy": strategy,
                    "documents": documents,
                    "seeds": len(pairs),
                    "f1": round_to(fmean(curve[documents] for curve, _ in pairs)),
                    "f1_random": round_to(fmean(other[documents] for _, other in pairs)),
                    "gain": round_to(fmean(gains)),
                    "interval": [None if end is None else round_to(end) for end in ends],
                    "needed": round_to(fmean(needed), 1) if needed else None,
                    "seeds_needed": len(needed),
                }
            )
    return rows


def table(result: dict[str, Any]) -> str:
    """The strategies beside random order, as Markdown."""
    rows = [
        "| first | abstracts | seeds | F1 | in random order | gain | reached at |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in result["summary"]:
        low, high = row["interval"]
        interval = "" if low is None else f" [{100 * low:+.1f}, {100 * high:+.1f}]"
        reached = "never" if row["needed"] is None else f"{row['needed']:.0f}"
        gain = f"{100 * row['gain']:+.1f}{interval}"
        scores = f"{100 * row['f1']:.1f} | {100 * row['f1_random']:.1f} | {gain}"
        rows.append(f"| {row['strategy']} | {row['documents']} | {row['seeds']} | {scores} | {reached} |")
    return "\n".join(rows)


def reaches(curve: dict[int, float], f1: float) -> float | None:
    """The number of documents at which a curve first has an F1."""
    sizes = sorted(curve)
    if curve[sizes[0]] >= f1:
        return sizes[0]
    for one, other in pairwise(sizes):
        if curve[one] < f1 <= curve[other]:
            return one + (other - one) * (f1 - curve[one]) / (curve[other] - curve[one])
    return None


def draw(points: Sequence[dict[str, Any]], out: Path) -> None:
    """F1 by documents and by characters: a thin line a seed, a thick one their mean."""
    styles = {"least": ("least sure mention first", "o-"), "mean": ("least sure on average first", "^-."),
              "random": ("random order", "s--")}  # fmt: skip
    known = [name for name in STRATEGIES if any(point["strategy"] == name for point in points)]
    seeds = sorted({point["seed"] for point in points})
    first = {point["seed"]: point for point in points if point["name"] == "first"}
    with panels(2, sharey=True) as (figure, axes):
        for axis, what, times in zip(axes, ("documents", "characters"), (1, 1000), strict=True):
            for name in known:
                curves = [
                    [
                        first[seed],
                        *(one for one in points if one["seed"] == seed and one["name"].startswith(f"{name}-")),
                    ]
                    for seed in seeds
                ]
                label, style = styles[name]
                for curve in curves:
                    places = [point[what] / times for point in curve]
                    axis.plot(places, [100 * point["f1"] for point in curve], style[1:], color="#999999", linewidth=0.8)
                means = [curve for curve in zip(*curves, strict=False) if len(curve) == len(seeds)]
                places = [fmean(point[what] for point in row) / times for row in means]
                scores = [100 * fmean(point["f1"] for point in row) for row in means]
                axis.plot(places, scores, style, color="black", label=label)
            axis.set_xlabel("annotated abstracts" if what == "documents" else "annotated text, thousands of characters")
            axis.set_ylabel("test F1 (%)")
        axes[0].legend(loc="lower right")
    title = f"{CORPUS}, minilm, {len(seeds)} seed{'s' if len(seeds) > 1 else ''}: which documents are corrected first"
    text = "A thin line a seed, a thick one their mean over seeds."
    write_atomically(out, Plot("active", title, text, figure).svg())


if __name__ == "__main__":
    main()
