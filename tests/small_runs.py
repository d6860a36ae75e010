"""Runs of seconds: a backbone, a corpus and settings, and what two runs must have alike."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

import tiny
from ranat.runs.folder import RunFolder
from ranat.runs.settings import Settings, read_settings
from ranat.training.run import train
from ranat.training.runtrainer import RunTrainer

KNOWN = ("Cisplatin", "Imatinib", "BRCA1", "cancer")


class Killed(Exception):
    """Stands for whatever ends a process."""


def backbone(folder: Path) -> Path:
    """With dropout, so that the generators matter."""
    return tiny.save("bert", folder, dropout=0.1)


def corpus(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for split, count in (("train", 90), ("dev", 8), ("test", 8)):
        chooser = random.Random(split)
        with (folder / f"{split}.tsv").open("w") as stream:
            for _ in range(count):
                words = chooser.choice(tiny.TEXTS).split()[: chooser.randint(3, 10)]
                stream.writelines(f"{word}\t{'B-Gene' if word in KNOWN else 'O'}\n" for word in words)
                stream.write("\n")
    return folder


def settings(corpus: Path, backbone: Path, **changes: Any) -> Settings:
    train = {"epochs": 3, "batch_size": 4, "learning_rate": 0.01, "precision": "fp32"} | changes.pop("train", {})
    flags = {"corpus": str(corpus), "model": str(backbone), "attack": {"name": "fgm", "epsilon": 0.3}, "train": train}
    return read_settings(flags=flags | changes)


def die_in_evaluation(chosen: Settings, out: Path, number: int) -> None:
    """Train until that evaluation on dev, and end there as if killed."""
    original, calls = RunTrainer.evaluate, []

    def dies(self: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        if len(calls) == number:
            raise Killed
        return original(self, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunTrainer, "evaluate", dies)
        with pytest.raises(Killed):
            train(chosen, out)


def log(run: Path) -> list[dict[str, Any]]:
    """Without the marks of resumption."""
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [line for line in lines if "resumed" not in line]


def assert_alike(one: Path, other: Path) -> None:
    """The same weights to the bit, the same scores, predictions and log, the same counted cost."""
    for name in ("model/model.safetensors", "metrics.json", "predictions/dev.jsonl", "predictions/test.jsonl"):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
    assert log(one) == log(other)
    costs = [RunFolder(run).cost() for run in (one, other)]
    for name in ("train_seconds", "processor_seconds"):
        assert costs[0].pop(name) > 0
        assert costs[1].pop(name) > 0
    assert costs[0] == costs[1]
    assert RunFolder(one).verify() == RunFolder(other).verify() == []
    left = {path.relative_to(one) for path in one.rglob("*")}
    assert left == {path.relative_to(other) for path in other.rglob("*")}
