"""Compare runs: scores over seeds, paired tests against the first group, counted cost."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from ranat.errors import UserError
from ranat.evaluation.significance import Counts, paired_difference, resampled_f1, seeds_to_decide, summarise
from ranat.experiments.answer import answer
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

    def texts(self, split: str) -> str:
        """What tells the texts of a split from others."""
        return str(self.metrics["splits"].get(split, {}).get("sha256"))

    def counts(self, split: str) -> Counts:
        """(documents, 3) of true positives, predicted and gold mentions."""
        rows = []
        for document in RunFolder(self.folder).predictions(split):
            gold, found = ({json.dumps(mention) for mention in document[side]} for side in ("gold", "predicted"))
            rows.append((len(gold & found), len(found), len(gold)))
        return np.array(rows, dtype=np.float64)


def compare(folders: Sequence[Path]) -> dict[str, Any]:
    """Runs that were scored on the same texts side by side, in groups that differ in the seed alone.

    The first group is the standard training among them, else that of the first run named. "difference" is None where a
    group has no seed in common with the first; else it is that of the seeds both have, by `joint_bootstrap`, and
    "seeds_to_decide" is how many it would take, None if they are too many. Test is used if all runs have it, else dev.

    Returns:
        {"comparisons": [{"task", "corpus", "split", "answer": a sentence, "groups": [{"name", "seeds", "f1": {n, mean,
        sd, low, high}, "scores": those of the seeds, "xfp_ratio", "seconds_ratio", "difference": {estimate, low, high,
        p, seeds, documents}, "seeds_to_decide", "remarks": ["seed 0: …"], …}]}]}, one for each task and split
    Raises:
        UserError: a folder holds no finished run, or two runs are the same but for their folder.
    """
    alike = comparable([Run.read(folder) for folder in folders])
    return {"comparisons": [compared(runs, split, Scored(runs, split)) for runs, split in alike]}


def comparable(runs: Sequence[Run]) -> list[tuple[list[Run], str]]:
    """Runs of one task that were scored on the same texts, and the split that these are."""
    of_dev: dict[tuple[str | None, str], list[Run]] = defaultdict(list)
    for run in runs:
        of_dev[run.settings.task, run.texts("dev")].append(run)
    found = []
    for alike in of_dev.values():
        split = "test" if all("test" in run.metrics for run in alike) else "dev"
        of_texts: dict[str, list[Run]] = defaultdict(list)
        for run in alike:
            of_texts[run.texts(split)].append(run)
        found += [(same, split) for same in of_texts.values()]
    return found


def grouped(runs: Sequence[Run]) -> list[list[Run]]:
    """Runs that differ in the seed alone; standard training first.

    Raises:
        UserError: two runs are the same but for their folder.
    """
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
    return sorted(groups.values(), key=lambda group: group[0].settings.regime != "standard")


class Scored:
    """Runs that were scored on the same texts, of which any two groups can be tested against each other.

    Args:
        runs: of one task.
        split: the texts.
    """

    def __init__(self, runs: Sequence[Run], split: str) -> None:
        counts = [run.counts(split) for run in runs]
        self._documents, self._f1 = len(counts[0]), resampled_f1(np.stack(counts))
        self._place = {run.folder: place for place, run in enumerate(runs)}

    def difference(self, base: Sequence[Run], group: Sequence[Run]) -> dict[str, Any]:
        """Group − base on the seeds that both have, as {"difference", "seeds_to_decide"}; None if there is none."""
        shared = sorted({run.seed for run in base} & {run.seed for run in group})
        if not shared:
            return {"difference": None, "seeds_to_decide": None}
        first, second = (
            self._f1[:, [self._place[run.folder] for seed in shared for run in side if run.seed == seed]]
            for side in (base, group)
        )
        found = asdict(paired_difference(first, second, self._documents))
        return {"difference": found, "seeds_to_decide": seeds_to_decide(first, second) if len(shared) > 1 else None}


def compared(runs: Sequence[Run], split: str, scored: Scored) -> dict[str, Any]:
    """One of the comparisons of `compare`.

    Raises:
        UserError: two runs are the same but for their folder.
    """
    groups = grouped(runs)
    rows = [{"name": name_of(group, groups), **_row(group, groups[0], split)} for group in groups]
    for row, group in zip(rows[1:], groups[1:], strict=True):
        row |= scored.difference(groups[0], group)
    corpora = ", ".join(dict.fromkeys(run.settings.corpus for run in runs))
    told = {"task": runs[0].settings.task, "corpus": corpora, "split": split}
    return {**told, "answer": answer(rows, split), "groups": rows}


def _row(group: list[Run], base: list[Run], split: str) -> dict[str, Any]:
    return {
        "settings": json.loads(group[0].key),
        "folders": [str(run.folder) for run in group],
        "seeds": sorted(run.seed for run in group),
        "f1": asdict(summarise([run.metrics[split]["f1"] for run in group], within=(0, 1))),
        "scores": [run.metrics[split]["f1"] for run in sorted(group, key=lambda run: run.seed)],
        "xfp": _mean(group, "xfp"),
        "seconds": _mean(group, "train_seconds"),
        "xfp_ratio": _mean(group, "xfp") / _mean(base, "xfp"),
        "seconds_ratio": _mean(group, "train_seconds") / _mean(base, "train_seconds"),
        "attacked": sum(run.cost["attacked_batches"] for run in group) / sum(run.cost["batches"] for run in group),
        "remarks": [f"seed {run.seed}: {remark}" for run in group for remark in run.remarks],
    }


def _mean(group: list[Run], name: str) -> float:
    return float(np.mean([run.cost[name] for run in group]))


def name_of(group: Sequence[Run], groups: Sequence[Sequence[Run]]) -> str:
    """The regime, and the settings that tell the group from others of the same regime."""
    regime = group[0].settings.regime
    own = group[0].settings.flat()
    others = [other[0].settings.flat() for other in groups if other[0].settings.regime == regime and other is not group]
    telling = [key for key in own if key != "train.seed" and any(other.get(key) != own[key] for other in others)]
    return ", ".join([regime, *(f"{key}={_short(key, own[key])}" for key in telling)])


def _short(key: str, value: Any) -> Any:
    """A value for people: of a SHA-256 the beginning."""
    return f"{value[:8]}…" if key.startswith("add.") else value
