"""XML files that are read one child of the root at a time.

A DOCTYPE is accepted and never fetched; a file that defines entities is refused.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from xml.etree.ElementTree import Element, ParseError
from xml.parsers.expat import errors

from defusedxml.ElementTree import iterparse

from ranat.formats.source import Source

_PROLOG = re.compile(r"\s+|<\?.*?\?>|<!--.*?-->", re.DOTALL)
_DECLARATION = re.compile(rb"(?:\xef\xbb\xbf)?<\?xml\s")
_JUNK = errors.codes[errors.XML_ERROR_JUNK_AFTER_DOC_ELEMENT]
_LONGEST_PIECE = 1 << 16
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

    Names are without their namespaces. Files that stand one after the other in one are read on, if each has its
    `<?xml …?>`.

    Args:
        source: the file.
        format: what it should be, for messages.
        roots: the names that the root may have.
        alone: the names of children that may themselves be the root, the only record of the file.
    Raises:
        UserError: it is not well-formed, defines entities, has another root or a record that is too long; with the
            line.
    """
    files = _Files(source)
    while files.begins():
        yield from _of_one(source, files, format, roots, alone)


def _of_one(
    source: Source, files: _Files, format: str, roots: Collection[str], alone: Collection[str]
) -> Iterator[tuple[Element, dict[Element, int]]]:
    starts: dict[Element, int] = {}
    root: Element | None = None
    depth = level = 0
    for event, element in _events(source, files):
        if event == "start":
            element.tag = element.tag.rpartition("}")[2]
            starts[element] = files.line
            depth += 1
            if root is None:
                root, level = element, int(element.tag not in alone)
                if element.tag not in (*roots, *alone):
                    known = " or ".join(f"<{name}>" for name in roots or alone)
                    what = f"the root is <{element.tag}>, not {format}'s {known}"
                    raise source.error(files.line, what, "the XML that is read is BioC's, PubMed's and JATS")
            continue
        depth -= 1
        files.is_over = depth == 0
        if depth == level and root is not None:
            yield element, starts
            starts.clear()
            root.clear()
            files.record = 0


def _events(source: Source, files: _Files) -> Iterator[tuple[str, Element]]:
    first = files.line
    try:
        yield from iterparse(files, ("start", "end"), forbid_dtd=False)
    except ParseError as error:
        line = first + error.position[0] - 1
        if error.code == _JUNK:
            what, remedy = "one XML file ends here and another begins", "write each into a file of its own"
            raise source.error(line, what, remedy) from None
        raise source.error(line, f"not well-formed XML: {error}") from None
    except (ValueError, LookupError) as error:  # defined entities; an encoding that is unknown
        what, remedy = f"XML that is not read: {error}", "remove its DTD or save it as UTF-8"
        raise source.error(files.line, what, remedy) from None


class _Files:
    """Gives a parser the bytes of one XML file after the other, a line at a time, so that the line is known.

    Args:
        source: what is read.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._next = b""
        self._is_line_over = True
        self.line = 0
        """Its number."""
        self.record = 0
        """Bytes of the record that is read."""
        self.is_over = False
        """Whether the root has ended: a declaration before that, as in CDATA, begins no file."""

    def begins(self) -> bool:
        """Whether there is a file to read."""
        self._next = self._next or self._piece()
        self.is_over = False
        return bool(self._next)

    def read(self, _: int = -1, /) -> bytes:
        """The next bytes of this file; none at its end.

        Raises:
            UserError: the record is too long.
        """
        piece, self._next = self._next or self._piece(), b""
        declaration = _DECLARATION.match(piece)
        if declaration and self.is_over:
            self._next = piece
            return b""
        if following := _DECLARATION.search(piece, declaration.end() if declaration else 0):
            piece, self._next = piece[: following.start()], piece[following.start() :]
        return piece

    def _piece(self) -> bytes:
        """The next line, or part of a long one."""
        if self.record > self._source.longest:
            raise self._source.too_long(self.line)
        piece = self._source.stream.readline(min(_LONGEST_PIECE, self._source.longest))
        self.record += len(piece)
        self.line += self._is_line_over
        self._is_line_over = piece.endswith(b"\n")
        return piece
