"""Small pictures as SVG: curves, and points with their intervals.

Written by hand, as every run has one and a plotting library takes seconds to load. Text is text, and the ink is that of
the page around it; a picture that is a file of its own brings paper and ink, dark or light as its reader.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM, _RIGHT = 340, 190, 52, 30, 38, 14
_FONT = 'font-family="system-ui, Segoe UI, DejaVu Sans, sans-serif" font-size="12"'
_ALONE = """<style>svg { color: #1b1d20; background: #fff }
@media (prefers-color-scheme: dark) { svg { color: #e6e7e9; background: #16181c } }</style>"""


@dataclass(frozen=True)
class Curve:
    """A curve with its axes.

    Args:
        title: what it shows, with its unit.
        points: (x, y), x rising; a single one is a dot.
        low: where the axis of y begins at the latest; None: where the points do.
        high: where it ends at the earliest.
    """

    title: str
    points: Sequence[tuple[float, float]]
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Interval:
    """A row of points.

    Args:
        name: what was measured.
        mean: of the values.
        values: single ones, such as of each seed.
        low: of the interval around the mean; None: there is none.
        high: likewise.
        note: at the end of the row.
    """

    name: str
    mean: float
    values: Sequence[float] = ()
    low: float | None = None
    high: float | None = None
    note: str = ""


def curve_svg(curve: Curve, across: str) -> str:
    """A curve as an element of a page.

    Args:
        curve: at least one point.
        across: what x is.
    """
    return _svg(_WIDTH, _HEIGHT, _curve(curve, across), curve.title)


def curves_file(curves: Sequence[Curve], across: str, title: str) -> str:
    """Curves beside and below each other, as a file."""
    columns = min(len(curves), 2) or 1
    rows = max(math.ceil(len(curves) / columns), 1)
    places = [(number % columns * _WIDTH, number // columns * _HEIGHT) for number in range(len(curves))]
    parts = [
        f'<g transform="translate({x} {y})">{_curve(curve, across)}</g>'
        for (x, y), curve in zip(places, curves, strict=True)
    ]
    return _svg(columns * _WIDTH, rows * _HEIGHT, "".join(parts), title, alone=True)


def intervals_svg(rows: Sequence[Interval], across: str, title: str, *, alone: bool = False) -> str:
    """Means as points, their intervals as lines, single values as small circles: a row each.

    Args:
        rows: at least one.
        across: what the values are, with their unit.
        title: for those who do not see it.
        alone: whether it is a file of its own.
    """
    left = min(12 + 7.2 * max(len(row.name) for row in rows), 330)
    right = 12 + 7.2 * max(len(row.note) for row in rows)
    wide, high = 300.0, 26.0 * len(rows)
    ends = [end for row in rows for end in (row.low, row.high, row.mean, *row.values) if end is not None]
    ticks = _ticks(min(ends), max(ends))
    low, top = min(ticks[0], *ends), max(ticks[-1], *ends)

    def place(value: float) -> float:
        return left + (wide * (value - low) / (top - low) if top > low else wide / 2)

    parts = [
        f'<line x1="{place(tick):.1f}" y1="14" x2="{place(tick):.1f}" y2="{14 + high:.1f}" stroke="currentColor" '
        f'stroke-opacity=".18"/>' + _text(place(tick), high + 30, _number(tick, ticks), "middle")
        for tick in ticks
    ]
    for number, row in enumerate(rows):
        y = 14 + 26 * (number + 0.5)
        name = row.name if 12 + 7.2 * len(row.name) <= left else f"{row.name[: int((left - 20) / 7.2)]}…"
        parts.append(_text(left - 10, y + 4, name, "end"))
        parts.append(_whisker(row, place, y))
        parts.append(_text(left + wide + 12, y + 4, row.note))
    parts.append(_text(left + wide / 2, high + 48, across, "middle"))
    return _svg(left + wide + right, high + 58, "".join(parts), title, alone=alone)


def whisker(row: Interval, ends: tuple[float, float], width: int = 150) -> str:
    """One of several rows that share their ends, for a cell of a table.

    Args:
        row: its name is for those who do not see it.
        ends: the values at the left and the right edge.
        width: in pixels.
    """
    span = ends[1] - ends[0] or 1

    def place(value: float) -> float:
        return 8 + (width - 16) * (value - ends[0]) / span

    return _svg(width, 20, _whisker(row, place, 10), row.name).replace("<svg ", '<svg class="interval" ', 1)


def _whisker(row: Interval, place: Callable[[float], float], y: float) -> str:
    parts = []
    if row.low is not None and row.high is not None:
        parts.append(
            f'<line x1="{place(row.low):.1f}" y1="{y:.1f}" x2="{place(row.high):.1f}" y2="{y:.1f}" '
            'stroke="currentColor" stroke-width="2"/>'
        )
    parts += [
        f'<circle cx="{place(value):.1f}" cy="{y:.1f}" r="3" fill="none" stroke="currentColor"/>'
        for value in row.values
    ]
    return "".join([*parts, f'<circle cx="{place(row.mean):.1f}" cy="{y:.1f}" r="5" fill="currentColor"/>'])


def _curve(curve: Curve, across: str) -> str:
    xs, ys = zip(*curve.points, strict=True)
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    low = min(ys) if curve.low is None else min(curve.low, *ys)
    ticks = _ticks(low, max(ys) if curve.high is None else max(curve.high, *ys))
    low, top = min(low, ticks[0]), max(ticks[-1], *ys)

    def place(x: float, y: float) -> tuple[float, float]:
        across = (x - xs[0]) / (xs[-1] - xs[0]) if xs[-1] > xs[0] else 0.5
        up = (y - low) / (top - low) if top > low else 0.5
        return _LEFT + across * (right - _LEFT), bottom - up * (bottom - _TOP)

    parts = [_text(_LEFT, 18, curve.title, weight=True)]
    for tick in ticks:
        _, y = place(xs[0], tick)
        parts.append(
            f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" stroke="currentColor" stroke-opacity=".18"/>'
        )
        parts.append(_text(_LEFT - 6, y + 4, _number(tick, ticks), "end"))
    for x in dict.fromkeys((xs[0], xs[-1])):
        parts.append(_text(place(x, low)[0], bottom + 16, f"{x:g}", "middle"))
    parts.append(_text((_LEFT + right) / 2, bottom + 30, across, "middle"))
    places = [place(x, y) for x, y in curve.points]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    parts.append(
        f'<polyline points="{line}" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linejoin="round"/>'
    )
    if len(places) <= 12:
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6" fill="currentColor"/>' for x, y in places]
    return "".join(parts)


def _svg(width: float, height: float, inside: str, title: str, *, alone: bool = False) -> str:
    opened = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" role="img" aria-label="{escape(title)}" {_FONT}>'
    )
    return f"{opened}{_ALONE if alone else ''}<title>{escape(title)}</title>{inside}</svg>\n"


def _text(x: float, y: float, text: str, anchor: str = "start", *, weight: bool = False) -> str:
    bold = ' font-weight="600"' if weight else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="currentColor"{bold}>{escape(text)}</text>'


def _ticks(low: float, high: float, about: int = 4) -> list[float]:
    """Round numbers from low to high; the last may lie beyond."""
    if not high > low:
        return [low]
    rough = (high - low) / about
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [number * step for number in range(first, last + 1)]


def _number(value: float, ticks: Sequence[float]) -> str:
    """With as many digits as tell it from its neighbours."""
    step = ticks[1] - ticks[0] if len(ticks) > 1 else abs(value) or 1
    return f"{value:.{max(0, -math.floor(math.log10(step) + 1e-9))}f}"
