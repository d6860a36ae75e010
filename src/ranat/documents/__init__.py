"""Documents with character offsets, spans ↔ BIO tags, and the file formats they are read from."""

from ranat.documents.document import Document, Entity, Relation, Span

__all__ = ["Document", "Entity", "Relation", "Span"]
