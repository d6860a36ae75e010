"""GLiNER's training data: words, and mentions by their first and last word.

    [{"tokenized_text": ["Fever", "and", "cough"], "ner": [[0, 0, "Disease"]]}]

The last word is included (https://github.com/urchade/GLiNER). The text is the words joined by spaces, unless there is
one under "text" in which they are found one after the other; what is written has that, and the document's id.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from ranat.documents.document import Document, Span
from ranat.formats.base import Sure, reader, writer
from ranat.formats.fitting import tagged
from ranat.formats.fitting.steps import contiguous, renumbered, without_concepts, without_relations, without_scores
from ranat.formats.json_documents import count_unread, documents, id_of, marks, write_list
from ranat.formats.json_records import MalformedError, records
from ranat.formats.sample import Sample
from ranat.formats.source import Source
from ranat.formats.words import numbers, placed, words_of

SUFFIX = ".gliner.json"


def _sure(sample: Sample) -> Sure:
    value = sample.record
    return Sure.CERTAIN if isinstance(value.get("tokenized_text"), list) and "ner" in value else Sure.NO


@reader("gliner", suffixes=(SUFFIX,), sure=_sure)
def read(source: Source) -> Iterator[Document]:
    """Documents of a list, or of a document a line.

    Raises:
        UserError: a record has no such words.
    """
    yield from documents(source, records(source), _document)


def _document(source: Source, line: int, value: dict[str, Any], left_out: Counter[str]) -> Document:
    words = words_of(value.get("tokenized_text"), "tokenized_text")
    text, tokens = placed(source, line, value, words)
    given = marks(source, line, value, "ner", partial(_mark, tokens))
    found = [one for n, (span, label) in enumerate(given, 1) for one in source.found(line, f"T{n}", label, [span])]
    count_unread(value, {"id", "text", "tokenized_text", "ner"}, left_out)
    id = id_of(source, line, value)
    return source.document(line, id, text, found, tokens=tokens)


def _mark(tokens: list[Span], item: Any) -> list[tuple[Span, str]]:
    if not (isinstance(item, list) and len(item) == 3 and all(type(n) is int for n in item[:2])):
        raise MalformedError(f"{item!r:.80} is not [first word, last word, label]")
    first, last, label = item
    if not isinstance(label, str):
        raise MalformedError(f"the label {label!r:.40} must be a string")
    if not 0 <= first <= last < len(tokens):
        raise MalformedError(f"words {first} to {last} are not among the {len(tokens)} words")
    return [((tokens[first][0], tokens[last][1]), label)]


def _fit(document: Document, lost: Counter[str]) -> Document:
    document = without_concepts(without_scores(without_relations(document, lost), lost), lost)
    document = renumbered(tagged.trimmed(contiguous(document, lost), lost), lost)
    return replace(tagged.with_words(document), sentences=())


@writer("gliner", fit=_fit, suffix=SUFFIX)
def write(given: Iterable[Document], out: Path) -> None:
    """Write a list, a document a line."""
    write_list(map(_as_json, given), out)


def _as_json(document: Document) -> dict[str, Any]:
    first, last = numbers(document)
    words = [document.text[start:end] for start, end in document.tokens]
    mentions = [[first[entity.start], last[entity.end], entity.type] for entity in document.entities]
    return {"id": document.id, "text": document.text, "tokenized_text": words, "ner": mentions}
