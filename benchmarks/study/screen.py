"""Do other trainings at the price of RAT-FGM keep more of FGM's gain? Dev only, the search's sample, seeds of its own.

python benchmarks/study/screen.py ncbi-disease --data FOLDER --out results/study --jobs 2

Needs OUT/search-CORPUS.json, whose learning rate and radii the trainings take. Each trial is a run folder under
OUT/screen/CORPUS/, so an interrupted screening goes on. Writes OUT/screen-CORPUS.json, where other seeds stay.
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
    """Train them, and write dev F1 and how far each is from FGM, paired by seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", choices=COMMON)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[100, 101, 102], help="those of an earlier screening stay"
    )
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
        found: dict[str, dict[str, Any]] = {name: {} for name in compared}
        for (name, seed), one in trials.items():
            found[name][str(seed)] = {of: one.result()[of] for of in ("dev_f1", "cost")}
    file = options.out / f"screen-{options.corpus}.json"
    known = json.loads(file.read_text()) if file.exists() else {}
    runs = {name: known.get(name, {}).get("runs", {}) | found[name] for name in compared}
    base = runs["FGM"]
    result = {name: {**_difference(own, base), "runs": own} for name, own in runs.items()}
    write_atomically(file, json.dumps(result, indent=1) + "\n")
    for name, one in result.items():
        print(name, json.dumps(one))


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


def _difference(own: dict[str, dict[str, Any]], base: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Of dev F1 from FGM's, paired by seed: mean and standard error; and the counted cost, FGM's = 2."""
    found = [one["dev_f1"] - base[seed]["dev_f1"] for seed, one in own.items()]
    return {
        "more_than_fgm": round(mean(found), 4),
        "standard_error": round(stdev(found) / len(found) ** 0.5, 4) if len(found) > 1 else None,
        "cost": round(2 * mean(one["cost"] / base[seed]["cost"] for seed, one in own.items()), 3),
    }


if __name__ == "__main__":
    main()
