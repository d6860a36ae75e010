"""Result cards in groups that differ in the seed alone, and what is odd about them."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ranat.evaluation.significance import Counts, Summary, micro_f1, summarise
from ranat.experiments.cards import Card
from ranat.gates import gates
from ranat.runs.nested import flattened
from ranat.runs.remarks import FEW_STEPS, remarks
from ranat.runs.settings import Settings

TRAININGS = ("standard", "AT", "RAT")
NAMES = {
    "fgsm": "FGSM", "fgm": "FGM", "pgd": "PGD", "freelb": "FreeLB", "smart": "SMART",
    "bert": "BERT", "roberta": "RoBERTa", "biobert": "BioBERT", "scibert": "SciBERT", "clinicalbert": "ClinicalBERT",
    "bluebert": "BlueBERT", "pubmedbert": "PubMedBERT",
    "bc5-chem": "BC5-chem", "bc5-disease": "BC5-disease", "bc2gm": "BC2GM", "ncbi-disease": "NCBI-disease",
    "chemprot": "CHEMPROT", "ddi": "DDI",
}  # fmt: skip
"""Identifiers as the paper prints them, in its order."""


def shown(name: str) -> str:
    """An attack, backbone or corpus as the paper prints it; others as they are."""
    return NAMES.get(name, name)


def slug(name: str) -> str:
    """A name for links and files: a backbone may be a path."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def in_order(names: Iterable[str]) -> list[str]:
    """Distinct names: the paper's first, in its order, then the others by alphabet."""
    order = {name: place for place, name in enumerate(NAMES)}
    return sorted(set(names), key=lambda name: (order.get(name, len(order)), name))


@dataclass(frozen=True)
class Group:
    """Finished cells that differ in the seed alone.

    Args:
        model: the backbone.
        corpus: by name.
        training: "standard", "AT" or "RAT".
        attack: its name; None under standard training.
        p: the share of batches attacked that was asked for.
        settings: dotted key → value, without the seed.
        cards: seed → card, in the order of seeds.
        split: the split that is reported.
    """

    model: str
    corpus: str
    training: str
    attack: str | None
    p: float
    settings: dict[str, Any]
    cards: dict[int, Card]
    split: str

    @property
    def f1(self) -> Summary:
        """F1 over seeds, a fraction."""
        return summarise([self.score(seed) for seed in self.cards], within=(0, 1))

    def score(self, seed: int) -> float:
        """F1 of one seed, a fraction."""
        scores = getattr(self.cards[seed], self.split)
        return float(scores["f1"])

    def counts(self, seed: int) -> Counts | None:
        """(documents, 3) of one seed; None if the card has none."""
        rows = (self.cards[seed].counts or {}).get(self.split)
        return np.array(rows, dtype=np.float64).reshape(-1, 3) if rows else None

    @property
    def label(self) -> str:
        """Such as "standard", "AT PGD" or "RAT PGD p=0.5"."""
        if self.attack is None:
            return self.training
        return f"{self.training} {shown(self.attack)}" + (f" {self.gate}" if self.training == "RAT" else "")

    @property
    def attack_options(self) -> dict[str, Any]:
        """Option → value."""
        return {
            key[7:]: value for key, value in self.settings.items() if key.startswith("attack.") and key[7:] != "name"
        }

    @property
    def unattacked(self) -> dict[str, Any]:
        """The settings but those of attack and gate."""
        return {key: value for key, value in self.settings.items() if not key.startswith(("attack.", "rat."))}

    @property
    def gate(self) -> str:
        """What tells the gate, such as "p=0.5"; the p alone of a gate that is not registered here."""
        settings = Settings.model_validate(next(iter(self.cards.values())).settings)
        if settings.rat.get("gate") not in gates.names():
            return f"p={self.p:g}"
        return settings.make_gate(total_steps=1).label

    def remarks(self, seed: int) -> list[str]:
        """Why the scores of a seed are worth little; see `ranat.runs.remarks`."""
        card = self.cards[seed]
        steps = (card.cost or {}).get("optimizer_steps", FEW_STEPS)  # where it was not counted, nothing is said of it
        return remarks(float((card.dev or {"f1": 1})["f1"]), steps)

    def cost(self, name: str, seed: int) -> float | None:
        """One of the counts in cost.json per batch; None if it was not counted."""
        cost = self.cards[seed].cost or {}
        return cost[name] / cost["batches"] if cost.get("batches") and name in cost else None

    def costs(self, name: str) -> list[float]:
        """`cost` of the seeds that have it."""
        return [cost for seed in self.cards if (cost := self.cost(name, seed)) is not None]


@dataclass(frozen=True)
class Results:
    """All that was measured.

    Args:
        groups: of finished cells.
        failed: cards of failed cells.
        split: "test" if every finished cell has it, else "dev".
        problems: what a reader has to know before trusting a number, a line each.
        untestable: corpora whose cells were not scored on the same documents.
    """

    groups: list[Group]
    failed: list[Card]
    split: str
    problems: list[str]
    untestable: frozenset[str]

    @property
    def models(self) -> list[str]:
        """Backbones of finished cells."""
        return in_order(group.model for group in self.groups)

    @property
    def corpora(self) -> list[str]:
        """Corpora of finished cells."""
        return in_order(group.corpus for group in self.groups)

    def attacks(self, model: str) -> list[str]:
        """Attacks that a backbone was trained with."""
        return in_order(group.attack for group in self.groups if group.model == model and group.attack)

    def main(self, model: str, corpus: str, training: str, attack: str | None = None) -> Group | None:
        """The group that stands in the tables for a training on a corpus, where there are several.

        That which was published (for RAT, p = 0.5), then that whose other settings most groups share, as only such can
        be compared, then that with the most seeds.
        """
        wanted = (model, corpus, training, attack)
        candidates = [
            group for group in self.groups if (group.model, group.corpus, group.training, group.attack) == wanted
        ]

        beside = [group.unattacked for group in self.groups if (group.model, group.corpus) == (model, corpus)]

        def rank(group: Group) -> tuple[bool, bool, int, int]:
            published = any(card.published for card in group.cards.values())
            return published, training != "RAT" or group.p == 0.5, beside.count(group.unattacked), len(group.cards)

        return max(candidates, key=rank, default=None)

    def others(self) -> list[Group]:
        """The groups that are not `main`: other p, other settings."""
        return [
            group
            for group in self.groups
            if self.main(group.model, group.corpus, group.training, group.attack) is not group
        ]


def collect(cards: Sequence[Card]) -> Results:
    """Group the cards and check that they fit together."""
    done = [card for card in cards if card.status == "done"]
    failed = [card for card in cards if card.status == "failed"]
    split = "test" if all(card.test for card in done) else "dev"
    problems: list[str] = []
    if split == "dev":
        problems.append("Not every cell has a test split: all scores are those of the dev split.")
    grouped: dict[str, Group] = {}
    for card in sorted(done, key=lambda card: (card.seed, card.published is None)):
        settings = flattened(card.settings)
        settings.pop("train.seed", None)
        group = grouped.setdefault(
            json.dumps([card.corpus, card.model, settings], sort_keys=True),
            Group(card.model, card.corpus, card.training, card.attack, card.p, settings, {}, split),
        )
        if card.seed not in group.cards:
            group.cards[card.seed] = card
        elif group.score(card.seed) != float(getattr(card, split)["f1"]):
            problems.append(
                f"{card.cell} is there twice, settings and seed alike, with another F1; the first one counts."
            )
    groups = sorted(grouped.values(), key=_order)
    for group in groups:
        problems += _odd_group(group)
    untestable = set()
    for corpus in in_order(group.corpus for group in groups):
        odd = _odd_corpus([group for group in groups if group.corpus == corpus])
        if odd:
            problems += [f"{shown(corpus)}: {line} No test is made on it." for line in odd]
            untestable.add(corpus)
    results = Results(groups, failed, split, problems, frozenset(untestable))
    problems += _choices(results)
    return results


def missing(results: Results) -> list[str]:
    """Cells that the grid of backbones, corpora, trainings and seeds seen would have, a line each."""
    lines = []
    seeds: dict[str, set[int]] = defaultdict(set)
    kinds: dict[str, set[tuple[str, str | None]]] = defaultdict(set)
    for group in results.groups:
        seeds[group.model] |= group.cards.keys()
        kinds[group.model].add((group.training, group.attack))
    others = {id(group) for group in results.others()}
    for group in results.groups:
        lacking = sorted(seeds[group.model] - group.cards.keys())
        if lacking and id(group) not in others:
            lines.append(f"{group.corpus}, {group.model}, {group.label}: {_seeds(lacking)}")
    for model in results.models:
        for corpus in in_order(group.corpus for group in results.groups if group.model == model):
            for training, attack in sorted(kinds[model], key=str):
                if results.main(model, corpus, training, attack) is None:
                    lines.append(f"{corpus}, {model}, {' '.join(filter(None, [training, attack]))}: all seeds")
    return lines


def telling(groups: Sequence[Group]) -> list[str]:
    """The settings in which groups differ, of those that have them: standard training has none of an attack."""
    keys = dict.fromkeys(key for group in groups for key in group.settings)
    return [key for key in keys if len({json.dumps(g.settings[key]) for g in groups if key in g.settings}) > 1]


def _choices(results: Results) -> list[str]:
    """Where tables and tests show one of several groups of a kind."""
    lines = []
    rivals: dict[int, list[Group]] = defaultdict(list)
    for group in results.others():
        rivals[id(results.main(group.model, group.corpus, group.training, group.attack))].append(group)
    for group in results.groups:
        others = rivals[id(group)]
        if others:
            said = ", ".join(f"{key} = {group.settings.get(key)}" for key in telling([group, *others]))
            place = f"{group.corpus}, {group.model}, {group.training} {shown(group.attack or '')}".strip()
            lines.append(f"{place}: of {1 + len(others)} groups of cells, tables and tests have that with {said}.")
    return lines


def _order(group: Group) -> tuple[Any, ...]:
    order = {name: place for place, name in enumerate(NAMES)}
    places = [order.get(name or "", len(order)) for name in (group.model, group.corpus, group.attack)]
    return (*places[:2], TRAININGS.index(group.training), places[2], group.p, json.dumps(group.settings))


def _odd_group(group: Group) -> list[str]:
    """Splits, versions, counts and what hardly learned within a group."""
    place, odd = f"{group.corpus}, {group.model}, {group.label}", []
    for split in ("train", "dev", "test"):
        hashes = {((card.splits or {}).get(split) or {}).get("sha256") for card in group.cards.values()}
        if len(hashes) > 1:
            odd.append(f"{place}: its seeds have different {split} splits.")
    versions = [card.versions or {} for card in group.cards.values()]
    for package in sorted({name for version in versions for name in version}):
        used = sorted({str(version.get(package)) for version in versions})
        if len(used) > 1:
            odd.append(f"{place}: its seeds were made with {package} {' and '.join(used)}.")
    for seed in group.cards:
        odd += [f"{place}, seed {seed}: {remark}." for remark in group.remarks(seed)]
        counts = group.counts(seed)
        if counts is None:
            odd.append(f"{place}, seed {seed}: the card has no counts of {group.split} documents; it is in no test.")
        elif abs(float(micro_f1(counts.sum(0))) - group.score(seed)) > 1e-6:
            odd.append(f"{place}, seed {seed}: its counts do not give its F1.")
    return odd


def _odd_corpus(groups: Sequence[Group]) -> list[str]:
    """Whether all cells of a corpus were scored on the same documents."""
    odd = []
    lengths: Counter[int] = Counter()
    hashes = set()
    for group in groups:
        for seed, card in group.cards.items():
            counts = group.counts(seed)
            if counts is not None:
                lengths[len(counts)] += 1
            hashes.add(((card.splits or {}).get(group.split) or {}).get("sha256"))
    if len(lengths) > 1:
        several = " and ".join(f"{length} documents in {cells} cells" for length, cells in sorted(lengths.items()))
        odd.append(f"the cells' counts have different lengths: {several}.")
    if len(hashes) > 1:
        odd.append(f"the cells were scored on {len(hashes)} different {groups[0].split} splits.")
    return odd


def _seeds(seeds: Sequence[int]) -> str:
    return f"seed{'s' if len(seeds) > 1 else ''} {', '.join(str(seed) for seed in seeds)}"
