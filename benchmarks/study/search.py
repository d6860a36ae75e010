"""The search for settings that precedes the study: on dev, with a sample of train and a seed that the study never uses.

python benchmarks/study/search.py ncbi-disease --data FOLDER --out results/study --jobs 2

Learning rate of standard training first, then the radius of each training with that rate, as docs/study.md plans it.
Each trial is a run folder under OUT/search/CORPUS/, so an interrupted search goes on; test is never read. Writes
OUT/search-CORPUS.json, and the grid of the study with what was chosen as OUT/CORPUS.yaml.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import torch

from ranat.disk import write_atomically
from ranat.plainyaml import dump_yaml
from ranat.runs.folder import RunFolder
from ranat.runs.nested import merge
from ranat.runs.settings import read_settings
from ranat.training.run import train

RATES = (1e-4, 2e-4, 4e-4)
RADII = (0.02, 0.04, 0.08)
"""ε relative to ‖x‖."""
SAMPLE, SEED = 1, 100

COMMON: dict[str, dict[str, Any]] = {
    "ncbi-disease": {"train": {"fraction": 0.2765, "epochs": 6}},
    "bc5-chem": {"train": {"fraction": 0.3289, "epochs": 6}},
    "bc5-disease": {"train": {"fraction": 0.3289, "epochs": 6}},
    "bc2gm": {"train": {"fraction": 0.1193, "epochs": 6}},
    "chemprot": {"train": {"fraction": 0.1, "epochs": 6, "batch_size": 16}, "relation": {"representation": "entity"}},
    "ddi": {"train": {"fraction": 0.1, "epochs": 6, "batch_size": 16}, "relation": {"representation": "entity"}},
}
"""1,500 sentences of an NER corpus; a tenth of the documents of a relation corpus."""

TRAININGS: dict[str, dict[str, Any]] = {
    "fgm": {"attack": {"name": "fgm"}, "rat": {"gate": "always"}},
    "carry": {"attack": {"name": "carry"}, "rat": {"gate": "bernoulli", "p": 0.5}},
}


def main() -> None:
    """Search, and write what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", choices=COMMON)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--jobs", type=int, default=1, help="trials at a time, which share the processors")
    options = parser.parse_args()
    with workers(options.jobs) as pool:

        def trials(changes: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
            """Name of a trial → what came out."""
            folders = [options.out / "search" / options.corpus / name for name in changes]
            corpora, data = [options.corpus] * len(changes), [options.data] * len(changes)
            found = pool.map(trial, folders, corpora, data, changes.values())
            return dict(zip(changes, found, strict=True))

        rates = {f"standard-{rate:g}": {"train": {"learning_rate": rate}} for rate in RATES}
        found = trials(rates)
        best = rates[_best(found)]
        radii = {f"{name}-{epsilon:g}": radius(name, epsilon, best) for name in TRAININGS for epsilon in RADII}
        found |= trials(radii)
    chosen = best["train"] | {
        name: radii[_best({one: found[one] for one in radii if one.startswith(name)})]["attack"]["epsilon"]
        for name in TRAININGS
    }
    tried = [{"trial": name, **result} for name, result in found.items()]
    result = {"corpus": options.corpus, "sample": SAMPLE, "seed": SEED, "trials": tried, "chosen": chosen}
    write_atomically(options.out / f"search-{options.corpus}.json", json.dumps(result, indent=1) + "\n")
    write_atomically(options.out / f"{options.corpus}.yaml", dump_yaml(grid(options.corpus, chosen)))
    print(json.dumps(chosen))


def radius(name: str, epsilon: float, common: dict[str, Any]) -> dict[str, Any]:
    """The settings of a training with that radius."""
    return merge(merge(TRAININGS[name], common), {"attack": {"epsilon": epsilon, "epsilon_unit": "relative"}})


def workers(jobs: int) -> ProcessPoolExecutor:
    """So many processes, which share the processors."""
    threads, spawn = max(torch.get_num_threads() // jobs, 1), multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(jobs, spawn, initializer=torch.set_num_threads, initargs=(threads,))


def trial(folder: Path, corpus: str, data: Path, changes: dict[str, Any]) -> dict[str, Any]:
    """Train with the changes, or go on with it, in a run folder that keeps no model: dev F1 and counted cost."""
    run = RunFolder(folder)
    if not run.finished:
        fixed = {"train": {"sample": SAMPLE, "seed": SEED, "keep": "last"}}
        values = merge(merge({"corpus": corpus, "model": "minilm"}, fixed), merge(COMMON[corpus], changes))
        train(read_settings(flags=values), folder, data=data, resume=True, test=False)
    run.drop_model()
    found = {"dev_f1": round(run.metrics()["dev"]["f1"], 4), "cost": run.cost()["xfp"]}
    print(f"{folder.name}: {found}", file=sys.stderr, flush=True)
    return {**changes, **found}


def _best(found: dict[str, dict[str, Any]]) -> str:
    return max(found, key=lambda name: found[name]["dev_f1"])


def grid(corpus: str, chosen: dict[str, Any]) -> dict[str, Any]:
    """The trainings of the plan, with the chosen settings, as `ranat reproduce` reads them."""
    common = merge(COMMON[corpus], {"train": {"learning_rate": chosen["learning_rate"], "keep": "last"}})

    def attacked(name: str, radius: float, **rat: Any) -> dict[str, Any]:
        return {"attack": {"name": name, "epsilon": radius, "epsilon_unit": "relative"}, "rat": rat}

    half = {"gate": "bernoulli", "p": 0.5}
    rows = {
        "standard": {},
        "AT-FGM": attacked("fgm", chosen["fgm"], gate="always"),
        "RAT-FGM": attacked("fgm", chosen["fgm"], **half),
        "carry": attacked("carry", chosen["carry"], **half),
        "noise": attacked("noise", chosen["fgm"], gate="always"),
        "standard, twice the epochs": {"train": {"epochs": 2 * common["train"]["epochs"]}},
    }
    return {
        "title": f"Adversarial training on {corpus}: the study",
        "corpora": [corpus],
        "model": "minilm",
        "seeds": list(range(10)),
        **common,
        "rows": [{"name": name, **values} for name, values in rows.items()],
    }


if __name__ == "__main__":
    main()
