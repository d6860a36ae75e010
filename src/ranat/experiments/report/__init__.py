"""The report of a grid: measured beside published, tests, claims and plots, as HTML, Markdown or LaTeX."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from ranat.disk import write_atomically
from ranat.errors import UsageError, UserError
from ranat.experiments.cards import read_all
from ranat.experiments.grid.runner import planned
from ranat.experiments.report.contents import Report
from ranat.experiments.report.groups import collect
from ranat.experiments.report.tables import published
from ranat.terminal import plain_console

if TYPE_CHECKING:
    from ranat.experiments.report.figure import Plot

SUFFIXES = (".html", ".md", ".tex")


def write_report(results: Sequence[Path], out: Path, console: Console | None = None) -> dict[str, Any]:
    """Write the report of all cells in the results folders.

    Args:
        results: folders that `ranat reproduce --out` wrote.
        out: the report; its ending decides: .html (one file), .md or .tex (plots beside it in NAME-plots/).
        console: where progress is shown.
    Returns:
        The same as numbers: {"split", "cells", "planned", "failed", "missing", "problems", "tables", "tests", "claims",
        "plots"}.
    Raises:
        UsageError: another ending.
        UserError: no cards, a card that cannot be read, a package is missing, or `out` cannot be written.
    """
    if out.suffix not in SUFFIXES:
        raise UsageError(f"no report ends in {out.suffix!r}", where=str(out), remedy="it is .html, .md or .tex")
    if out.is_dir():
        raise UserError("is a folder", where=str(out), remedy="name a file with -o")
    try:
        from ranat.experiments.report import formats, plots
    except ModuleNotFoundError as error:
        raise UserError(f"a report needs the package {error.name}", remedy="pip install 'ranat[report]'") from None
    console = plain_console(console)
    cards = [card for folder in results for card in read_all(folder)]
    with console.status(f"testing what {len(cards)} cells measured"):
        report = Report.of(collect(cards), published(), planned(results))
    with console.status("drawing"):
        drawn = plots.plots(report.results)
        text = formats.FORMATS[out.suffix](report, drawn, out)
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            if out.suffix != ".html":
                _write_plots(drawn, out)
            write_atomically(out, text)
        except OSError as error:
            raise UserError(f"cannot write: {error.strerror}", where=str(out), remedy="name another file") from None
    console.print(f"wrote {out}")
    return report.numbers(drawn)


def _write_plots(plots: Sequence[Plot], out: Path) -> None:
    kind = "pdf" if out.suffix == ".tex" else "svg"
    folder = out.with_name(f"{out.stem}-plots")
    folder.mkdir(exist_ok=True)
    for plot in plots:
        if plot.figure is not None:
            draft = folder / f".{plot.name}.part"
            draft.write_bytes(plot.file(kind))
            os.replace(draft, folder / f"{plot.name}.{kind}")
