"""Plain text, with nothing marked in it: a document a file (`text`) or a document a line (`lines`).

Neither is told by its content, as any text could be one.
"""

from __future__ import annotations

from collections.abc import Iterator

from ranat.documents.document import Document
from ranat.formats.base import reader
from ranat.formats.source import Source

_BYTE_ORDER_MARK = "\ufeff"


@reader("text", suffixes=(".txt",), raw=True)
def read(source: Source) -> Iterator[Document]:
    """The file as one document: its text as it is but for a byte order mark, its id the file's name without suffix.

    Raises:
        UserError: the bytes are not UTF-8.
    """
    yield from source.each(
        [source], lambda _: source.document(1, source.stem, source.text().removeprefix(_BYTE_ORDER_MARK))
    )


@reader("lines", suffixes=(), raw=True)
def read_lines(source: Source) -> Iterator[Document]:
    """Each line that is not blank as a document, called by the file and the line: "abstracts:17".

    Raises:
        UserError: the bytes are not UTF-8.
    """
    records = ((number, line) for number, line in source.lines() if line.strip())
    yield from source.each(records, lambda record: source.document(record[0], source.numbered(record[0]), record[1]))
