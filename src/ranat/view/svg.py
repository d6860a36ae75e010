"""A document as a drawing for papers: one SVG with its mentions in colour and its relations as arcs, on white."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from ranat.documents import concepts
from ranat.documents.document import Document
from ranat.view.arcs import Arc, Box, placed
from ranat.view.colours import PALETTE, Colour, colour_of
from ranat.view.highlight import escape, segments, shown
from ranat.view.metrics import width_of

WIDTH = 720.0
"""Pixels of a line, as wide as a page of two columns."""
_SIZE, _TYPE, _LABEL = 15.0, 9.0, 10.0
"""Pixels of the text, of a type behind its mention, and of a relation's type."""
_LINE, _LEVEL, _FIRST = 34.0, 16.0, 9.0
"""Pixels between lines, between levels of arcs, and from a mention to the first level."""
_ASCENT, _DESCENT, _UNDER = 13.0, 4.0, 4.0
_MARGIN = 12.0
_INK, _SOFT = (27, 29, 32), "#5a5f66"
_WORDS = re.compile(r"\n|[^\S\n]+|\S+")


@dataclass
class _Run:
    """Text on one line and of one segment, or a type behind its mention.

    Args:
        text: as it is shown.
        width: of it, in pixels.
        inside: the mentions that it is in, or in whose gaps (True), the longest first.
        is_type: whether it is a type.
        line: where it stands.
        x: likewise.
    """

    text: str
    width: float
    inside: list[tuple[int, bool]]
    is_type: bool = False
    line: int = 0
    x: float = 0.0


def to_svg(document: Document, width: float = WIDTH) -> str:
    """The drawing, a file of its own.

    Args:
        document: any.
        width: of a line, in pixels.
    """
    runs = list(_runs(document, width))
    lines = _break(runs, width)
    arcs = _arcs(document, _boxes(runs), width)
    levels = defaultdict[int, int](int)
    for arc in arcs:
        levels[arc.line] = max(levels[arc.line], arc.level + 1)
    baselines, y = [], 0.0
    for line in range(lines):
        y += _LINE + levels[line] * _LEVEL
        baselines.append(y)
    drawn = [*_marks(document, runs, baselines), *_words(runs, baselines)]
    for arc in arcs:
        drawn += _arc(arc, baselines[arc.line] - _ASCENT)
    wide, high = width + 2 * _MARGIN, y + 2 * _MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide:g}" height="{high:g}" '
        f'viewBox="{-_MARGIN:g} 0 {wide:g} {high:g}" '
        f'font-family="Helvetica, Arial, Liberation Sans, sans-serif">\n<title>{escape(document.id)}</title>\n'
        f'<rect x="{-_MARGIN:g}" width="{wide:g}" height="{high:g}" fill="#fff"/>\n' + "\n".join(drawn) + "\n</svg>\n"
    )


def _runs(document: Document, width: float) -> Iterator[_Run]:
    for (start, end), inside in segments(document):
        for word in _WORDS.findall(document.text[start:end]):
            for part in _pieces(shown(word), width):
                yield _Run(part, width_of(part, _SIZE), inside)
        for depth in reversed(range(len(inside))):
            number, gap = inside[depth]
            entity = document.entities[number]
            if not gap and end in {last for _, last in entity.spans}:
                name = f" {shown(entity.type)}" if end == entity.end else " …"
                yield _Run(name, width_of(name, _TYPE, bold=True), inside[: depth + 1], is_type=True)


def _pieces(word: str, width: float) -> Iterator[str]:
    """A word, cut where it is longer than a line."""
    start, taken = 0, 0.0
    for place, character in enumerate(word):
        one = width_of(character, _SIZE)
        if taken + one > width and place > start:
            yield word[start:place]
            start, taken = place, 0.0
        taken += one
    yield word[start:]


def _break(runs: list[_Run], width: float) -> int:
    """Give each run its line and place; how many lines there are. Lines break at white space, which a type is not."""
    line, x, first = 0, 0.0, 0  # first: of the runs since the last white space, which go on to the next line together
    for place, run in enumerate(runs):
        blank = not run.is_type and run.text.isspace()
        if run.text == "\n":
            run.text, run.width, run.line, run.x = "", 0.0, line, x
            line, x, first = line + 1, 0.0, place + 1
            continue
        if not blank and x + run.width > width and x > 0:
            line, x = line + 1, 0.0
            # Types may make a word longer than a line, which then breaks where it must.
            together = runs[first:place] if sum(one.width for one in runs[first:place]) + run.width <= width else []
            for one in together:
                one.line, one.x, x = line, x, x + one.width
        run.line, run.x, x = line, x, x + run.width
        if blank:
            first = place + 1
    return line + 1


def _boxes(runs: list[_Run]) -> dict[int, Box]:
    """Where each mention begins, by its number."""
    first: dict[int, tuple[int, float, float]] = {}
    for run in runs:
        for number, gap in run.inside:
            if gap or not run.text:
                continue
            line, left, right = first.get(number, (run.line, run.x, run.x))
            if run.line == line:
                first[number] = (line, left, max(right, run.x + run.width))
    return {number: Box(*place) for number, place in first.items()}


def _arcs(document: Document, boxes: dict[int, Box], width: float) -> list[Arc]:
    """Of the relations whose ends are drawn; one between concepts stands between the two mentions that are nearest."""
    named = defaultdict[str, list[int]](list)
    names = concepts.names(document)
    for number, entity in enumerate(document.entities):
        for name in names(entity):
            named[name].append(number)

    def apart(ends: tuple[int, int]) -> tuple[bool, int]:
        head, tail = (document.entities[number] for number in ends)
        return head is tail, abs(head.start - tail.start)

    relations = []
    for relation in document.relations:
        heads, tails = ([number for number in named[end] if number in boxes] for end in (relation.head, relation.tail))
        if (ends := min(product(heads, tails), key=apart, default=None)) is not None:
            relations.append((shown(relation.type), boxes[ends[0]], boxes[ends[1]]))
    return placed(relations, width, lambda label: width_of(label, _LABEL))


def _marks(document: Document, runs: list[_Run], baselines: list[float]) -> Iterator[str]:
    """The colour behind mentions and the lines below them, those of the longest first."""
    bars: dict[tuple[int, int, int, bool], list[tuple[float, float]]] = defaultdict(list)
    for run in runs:
        for depth, (number, gap) in enumerate(run.inside):
            over = min(len(run.inside) - depth - 1, 3)
            pieces = bars[depth, number, run.line * 4 + over, gap]
            if pieces and abs(pieces[-1][1] - run.x) < 0.01:
                pieces[-1] = (pieces[-1][0], run.x + run.width)
            elif run.width:
                pieces.append((run.x, run.x + run.width))
    for (_, number, place, gap), pieces in sorted(bars.items(), key=lambda item: item[0][0]):
        (line, over), entity = divmod(place, 4), document.entities[number]
        colour = PALETTE[colour_of(entity.type)]
        baseline = baselines[line]
        low = baseline + _DESCENT + _UNDER * over
        for left, right in pieces:
            if not gap:
                high = low - baseline + _ASCENT
                yield (
                    f'<rect x="{left:.1f}" y="{baseline - _ASCENT:.1f}" width="{right - left:.1f}" height="{high:.1f}" '
                    f'fill="{_hex(colour)}" fill-opacity=".2" rx="2"/>'
                )
            dashes = ' stroke-dasharray="4 3"' if gap else ""
            yield f'<path d="M{left:.1f} {low:.1f}H{right:.1f}" stroke="{_edge(colour)}" stroke-width="1.6"{dashes}/>'


def _words(runs: list[_Run], baselines: list[float]) -> Iterator[str]:
    """Each run with the width that was reckoned with, whatever font it is shown in."""
    for run in runs:
        if not run.text.strip():
            continue
        shift = run.width - width_of(run.text.lstrip(), _TYPE, bold=True) if run.is_type else 0.0
        style = f'font-size="{_TYPE:g}" font-weight="600" fill="{_SOFT}"' if run.is_type else f'font-size="{_SIZE:g}"'
        yield (
            f'<text x="{run.x + shift:.1f}" y="{baselines[run.line]:.1f}" {style} textLength="{run.width - shift:.1f}" '
            f'lengthAdjust="spacingAndGlyphs">{escape(run.text.lstrip())}</text>'
        )


def _arc(arc: Arc, top: float) -> Iterator[str]:
    y = top - _FIRST - _LEVEL * arc.level
    first, *others = sorted(arc.ports, key=lambda port: port.x)
    start = f"M{first.x:.1f} {top - (5 if first.is_tail else 1):.1f}V{y + 4:.1f}"
    if arc.is_stub:
        turn, end = ("4", arc.end) if first.goes_right else ("-4", arc.start)
        path = f"{start}q0 -4 {turn} -4H{end:.1f}"
    else:
        (last,) = others
        bend = min(4.0, (last.x - first.x) / 2)
        path = (
            f"{start}q0 -4 {bend:.1f} -4H{last.x - bend:.1f}q{bend:.1f} 0 {bend:.1f} 4"
            f"V{top - (5 if last.is_tail else 1):.1f}"
        )
    yield f'<path d="{path}" fill="none" stroke="{_SOFT}" stroke-width=".9"/>'
    for port in arc.ports:
        if port.is_tail:
            yield f'<path d="M{port.x:.1f} {top - 1:.1f}l-3.2 -5.5h6.4z" fill="{_SOFT}"/>'
    left = arc.centre - arc.label_width / 2
    yield f'<rect x="{left - 2:.1f}" y="{y - 6:.1f}" width="{arc.label_width + 4:.1f}" height="12" fill="#fff"/>'
    yield (
        f'<text x="{left:.1f}" y="{y + 3.3:.1f}" font-size="{_LABEL:g}" textLength="{arc.label_width:.1f}" '
        f'lengthAdjust="spacingAndGlyphs">{escape(arc.label)}</text>'
    )


def _edge(colour: Colour) -> str:
    """The colour of a line below a mention, dark enough on white; `static/marks.css` mixes the same."""
    red, green, blue = (round(0.78 * part + 0.22 * ink) for part, ink in zip(colour, _INK, strict=True))
    return _hex((red, green, blue))


def _hex(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
