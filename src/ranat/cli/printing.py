"""Results as text on standard output."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from ranat.terminal import plain, plain_json


def print_json(value: Any) -> None:
    """A result as JSON."""
    print(plain_json(json.dumps(value, indent=2, ensure_ascii=False)))


def print_text(text: str) -> None:
    """Text that may hold names from outside."""
    print(plain(text))


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
    """What `ranat.experiments.compare` found: of each comparison its answer, and a row a group."""
    for number, comparison in enumerate(result["comparisons"]):
        if number:
            print()
        if len(result["comparisons"]) > 1:
            print_text(f"{comparison['corpus']}, {comparison['task']}")
        print_text(f"{comparison['answer']}\n")
        _print_groups(comparison)
    print("xFP: counted forward-equivalents; × is against the first row.")
    print("Δ is against the first row on the seeds both have, over seeds and texts; one seed proves nothing.")


def _print_groups(result: Mapping[str, Any]) -> None:

    def points(value: float | None) -> str:
        return "" if value is None else f"{100 * value:.2f}"

    def interval(found: Mapping[str, Any]) -> str:
        return "" if found.get("low") is None else f"[{points(found['low'])}, {points(found['high'])}]"

    rows = []
    for group in result["groups"]:
        f1, difference = group["f1"], group.get("difference") or {}
        rows.append(
            [
                group["name"],
                str(f1["n"]),
                points(f1["mean"])
                + (f" ± {points(f1['sd'])}" if f1["sd"] is not None else "")
                + (" *" if group["remarks"] else ""),
                interval(f1),
                f"{100 * difference['estimate']:+.2f}" if difference else "",
                interval(difference),
                f"{difference['p']:.3f}" if difference else "",
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
        "95% CI of Δ",
        "p",
        "attacked",
        "xFP",
        "seconds",
    ]
    print_table(head, rows, right=range(1, 10))
    for group in result["groups"]:
        for remark in group["remarks"]:
            print_text(f"* {group['name']}, {remark}")


def print_table(head: list[str], rows: list[list[str]], right: Collection[int] = ()) -> None:
    """Columns as wide as their widest cell; those numbered in `right` are flush right."""
    shown = [[plain(cell).replace("\n", r"\n") for cell in row] for row in [head, *rows]]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    for row in shown:
        cells = [
            cell.rjust(width) if number in right else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())


def duration(seconds: float) -> str:
    """Seconds in the unit that a person would say."""
    for unit, size in (("hours", 3600), ("minutes", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} seconds"
