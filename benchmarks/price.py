"""The price of adversarial training, beside that of plain fine-tuning with a well-set `transformers.Trainer`.

    python benchmarks/price.py [--data FOLDER_OF_CORPORA] [--parts PART …] [--output benchmarks/price.json]

Trainer runs in bf16 where the hardware has it, with batches grouped by length. Every run is a process of its own, and
rounds go through all contenders in turn; reported are medians over rounds of the ratio within a round, so that noise
that lasts longer than a run cancels. What was measured on other kinds of processors stays in the file.

Parts:
- `ncbi-disease`, `chemprot`, `demo` (which is packaged), each with minilm, its entities;
- the same with `base`: an encoder of the size of PubMedBERT with random weights, time only;
- `memory`: of all attacks;
- `law`: seconds against counted forward passes over p and S;
- `f1`: test F1 of standard training on all of ncbi-disease, Trainer's and ours, five seeds, same settings.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from training import machine, processor, ratio

PEER = "Trainer"
PGD = {"name": "pgd", "epsilon": 0.3, "steps": 3}
ALWAYS = {"p": 1}
CONTENDERS: dict[str, dict[str, Any]] = {
    "standard": {},
    "fgm": {"attack": {"name": "fgm", "epsilon": 0.3}, "rat": ALWAYS},
    "pgd": {"attack": PGD, "rat": ALWAYS},
    "pgd rat": {"attack": PGD, "rat": {"p": 0.5, "gate": "exact"}},  # so that half is half in few batches, too
}
MORE: dict[str, dict[str, Any]] = {
    "fgsm": {"attack": {"name": "fgsm", "epsilon": 0.005}, "rat": ALWAYS},
    "freelb": {"attack": PGD | {"name": "freelb"}, "rat": ALWAYS},
    "smart": {"attack": PGD | {"name": "smart"}, "rat": ALWAYS},
    "carry": {"attack": {"name": "carry", "epsilon": 0.3}, "rat": {"p": 0.5}},
    "topk": {"attack": {"name": "topk", "epsilon": 0.3}, "rat": ALWAYS},
}
"""Whose memory is compared, too."""

BOUNDS = {"standard": 0.55, "fgm": 1.0, "pgd": 1.7, "pgd rat": 1.0}
"""The most seconds, as a share of Trainer's."""

MEMORY = dict.fromkeys((*CONTENDERS, *MORE), 1.1) | {"smart": 1.5, "carry": 1.3}
"""The most memory, as a share of standard training's."""

SIZES = {"ncbi-disease": 640, "chemprot": 320, "demo": 320, "ncbi-disease base": 64, "demo base": 64}
"""Part → sentences to train on."""

SEEDS = range(5)
EPOCHS = 2


def main() -> None:
    """Measure the parts and print how they compare with what is wanted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of corpora, for all parts but those of the packaged demo")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path, help="write the figures as JSON; what is not measured stays as it is")
    parser.add_argument("--only", type=json.loads, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.only:
        print(json.dumps(measure(chosen.data, **chosen.only)))
        return

    def start(**what: Any) -> dict[str, float]:
        where = ["--data", str(chosen.data)] if chosen.data else []
        command = [sys.executable, __file__, *where, "--only", json.dumps(what)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        measured = dict(json.loads(done.stdout.splitlines()[-1]))
        print(f"{what}: {measured}", file=sys.stderr, flush=True)
        return measured

    kinds = json.loads(chosen.output.read_text()) if chosen.output and chosen.output.exists() else {}
    kind = processor()
    found = kinds.setdefault(kind, {})
    for part in chosen.parts:
        found[part] = {**PARTS[part](part, start, chosen.rounds), "machine": machine()}
        print(f"{kind}: {part}")
        report(part, found[part])
        if chosen.output:
            chosen.output.write_text(json.dumps(kinds, indent=2) + "\n")


def seconds(part: str, start: Callable[..., dict[str, float]], rounds: int) -> dict[str, Any]:
    """Seconds of all contenders in turn, as shares of Trainer's."""
    with tempfile.TemporaryDirectory() as folder:
        corpus, _, base = part.partition(" ")
        what = {"corpus": corpus, "sentences": SIZES[part]}
        if base:
            what["model"] = large_encoder(Path(folder))
        names = (PEER, *CONTENDERS)
        runs: dict[str, list[dict[str, float]]] = {name: [] for name in names}
        for _ in range(rounds):
            for name in names:
                runs[name].append(start(name=name, **what))
    shares = {name: ratio(runs, name, PEER, "seconds") for name in CONTENDERS}
    return {"sentences": SIZES[part], "rounds": rounds, "seconds": shares, "runs": runs}


def memory(part: str, start: Callable[..., dict[str, float]], rounds: int) -> dict[str, Any]:
    """Peak memory of every attack on ncbi-disease, as a share of standard training's."""
    names = (*CONTENDERS, *MORE)
    used = {name: start(name=name, corpus="ncbi-disease", sentences=480)["memory"] for name in names}
    return {"memory": {name: value / used["standard"] for name, value in used.items()}, "mebibytes": used}


def law(part: str, start: Callable[..., dict[str, float]], rounds: int) -> dict[str, Any]:
    """Seconds against counted forward-equivalents: a line through all shares p and steps S, and its R².

    Of sentences about as long as most, so that it does not matter which batches are attacked; medians of three rounds.
    """
    grid = [(steps, p) for steps in (1, 3, 5) for p in (0, 0.25, 0.5, 0.75, 1)]
    runs: dict[tuple[int, float], list[dict[str, float]]] = {point: [] for point in grid}
    for _ in range(min(rounds, 3)):
        for steps, p in grid:
            own = {"attack": PGD | {"steps": steps}, "rat": {"p": p, "gate": "exact"}}
            what = {"name": f"S={steps} p={p}", "own": own, "corpus": "ncbi-disease", "sentences": 256, "alike": True}
            runs[steps, p].append(start(**what))
    xs = [found[0]["xfp"] for found in runs.values()]
    ys = [statistics.median(run["seconds"] for run in found) for found in runs.values()]
    points = [{"S": steps, "p": p, "xfp": x, "seconds": y} for (steps, p), x, y in zip(grid, xs, ys, strict=True)]
    slope, base = statistics.linear_regression(xs, ys)
    return {"points": points, "slope": slope, "base": base, "r2": statistics.correlation(xs, ys) ** 2}


def f1(part: str, start: Callable[..., dict[str, float]], rounds: int) -> dict[str, Any]:
    """Test F1 of standard training on all of ncbi-disease with the same settings: Trainer's and ours."""
    scores: dict[str, list[float]] = {PEER: [], "standard": []}
    for seed in SEEDS:
        for name, found in scores.items():
            found.append(start(name=name, corpus="ncbi-disease", sentences=None, epochs=EPOCHS, seed=seed)["f1"])
    means = {name: statistics.mean(found) for name, found in scores.items()}
    error = {name: statistics.stdev(found) / len(found) ** 0.5 for name, found in scores.items()}
    return {"epochs": EPOCHS, "scores": scores, "mean": means, "standard_error": error}


PARTS: dict[str, Callable[..., dict[str, Any]]] = {
    **dict.fromkeys(SIZES, seconds),
    "memory": memory,
    "law": law,
    "f1": f1,
}


def report(part: str, found: dict[str, Any]) -> None:
    """Print what came out beside what is wanted."""
    if part == "law":
        print(f"  R² {found['r2']:.4f} (wanted: ≥ 0.98), {found['slope']:.3f} s a forward pass")
    elif part == "f1":
        for name, mean in found["mean"].items():
            print(f"  {name:10} {100 * mean:.2f} ± {100 * found['standard_error'][name]:.2f} (standard error)")
    elif part == "memory":
        for name, share in found["memory"].items():
            print(f"  {name:10} {share:.2f} of standard training's memory (wanted: ≤ {MEMORY[name]})")
    else:
        for name, share in found["seconds"].items():
            print(f"  {name:10} {share:.2f} of Trainer's seconds (wanted: ≤ {BOUNDS[name]})")


def table(kinds: dict[str, Any]) -> str:
    """Seconds as shares of Trainer's, as the Markdown table that docs/results.md shows."""
    lines = [
        f"| processor | corpus | {' | '.join(CONTENDERS)} |",
        f"| --- | --- | {' | '.join('---:' for _ in CONTENDERS)} |",
    ]
    for kind, parts in kinds.items():
        for part in SIZES:
            if part in parts:
                shares = (f"{parts[part]['seconds'][name]:.2f}" for name in CONTENDERS)
                lines.append(f"| {kind} | {part} | {' | '.join(shares)} |")
    return "\n".join(lines)


def measure(
    data: Path | None,
    *,
    name: str,
    corpus: str,
    sentences: int | None,
    model: str = "minilm",
    epochs: int = 1,
    seed: int = 0,
    own: dict[str, Any] | None = None,
    alike: bool = False,
) -> dict[str, float]:
    """Train in this process: seconds, peak memory in MiB, forward-equivalents; on all sentences F1, too."""
    from transformers import set_seed

    from ranat import corpora
    from ranat.models.loading import load_tokenizer, quiet_libraries
    from ranat.models.precision import autocast, resolve_precision
    from ranat.runs.settings import read_settings
    from ranat.tasks.ner import NER

    quiet_libraries()
    read = corpora.load(corpus, data)
    task = NER.for_corpus(read, load_tokenizer(model), 512)
    encoded = task.encode(read.splits["train"])
    if alike:
        middle = statistics.median(encoded.lengths)
        features = sorted(encoded.features, key=lambda feature: abs(len(feature["input_ids"]) - middle))
        encoded = replace(encoded, features=features)
    encoded = replace(encoded, features=encoded.features[:sentences])
    train = {"epochs": epochs, "seed": seed, "precision": resolve_precision("auto")}
    configuration = {} if name == PEER else CONTENDERS.get(name) or MORE.get(name) or own or {}
    settings = read_settings(
        flags={"corpus": corpus, "task": "ner", "model": model, "train": train, **configuration}
    ).for_task("ner")
    set_seed(seed)
    network = task.new_model(model)
    with tempfile.TemporaryDirectory() as folder:
        make = peer if name == PEER else ours
        trainer = make(settings, network, encoded, task, folder)
        began = time.perf_counter()
        trainer.train()
        took = time.perf_counter() - began
    measured = {"seconds": took, "memory": peak(), "xfp": 3 * trainer.state.global_step}
    if name != PEER:
        measured["xfp"] = trainer.step.cost.xfp
    if sentences is None:
        with autocast(settings.train.precision):
            found = task.predict(network, read.splits["test"])
        measured["f1"] = task.score(read.splits["test"], found)["f1"]
    return measured


def peer(settings: Any, model: Any, encoded: Any, task: Any, folder: str) -> Any:
    """`transformers.Trainer` as those set it who have read its documentation, with the same optimisation."""
    import torch
    from transformers import DataCollatorForTokenClassification, Trainer, TrainingArguments

    chosen = settings.train
    rows = [{name: row[name] for name in ("input_ids", "labels")} for row in encoded.features]
    args = TrainingArguments(
        output_dir=folder,
        per_device_train_batch_size=chosen.batch_size,
        num_train_epochs=chosen.epochs,
        learning_rate=chosen.learning_rate,
        warmup_steps=chosen.warmup,
        weight_decay=chosen.weight_decay,
        bf16=chosen.precision == "bf16",
        use_cpu=not torch.cuda.is_available(),
        train_sampling_strategy="group_by_length",
        seed=chosen.seed,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
    model.set_attn_implementation("sdpa")  # as transformers chooses by itself
    collator = DataCollatorForTokenClassification(task.tokenizer)
    return Trainer(model=model, args=args, train_dataset=rows, data_collator=collator)


def ours(settings: Any, model: Any, encoded: Any, task: Any, folder: str) -> Any:
    """What `ranat train` runs, without evaluation and saving."""
    from ranat.runs.folder import RunFolder
    from ranat.training.runtrainer import RunTrainer

    trainer = RunTrainer(settings, RunFolder(Path(folder)), task, model, encoded, [], None)
    trainer.args.eval_strategy = trainer.args.save_strategy = "no"
    return trainer


def large_encoder(folder: Path) -> str:
    """An encoder with PubMedBERT's sizes and random weights, and minilm's vocabulary, which has as many words."""
    from transformers import BertConfig, BertModel

    from ranat.models.loading import load_tokenizer

    BertModel(BertConfig(vocab_size=30522)).save_pretrained(folder)
    load_tokenizer("minilm").save_pretrained(folder)
    return str(folder)


def peak() -> float:
    """The most memory this process had, on its device, in MiB; not its parent's, which ru_maxrss begins with."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**20
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


if __name__ == "__main__":
    main()
