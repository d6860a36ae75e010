"""A comparison as a picture: the F1 of each group, of its seeds, and the interval of its mean."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ranat.disk import write_atomically
from ranat.errors import UsageError, UserError
from ranat.view.chart import Interval, intervals_svg


def draw(result: Mapping[str, Any], out: Path) -> list[Path]:
    """Draw each comparison of what `ranat.experiments.compare.compare` gave.

    Args:
        result: with one comparison or several.
        out: the file of the first; the others are called as it is, with -2 and so on. A picture there is replaced.
    Returns:
        The files.
    Raises:
        UsageError: the name does not end in .svg.
        UserError: a file cannot be written.
    """
    if out.suffix != ".svg":
        raise UsageError(f"no picture ends in {out.suffix!r}", where=str(out), remedy="name a file that ends in .svg")
    files = []
    for number, comparison in enumerate(result["comparisons"], 1):
        file = out if number == 1 else out.with_name(f"{out.stem}-{number}{out.suffix}")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(file, picture(comparison))
        except OSError as error:
            raise UserError(f"cannot write: {error.strerror}", where=str(file), remedy="name another file") from None
        files.append(file)
    return files


def picture(comparison: Mapping[str, Any]) -> str:
    """One comparison: a filled point is a mean, an open one a seed, a line the 95% interval over seeds."""
    rows = []
    for group in comparison["groups"]:
        f1 = group["f1"]
        low, high = (None if f1[end] is None else 100 * f1[end] for end in ("low", "high"))
        values, note = [100 * score for score in group["scores"]], f"cost × {group['xfp_ratio']:.2f}"
        rows.append(Interval(group["name"], 100 * f1["mean"], values, low, high, note))
    across = f"{comparison['corpus']}: {comparison['split']} F1 (%), each seed, mean and 95% interval"
    return intervals_svg(rows, across, comparison["answer"], alone=True)
