"""XML files that are read one child of the root at a time.

A DOCTYPE is accepted and never fetched; a file that defines entities is refused.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from xml.etree.ElementTree import Element, ParseError

from defusedxml.ElementTree import iterparse

from ranat.formats.lines import Lines
from ranat.formats.source import Source

_PROLOG = re.compile(r"\s+|<\?.*?\?>|<!--.*?-->", re.DOTALL)
_ROOT = re.compile(r"<(?:!DOCTYPE\s+)?([\w:.-]+)")


def root_name(head: str) -> str | None:
    """The name of the root, which the document type says too, if there is one; None if these lines do not show it."""
    at = 0
    while gap := _PROLOG.match(head, at):
        at = gap.end()
    root = _ROOT.match(head, at)
    return root[1] if root else None


def children(
    source: Source, format: str, roots: Collection[str], alone: Collection[str] = ()
) -> Iterator[tuple[Element, dict[Element, int]]]:
    """The root's children, one in memory at a time, with the lines on which they and all elements in them start.

    Args:
        source: the file.
        format: what it should be, for messages.
        roots: the names that the root may have.
        alone: the names of children that may themselves be the root, the only record of the file.
    Raises:
        UserError: it is not well-formed, defines entities or has another root; with the line.
    """
    lines = Lines(source.stream)
    starts: dict[Element, int] = {}
    root: Element | None = None
    depth = level = begun = 0
    for event, element in _events(source, lines):
        if root is None:
            root, level = element, int(element.tag not in alone)
            if element.tag not in (*roots, *alone):
                known = " or ".join(f"<{name}>" for name in roots)
                what = f"the root is <{element.tag}>, not {format}'s {known}"
                raise source.error(lines.number, what, "the XML that is read is BioC's and PubMed's")
        if lines.count - begun > source.longest:
            raise source.too_long(lines.number)
        if event == "start":
            starts[element] = lines.number
            depth += 1
            continue
        depth -= 1
        if depth == level:
            yield element, starts
            starts.clear()
            root.clear()
            begun = lines.count


def _events(source: Source, lines: Lines) -> Iterator[tuple[str, Element]]:
    try:
        yield from iterparse(lines, ("start", "end"), forbid_dtd=False)
    except ParseError as error:
        raise source.error(error.position[0], f"not well-formed XML: {error}") from None
    except (ValueError, LookupError) as error:  # defined entities; an encoding that is unknown
        what, remedy = f"XML that is not read: {error}", "remove its DTD or save it as UTF-8"
        raise source.error(lines.number, what, remedy) from None
