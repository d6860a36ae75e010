"""Would standard training do better with a larger learning rate than the search tried? Dev only, the search's sample.

python benchmarks/study/edge.py ncbi-disease bc5-chem --data FOLDER --out results/study --jobs 2

Where the search took its largest rate (OUT/search-CORPUS.json), twice that rate is tried in the same way. Writes
OUT/edge.json.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from search import RATES, trial, workers

from ranat.disk import write_atomically

LARGER = 2 * RATES[-1]


def main() -> None:
    """Try it, and write dev F1 of both rates."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora", nargs="+")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--jobs", type=int, default=1, help="trials at a time, which share the processors")
    options = parser.parse_args()
    searched = {corpus: json.loads((options.out / f"search-{corpus}.json").read_text()) for corpus in options.corpora}
    edges = [corpus for corpus, found in searched.items() if found["chosen"]["learning_rate"] == RATES[-1]]
    folders = [options.out / "search" / corpus / f"standard-{LARGER:g}" for corpus in edges]
    changes = {"train": {"learning_rate": LARGER}}
    with workers(options.jobs) as pool:
        tried = pool.map(trial, folders, edges, [options.data] * len(edges), [changes] * len(edges))
    result = []
    for corpus, larger in zip(edges, tried, strict=True):
        (chosen,) = (one for one in searched[corpus]["trials"] if one["trial"] == f"standard-{RATES[-1]:g}")
        result.append({"corpus": corpus, f"{RATES[-1]:g}": chosen["dev_f1"], f"{LARGER:g}": larger["dev_f1"]})
    write_atomically(options.out / "edge.json", json.dumps(result, indent=1) + "\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
