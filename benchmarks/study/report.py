"""What the study found so far, by the rules of its plan (docs/study.md), as Markdown and JSON.

python benchmarks/study/report.py results/study --output results/study/report
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
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
ORDER = ("ncbi-disease", "chemprot", "bc5-chem", "ddi", "bc5-disease", "bc2gm")
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
MARGIN, LEVEL = 0.005, 0.05
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
    found = sorted((corpus(folder) for folder in folders), key=lambda one: ORDER.index(one["corpus"]))
    write_atomically(options.output.with_suffix(".json"), json.dumps(found, indent=1) + "\n")
    write_atomically(options.output.with_suffix(".md"), text(found))


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
    cost, seconds = (
        [measured(own[seed], of) / measured(cards[STANDARD][seed], of) for seed in seeds]
        for of in ("xfp", "processor_seconds")
    )
    return {
        "name": name,
        "seeds": list(own),
        "f1": vars(summary),
        "gain": None if name == STANDARD or not gaps else vars(summarise(gaps)),
        "cost": float(np.mean(cost)) if cost else None,
        "seconds": float(np.median(seconds)) if seconds else None,
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


def measured(card: Card, of: str) -> float:
    """A cost: "xfp" is the counted one."""
    assert card.cost is not None
    return float(card.cost[of])


def text(results: Sequence[Mapping[str, Any]]) -> str:
    """All of it in Markdown."""
    return "\n".join(["# The study so far", "", *gains(results), "", *claims(results), "", *map(section, results)])


def gains(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """A table of all corpora: F1 of standard training, then gains, bold where the test finds them; and costs."""
    lines = table("training", [*names(results), "counted cost", "seconds"], "---:")
    for name in ROWS:
        rows = [row for found in results for row in found["trainings"] if row["name"] == name]
        costs = ([row[of] for row in rows if row[of]] for of in ("cost", "seconds"))
        means = [f"{np.mean(values):.2f}" if values else "" for values in costs]
        lines.append(line(SHOWN[name], *(cell(found, name) for found in results), *means))
    return lines


def cell(found: Mapping[str, Any], name: str) -> str:
    """What a training comes to on a corpus."""
    row = next((row for row in found["trainings"] if row["name"] == name), None)
    if row is None:
        return ""
    if row["gain"] is None:
        return f"{100 * row['f1']['mean']:.2f}"
    told = f"{100 * row['gain']['mean']:+.2f}"
    clear = any(test["second"] == name and test["p_holm"] < LEVEL for test in found["tests"])
    return f"**{told}**" if clear else told


def claims(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """A table of what is tested, and what came out on each corpus."""
    kinds = [("tests", *pair, "{1} is better than {0}") for pair in GAINS]
    kinds += [
        ("equivalence", *pair, f"{{1}} is as good as {{0}}, within {100 * MARGIN:g} points") for pair in EQUIVALENT
    ]
    lines = table("claim", [*names(results), "holds on"], "---")
    for kind, first, second, claim in kinds:
        verdicts = [verdict(found, kind, first, second) for found in results]
        lines.append(line(claim.format(first, second), *verdicts, f"{verdicts.count('holds')} of {len(results)}"))
    for second in (RAT, CARRY):
        both = [("tests", STANDARD, second), ("equivalence", AT, second)]
        reached = [all(verdict(found, *one) == "holds" for one in both) for found in results]
        cells = ["yes" if one else "no" for one in reached]
        lines.append(line(f"{second} is both, the goal of the plan", *cells, f"{sum(reached)} of {len(results)}"))
    return lines


def verdict(found: Mapping[str, Any], kind: str, first: str, second: str) -> str:
    """Of a claim on a corpus; "the reverse" if the second is shown to be the worse one."""
    said = next((one for one in found[kind] if (one["first"], one["second"]) == (first, second)), None)
    if said is None:
        return "not tested"
    if kind == "tests" and said["p_holm"] < LEVEL:
        return "holds" if said["estimate"] > 0 else "the reverse"
    if kind == "equivalence":
        if said["p"] < LEVEL:
            return "holds"
        if said["high"] < 0 or said["low"] > 0:
            return "worse" if said["high"] < 0 else "better"
    return "undecided"


def names(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """The corpora, as code."""
    return [f"`{found['corpus']}`" for found in results]


def table(first: str, columns: Sequence[str], align: str) -> list[str]:
    """The head of a Markdown table."""
    return [line(first, *columns), line("---", *[align] * len(columns))]


def line(*cells: str) -> str:
    """A row of one."""
    return f"| {' | '.join(cells)} |"


def section(found: Mapping[str, Any]) -> str:
    """One corpus in Markdown."""
    done, planned = found["cells"]
    lines = [
        f"## {found['corpus']}",
        "",
        f"{done} of {planned} runs are done, {found['hours']:g} hours of computing. F1 on test in percent, mean ± sd "
        "over seeds; gains are paired by seed, with 95% intervals over seeds; seconds are processor time of "
        "training steps, the median over seeds, standard training = 1.",
        "",
        *table("training", ["seeds", "F1", "gain over standard", "counted cost", "seconds"], "---:"),
    ]
    for row in found["trainings"]:
        f1, gain = row["f1"], row["gain"]
        spread = "" if f1["sd"] is None else f" ± {100 * f1['sd']:.2f}"
        told = "" if gain is None else f"{100 * gain['mean']:+.2f}{interval(gain)}"
        cost = ("" if row[of] is None else f"{row[of]:.2f}" for of in ("cost", "seconds"))
        lines.append(line(row["name"], str(len(row["seeds"])), f"{100 * f1['mean']:.2f}{spread}", told, *cost))
    lines += [
        "",
        f"In F1 and counted cost none beats {front(found, 'cost')}; in F1 and seconds {front(found, 'seconds')}.",
        "",
    ]
    if not found["tests"]:
        lines += [f"Nothing is tested yet, as fewer than {FEWEST} seeds are done.", ""]
    for test in found["tests"]:
        lines.append(
            f"- {test['second']} − {test['first']}: {100 * test['estimate']:+.2f} points{interval(test)}, "
            f"p = {test['p']:.3g}, after Holm {test['p_holm']:.3g}"
        )
    for same in found["equivalence"]:
        verdict = "equivalent" if same["p"] < LEVEL else "not shown to be equivalent"
        lines.append(
            f"- {same['second']} and {same['first']} are {verdict} within {100 * MARGIN:g} points: "
            f"{100 * same['estimate']:+.2f}{interval(same)} (90%), p = {same['p']:.3g}"
        )
    return "\n".join([*lines, ""])


def front(found: Mapping[str, Any], of: str) -> str:
    """The trainings that no other one beats in both F1 and a cost, the cheapest first."""
    rows = sorted((row for row in found["trainings"] if row[of]), key=lambda row: (row[of], -row["f1"]["mean"]))
    best = [row for i, row in enumerate(rows) if all(row["f1"]["mean"] > other["f1"]["mean"] for other in rows[:i])]
    return ", ".join(row["name"] for row in best)


def interval(of: Mapping[str, Any]) -> str:
    """In points; nothing if there is none."""
    return "" if of["low"] is None else f" [{100 * of['low']:+.2f}, {100 * of['high']:+.2f}]"


if __name__ == "__main__":
    main()
