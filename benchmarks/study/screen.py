"""Do other trainings at the price of RAT-FGM keep more of FGM's gain? Dev only, the search's sample, seeds of its own.

python benchmarks/study/screen.py ncbi-disease --data FOLDER --out results/study --jobs 2

Needs OUT/search-CORPUS.json, whose learning rate and radii the trainings take. Each trial is a run folder under
OUT/screen/CORPUS/, so an interrupted screening goes on. Writes OUT/screen-CORPUS.json.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from search import COMMON, trial, workers

from ranat.disk import write_atomically
from ranat.runs.nested import merge


def main() -> None:
    """Train them, and write dev F1 and what each gains over FGM, paired by seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", choices=COMMON)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[100, 101, 102], help="at least two")
    parser.add_argument("--jobs", type=int, default=1, help="trials at a time, which share the processors")
    options = parser.parse_args()
    chosen = json.loads((options.out / f"search-{options.corpus}.json").read_text())["chosen"]
    compared = trainings(chosen)
    with workers(options.jobs) as pool:
        trials = {
            (name, seed): pool.submit(
                trial,
                options.out / "screen" / options.corpus / f"{name}-{seed}",
                options.corpus,
                options.data,
                merge(training, {"train": {"learning_rate": chosen["learning_rate"], "seed": seed}}),
            )
            for seed in options.seeds
            for name, training in compared.items()
        }
        found = {name: [trials[name, seed].result() for seed in options.seeds] for name in compared}
    base = [one["dev_f1"] for one in found["FGM"]]
    result = [_line(name, of_seeds, base) for name, of_seeds in found.items()]
    screened = {"corpus": options.corpus, "seeds": options.seeds, "trainings": result}
    write_atomically(options.out / f"screen-{options.corpus}.json", json.dumps(screened, indent=1) + "\n")
    for line in result:
        print(json.dumps(line))


def trainings(chosen: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """FGM, and what costs three quarters of it or half. At weight 1/p the expected loss of RAT is FGM's."""

    def attacked(name: str, radius: float, gate: str = "always", **options: Any) -> dict[str, Any]:
        attack = {"name": name, "epsilon": radius, "epsilon_unit": "relative", **options}
        return {"attack": attack, "rat": {"gate": gate} | ({} if gate == "always" else {"p": 0.5})}

    fgm, carry = chosen["fgm"], chosen["carry"]
    return {
        "FGM": attacked("fgm", fgm),
        "RAT-FGM": attacked("fgm", fgm, "bernoulli"),
        "RAT-FGM, weight 2": attacked("fgm", fgm, "bernoulli", adversarial_weight=2.0),
        "FGM, hardest half": attacked("topk", fgm, gamma=0.5),
        "FGM, 4.5 epochs": {**attacked("fgm", fgm), "train": {"epochs": 4.5}},
        "FGM, 3 epochs": {**attacked("fgm", fgm), "train": {"epochs": 3}},
        "carry, 9 epochs": {**attacked("carry", carry, "bernoulli"), "train": {"epochs": 9}},
    }


def _line(name: str, of_seeds: list[dict[str, Any]], base: list[float]) -> dict[str, Any]:
    """Dev F1 of each seed, and its difference from FGM, paired by seed: mean and standard error."""
    scores = [one["dev_f1"] for one in of_seeds]
    differences = [score - other for score, other in zip(scores, base, strict=True)]
    return {
        "training": name,
        "cost": mean(one["cost"] for one in of_seeds),
        "dev_f1": scores,
        "more_than_fgm": round(mean(differences), 4),
        "standard_error": round(stdev(differences) / len(differences) ** 0.5, 4),
    }


if __name__ == "__main__":
    main()
