"""HTML: one page to read in a browser, with nothing to fetch and no script; nothing is lost.

Beside what is shown of it, each document has a line with all of it as JSON, in which "<" is escaped, and by these lines
the page is read again:

    <script type="application/json" class="document">{"id": "1", "text": "…", "entities": []}</script>
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
from ranat.view.highlight import STYLE, Legend, fragment
from ranat.view.page import END, generated_by, head

_OPEN, _CLOSE = '<script type="application/json" class="document">', "</script>"
_GENERATOR = "ranat"
_STYLE = f"""{STYLE}
body {{ display: flex; flex-direction: column; }}
article {{ padding: 1.2rem 0; border-bottom: 1px solid var(--line); content-visibility: auto;
  contain-intrinsic-size: auto 14rem; }}
footer {{ order: -1; position: sticky; top: 0; padding: .6rem 0; max-height: 30vh; overflow: auto; z-index: 1;
  background: var(--paper); border-bottom: 2px solid var(--ink); }}
@media print {{ footer {{ position: static; }} article {{ content-visibility: visible; break-inside: avoid; }} }}
"""


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
    """Write the page a document at a time; the legend, known only then, comes last and is shown first."""
    legend = Legend()
    with out.open("x", encoding="utf-8", newline="\n") as stream:
        stream.write(head("Documents", _STYLE, _GENERATOR))
        for document in documents:
            data = jsonl.dumped(document).replace("<", r"\u003c")
            stream.write(f"{fragment(document, legend)}\n{_OPEN}{data}{_CLOSE}\n")
        stream.write(f"<footer>{legend.html()}</footer>\n{END}")


def _embedded(source: Source) -> Iterator[Record]:
    """The JSON of each line of the page that holds some."""
    mark = generated_by(_GENERATOR)
    known = False
    for number, line in source.lines():
        known |= mark in line
        if known and line.startswith(_OPEN):
            yield number, line.rstrip().removeprefix(_OPEN).removesuffix(_CLOSE)
    if not known:
        what = f"not a page that ranat wrote: it has no line {mark}"
        raise source.error(1, what, "name a page written in the format html, or save the text as .txt")
