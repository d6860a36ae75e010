"""How unsure a model was of a document: which one is worth a person's time first."""

from __future__ import annotations

from ranat.documents.document import Document, Entity, Relation


def uncertainty(document: Document) -> float:
    """The mean of 1 − score over its mentions and relations, in [0, 1]; 0 if nothing in it has a score."""
    scored: tuple[Entity | Relation, ...] = (*document.entities, *document.relations)
    scores = [item.score for item in scored if item.score is not None]
    return 1 - sum(scores) / len(scores) if scores else 0.0
