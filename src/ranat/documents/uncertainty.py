"""How unsure a model was of a document: which one is worth a person's time first."""

from __future__ import annotations

from ranat.documents.document import Document, Entity, Relation


def uncertainty(document: Document) -> float:
    """1 − the lowest score of its mentions and relations, in [0, 1]; 0 if nothing in it has a score."""
    scored: tuple[Entity | Relation, ...] = (*document.entities, *document.relations)
    return 1 - min((item.score for item in scored if item.score is not None), default=1.0)
