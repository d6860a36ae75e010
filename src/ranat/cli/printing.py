"""Results as text on standard output."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any


def print_json(value: Any) -> None:
    """A result as JSON."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def print_scores(rows: Mapping[str, Mapping[str, Any]]) -> None:
    """Name → scores, a row each."""
    table = [
        [
            name,
            *(f"{100 * row[key]:.2f}" for key in ("precision", "recall", "f1")),
            str(row["gold"]),
            str(row["predicted"]),
        ]
        for name, row in rows.items()
    ]
    print_table(["", "precision", "recall", "F1", "gold", "predicted"], table, right=(1, 2, 3, 4, 5))


def print_comparison(result: Mapping[str, Any]) -> None:
    """What `ranat.experiments.compare` found, a row a group."""

    def points(value: float | None) -> str:
        return "" if value is None else f"{100 * value:.2f}"

    rows = []
    for group in result["groups"]:
        f1 = group["f1"]
        rows.append(
            [
                group["name"],
                str(f1["n"]),
                points(f1["mean"]) + (f" ± {points(f1['sd'])}" if f1["sd"] is not None else ""),
                f"[{points(f1['low'])}, {points(f1['high'])}]" if f1["low"] is not None else "",
                f"{100 * group['difference']:+.2f}" if "difference" in group else "",
                "" if group.get("p_seeds") is None else f"{group['p_seeds']:.3f}",
                f"{group['p_sentences']:.3f}" if "p_sentences" in group else "",
                f"{100 * group['attacked']:.0f}%",
                f"{group['xfp']:,.0f} (×{group['xfp_ratio']:.2f})",
                f"{group['seconds']:,.0f} (×{group['seconds_ratio']:.2f})",
            ]
        )
    head = [
        "training",
        "seeds",
        f"{result['split']} F1",
        "95% CI",
        "Δ",
        "p (seeds)",
        "p (texts)",
        "attacked",
        "xFP",
        "seconds",
    ]
    print_table(head, rows, right=range(1, 10))
    print("Δ, p and × are against the first row; xFP: counted forward-equivalents. One seed proves nothing.")


def print_table(head: list[str], rows: list[list[str]], right: Collection[int] = ()) -> None:
    """Columns as wide as their widest cell; those numbered in `right` are flush right."""
    widths = [max(len(row[number]) for row in [head, *rows]) for number in range(len(head))]
    for row in [head, *rows]:
        cells = [
            cell.rjust(width) if number in right else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())
