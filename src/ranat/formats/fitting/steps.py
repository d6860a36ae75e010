"""What a written format cannot hold, taken away and counted: the steps that the formats' `fit` are made of.

Each takes a document and the counts so far and gives the document as it will be read again. Words of the counts go on
from "left out: ", such as "scores".
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from ranat.documents.document import Document, Entity, Relation

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def in_text_order(document: Document, _: Counter[str]) -> Document:
    """Mentions in the order of the text, as every reader gives them; that is no loss."""
    ordered = sorted(document.entities, key=lambda entity: entity.spans)
    return document if ordered == list(document.entities) else replace(document, entities=tuple(ordered))


def without_scores(document: Document, lost: Counter[str]) -> Document:
    """No scores."""
    items: tuple[Entity | Relation, ...] = (*document.entities, *document.relations)
    scored = sum(item.score is not None for item in items)
    if not scored:
        return document
    lost["scores"] += scored
    return replace(
        document,
        entities=tuple(replace(entity, score=None) for entity in document.entities),
        relations=tuple(replace(relation, score=None) for relation in document.relations),
    )


def without_concepts(document: Document, lost: Counter[str]) -> Document:
    """No concepts, and so no relations between concepts."""
    document = between_mentions(document, lost)
    found = sum(entity.concept is not None for entity in document.entities)
    if not found:
        return document
    lost["concepts of mentions"] += found
    return replace(document, entities=tuple(replace(entity, concept=None) for entity in document.entities))


def between_mentions(document: Document, lost: Counter[str]) -> Document:
    """No relations between concepts."""
    ids = {entity.id for entity in document.entities}
    return _keep_relations(document, ids, "relations between concepts", lost)


def without_relations(document: Document, lost: Counter[str]) -> Document:
    """No relations."""
    lost["relations"] += len(document.relations)
    return replace(document, relations=()) if document.relations else document


def related(document: Document, lost: Counter[str]) -> Document:
    """No relations whose ends are neither mentions nor concepts of the document (any more)."""
    return _keep_relations(document, _ends(document.entities), "relations of what is lost", lost)


def without_layout(document: Document, lost: Counter[str]) -> Document:
    """No sentences, no words: they are not annotations, and are found again where they are needed."""
    return replace(document, sentences=(), tokens=())


def contiguous(document: Document, lost: Counter[str]) -> Document:
    """No discontinuous mentions."""
    return keep_entities(document, lambda entity: len(entity.spans) == 1, "discontinuous mentions", lost)


def without_repeats(document: Document, lost: Counter[str]) -> Document:
    """Of mentions of one type in one place only the first."""
    first = {(entity.spans, entity.type): entity.id for entity in reversed(document.entities)}
    kept = set(first.values())
    return keep_entities(document, lambda entity: entity.id in kept, "mentions that are there twice", lost)


def keep_entities(document: Document, keep: Callable[[Entity], bool], what: str, lost: Counter[str]) -> Document:
    """The mentions to keep, and the relations between what is left; the others are counted as `what`."""
    kept = tuple(entity for entity in document.entities if keep(entity))
    if len(kept) == len(document.entities):
        return document
    lost[what] += len(document.entities) - len(kept)
    return _keep_relations(replace(document, entities=kept), _ends(kept), f"relations of {what}", lost)


def renumbered(document: Document, lost: Counter[str], prefix: str = "T") -> Document:
    """Mentions in the order of their spans, their ids T1, T2, …; changed ids are counted, relations follow them."""
    ordered = sorted(document.entities, key=lambda entity: entity.spans)
    ids = {entity.id: f"{prefix}{number}" for number, entity in enumerate(ordered, 1)}
    lost["ids of mentions"] += sum(old != new for old, new in ids.items())
    return replace(
        document,
        entities=tuple(replace(entity, id=ids[entity.id]) for entity in ordered),
        relations=tuple(
            replace(relation, head=ids.get(relation.head, relation.head), tail=ids.get(relation.tail, relation.tail))
            for relation in document.relations
        ),
    )


def replaced(document: Document, pattern: re.Pattern[str], by: str, what: str, lost: Counter[str]) -> Document:
    """Each character of the text that the pattern matches as another, so that offsets hold."""
    text, count = pattern.subn(by, document.text)
    lost[what] += count
    return replace(document, text=text) if count else document


def _ends(entities: tuple[Entity, ...]) -> set[str]:
    return {name for entity in entities for name in (entity.id, *entity.concepts)}


def _keep_relations(document: Document, ends: set[str], what: str, lost: Counter[str]) -> Document:
    kept = tuple(relation for relation in document.relations if {relation.head, relation.tail} <= ends)
    lost[what] += len(document.relations) - len(kept)
    return replace(document, relations=kept) if len(kept) < len(document.relations) else document
