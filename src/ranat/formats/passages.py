"""The text of a BioC document, put together from its passages, each of which says at which offset it begins.

What stands between passages is not in the file; it is filled with spaces, so that offsets hold. Programs that print XML
prettily break and indent texts, and others count bytes, so the text is the first of these at whose offsets all mentions
stand:

1. the passages as they are;
2. the lines of each passage, and of what is said to be the text of a mention, joined by a space, which is told;
3. the passages as they are, with offsets that count bytes of UTF-8 or UTF-16 units, which `Source` tells and converts.

If there is none, it is the first of them whose passages do not run into each other. If there is none of these either,
that is odd: a passage that begins before another ends, or too far behind it, is moved behind it with its marks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ranat.documents.document import Span
from ranat.formats import units
from ranat.formats.json_records import MalformedError
from ranat.formats.source import Source
from ranat.formats.values import integer

LARGEST_GAP = 1_000_000
"""Characters between passages, all together: more would let a small file fill the memory."""


@dataclass(frozen=True, slots=True)
class Part:
    """A passage, or a sentence of one, which then stands for the passage."""

    offset: int
    text: str
    is_sentence: bool


@dataclass(frozen=True, slots=True)
class Layout:
    """A document's text.

    Args:
        text: all of it.
        spans: of the parts in it.
        moves: how far each part, and its marks with it, stands from where its offset says.
        conflicts: of the parts that had to be moved, the offset and where the text before ends.
        is_joined: whether lines are joined.
    """

    text: str
    spans: list[Span]
    moves: list[int]
    conflicts: list[Span]
    is_joined: bool = False


def offset(source: Source, line: int, values: dict[str, Any], before: Sequence[Part]) -> int:
    """The offset of a part; one that has none begins after those before it and a space.

    Raises:
        UserError: it has none, and reading is strict.
    """
    try:
        return integer(values, "offset")
    except MalformedError as error:
        what = f"{error} in a passage, which then follows the one before it"
        source.odd(line, what, "write where it begins in the document's text", "mended")
    return before[-1].offset + len(before[-1].text) + 1 if before else 0


def laid_out(source: Source, line: int, id: str, parts: Sequence[Part], mentions: Sequence[units.Mention]) -> Layout:
    """The text of a document that begins at a line of a file.

    Args:
        source: the file.
        line: where the document stands.
        id: of the document.
        parts: its passages in order.
        mentions: of all parts, by which the text is chosen.
    Raises:
        UserError: passages run into each other, and reading is strict.
    """
    plain = _layout(parts)
    if not plain.conflicts and units.explained(plain.text, mentions):
        return plain
    joined = replace(_layout([replace(part, text=joined_lines(part.text)) for part in parts]), is_joined=True)
    counted = [_layout(parts, width) for width in units.WIDTHS.values()]
    possible = [layout for layout in (plain, joined, *counted) if not layout.conflicts]
    in_one_line = [(spans, text and joined_lines(text)) for spans, text in mentions]
    fitting = (
        layout for layout in possible if units.explained(layout.text, in_one_line if layout.is_joined else mentions)
    )
    chosen = next(fitting, possible[0] if possible else plain)
    if chosen.is_joined:
        what = f"document {id!r} has more white space than its offsets count; the lines of its passages are joined"
        source.note("mended", what, line)
    if chosen.conflicts:
        offset, end = chosen.conflicts[0]
        what = f"a text at offset {offset} cannot follow one that ends at {end}; it is moved there with its marks"
        remedy = "write offsets of passages that count the characters of the document"
        source.odd(line, what, remedy, "mended", len(chosen.conflicts))
    return chosen


def _layout(parts: Iterable[Part], width: Callable[[str], int] = len) -> Layout:
    """The parts at their offsets, which count units of some width, or moved where they cannot be there."""
    pieces: list[str] = []
    layout = Layout("", [], [], [])
    length = end = gaps = 0  # in characters; in units; of spaces
    for part in parts:
        gap = part.offset - end
        possible = 0 <= gap <= LARGEST_GAP - gaps
        if not possible:
            layout.conflicts.append((part.offset, end))
            gap = int(bool(pieces))
        layout.moves.append(0 if possible else end + gap - part.offset)
        layout.spans.append((length + gap, length + gap + len(part.text)))
        pieces += " " * gap, part.text
        length += gap + len(part.text)
        end += gap + width(part.text)
        gaps += gap
    return replace(layout, text="".join(pieces))


def joined_lines(text: str) -> str:
    """The lines of a text without indentation, a space between them."""
    return " ".join(line for part in text.split("\n") if (line := part.strip()))
