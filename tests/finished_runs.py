"""Folders of finished runs without training: what they found is chosen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import tiny
from ranat.documents import Document, Entity
from ranat.runs.folder import RunFolder
from ranat.runs.settings import read_settings
from ranat.tasks.ner import NER
from ranat.training.cost import Cost
from ranat.training.run import documents_hash, predictions

GOLD = [Document(str(i), f"w{i} and more", (Entity("T1", "Disease", ((0, 2),)),)) for i in range(20)]
PGD = {"name": "pgd", "epsilon": 0.3}


def finished(
    folder: Path,
    right: int,
    *,
    cost: Cost | None = None,
    splits: tuple[str, ...] = ("dev", "test"),
    gold: list[Document] = GOLD,
    steps: int = 100,
    **settings: Any,
) -> Path:
    """A run from before there was a run.json; its model found the first `right` mentions and one that is none."""
    wrong = Entity("T9", "Disease", ((3, 6),))
    found = [
        Document(d.id, d.text, d.entities * (i < right) + (wrong,) * (i == 0)) for i, d in enumerate(gold)
    ]  # fmt: skip
    folder.mkdir()
    values = {"corpus": "demo", "model": "minilm", "task": "ner", **settings}
    (folder / "config.yaml").write_text(read_settings(flags=values).to_yaml())
    metrics: dict[str, Any] = {"definition": NER.definition, "splits": {}, "per_type": {}}
    for split in splits:
        task = NER(("O", "B-X", "I-X"), tiny.tokenizer("bert"), 64)
        RunFolder(folder).write_predictions(split, predictions(task, gold, found))
        metrics[split] = task.score(gold, found)
        metrics["per_type"][split] = metrics[split].pop("per_type")
        metrics["splits"][split] = {"documents": len(gold), "sha256": documents_hash(gold)}
    (folder / "metrics.json").write_text(json.dumps(metrics))
    cost = cost or Cost(batches=10, forward=10, backward=10, train_seconds=2.0)
    (folder / "cost.json").write_text(json.dumps({**cost.to_dict(), "optimizer_steps": steps}))
    return folder
