"""How wide text is in Helvetica, for which Arial and Liberation Sans are drawn to measure."""

from __future__ import annotations

import unicodedata

_ASCII = [
    *(278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278),
    *(556,) * 10,
    *(278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778),
    *(667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556),
    *(278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334),
    *(260, 334, 584),
]
"""Thousandths of the font's size, from the space to the tilde."""
_OTHER, _WIDE = 600, 1000
_BOLD = 1.08
"""How much wider bold text is, about."""


def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """The width of a line of text in the unit of the size; what Helvetica lacks is estimated."""
    return sum(map(_thousandths, text)) * size / 1000 * (_BOLD if bold else 1)


def _thousandths(character: str) -> int:
    if " " <= character <= "~":
        return _ASCII[ord(character) - ord(" ")]
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    if unicodedata.east_asian_width(character) in "WF":
        return _WIDE
    base = unicodedata.normalize("NFD", character)[0]
    return _thousandths(base) if base != character else _OTHER
