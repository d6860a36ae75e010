"""Several models' mentions of one text as one set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

from ranat.documents import Document, Entity


def merge(found: Sequence[Document]) -> Document:
    """One document with the mentions of all.

    Of mentions of the same type that overlap, the one with the highest score stays (then the longest, then the first
    model's). Mentions of different types all stay, also where they overlap. Ids are T1, T2, … in text order.

    Args:
        found: the same document as each model found it, at least one.
    """
    ranked = sorted(chain.from_iterable(document.entities for document in found), key=_rank)
    kept: dict[str, list[Entity]] = {}
    for entity in ranked:
        same = kept.setdefault(entity.type, [])
        if not any(entity.start < other.end and other.start < entity.end for other in same):
            same.append(entity)
    ordered = sorted(chain.from_iterable(kept.values()), key=lambda entity: (entity.spans, entity.type))
    entities = tuple(replace(entity, id=f"T{number}") for number, entity in enumerate(ordered, 1))
    return replace(found[0], entities=entities, relations=())


def _rank(entity: Entity) -> tuple[float, int]:
    return -(entity.score or 0.0), entity.start - entity.end
