"""Result cards: what one cell of a grid measured beside what was published, a JSON file each."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from ranat.disk import write_atomically
from ranat.errors import UserError

SCHEMA = 1
FOLDER = "cards"


@dataclass(frozen=True)
class Card:
    """One cell: one row of a spec on one corpus with one seed. F1 scores are fractions in [0, 1].

    Args:
        status: "failed" cards have `error`, and None for what would have been measured.
        error: one line.
        spec: the spec's name, such as "table2".
        cell: the card's file stem and the name of its run folder.
        row: the row of the spec.
        corpus: by name.
        task: its name.
        model: the backbone by alias, hub id or folder.
        training: "standard", "AT" or "RAT".
        attack: its name; None under standard training.
        p: the share of attacked batches that was asked for; 0 under standard training.
        seed: of everything that is drawn.
        settings: nested, resolved.
        published: {"table", "model", "f1", "remark"}, or None.
        comparable: the cell measures what was published: `why_not` is empty, and there is something published.
        why_not: every reason why it does not.
        dev: {"precision", "recall", "f1", "true_positives", "predicted", "gold"}.
        test: the same; None if the corpus has no test split.
        per_type: split → type → scores.
        splits: split → {"documents", "sha256"}.
        counts: split → (true positives, predicted, gold) of each document, in the corpus's order.
        cost: what cost.json holds.
        seconds: {"train": in training steps, "total": of the process that finished the cell}.
        versions: package → version.
    """

    status: Literal["done", "failed"]
    error: str | None
    spec: str
    cell: str
    row: str
    corpus: str
    task: str | None
    model: str
    training: Literal["standard", "AT", "RAT"]
    attack: str | None
    p: float
    seed: int
    settings: dict[str, Any]
    published: dict[str, Any] | None
    comparable: bool
    why_not: list[str]
    dev: dict[str, Any] | None = None
    test: dict[str, Any] | None = None
    per_type: dict[str, Any] | None = None
    splits: dict[str, Any] | None = None
    counts: dict[str, list[list[int]]] | None = None
    cost: dict[str, Any] | None = None
    seconds: dict[str, float] | None = None
    versions: dict[str, str] | None = None

    @classmethod
    def read(cls, path: Path) -> Self:
        """The card in a file.

        Raises:
            UserError: the file cannot be read, or is no card of this schema.
        """
        remedy = "delete it, and `ranat reproduce` makes the cell again"
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise UserError(f"cannot read: {error.strerror}", where=str(path)) from None
        except ValueError as error:
            raise UserError(f"not JSON: {error}", where=str(path), remedy=remedy) from None
        if not isinstance(values, dict) or values.pop("schema", None) != SCHEMA:
            raise UserError(f"no result card of schema {SCHEMA}", where=str(path), remedy=remedy)
        names = {field.name for field in dataclasses.fields(cls)}
        for name in sorted(names ^ values.keys()):
            what = "lacks" if name in names else "has the unknown key"
            raise UserError(f"the card {what} {name!r}", where=str(path), remedy=remedy)
        return cls(**values)

    def write(self, path: Path) -> None:
        """Write the card, a line a key, in full or not at all."""
        values = {"schema": SCHEMA} | {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        lines = ",\n".join(f"  {json.dumps(key)}: {_json(value)}" for key, value in values.items())
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, f"{{\n{lines}\n}}\n")


def read_all(results: Path) -> list[Card]:
    """The cards of a results folder, by name.

    Raises:
        UserError: it has none, or one of them cannot be read.
    """
    paths = sorted((results / FOLDER).glob("*.json"))
    if not paths:
        raise UserError("no result cards are here", where=str(results), remedy="`ranat reproduce --out` writes them")
    return [Card.read(path) for path in paths]


def why_not_comparable(settings: Mapping[str, Any], training: str, p: float, published_with: str) -> list[str]:
    """Why what was measured is not what was published with a backbone, a reason each.

    Args:
        settings: dotted key → value.
        training: "standard", "AT" or "RAT".
        p: of RAT.
        published_with: the backbone.
    """
    model, fraction, steps = settings["model"], settings.get("train.fraction", 1), settings.get("train.max_steps")
    reasons = {
        f"backbone {model}, published with {published_with}": model != published_with,
        f"{100 * fraction:g}% of the training data": fraction < 1,
        f"stopped after {steps} steps": steps is not None,
        f"p = {p:g}, published with 0.5": training == "RAT" and p != 0.5,
    }
    return [reason for reason, holds in reasons.items() if holds]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
