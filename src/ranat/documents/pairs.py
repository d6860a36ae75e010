"""Candidate pairs of entities in a sentence, their labels, and the dummified text of a pair (BLURB, Gu et al. 2021)."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import product
from typing import Any, Literal, NamedTuple, Self, get_args

from ranat.documents import concepts
from ranat.documents.document import Document, Entity, Relation, Span
from ranat.documents.segment import sentences

Level = Literal["mention", "concept"]

REVERSED = " (reversed)"
"""Ends the label of a relation whose head comes second in the text, where the types do not tell."""


@dataclass(frozen=True, slots=True)
class PairTypes:
    """Which entities may be related, and what stands in their place.

    Args:
        types: (head type, tail type) of candidates.
        negative: the label of a pair that is not related.
        dummies: entity type → its name in a dummified sentence, as "DRUG" in "@DRUG$"; default: in upper case.
        overlap: the name of a pair whose mentions overlap; default: both names with "-" between.
        level: what is related, and scored: "mention", the mentions of a sentence, or "concept", those of a document.
    Raises:
        ValueError: there is no such level.
    """

    types: frozenset[tuple[str, str]]
    negative: str = "false"
    dummies: Mapping[str, str] = field(default_factory=dict)
    overlap: str | None = None
    level: Level = "mention"

    def __post_init__(self) -> None:
        if self.level not in get_args(Level):
            raise ValueError(f"no level of relations: {self.level!r}")

    @classmethod
    def of(cls, documents: Iterable[Document]) -> Self:
        """The types of the pairs that are related in the documents; the level of concepts if all relate concepts."""
        types, levels = set[tuple[str, str]](), set[Level]()
        for document in (document for document in documents if document.relations):
            kinds = concepts.types_of(document)
            for relation, by_mention in zip(document.relations, concepts.are_between_mentions(document), strict=True):
                types.update(product(kinds[relation.head], kinds[relation.tail]))
                levels.add("mention" if by_mention else "concept")
        return cls(frozenset(types), level="concept" if levels == {"concept"} else "mention")

    def order(self, first: Entity, second: Entity) -> tuple[Entity, Entity] | None:
        """(head, tail) of two entities in text order, head first where both ways are possible; None: no candidate."""
        if (first.type, second.type) in self.types:
            return first, second
        return (second, first) if (second.type, first.type) in self.types else None

    def dummy(self, *kinds: str) -> str:
        """What stands in the place of an entity of that type, or of overlapping ones (head, tail)."""
        names = [self.dummies.get(kind, kind.upper()) for kind in kinds]
        return f"@{names[0] if len(names) == 1 else self.overlap or '-'.join(names)}$"

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {**asdict(self), "types": sorted(self.types), "dummies": dict(self.dummies)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(**{**values, "types": frozenset((head, tail) for head, tail in values["types"])})


class Pair(NamedTuple):
    """Two entities of one sentence, and how they are related.

    Args:
        sentence: its span in the document.
        first: the one that starts first in the text; of two that start together the tail.
        second: the other.
        label: a relation's type, with `REVERSED` where the head is not the one that `PairTypes.order` gives.
    """

    sentence: Span
    first: Entity
    second: Entity
    label: str

    @property
    def overlaps(self) -> bool:
        """Whether the first ends after the second starts; a discontinuous mention reaches over its gaps."""
        return self.first.end > self.second.start


_Found = tuple[Relation, Entity]
"""A relation of two entities, and which one of them is its head."""


class Candidates(NamedTuple):
    """The candidate pairs of a document.

    Args:
        pairs: in the order of their sentences, then of their heads and tails in the document.
        apart: relations that no candidate pair holds (no sentence has both ends, or their types are not paired).
        conflicts: relations of a pair that has another later on; the last one is its label.
    """

    pairs: list[Pair]
    apart: list[Relation]
    conflicts: list[Relation]


def candidates(document: Document, types: PairTypes) -> Candidates:
    """All pairs of entities that lie wholly in one sentence and have the types of a pair, each pair once.

    A relation between concepts is one of every such pair of their mentions.
    """
    find = _finder(document)
    pairs, held, conflicts = [], set[Relation](), list[Relation]()
    for sentence, entities in _by_sentence(document):
        for first, second in _paired(entities, types):
            related = find(first, second)
            held.update(relation for relation, _ in related)
            conflicts += [relation for relation, _ in related if relation.type != related[-1][0].type]
            pairs.append(Pair(sentence, first, second, _label(related, first, second, types)))
    apart = [relation for relation in document.relations if relation not in held]
    return Candidates(pairs, apart, list(dict.fromkeys(conflicts)))


def dummified(document: Document, pair: Pair, types: PairTypes) -> str:
    """The sentence with its two entities replaced; overlapping ones become a single dummy. One line, no tabs."""
    return "".join(text for text, _ in dummified_parts(document, pair, types))


def dummified_parts(document: Document, pair: Pair, types: PairTypes) -> list[tuple[str, Entity | None]]:
    """The parts of a dummified sentence, each with the entity that it stands for (the first, if for both)."""
    (start, end), first, second = pair.sentence, pair.first, pair.second
    if pair.overlaps:
        union = max(first.end, second.end)
        head, tail = types.order(first, second) or (first, second)
        places = [(first.start, union, types.dummy(head.type, tail.type), first)]
    else:
        places = [(entity.start, entity.end, types.dummy(entity.type), entity) for entity in (first, second)]
    parts: list[tuple[str, Entity | None]] = []
    for left, right, dummy, entity in places:
        parts += [(one_line(document.text[start:left]), None), (dummy, entity)]
        start = right
    return [*parts, (one_line(document.text[start:end]), None)]


def relation_of(pair: Pair, label: str, types: PairTypes, score: float | None = None) -> Relation | None:
    """The relation that a label says; None for the negative one."""
    if label == types.negative:
        return None
    head, tail = types.order(pair.first, pair.second) or (pair.first, pair.second)
    if label.endswith(REVERSED):
        head, tail = tail, head
    return Relation(label.removesuffix(REVERSED), head.id, tail.id, score)


def one_line(text: str) -> str:
    """White space that would break a line or a column, as spaces; the length stays."""
    return re.sub(r"[\t\r\n]", " ", text)


def _finder(document: Document) -> Callable[[Entity, Entity], list[_Found]]:
    """What finds the relations of two entities, by their ids and concepts, in the document's order."""
    if not document.relations:
        return lambda first, second: []
    numbers: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number, relation in enumerate(document.relations):
        numbers[relation.head, relation.tail].append(number)
    names = concepts.names(document)

    def find(first: Entity, second: Entity) -> list[_Found]:
        heads = {
            number: head
            for head, tail in ((second, first), (first, second))  # of one concept, both may be the head: the first is
            for ends in product(names(head), names(tail))
            for number in numbers.get(ends, ())
        }
        return [(document.relations[number], heads[number]) for number in sorted(heads)]

    return find


def _label(relations: list[_Found], first: Entity, second: Entity, types: PairTypes) -> str:
    if not relations:
        return types.negative
    head, tail = types.order(first, second) or (first, second)
    both_ways = (tail.type, head.type) in types.types
    relation, said_head = relations[-1]
    return relation.type + (REVERSED if both_ways and said_head != head else "")


def _paired(entities: list[Entity], types: PairTypes) -> Iterator[tuple[Entity, Entity]]:
    for number, head in enumerate(entities):
        for other, tail in enumerate(entities):
            if other == number or (head.type, tail.type) not in types.types:
                continue
            both_ways = (tail.type, head.type) in types.types
            if both_ways and other < number:
                continue  # it was there as (tail, head)
            # Of two that start together BLURB names the tail first, where their types tell which one is the tail.
            in_order = head.start < tail.start or (head.start == tail.start and both_ways)
            yield (head, tail) if in_order else (tail, head)


def _by_sentence(document: Document) -> Iterator[tuple[Span, list[Entity]]]:
    """Sentences with the entities that lie wholly in them, in the document's order."""
    spans = document.sentences or sentences(document.text)
    starts = [start for start, _ in spans]
    inside: list[list[Entity]] = [[] for _ in spans]
    for entity in document.entities:
        number = bisect_right(starts, entity.start) - 1
        if number >= 0 and entity.end <= spans[number][1]:
            inside[number].append(entity)
    yield from zip(spans, inside, strict=True)
