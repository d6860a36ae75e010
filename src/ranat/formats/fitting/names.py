"""Names of mentions, types and concepts in formats that cannot hold all of them: steps of a `fit`, as in `fitting`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from ranat.documents.document import NO_CONCEPT, Document, Entity, Relation
from ranat.formats.fitting.steps import related, renumbered


def known_concepts(document: Document, lost: Counter[str]) -> Document:
    """No concepts that would be read as not known, and no relations of theirs."""
    found = sum(entity.concept in NO_CONCEPT for entity in document.entities)
    if not found:
        return document
    lost["concepts that mean none"] += found
    entities = (replace(e, concept=None) if e.concept in NO_CONCEPT else e for e in document.entities)
    return related(replace(document, entities=tuple(entities)), lost)


def renamed(document: Document, rename: Callable[[str], str], lost: Counter[str]) -> Document:
    """Every name but the document's id as the function gives it; relations follow, what has changed is counted."""
    if len({rename(entity.id) for entity in document.entities}) < len(document.entities):
        document = renumbered(document, lost)
    entities = tuple(_entity(entity, rename) for entity in document.entities)
    relations = tuple(
        Relation(rename(relation.type), rename(relation.head), rename(relation.tail), relation.score)
        for relation in document.relations
    )
    if entities == document.entities and relations == document.relations:
        return document
    old, new = (*document.entities, *document.relations), (*entities, *relations)
    lost["exact spellings of names"] += sum(before != after for before, after in zip(old, new, strict=True))
    return related(replace(document, entities=entities, relations=relations), lost)


def _entity(entity: Entity, rename: Callable[[str], str]) -> Entity:
    concept = None if entity.concept is None else rename(entity.concept)
    return replace(entity, id=rename(entity.id), type=rename(entity.type), concept=concept)
