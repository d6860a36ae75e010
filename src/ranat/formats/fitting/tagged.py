"""Documents as sentences of words, each word with a tag: steps of a `fit`, as in `fitting`."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from ranat.documents import segment
from ranat.documents.bio import to_bio
from ranat.documents.document import Document, Entity, Span
from ranat.formats.fitting.steps import keep_entities

DOCSTART = "-DOCSTART-"
"""What stands between documents, so it cannot be a word."""


def trimmed(document: Document, lost: Counter[str]) -> Document:
    """Mentions without the white space at their ends; those of nothing else are left out."""
    document = keep_entities(document, lambda e: not document.mention(e).isspace(), "mentions of white space", lost)
    entities = tuple(_trimmed(document.text, entity) for entity in document.entities)
    lost["mentions with white space around them"] += sum(
        a != b for a, b in zip(entities, document.entities, strict=True)
    )
    return replace(document, entities=entities)


def flat(document: Document, lost: Counter[str]) -> Document:
    """Of mentions that overlap only the longest, and of such that are as long the first."""
    taken = bytearray(len(document.text))
    kept = set()
    for entity in sorted(document.entities, key=lambda entity: (entity.start - entity.end, entity.start)):
        if 1 not in taken[entity.start : entity.end]:
            taken[entity.start : entity.end] = b"\1" * (entity.end - entity.start)
            kept.add(entity.id)
    return keep_entities(document, lambda entity: entity.id in kept, "nested or overlapping mentions", lost)


def with_words(document: Document) -> Document:
    """The document with words that no mention cuts, and sentences that no mention goes across.

    The words are its tokens if they are all of the text but white space, otherwise those of `segment`; they are cut
    where a mention starts or ends. The sentences are its own, otherwise those of `segment`; those that a mention goes
    across are joined.

    Args:
        document: its mentions are contiguous, do not overlap and have no white space at their ends.
    """
    borders = sorted({offset for entity in document.entities for offset in (entity.start, entity.end)})
    tokens = tuple(_cut(document.tokens, borders))
    if not _are_words(tokens, document.text):
        tokens = tuple(_cut(segment.words(document.text), borders))
    return replace(document, tokens=tokens, sentences=tuple(_sentences(document, tokens)))


def tags(document: Document) -> Iterator[tuple[Sequence[Span], Sequence[str]]]:
    """Words and IOB2 tags of each sentence of a document `with_words`."""
    starts = [start for start, _ in document.tokens]
    spans = [(bisect_left(starts, e.start), bisect_left(starts, e.end), e.type) for e in document.entities]
    all_tags = to_bio(len(starts), spans)
    for start, end in document.sentences:
        words = slice(bisect_left(starts, start), bisect_left(starts, end))
        yield document.tokens[words], all_tags[words]


def _trimmed(text: str, entity: Entity) -> Entity:
    mention = text[entity.start : entity.end]
    start = entity.start + len(mention) - len(mention.lstrip())
    return replace(entity, spans=((start, start + len(mention.strip())),))


def _cut(spans: Iterable[Span], borders: Sequence[int]) -> Iterator[Span]:
    for start, end in spans:
        inside = borders[bisect_right(borders, start) : bisect_left(borders, end)]
        yield from pairwise((start, *inside, end))


def _are_words(spans: Sequence[Span], text: str) -> bool:
    words = [text[start:end] for start, end in spans]
    in_order = all(before[1] <= after[0] for before, after in pairwise(spans))
    return in_order and all(words) and DOCSTART not in words and "".join(words) == "".join(text.split())


def _sentences(document: Document, words: Sequence[Span]) -> Iterator[Span]:
    starts = sorted(start for start, _ in document.sentences or segment.sentences(document.text))
    within_mention = bytearray(len(document.text))
    for entity in document.entities:
        within_mention[entity.start + 1 : entity.end] = b"\1" * (entity.end - entity.start - 1)
    first = 0
    for number in range(1, len(words)):
        start = words[number][0]
        if bisect_right(starts, start) > bisect_right(starts, words[number - 1][0]) and not within_mention[start]:
            yield words[first][0], words[number - 1][1]
            first = number
    if words:
        yield words[first][0], words[-1][1]
