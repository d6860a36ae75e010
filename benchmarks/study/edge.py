"""Where the search chose the first or last value that it tried, is the next one better? Dev only, the search's sample.

python benchmarks/study/edge.py ncbi-disease bc5-chem --data FOLDER --out results/study --jobs 2

What comes next is half of the smallest value, or twice the largest. Needs OUT/search-CORPUS.json, and writes
OUT/edge.json, where other corpora stay as they are.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from search import RADII, RATES, TRAININGS, radius, trial, workers

from ranat.disk import write_atomically


def main() -> None:
    """Try them, and write dev F1 of the chosen value and of the next."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora", nargs="+")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--jobs", type=int, default=1, help="trials at a time, which share the processors")
    options = parser.parse_args()
    found = [edge for corpus in options.corpora for edge in edges(options.out, corpus)]
    with workers(options.jobs) as pool:
        trials = [
            pool.submit(
                trial,
                options.out / "search" / edge["corpus"] / f"{edge['training']}-{edge['next']:g}",
                edge["corpus"],
                options.data,
                edge.pop("settings"),
            )
            for edge in found
        ]
        result = [{**edge, "next_dev_f1": one.result()["dev_f1"]} for edge, one in zip(found, trials, strict=True)]
    file = options.out / "edge.json"
    known = json.loads(file.read_text()) if file.exists() else []
    others = [one for one in known if one["corpus"] not in options.corpora]
    write_atomically(file, json.dumps(others + result, indent=1) + "\n")
    for one in result:
        print(json.dumps(one))


def edges(out: Path, corpus: str) -> list[dict[str, Any]]:
    """What was chosen at an end, its dev F1, and the next value with the settings of its trial."""
    searched = json.loads((out / f"search-{corpus}.json").read_text())
    chosen, f1 = searched["chosen"], {one["trial"]: one["dev_f1"] for one in searched["trials"]}
    rate = {"train": {"learning_rate": chosen["learning_rate"]}}
    found = []
    for training, value, tried in [
        ("standard", chosen["learning_rate"], RATES),
        *((name, chosen[name], RADII) for name in TRAININGS),
    ]:
        if value not in (tried[0], tried[-1]):
            continue
        beyond = value / 2 if value == tried[0] else value * 2
        changes = {"train": {"learning_rate": beyond}} if training == "standard" else radius(training, beyond, rate)
        found.append({
            "corpus": corpus, "training": training, "chosen": value, "dev_f1": f1[f"{training}-{value:g}"],
            "next": beyond, "settings": changes,
        })  # fmt: skip
    return found


if __name__ == "__main__":
    main()
