"""A format of one's own, read and written: a line of JSON for each document, its mentions as offsets.

    ["d1", "Cisplatin induced nephrotoxicity.", [[18, 32, "Disease"]]]

ranat convert --plugin standoff.py corpus.pubtator -o corpus.standoff
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from ranat.documents import Document, Entity
from ranat.formats import Sure, reader, writer
from ranat.formats.fitting.steps import (
    contiguous,
    renumbered,
    without_concepts,
    without_layout,
    without_relations,
    without_scores,
)
from ranat.formats.source import Found, Source


@reader(
    "standoff", suffixes=(".standoff",), sure=lambda sample: Sure.CERTAIN if sample.head.startswith('["') else Sure.NO
)
def read(source: Source) -> Iterator[Document]:
    """The document of each line.

    Raises:
        UserError: a line is something else.
    """

    def parsed(numbered: tuple[int, str]) -> Document:
        number, line = numbered
        try:
            id, text, mentions = json.loads(line)
            entities = [Entity(f"T{n}", type, ((start, end),)) for n, (start, end, type) in enumerate(mentions, 1)]
        except (ValueError, TypeError) as error:
            raise source.error(number, f"is no document: {error}", 'write ["id", "text", [[0, 9, "Type"]]]') from None
        return source.document(number, id, text, [Found(number, entity) for entity in entities])

    yield from source.each(source.lines(), parsed)


def fit(document: Document, lost: Counter[str]) -> Document:
    """Without all that is neither text nor a mention of one piece."""
    for step in (without_scores, without_relations, without_concepts, contiguous, renumbered, without_layout):
        document = step(document, lost)
    return document


@writer("standoff", fit=fit, suffix=".standoff")
def write(documents: Iterable[Document], out: Path) -> None:
    """A line for each document."""
    with out.open("x", encoding="utf-8", newline="\n") as stream:
        for document in documents:
            mentions = [[entity.start, entity.end, entity.type] for entity in document.entities]
            stream.write(json.dumps([document.id, document.text, mentions]) + "\n")
