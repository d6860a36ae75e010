"""Colours of types: the same type has the same one on every page, in whatever order it is met.

A type's colour comes from a hash of its name, so from nothing else on the page. There are eight: two types may share
one, and the name stands beside each mention. The seed is one with which types that are often met together differ:
Chemical, Disease, Gene, Species, Mutation, CellLine, Protein and Drug; those of BioRED; those of DDI. `static/marks.js`
has the same hash, `static/marks.css` the colours.
"""

from __future__ import annotations

import re

from ranat.view.assets import text_of

_SEED, _PRIME = 1_665_983, 16_777_619
_LINE = re.compile(r"\.colour(\d) \{\s*--c: (\d+) (\d+) (\d+);\s*\}")

Colour = tuple[int, int, int]
"""Red, green and blue, each from 0 to 255."""

PALETTE: tuple[Colour, ...] = tuple(
    (int(red), int(green), int(blue)) for _, red, green, blue in _LINE.findall(text_of("marks.css"))
)


def colour_of(kind: str) -> int:
    """The place of a type's colour in the palette: FNV-1a over the lower-cased type, its three highest bits."""
    value = _SEED
    for byte in kind.lower().encode():
        value = (value ^ byte) * _PRIME & 0xFFFF_FFFF
    return value >> 29
