"""A plot as an SVG element or a file, in one style, and figures of panels."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

STYLE: Any = {
    "font.family": "DejaVu Sans",  # matplotlib brings it
    "font.size": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "legend.frameon": False,
    "text.parse_math": False,  # names of corpora may have dollars
    "svg.fonttype": "none",
    "svg.hashsalt": "ranat",
    "pdf.fonttype": 42,
}


@dataclass(frozen=True)
class Plot:
    """A plot, or why there is none.

    Args:
        name: of its file.
        title: what it shows.
        text: the same in words, for those who do not see it; how to read it.
        figure: None if the cards have no data for it.
        missing: what it would take.
    """

    name: str
    title: str
    text: str
    figure: Figure | None
    missing: str = ""

    def svg(self) -> str:
        """An SVG element for HTML: text as text, titled, and with ids of its own."""
        file = io.StringIO()
        self._save(file, "svg")
        svg = re.sub(r"^.*?(?=<svg)|<metadata>.*?</metadata>", "", file.getvalue(), flags=re.DOTALL)
        svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{self.name}-", svg)
        svg = svg.replace("'DejaVu Sans'", "'DejaVu Sans', Verdana, sans-serif")
        svg = svg.replace("*{", f"#{self.name} *{{")  # matplotlib styles the whole page
        named = f'<svg id="{self.name}" role="img" aria-labelledby="{self.name}-title {self.name}-desc"'
        told = f'<title id="{self.name}-title">{escape(self.title)}</title>'
        told += f'<desc id="{self.name}-desc">{escape(self.text)}</desc>'
        return re.sub(r"<svg([^>]*)>", lambda found: f"{named}{found[1]}>{told}", svg, count=1)

    def file(self, kind: str) -> bytes:
        """The plot as a file, "svg" or "pdf"."""
        if kind == "svg":
            return self.svg().encode()
        file = io.BytesIO()
        self._save(file, kind)
        return file.getvalue()

    def _save(self, file: Any, kind: str) -> None:
        assert self.figure is not None
        date = "CreationDate" if kind == "pdf" else "Date"
        with mpl.rc_context(STYLE):
            self.figure.savefig(file, format=kind, bbox_inches="tight", metadata={date: None})


@contextmanager
def panels(count: int, sharey: bool = False) -> Iterator[tuple[Figure, list[Axes]]]:
    """A figure of panels, at most three beside each other; those left over are empty."""
    columns = min(count, 3) if count != 4 else 2
    rows = -(-count // columns)
    figure = Figure(figsize=(4.4 * columns + (1.6 if columns == 1 else 0), 3.6 * rows + 0.9), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False, sharey=sharey).flat)
    for axis in axes[count:]:
        axis.set_axis_off()
    yield figure, axes[:count]
