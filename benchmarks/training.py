"""What training costs: our standard, adversarial and random adversarial training beside `transformers.Trainer`.

    python benchmarks/training.py --data FOLDER_OF_CORPORA [--f1] [--output benchmarks/training.json]

Every measurement is a process of its own (so peak memory is its own), all take the same sentences of ncbi-disease with
minilm, and rounds go through all of them in turn. Reported is the median over rounds of the ratio within a round, so
that noise that lasts longer than a run cancels. `Trainer` runs as its token-classification example does: its default
settings, padding to the longest, no grouping. `--f1` first trains on the whole corpus for six epochs and reports strict
test F1.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PGD = {"name": "pgd", "epsilon": 0.3, "steps": 3}
CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "standard": {},
    "fgsm": {"attack": {"name": "fgsm", "epsilon": 0.005}, "rat": {"p": 1}},
    "fgm": {"attack": {"name": "fgm", "epsilon": 0.3}, "rat": {"p": 1}},
    "pgd": {"attack": PGD, "rat": {"p": 1}},
    "pgd rat": {"attack": PGD, "rat": {"p": 0.5, "gate": "exact"}},  # so that half is half in so few batches, too
    "freelb": {"attack": PGD | {"name": "freelb"}, "rat": {"p": 1}},
    "smart": {"attack": PGD | {"name": "smart"}, "rat": {"p": 1}},
}
PEER = "Trainer"
BOUNDS = {
    "Trainer / standard, seconds": (2.0, "at least"),
    "pgd / standard, seconds": (3.3, "at most"),
    "pgd rat / standard, seconds": (2.2, "at most"),
    **{f"{name} / standard, memory": (1.2, "at most") for name in ("fgsm", "fgm", "pgd", "pgd rat", "freelb")},
}


def main() -> None:
    """Measure all configurations in turn and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of corpora")
    parser.add_argument("--sentences", type=int, default=640)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--f1", action="store_true", help="also train six epochs on the whole corpus")
    parser.add_argument("--output", type=Path, help="write the figures as JSON")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.only:
        measured = (
            full_training(chosen.data) if chosen.only == "f1" else measure(chosen.only, chosen.data, chosen.sentences)
        )
        print(json.dumps(measured))
        return

    def start(name: str) -> dict[str, float]:
        command = [sys.executable, __file__, "--data", str(chosen.data), "--sentences", str(chosen.sentences)]
        done = subprocess.run([*command, "--only", name], stdout=subprocess.PIPE, text=True, check=True)
        return dict(json.loads(done.stdout.splitlines()[-1]))

    result: dict[str, Any] = {"machine": machine(), "sentences": chosen.sentences, "rounds": chosen.rounds}
    if chosen.f1:
        result["f1"] = start("f1")
        print(f"strict test F1 after {result['f1']['epochs']:g} epochs: {result['f1']['test']:.4f} (wanted: ≥ 0.82)")
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in (PEER, *CONFIGURATIONS)}
    for number in range(chosen.rounds):
        for name, measured in runs.items():
            measured.append(start(name))
            print(
                f"round {number + 1}: {name}: {measured[-1]['seconds']:.1f} s, {measured[-1]['memory']:.0f} MiB",
                file=sys.stderr,
            )
    median = {
        name: {key: statistics.median(run[key] for run in measured) for key in ("seconds", "memory", "xfp")}
        for name, measured in runs.items()
    }
    ratios = {f"{PEER} / standard, seconds": ratio(runs, PEER, "standard", "seconds")}
    for key in ("seconds", "memory", "xfp"):
        ratios |= {
            f"{name} / standard, {key}": ratio(runs, name, "standard", key)
            for name in CONFIGURATIONS
            if name != "standard"
        }
    for name, value in ratios.items():
        bound, kind = BOUNDS.get(name, (0.0, ""))
        print(f"{name:32} {value:5.2f}" + (f"  (wanted: {kind} {bound})" if kind else ""))
    result |= {"median": median, "ratios": ratios, "runs": runs}
    print(f"\n{table(result)}")
    if chosen.output:
        chosen.output.write_text(json.dumps(result, indent=2) + "\n")


def table(result: dict[str, Any]) -> str:
    """The ratios as the Markdown table that docs/results.md shows."""
    lines = [
        "| training | counted cost | seconds | peak memory |",
        "| --- | ---: | ---: | ---: |",
        "| standard | 1.00 | 1.00 | 1.00 |",
    ]
    for name in CONFIGURATIONS:
        if name != "standard":
            cells = (f"{result['ratios'][f'{name} / standard, {key}']:.2f}" for key in ("xfp", "seconds", "memory"))
            lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def ratio(runs: dict[str, list[dict[str, float]]], name: str, to: str, key: str) -> float:
    """The median over rounds of the ratio within a round: noise that lasts longer than a run cancels."""
    return statistics.median(one[key] / other[key] for one, other in zip(runs[name], runs[to], strict=True))


def measure(name: str, data: Path, sentences: int) -> dict[str, float]:
    """Train one epoch in this process: seconds of training, peak memory in MiB, forward-equivalents."""
    from ranat import corpora
    from ranat.models.loading import load_tokenizer, quiet_libraries
    from ranat.tasks.ner import NER

    quiet_libraries()
    corpus = corpora.load("ncbi-disease", data)
    tokenizer = load_tokenizer("minilm")
    task = NER.for_corpus(corpus, tokenizer, 512)
    encoded = task.encode(corpus.splits["train"][:sentences])
    model = task.new_model("minilm")
    with tempfile.TemporaryDirectory() as folder:
        trainer = peer(model, encoded, tokenizer, folder) if name == PEER else ours(name, model, encoded, task, folder)
        started = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - started
    xfp = 3 * trainer.state.global_step if name == PEER else trainer.step.cost.xfp
    return {"seconds": seconds, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "xfp": xfp}


def peer(model: Any, encoded: Any, tokenizer: Any, folder: str) -> Any:
    """`transformers.Trainer` with its defaults."""
    from transformers import DataCollatorForTokenClassification, Trainer, TrainingArguments

    rows = [{name: row[name] for name in ("input_ids", "labels")} for row in encoded.features]
    args = TrainingArguments(
        output_dir=folder, per_device_train_batch_size=32, num_train_epochs=1, learning_rate=2e-4, warmup_steps=0.1,
        weight_decay=0.01, save_strategy="no", report_to="none", disable_tqdm=True,
    )  # fmt: skip
    return Trainer(
        model=model, args=args, train_dataset=rows, data_collator=DataCollatorForTokenClassification(tokenizer)
    )


def ours(name: str, model: Any, encoded: Any, task: Any, folder: str) -> Any:
    """What `ranat train` runs, without evaluation and saving."""
    from ranat.models.precision import resolve_precision
    from ranat.runs.folder import RunFolder
    from ranat.runs.settings import read_settings
    from ranat.training.runtrainer import RunTrainer

    train = {"epochs": 1, "precision": resolve_precision("auto")}
    settings = read_settings(
        flags={"corpus": "ncbi-disease", "model": "minilm", "train": train, **CONFIGURATIONS[name]}
    )
    trainer = RunTrainer(settings, RunFolder(Path(folder)), task, model, encoded, [], None)
    trainer.args.eval_strategy = trainer.args.save_strategy = "no"
    return trainer


def full_training(data: Path) -> dict[str, float]:
    """Strict F1 of standard training with the defaults, six epochs on the whole corpus."""
    from rich.console import Console

    from ranat.runs.settings import read_settings
    from ranat.training.run import train

    settings = read_settings(flags={"corpus": "ncbi-disease", "model": "minilm", "train": {"epochs": 6}})
    with tempfile.TemporaryDirectory() as folder:
        metrics = train(settings, Path(folder) / "run", data=data, console=Console(stderr=True))
    return {"epochs": 6, "dev": metrics["dev"]["f1"], "test": metrics["test"]["f1"]}


def machine() -> dict[str, Any]:
    """What it was measured on."""
    import torch
    import transformers

    return {
        "processor": processor(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }


def processor() -> str:
    """The kind of device: its name and the instructions that matter."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    values = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    flags = [flag for flag in ("avx2", "avx512_bf16", "amx_bf16") if flag in values.get("flags", "").split()]
    return f"{values.get('model name', 'unknown')}, {' '.join(flags) or 'none of the known instructions'}"


if __name__ == "__main__":
    main()
