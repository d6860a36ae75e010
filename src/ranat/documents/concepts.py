"""Relations between concepts (BC5CDR, BioRED) beside relations between mentions.

A relation between concepts is marked once for a document, not where it is said. Sentences hold it by one rule: every
pair of mentions of the two concepts in one sentence is an instance of it (Gu, Qian, Zhou 2016, Database 2016:baw042,
without their filters), a composite mention being one of each of its concepts. The way back is the same: instances say
the relation of the concepts that their mentions have.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from itertools import product

from ranat.documents.document import Document, Entity, Relation

TypePairs = frozenset[tuple[str, str]]


def names(document: Document) -> Callable[[Entity], tuple[str, ...]]:
    """What gives the names by which relations may mean a mention: its id, and its concepts that are no mention's id."""
    ids = {entity.id for entity in document.entities}
    return lambda entity: (entity.id, *(name for name in dict.fromkeys(entity.concepts) if name not in ids))


def types_of(document: Document) -> defaultdict[str, set[str]]:
    """Each name that a relation may use → the types of the mentions that it means, maybe none."""
    types = defaultdict[str, set[str]](set)
    names_of = names(document)
    for entity in document.entities:
        for name in names_of(entity):
            types[name].add(entity.type)
    return types


def are_between_mentions(document: Document) -> list[bool]:
    """For each relation whether one of its ends is a mention; else it is between concepts."""
    ids = {entity.id for entity in document.entities}
    return [relation.head in ids or relation.tail in ids for relation in document.relations]


def between_concepts(document: Document, types: TypePairs) -> list[Relation]:
    """The relations of a document as relations between concepts, each once, with the highest score that one has.

    A relation between mentions says one for each pair of their concepts, none if one of them has no concept.

    Args:
        document: with relations between concepts, mentions, or both.
        types: (head type, tail type): a relation that fits them the other way round alone is turned.
    """
    parts = {entity.concept: entity.parts for entity in document.entities if entity.concept}
    parts |= {entity.id: entity.parts for entity in document.entities}
    kinds = types_of(document)
    related: dict[tuple[str, str, str], Relation] = {}
    for relation in document.relations:
        for head, tail in product(*(parts.get(end, (end,)) for end in (relation.head, relation.tail))):
            if not _fits(types, kinds[head], kinds[tail]) and _fits(types, kinds[tail], kinds[head]):
                head, tail = tail, head
            known = related.get(key := (head, relation.type, tail))
            if known is None or (known.score or 0) < (relation.score or 0):
                related[key] = replace(relation, head=head, tail=tail)
    return list(related.values())


def _fits(types: TypePairs, heads: set[str], tails: set[str]) -> bool:
    return not types.isdisjoint(product(heads, tails))
