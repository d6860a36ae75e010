"""Several models' mentions of one text as one set."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

from ranat.documents import Document, Entity


def merge(found: Sequence[Document]) -> Document:
    """One document with the mentions of all.

    Of mentions of the same type that overlap, the one with the highest score stays (then the longest, then the first
    model's). Mentions of different types all stay, also where they overlap. Types that differ in case alone are the
    same; a mention keeps its model's spelling. Ids are T1, T2, … in text order.

    Args:
        found: the same document as each model found it, at least one.
    """
    taken: defaultdict[str, bytearray] = defaultdict(lambda: bytearray(len(found[0].text)))
    kept: list[Entity] = []
    for entity in sorted(chain.from_iterable(document.entities for document in found), key=_rank):
        characters = taken[entity.type.casefold()]
        if 1 not in characters[entity.start : entity.end]:
            characters[entity.start : entity.end] = b"\1" * (entity.end - entity.start)
            kept.append(entity)
    ordered = sorted(kept, key=lambda entity: (entity.spans, entity.type))
    entities = tuple(replace(entity, id=f"T{number}") for number, entity in enumerate(ordered, 1))
    return replace(found[0], entities=entities, relations=())


def _rank(entity: Entity) -> tuple[float, int]:
    return -(entity.score or 0.0), entity.start - entity.end
