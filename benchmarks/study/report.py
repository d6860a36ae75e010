"""What the study found so far, by the rules of its plan (docs/study.md), as Markdown and JSON.

python benchmarks/study/report.py results/study --output results/study/report
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ranat.disk import write_atomically
from ranat.evaluation.significance import equivalence, holm, joint_bootstrap, summarise
from ranat.experiments.cards import Card, read_all
from ranat.experiments.spec import read_spec

STANDARD, AT, RAT, CARRY = "standard", "AT-FGM", "RAT-FGM", "carry"
CONTROLS = ("noise", "standard, twice the epochs")
ROWS = (STANDARD, AT, RAT, CARRY, *CONTROLS)
GAINS = ((STANDARD, AT), (STANDARD, RAT), (STANDARD, CARRY))
EQUIVALENT = ((AT, RAT), (AT, CARRY))
SHOWN = {
    STANDARD: "standard",
    AT: "adversarial, FGM",
    RAT: "random adversarial, FGM, p = 0.5",
    CARRY: "`carry`, p = 0.5",
    "noise": "control: noise",
    "standard, twice the epochs": "control: twice the epochs",
}
"""What README calls them."""
MARGIN = 0.005
FEWEST = 5
"""Seeds below which nothing is tested."""

Cards = Mapping[str, Mapping[int, Card]]
"""Row → seed → finished card."""


def main() -> None:
    """Read the cards of each corpus and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path)
    parser.add_argument("--output", type=Path, required=True, help="without suffix: .md and .json are written")
    options = parser.parse_args()
    folders = sorted(folder.parent for folder in options.study.glob("*/spec.yaml"))
    found = [corpus(folder) for folder in folders]
    write_atomically(options.output.with_suffix(".json"), json.dumps(found, indent=1) + "\n")
    write_atomically(options.output.with_suffix(".md"), "\n".join(["# The study so far", "", *map(section, found)]))


def corpus(folder: Path) -> dict[str, Any]:
    """What one corpus shows."""
    spec = read_spec(str(folder / "spec.yaml"))
    cards: dict[str, dict[int, Card]] = {row.name: {} for row in spec.rows}
    for card in read_all(folder):
        if card.status == "done":
            cards[card.row][card.seed] = card
    finished = [card for row in cards.values() for card in row.values()]
    result: dict[str, Any] = {
        "corpus": spec.corpora[0],
        "cells": [len(finished), len(spec.rows) * len(spec.seeds)],
        "trainings": [training(name, cards) for name in ROWS if cards.get(name)],
        "tests": [],
        "equivalence": [],
        "hours": round(sum(card.seconds["total"] for card in finished if card.seconds) / 3600, 2),
    }
    tests = [difference(cards, *pair) for pair in GAINS if len(shared(cards, *pair)) >= FEWEST]
    for test, p in zip(tests, holm([test["p"] for test in tests]), strict=True):
        result["tests"].append({**test, "p_holm": p})
    for first, second in EQUIVALENT:
        seeds = shared(cards, first, second)
        if len(seeds) >= FEWEST:
            one, two = ([score(cards[row][seed]) for seed in seeds] for row in (first, second))
            same = equivalence(one, two, MARGIN)
            result["equivalence"].append({"first": first, "second": second, **vars(same)})
    return result


def training(name: str, cards: Cards) -> dict[str, Any]:
    """F1 and cost of one, and its paired differences from standard training."""
    own = cards[name]
    summary = summarise([score(card) for card in own.values()])
    seeds = shared(cards, STANDARD, name)
    gaps = [score(cards[name][seed]) - score(cards[STANDARD][seed]) for seed in seeds]
    cost = [passes(own[seed]) / passes(cards[STANDARD][seed]) for seed in seeds]
    return {
        "name": name,
        "seeds": list(own),
        "f1": vars(summary),
        "gain": None if name == STANDARD or not gaps else vars(summarise(gaps)),
        "cost": float(np.mean(cost)) if cost else None,
    }


def difference(cards: Cards, first: str, second: str) -> dict[str, Any]:
    """The joint test over seeds and documents."""
    seeds = shared(cards, first, second)
    one, two = (np.array([(cards[row][seed].counts or {})["test"] for seed in seeds], float) for row in (first, second))
    return {"first": first, "second": second, **vars(joint_bootstrap(one, two))}


def shared(cards: Cards, first: str, second: str) -> list[int]:
    """The seeds that both have."""
    return sorted(set(cards.get(first, {})) & set(cards.get(second, {})))


def score(card: Card) -> float:
    """F1 on test."""
    assert card.test is not None
    return float(card.test["f1"])


def passes(card: Card) -> float:
    """The counted cost."""
    assert card.cost is not None
    return float(card.cost["xfp"])


def short(found: Mapping[str, Any]) -> list[str]:
    """The rows of README's table; gains are those of the tests, over seeds and documents, where there are tests."""
    tests = {test["second"]: {**test, "mean": test["estimate"]} for test in found["tests"]}
    rows = []
    for row in found["trainings"]:
        gain = tests.get(row["name"], row["gain"])
        told = "" if gain is None else f"{100 * gain['mean']:+.2f}{interval(gain)} "
        f1 = f"{100 * row['f1']['mean']:.2f} ± {100 * row['f1']['sd']:.2f}"
        rows.append(f"| {SHOWN[row['name']]} | {f1} | {told}| {row['cost']:.2f} |")
    return rows


def section(found: Mapping[str, Any]) -> str:
    """One corpus in Markdown."""
    done, planned = found["cells"]
    lines = [
        f"## {found['corpus']}",
        "",
        f"{done} of {planned} runs are done, {found['hours']:g} hours of computing. F1 on test in percent, mean ± sd "
        "over seeds; gains are paired by seed, with 95% intervals over seeds.",
        "",
        "| training | seeds | F1 | gain over standard | counted cost |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for row in found["trainings"]:
        f1, gain = row["f1"], row["gain"]
        spread = "" if f1["sd"] is None else f" ± {100 * f1['sd']:.2f}"
        told = "" if gain is None else f"{100 * gain['mean']:+.2f}{interval(gain)}"
        cost = "" if row["cost"] is None else f"{row['cost']:.2f}"
        lines.append(f"| {row['name']} | {len(row['seeds'])} | {100 * f1['mean']:.2f}{spread} | {told} | {cost} |")
    lines.append("")
    if not found["tests"]:
        lines += [f"Nothing is tested yet, as fewer than {FEWEST} seeds are done.", ""]
    for test in found["tests"]:
        lines.append(
            f"- {test['second']} − {test['first']}: {100 * test['estimate']:+.2f} points{interval(test)}, "
            f"p = {test['p']:.3g}, after Holm {test['p_holm']:.3g}"
        )
    for same in found["equivalence"]:
        verdict = "equivalent" if same["p"] < 0.05 else "not shown to be equivalent"
        lines.append(
            f"- {same['second']} and {same['first']} are {verdict} within {100 * MARGIN:g} points: "
            f"{100 * same['estimate']:+.2f}{interval(same)} (90%), p = {same['p']:.3g}"
        )
    return "\n".join([*lines, ""])


def interval(of: Mapping[str, Any]) -> str:
    """In points; nothing if there is none."""
    return "" if of["low"] is None else f" [{100 * of['low']:+.2f}, {100 * of['high']:+.2f}]"


if __name__ == "__main__":
    main()
