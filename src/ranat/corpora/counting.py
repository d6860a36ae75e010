"""Count what is in a corpus: documents, sentences, tokens, mentions, and what is there more than once.

What repeats is a sentence where the source gives sentences, else a document. Two are the same if their texts are.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

from ranat.corpora.corpus import Corpus
from ranat.documents import segment
from ranat.documents.concepts import are_between_mentions
from ranat.documents.document import Document, Entity
from ranat.documents.pairs import PairTypes, candidates

_LONG = 5
"""A repeat of fewer tokens is a list number or a heading rather than a leak."""


class Count(NamedTuple):
    """A number: of which split ("train", or "train/dev" for what both have), what is counted, how many."""

    split: str
    what: str
    n: int


class _Unit(NamedTuple):
    """A sentence, or a document whose source gives none."""

    text: str
    n_tokens: int
    mentions: tuple[tuple[int, int, str], ...]


def count(corpus: Corpus) -> list[Count]:
    """All counts of a corpus; tokens and sentences only where the source gives them."""
    units = {
        split: [unit for document in documents for unit in _units(document)]
        for split, documents in corpus.splits.items()
    }
    by_sentence = all(document.sentences for documents in corpus.splits.values() for document in documents)
    noun = "sentences" if by_sentence else "documents"
    counts = [
        Count(split, what, n)
        for split, documents in corpus.splits.items()
        for what, n in (
            *_in_split(documents, units[split], noun),
            *_instances(documents, corpus.pair_types, zeros=corpus.pairs is not None),
        )
    ]
    for first, second in combinations(corpus.splits, 2):
        texts = {unit.text for unit in units[first]}
        shared = [unit for unit in units[second] if unit.text in texts]
        long = sum(unit.n_tokens >= _LONG for unit in shared)
        pair = f"{first}/{second}"
        counts += [Count(pair, f"shared {noun}", len(shared)), Count(pair, f"shared {noun} of {_LONG}+ tokens", long)]
    return counts


def _in_split(documents: tuple[Document, ...], units: list[_Unit], noun: str) -> Iterator[tuple[str, int]]:
    yield "documents", len(documents)
    if noun == "sentences":
        yield "sentences", len(units)
    if any(document.tokens for document in documents):
        yield "tokens", sum(len(document.tokens) for document in documents)
        yield "longest, in tokens", max(unit.n_tokens for unit in units)
    yield "mentions", sum(len(document.entities) for document in documents)
    types = Counter(entity.type for document in documents for entity in document.entities)
    if len(types) > 1:
        yield from ((f"mentions of {kind}", n) for kind, n in sorted(types.items()))
    relations = Counter(relation.type for document in documents for relation in document.relations)
    yield from ((f"relations {kind}", n) for kind, n in sorted(relations.items()))
    yield f"{noun} without mention", sum(not unit.mentions for unit in units)

    first: dict[str, _Unit] = {}
    labellings: dict[str, set[tuple[tuple[int, int, str], ...]]] = defaultdict(set)
    for unit in units:
        first.setdefault(unit.text, unit)
        labellings[unit.text].add(unit.mentions)
    yield f"repeated {noun}", len(units) - len(first)
    yield f"repeated {noun}, labelled otherwise", sum(len(several) > 1 for several in labellings.values())
    yield f"mentions outside repeated {noun}", sum(len(unit.mentions) for unit in first.values())


def _instances(documents: tuple[Document, ...], types: PairTypes, zeros: bool) -> Iterator[tuple[str, int]]:
    """What `train --task relation` makes of the relations; `zeros`: name what is seldom there even if it is not."""
    if not types.types:
        return
    paired = [candidates(document, types) for document in documents]
    where = Counter(
        (by_mention, relation not in item.apart)
        for document, item in zip(documents, paired, strict=True)
        for relation, by_mention in zip(document.relations, are_between_mentions(document), strict=True)
    )
    for by_mention, ends in ((True, "mentions"), (False, "concepts")):
        if where[by_mention, True] + where[by_mention, False]:
            yield f"relations between {ends} in a sentence", where[by_mention, True]
            yield f"relations between {ends} in no sentence", where[by_mention, False]
    pairs = [pair for item in paired for pair in item.pairs]
    yield "instances", len(pairs)
    yield from ((f"instances {label}", n) for label, n in sorted(Counter(pair.label for pair in pairs).items()))
    rare = {
        "instances that overlap": sum(pair.overlaps for pair in pairs),
        "relations overruled by a later one of their pair": sum(len(item.conflicts) for item in paired),
    }
    yield from ((what, n) for what, n in rare.items() if n or zeros)


def _units(document: Document) -> Iterator[_Unit]:
    entities = sorted(document.entities, key=lambda entity: entity.start)
    starts = [entity.start for entity in entities]
    tokens = [token[0] for token in document.tokens or segment.words(document.text)]
    for start, end in document.sentences or ((0, len(document.text)),):
        inside = entities[bisect_left(starts, start) : bisect_left(starts, end)]
        n_tokens = bisect_left(tokens, end) - bisect_left(tokens, start)
        yield _Unit(document.text[start:end], n_tokens, tuple(_mention(entity, start) for entity in inside))


def _mention(entity: Entity, start: int) -> tuple[int, int, str]:
    return entity.start - start, entity.end - start, entity.type
