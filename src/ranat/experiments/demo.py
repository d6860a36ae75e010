"""The demonstration: standard, adversarial and random adversarial training on the packaged corpus, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console

from ranat.documents import Document
from ranat.experiments.compare import compare
from ranat.runs.settings import read_settings
from ranat.training.evaluate import TrainedRun
from ranat.training.run import train

ATTACK = {"name": "pgd", "epsilon": 0.3, "steps": 3}
TRAIN = {"epochs": 6}
REGIMES: dict[str, dict[str, Any]] = {
    "standard": {},
    "AT": {"attack": ATTACK, "rat": {"p": 1.0}},
    "RAT": {"attack": ATTACK, "rat": {"p": 0.5}},
}

ABSTRACT = (
    "Rosuvastatin and muscle pain in patients with type 2 diabetes. Statins lower LDL cholesterol, but myopathy limits "
    "their use. In 212 adults with type 2 diabetes, rosuvastatin lowered C-reactive protein beside metformin. "
    "Rhabdomyolysis occurred in two patients who also took gemfibrozil. Variants of SLCO1B1 were associated "
    "with statin-induced myopathy, whereas CYP2C9 was not. We conclude that genotyping of SLCO1B1 may prevent myopathy."
)


def run_demo(out: Path, console: Console) -> dict[str, Any]:
    """Train the three regimes, compare them, and tag a new abstract with the RAT model.

    A regime that is done already is not trained again.

    Returns:
        {"comparison": see `compare`, "tagged": lines of text with mentions in brackets}
    """
    for number, (name, own) in enumerate(REGIMES.items(), 1):
        settings = read_settings(flags={"corpus": "demo", "model": "minilm", "train": TRAIN, **own})
        console.rule(f"{number} of {len(REGIMES)}: {name} ({settings.regime})", align="left")
        train(settings, out / name, resume=True, console=console)
    console.rule("a new abstract, tagged by the RAT model", align="left")
    trained = TrainedRun.load(out / "RAT")
    (tagged,) = trained.task.predict(trained.model, [Document("new", ABSTRACT)])
    return {"comparison": compare([out / name for name in REGIMES]), "tagged": [mark_mentions(tagged)]}


def mark_mentions(document: Document) -> str:
    """The text with each mention as [mention|Type]."""
    parts, last = [], 0
    for entity in document.entities:
        parts += [document.text[last : entity.start], f"[{document.mention(entity)}|{entity.type}]"]
        last = entity.end
    return "".join([*parts, document.text[last:]])
