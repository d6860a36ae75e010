"""Compare runs: scores over seeds, paired tests against the first group, counted cost."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from ranat.errors import UserError
from ranat.evaluation.significance import Counts, joint_bootstrap, summarise
from ranat.runs.folder import RunFolder
from ranat.runs.remarks import remarks
from ranat.runs.settings import Settings


@dataclass(frozen=True)
class Run:
    """A finished run, as its folder tells it."""

    folder: Path
    settings: Settings
    metrics: dict[str, Any]
    cost: dict[str, Any]

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The run in a folder.

        Raises:
            UserError: there is none, it is not finished, or its files are damaged.
        """
        run = RunFolder(folder)
        return cls(folder, run.settings(), run.metrics(), run.cost())

    @property
    def seed(self) -> int:
        """Of everything that was drawn."""
        return self.settings.train.seed

    @property
    def remarks(self) -> list[str]:
        """Why its scores are worth little; see `ranat.runs.remarks`."""
        return remarks(self.metrics["dev"]["f1"], self.cost["optimizer_steps"])

    @property
    def key(self) -> str:
        """All settings but the seed: runs of one group share it."""
        values = self.settings.model_dump()
        values["train"].pop("seed")
        return json.dumps(values, sort_keys=True)

    def counts(self, split: str) -> Counts:
        """(documents, 3) of true positives, predicted and gold mentions."""
        rows = []
        for document in RunFolder(self.folder).predictions(split):
            gold, found = ({json.dumps(mention) for mention in document[side]} for side in ("gold", "predicted"))
            rows.append((len(gold & found), len(found), len(gold)))
        return np.array(rows, dtype=np.float64)


def compare(folders: Sequence[Path]) -> dict[str, Any]:
    """Groups of runs that differ in the seed alone, each beside the first.

    The first group is the standard training among them, else that of the first run named. "difference" is None where a
    group has no seed in common with the first; else it is that of the seeds both have, by `joint_bootstrap`. Test is
    used if all runs have it, else dev.

    Returns:
        {"split", "groups": [{"name", "seeds", "f1": {n, mean, sd, low, high}, "xfp_ratio", "seconds_ratio",
        "difference": {estimate, low, high, p, seeds, documents}, "remarks": ["seed 0: …"], …}]}
    Raises:
        UserError: a folder holds no finished run, two runs are of different tasks, were scored on different texts, or
            are the same but for their folder.
    """
    runs = [Run.read(folder) for folder in folders]
    split = "test" if all("test" in run.metrics for run in runs) else "dev"
    texts = runs[0].metrics["splits"][split]["sha256"]
    for run in runs:
        if run.settings.task != runs[0].settings.task:
            raise UserError(
                f"is of the task {run.settings.task}, {runs[0].folder} of {runs[0].settings.task}",
                where=str(run.folder),
                remedy="compare runs of one task",
            )
        if run.metrics["splits"][split]["sha256"] != texts:
            raise UserError(
                f"was scored on another {split} split than {runs[0].folder}",
                where=str(run.folder),
                remedy="compare runs on one corpus and one form of it",
            )
    groups: dict[str, list[Run]] = {}
    for run in runs:
        group = groups.setdefault(run.key, [])
        for other in group:
            if other.seed == run.seed:
                raise UserError(
                    f"has the settings and the seed of {other.folder}",
                    where=str(run.folder),
                    remedy="name one of the two, once",
                )
        group.append(run)
    ordered = sorted(groups.values(), key=lambda group: group[0].settings.regime != "standard")
    base = ordered[0]
    rows = [{"name": _name(group, ordered), **_row(group, base, split)} for group in ordered]
    return {"split": split, "groups": rows}


def _row(group: list[Run], base: list[Run], split: str) -> dict[str, Any]:
    row: dict[str, Any] = {
        "settings": json.loads(group[0].key),
        "folders": [str(run.folder) for run in group],
        "seeds": sorted(run.seed for run in group),
        "f1": asdict(summarise([run.metrics[split]["f1"] for run in group])),
        "xfp": _mean(group, "xfp"),
        "seconds": _mean(group, "train_seconds"),
        "xfp_ratio": _mean(group, "xfp") / _mean(base, "xfp"),
        "seconds_ratio": _mean(group, "train_seconds") / _mean(base, "train_seconds"),
        "attacked": sum(run.cost["attacked_batches"] for run in group) / sum(run.cost["batches"] for run in group),
        "remarks": [f"seed {run.seed}: {remark}" for run in group for remark in run.remarks],
    }
    if group is not base:
        row["difference"] = _difference(base, group, split)
    return row


def _difference(base: list[Run], group: list[Run], split: str) -> dict[str, Any] | None:
    """Group − base on the seeds that both have."""
    shared = sorted({run.seed for run in base} & {run.seed for run in group})
    if not shared:
        return None
    one, other = (
        np.stack([run.counts(split) for seed in shared for run in side if run.seed == seed]) for side in (base, group)
    )
    return asdict(joint_bootstrap(one, other))


def _mean(group: list[Run], name: str) -> float:
    return float(np.mean([run.cost[name] for run in group]))


def _name(group: list[Run], groups: Sequence[list[Run]]) -> str:
    """The regime, and the settings that tell the group from others of the same regime."""
    regime = group[0].settings.regime
    own = group[0].settings.flat()
    others = [other[0].settings.flat() for other in groups if other[0].settings.regime == regime and other is not group]
    telling = [key for key in own if key != "train.seed" and any(other.get(key) != own[key] for other in others)]
    return ", ".join([regime, *(f"{key}={own[key]}" for key in telling)])
