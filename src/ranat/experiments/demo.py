"""The demonstration: what the tool is for, from training to triples, on the packaged corpus.

Three models that find entities are trained and compared: standard, adversarial and random adversarial training. A
fourth finds relations. The last of the three and the fourth then read an abstract that neither has seen.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console

from ranat import formats
from ranat.documents import Document
from ranat.experiments.compare import compare
from ranat.experiments.picture import draw
from ranat.extraction import Extractor
from ranat.runs.settings import Settings, read_settings
from ranat.training.run import train

ATTACK = {"name": "pgd"}
RAT = {"p": 0.5}
ENTITIES: dict[str, dict[str, Any]] = {
    "standard": {},
    "AT": {"attack": ATTACK, "rat": {"p": 1.0}},
    "RAT": {"attack": ATTACK, "rat": RAT},
}
RELATIONS = {
    "task": "relation",
    "relation": {"representation": "entity", "marking": "typed"},
    "attack": {"name": "fgm"},
    "rat": RAT,
    "train": {"epochs": 3, "learning_rate": 5e-4, "keep": "last"},  # it has to learn in a minute
}
MODELS = {**ENTITIES, "relations": RELATIONS}
EPOCHS = 5

ABSTRACT = (
    "Rosuvastatin and muscle pain in patients with type 2 diabetes. Statins lower LDL cholesterol, but myopathy limits "
    "their use. In 212 adults with type 2 diabetes, rosuvastatin lowered C-reactive protein beside metformin. "
    "Rhabdomyolysis occurred in two patients who also took gemfibrozil. Variants of SLCO1B1 were associated "
    "with statin-induced myopathy, whereas CYP2C9 was not. We conclude that genotyping of SLCO1B1 may prevent myopathy."
)


def run_demo(out: Path, console: Console) -> dict[str, Any]:
    """Train and compare the models of entities, train the model of relations, and extract from a new abstract.

    A model that is there already is not trained again.

    Returns:
        {"comparison": see `compare`, "text": the abstract with its mentions in brackets, "triples": [{"head", "type",
        "tail", "score"}], "page", "picture": their paths}
    """
    for number, name in enumerate(MODELS, 1):
        console.rule(f"{number} of {len(MODELS)}: {name} ({_settings(name).regime})", align="left")
        train_model(name, out / name, console)
    comparison = compare([out / name for name in ENTITIES])
    document = Extractor.load(ner=out / "RAT", re=out / "relations").extract(Document("new abstract", ABSTRACT))
    return {
        "comparison": comparison,
        "text": mark_mentions(document),
        "triples": triples(document),
        "page": str(_page(document, out / "abstract.html")),
        "picture": str(draw(comparison, out / "f1-cost.svg")[0]),
    }


def train_model(name: str, out: Path, console: Console) -> None:
    """Train one of `MODELS`; one that is there already is not trained again."""
    train(_settings(name), out, resume=True, console=console)


def mark_mentions(document: Document) -> str:
    """The text with each mention as [mention|Type]."""
    parts, last = [], 0
    for entity in document.entities:
        parts += [document.text[last : entity.start], f"[{document.mention(entity)}|{entity.type}]"]
        last = entity.end
    return "".join([*parts, document.text[last:]])


def triples(document: Document) -> list[dict[str, Any]]:
    """The relations, with the mentions themselves in place of their ids."""
    mentions = {entity.id: document.mention(entity) for entity in document.entities}
    return [
        {
            "head": mentions[relation.head],
            "type": relation.type,
            "tail": mentions[relation.tail],
            "score": relation.score,
        }
        for relation in document.relations
    ]


def _settings(name: str) -> Settings:
    return read_settings(flags={"corpus": "demo", "model": "minilm", "train": {"epochs": EPOCHS}, **MODELS[name]})


def _page(document: Document, out: Path) -> Path:
    out.unlink(missing_ok=True)
    formats.write([document], out, "html")
    return out
