"""XML files that are read one child of the root at a time.

A DOCTYPE is accepted and never fetched; a file that defines entities is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError

from defusedxml.ElementTree import iterparse

from ranat.documents.lines import Lines
from ranat.documents.source import Source

_PROLOG = re.compile(r"\s+|<\?.*?\?>|<!--.*?-->", re.DOTALL)
_ROOT = re.compile(r"<(?:!DOCTYPE\s+)?([\w:.-]+)")


def root_name(head: str) -> str | None:
    """The name of the root, which the document type says too, if there is one; None if these lines do not show it."""
    at = 0
    while gap := _PROLOG.match(head, at):
        at = gap.end()
    root = _ROOT.match(head, at)
    return root[1] if root else None


def children(source: Source) -> Iterator[tuple[Element, dict[Element, int]]]:
    """The root's children, one in memory at a time, with the lines on which they and all elements in them start.

    Raises:
        UserError: it is not well-formed, or defines entities; with the line.
    """
    lines = Lines(source.stream)
    starts: dict[Element, int] = {}
    root: Element | None = None
    depth = 0
    for event, element in _events(source, lines):
        if root is None:
            root = element
        if event == "start":
            starts[element] = lines.number
            depth += 1
            continue
        depth -= 1
        if depth == 1:
            yield element, starts
            starts.clear()
            root.clear()


def _events(source: Source, lines: Lines) -> Iterator[tuple[str, Element]]:
    try:
        yield from iterparse(lines, ("start", "end"), forbid_dtd=False)
    except ParseError as error:
        raise source.error(error.position[0], f"not well-formed XML: {error}") from None
    except (ValueError, LookupError) as error:  # defined entities; an encoding that is unknown
        what, remedy = f"XML that is not read: {error}", "remove its DTD or save it as UTF-8"
        raise source.error(lines.number, what, remedy) from None
