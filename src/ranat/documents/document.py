"""Documents with character offsets: the one data structure that everything else reads or writes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

Span = tuple[int, int]
"""Code-point offsets into a document's text, end exclusive."""

NO_CONCEPT = frozenset({"", "-", "-1"})
"""What PubTator and BioC files write for a concept that is not known."""

_BETWEEN = re.compile(r"[,;]")
_VARIANT = re.compile(r"\s*(?:tmVar:)?[cgprmn]?\|(?:SUB|DEL|INS|DUP|INDEL|FS|Allele)\|", re.IGNORECASE)
"""How tmVar's identifiers begin, such as "p|SUB|V|600|E"."""


def is_variant(concept: str) -> bool:
    """Whether it is an identifier of tmVar's, whose bars are no ends of parts."""
    return _VARIANT.match(concept) is not None


def is_text(value: str) -> bool:
    """Whether UTF-8 can hold it: half a surrogate pair, as JSON may escape one, is no character."""
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Entity:
    """A mention of an entity.

    Args:
        id: unique within the document.
        type: such as "Disease".
        spans: one or more spans in text order; more than one if the mention is discontinuous.
        concept: the identifier it is normalised to ("D003920", or "D001|D002" for a composite), if known.
        score: in [0, 1] if predicted.
    Raises:
        ValueError: there is no span, one is empty or negative, or they are out of order.
    """

    id: str
    type: str
    spans: tuple[Span, ...]
    concept: str | None = None
    score: float | None = None

    def __post_init__(self) -> None:
        if not self.spans:
            raise ValueError(f"entity {self.id!r} has no span")
        last = 0
        for start, end in self.spans:
            if start < last or end <= start:
                raise ValueError(f"entity {self.id!r} has an empty span or spans out of order: {self.spans}")
            last = end

    @property
    def concepts(self) -> tuple[str, ...]:
        """Its concept and the parts of a composite one, any of which a relation may name; BioRED's have a comma."""
        return (self.concept, *self.parts) if self.concept else ()

    @property
    def parts(self) -> tuple[str, ...]:
        """The concepts that it is a mention of: the parts of a composite one, or its one concept, if known."""
        parts = _BETWEEN.split(self.concept or "")
        each = (part for one in parts for part in ([one] if is_variant(one) else one.split("|")))
        return tuple(part for part in map(str.strip, each) if part not in NO_CONCEPT)

    @property
    def start(self) -> int:
        """Where its first span starts."""
        return self.spans[0][0]

    @property
    def end(self) -> int:
        """Where its last span ends."""
        return self.spans[-1][1]


@dataclass(frozen=True, slots=True)
class Relation:
    """A directed relation (head, type, tail); the triple of the paper's Eq. 29.

    Args:
        type: such as "CPR:4".
        head: the id of an entity of the same document, or the concept of one where a corpus relates concepts (BC5CDR).
        tail: likewise.
        score: in [0, 1] if predicted.
    """

    type: str
    head: str
    tail: str
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A text and what is marked in it.

    Args:
        id: unique within its corpus split.
        text: the original text, never normalised; of whole characters, so that UTF-8 can hold it.
        entities: mentions, sorted by where they start unless the order of the source matters.
        relations: between those mentions.
        sentences: spans of sentences where the source gives them; empty: not known.
        tokens: spans of words where the source gives them; empty: not known.
    Raises:
        ValueError: a span reaches past the end of the text, two entities share an id, or the id or the text holds half
            a surrogate pair.
    """

    id: str
    text: str
    entities: tuple[Entity, ...] = ()
    relations: tuple[Relation, ...] = ()
    sentences: tuple[Span, ...] = ()
    tokens: tuple[Span, ...] = ()

    def __post_init__(self) -> None:
        for name, value in (("id", self.id), ("text", self.text)):
            if not is_text(value):
                raise ValueError(f"its {name} holds bytes that are not UTF-8, or half a surrogate pair")
        length = len(self.text)
        for entity in self.entities:
            if entity.end > length:
                raise ValueError(f"entity {entity.id!r} reaches to {entity.end}, past the text's {length} characters")
        if len({entity.id for entity in self.entities}) < len(self.entities):
            raise ValueError(f"document {self.id!r} has two entities of one id")

    def mention(self, entity: Entity) -> str:
        """The entity's text; the parts of a discontinuous one are joined by a space."""
        return " ".join(self.text[start:end] for start, end in entity.spans)

    def to_dict(self) -> dict[str, Any]:
        """The document as JSON can hold it; see `ranat.formats.jsonl`."""
        entities = [
            {"id": e.id, "type": e.type, "spans": e.spans, "text": self.mention(e)}
            | _known(concept=e.concept, score=e.score)
            for e in self.entities
        ]
        relations = [{"type": r.type, "head": r.head, "tail": r.tail} | _known(score=r.score) for r in self.relations]
        result: dict[str, Any] = {"id": self.id, "text": self.text, "entities": entities, "relations": relations}
        return result | _known(sentences=self.sentences or None, tokens=self.tokens or None)

    def _repr_html_(self) -> str:
        """What a notebook shows: the text with its mentions, and the relations as a table."""
        # The one import that goes up, and only to be shown: documents know nothing of how they look.
        from ranat.view.highlight import to_html

        return to_html(self)


def _known(**values: object) -> dict[str, object]:
    return {key: value for key, value in values.items() if value is not None}
