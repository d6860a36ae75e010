"""The curves of a run, from its log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ranat.view.chart import Curve, curves_file

ACROSS = "optimizer step"


def curves(log: Iterable[Mapping[str, Any]]) -> list[Curve]:
    """Loss, dev F1, ‖r‖/‖x‖ and the share of attacked batches: those of which the log has something."""
    rows = list(log)
    attacked = [
        (row["step"], 100 * row["attacked_batches"] / row["batches"]) for row in rows if row.get("attacked_batches")
    ]
    found = [
        Curve("training loss", _points(rows, "loss"), low=0),
        Curve("dev F1 (%)", _points(rows, "eval_f1", 100)),
        Curve("‖r‖ / ‖x‖ of attacked batches (%)", _points(rows, "relative_radius", 100), low=0),
        Curve("attacked batches so far (%)", attacked, low=0, high=100),
    ]
    return [curve for curve in found if curve.points]


def curves_svg(log: Iterable[Mapping[str, Any]], title: str) -> str:
    """All of them as a file."""
    return curves_file(curves(log), ACROSS, title)


def _points(rows: Iterable[Mapping[str, Any]], name: str, times: float = 1) -> list[tuple[float, float]]:
    return [(row["step"], times * row[name]) for row in rows if name in row]
