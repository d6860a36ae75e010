"""HTML: one page to read in a browser, with nothing to fetch; nothing is lost.

The documents stand in the page as JSON, one a line, in which "<" is escaped. A script of the page shows them, and by
these lines it is read again:

    <script type="application/x-ndjson" id="ranat-documents">
    {"id":"1","text":"…","entities":[]}
    </script>

Pages that were written before have each line in an element of its own, and are read, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from ranat.documents.document import Document
from ranat.formats import jsonl
from ranat.formats.base import Sure, reader, writer
from ranat.formats.fitting.steps import in_text_order
from ranat.formats.json_records import Record
from ranat.formats.sample import Sample
from ranat.formats.source import Source
from ranat.view import documents_page
from ranat.view.page import generated_by

_BEFORE = '<script type="application/json" class="document">'
"""What a line began with on the pages that were written before."""
_GENERATOR = "ranat"


def _sure(sample: Sample) -> Sure:
    return Sure.CERTAIN if generated_by(_GENERATOR) in sample.head else Sure.NO


@reader("html", suffixes=(".html", ".htm"), sure=_sure)
def read(source: Source) -> Iterator[Document]:
    """Documents of such a page.

    Raises:
        UserError: a document's line is not what was written, or the page has no line by which it could be recognised.
    """
    yield from jsonl.read_records(source, _embedded(source))


@writer("html", fit=in_text_order, suffix=".html")
def write(documents: Iterable[Document], out: Path) -> None:
    """Write the page a document at a time."""
    with out.open("x", encoding="utf-8", newline="\n") as stream:
        stream.writelines(documents_page.written(documents, _title(out), _GENERATOR))


def _title(out: Path) -> str:
    """The file's name; while it is written, it is hidden, and it may be no Unicode."""
    return out.name.lstrip(".").removesuffix(".html").encode("utf-8", "backslashreplace").decode() or "Documents"


def _embedded(source: Source) -> Iterator[Record]:
    """The JSON of each line of the page that holds some."""
    mark = generated_by(_GENERATOR)
    known = within = False
    for number, line in source.lines():
        known |= mark in line
        if not known:
            continue
        if line.startswith(_BEFORE):
            yield number, line.rstrip().removeprefix(_BEFORE).removesuffix(documents_page.CLOSE)
        elif line.rstrip() in (documents_page.OPEN, documents_page.CLOSE):
            within = line.rstrip() == documents_page.OPEN
        elif within:
            yield number, line
    if not known:
        what = f"not a page that ranat wrote: it has no line {mark}"
        raise source.error(1, what, "name a page written in the format html, or save the text as .txt")
