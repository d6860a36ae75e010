"""Result cards with realistic numbers, made here: no model is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ranat.evaluation.significance import micro_f1
from ranat.experiments.cards import FOLDER, Card

COST = {"fgm": (6, 0), "pgd": (4, 2), "freelb": (3, 3), "smart": (6, 2)}
SECONDS = {"fgm": 1.73, "pgd": 2.97, "freelb": 3.19, "smart": 3.88}
STEPS = 3
BATCHES = 200


def make_card(
    corpus: str = "ncbi-disease",
    training: str = "standard",
    attack: str | None = None,
    seed: int = 0,
    *,
    skill: float = 1.5,
    p: float | None = None,
    model: str = "minilm",
    documents: int = 200,
    noise: float = 0.03,
    settings: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Card:
    """A card of a run that finds a mention with about the chance 1 / (1 + exp(−skill)), more or less by document."""
    p = {"standard": 0.0, "AT": 1.0, "RAT": 0.5}[training] if p is None else p
    difficulty = np.random.default_rng([7, len(corpus)]).normal(0, 1.2, documents)
    gold = np.random.default_rng([8, len(corpus)]).integers(0, 4, documents)
    generator = np.random.default_rng([seed, *f"{corpus}{training}{attack}{p}{skill}".encode()])
    chance = 1 / (1 + np.exp(-(skill + difficulty + generator.normal(0, noise))))
    right = generator.binomial(gold, chance)
    counts = np.stack([right, right + generator.binomial(1, 0.25 * (1 - chance)), gold], axis=1)
    total = counts.sum(0)
    scores = {
        "precision": total[0] / total[1],
        "recall": total[0] / total[2],
        "f1": float(micro_f1(total.astype(float))),
        "true_positives": int(total[0]),
        "predicted": int(total[1]),
        "gold": int(total[2]),
    }
    attacked = 0 if training == "standard" else int(generator.binomial(BATCHES, p))
    fixed, by_step = COST.get(attack or "", (3, 0))
    slower = 1 + (SECONDS.get(attack or "", 1) - 1) * attacked / BATCHES
    seconds = 40 * slower * generator.normal(1, 0.02)
    options: dict[str, Any] = {"name": attack or "none"}
    if attack:
        options |= {"preset": "paper", "epsilon": 0.3}
    if attack in ("pgd", "freelb", "smart"):
        options["steps"] = STEPS
    nested: dict[str, Any] = {
        "corpus": corpus,
        "model": model,
        "task": "ner",
        "attack": options | dict((settings or {}).get("attack", {})),
        "rat": {"p": p or 0.5, "gate": "bernoulli"},
        "train": {"epochs": 5.0, "batch_size": 32, "learning_rate": 5e-4, "seed": seed, "fraction": 1.0}
        | dict((settings or {}).get("train", {})),
    }
    row = " ".join(filter(None, [training, attack]))
    values: dict[str, Any] = {
        "status": "done",
        "error": None,
        "spec": "table2",
        "cell": f"{corpus}-{model}-{row.lower().replace(' ', '-')}-p{p:g}-seed{seed}",
        "row": row,
        "corpus": corpus,
        "task": "ner",
        "model": model,
        "training": training,
        "attack": attack,
        "p": p,
        "seed": seed,
        "settings": nested,
        "published": {"table": "II", "model": "pubmedbert", "f1": 0.8782, "remark": ""},
        "comparable": False,
        "why_not": [f"backbone {model}, published with pubmedbert"],
        "dev": scores,
        "test": scores,
        "per_type": {},
        "splits": {name: {"documents": documents, "sha256": f"{name}-{corpus}"} for name in ("train", "dev", "test")},
        "counts": {"test": counts.tolist()},
        "cost": {
            "batches": BATCHES,
            "attacked_batches": attacked,
            "xfp": 3 * BATCHES + (fixed + by_step * STEPS - 3) * attacked,
            "train_seconds": seconds,
            "processor_seconds": 2 * seconds,
        },
        "seconds": {"train": seconds, "total": seconds + 5},
        "versions": {"ranat": "0.1.0", "torch": "2.9.0"},
    }
    return Card(**(values | changes))


def table2_cards(
    corpora: Sequence[str] = ("ncbi-disease", "ddi"),
    seeds: Sequence[int] = (0, 1, 2),
    attacks: Sequence[str] = ("fgm", "pgd", "freelb", "smart"),
    gain: float = 0.3,
    **options: Any,
) -> list[Card]:
    """The grid of Table II; AT and RAT add `gain` to the skill of standard training."""
    cells = [("standard", None, 1.5)]
    cells += [(training, attack, 1.5 + gain) for training in ("AT", "RAT") for attack in attacks]
    return [
        make_card(corpus, training, attack, seed, skill=skill, **options)
        for corpus in corpora
        for training, attack, skill in cells
        for seed in seeds
    ]


def write_cards(cards: Sequence[Card], folder: Path) -> Path:
    """A results folder with the cards."""
    for card in cards:
        card.write(folder / FOLDER / f"{card.cell}.json")
    return folder
