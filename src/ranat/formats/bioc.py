"""BioC's data model (Comeau et al. 2013) and what it means here; BioC XML and BioC JSON are two spellings of it.

The text between passages, which BioC does not carry, is filled with spaces so that offsets hold.

The type of an annotation is its infon "type", its concept the infon "identifier" or "MESH"; "-" and "-1" mean that none
is known. Annotations that spell out the parts of a composite one (infon CompositeRole=IndividualMention) are left out
and counted, and so are other infons.

A relation has either two nodes that refer to annotations (the roles "head" and "tail" tell which is which, otherwise
the first is the head), or infons that name two concepts: "head" and "tail", as they are written here, "role1" and
"role2" as in PubTator3 ("Chemical|MESH:D008750"), "entity1" and "entity2" as in BioRED, or any two as in BC5CDR.
Others, such as relations between relations, are left out and counted. The infon "score" is the score of an annotation
or a relation.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import pairwise

from ranat.documents.document import NO_CONCEPT, Document, Entity, Relation, Span
from ranat.formats.fitting.names import known_concepts
from ranat.formats.fitting.steps import in_text_order
from ranat.formats.source import Found, FoundRelation, Source

_LARGEST_GAP = 1_000_000
_READ = {"type", "identifier", "MESH", "score", "CompositeRole"}
_ENDS = (("head", "tail"), ("role1", "role2"), ("entity1", "entity2"))
_NO_END = ("relation", "type", "score", "novel")


@dataclass(frozen=True, slots=True)
class Annotation:
    """A mention, its infons by key, and its locations as (offset, length); `line` is where it stands in the file."""

    line: int
    id: str
    infons: dict[str, str]
    locations: list[tuple[int, int]]
    text: str | None


@dataclass(frozen=True, slots=True)
class Link:
    """A relation: its infons by key, and its nodes as (refid, role)."""

    line: int
    id: str
    infons: dict[str, str]
    nodes: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Part:
    """A passage, or a sentence of one, which then stands for the passage."""

    offset: int
    text: str
    is_sentence: bool


@dataclass(frozen=True, slots=True)
class Record:
    """A document as BioC has it."""

    line: int
    id: str
    parts: list[Part]
    annotations: list[Annotation]
    relations: list[Link]

    def placed(self) -> list[tuple[Part, list[Annotation]]]:
        """The parts, in order, and the annotations that start in each."""
        starts = [part.offset for part in self.parts]
        placed: list[tuple[Part, list[Annotation]]] = [(part, []) for part in self.parts]
        for annotation in self.annotations:
            placed[bisect_right(starts, annotation.locations[0][0]) - 1][1].append(annotation)
        return placed


def fit(document: Document, lost: Counter[str]) -> Document:
    """The document as BioC holds it: sentences where they give its whole text, no words, no concepts such as "-"."""
    document = in_text_order(known_concepts(document, lost), lost)
    return replace(document, sentences=document.sentences if _are_enough(document) else (), tokens=())


def record(document: Document) -> Record:
    """A fitted document as BioC has it: one passage, as sentences if it has some."""
    spans = document.sentences or ((0, len(document.text)),)
    parts = [Part(start, document.text[start:end], bool(document.sentences)) for start, end in spans]
    annotations = [
        Annotation(
            0,
            entity.id,
            _infons(type=entity.type, identifier=entity.concept, score=entity.score),
            [(start, end - start) for start, end in entity.spans],
            document.mention(entity),
        )
        for entity in document.entities
    ]
    ids = {entity.id for entity in document.entities}
    links = [_link(f"R{number}", relation, ids) for number, relation in enumerate(document.relations, 1)]
    return Record(0, document.id, parts, annotations, links)


def document(source: Source, record: Record, left_out: Counter[str]) -> Document:
    """The document that a record holds; what is left out is counted.

    Raises:
        UserError: something in it is wrong, see `Source.document`.
    """
    try:
        text = _text(record.parts)
    except ValueError as error:
        raise source.error(record.line, str(error)) from None
    sentences = [(part.offset, part.offset + len(part.text)) for part in record.parts if part.is_sentence]
    found = []
    for annotation in record.annotations:
        if annotation.infons.get("CompositeRole") == "IndividualMention":
            left_out["annotations with CompositeRole=IndividualMention"] += 1
            continue
        left_out.update(f"infons {key!r} of annotations" for key in annotation.infons.keys() - _READ)
        try:
            entity = _entity(annotation, left_out)
        except ValueError as error:
            raise source.error(annotation.line, str(error)) from None
        found.append(Found(annotation.line, entity, annotation.text))
    entities = {item.entity.id for item in found}
    others = ({item.id for item in record.annotations} | {item.id for item in record.relations}) - entities
    relations = []
    for link in record.relations:
        if relation := _relation(link, others, left_out):
            relations.append(FoundRelation(link.line, relation))
        else:
            left_out["relations that are not between two entities or concepts"] += 1
    return source.document(record.line, record.id, text, found, relations=relations, sentences=sentences)


def note(source: Source, left_out: Counter[str]) -> None:
    """Say what was left out of a file."""
    for what, count in left_out.items():
        source.note("left out", f"{count} {what}", count=count)


def _infons(**values: str | float | None) -> dict[str, str]:
    return {key: str(value) for key, value in values.items() if value is not None}


def _link(id: str, relation: Relation, ids: set[str]) -> Link:
    ends = {"head": relation.head, "tail": relation.tail}
    infons = _infons(type=relation.type, score=relation.score)
    if ids.issuperset(ends.values()):
        return Link(0, id, infons, [(end, role) for role, end in ends.items()])
    return Link(0, id, infons | ends)


def _are_enough(document: Document) -> bool:
    """Whether the sentences, with spaces between them, are the document's text, and each mention lies in one."""
    spans, text = document.sentences, document.text
    if not spans or spans[0][0] < 0 or spans[-1][1] != len(text) or any(end < start for start, end in spans):
        return False
    gaps = [(0, spans[0][0]), *((end, start) for (_, end), (start, _) in pairwise(spans))]
    if any(start < end for end, start in gaps) or sum(start - end for end, start in gaps) > _LARGEST_GAP:
        return False
    if any(text[end:start].strip(" ") for end, start in gaps):
        return False
    starts = [start for start, _ in spans]
    places = ((bisect_right(starts, entity.start) - 1, entity.end) for entity in document.entities)
    return all(place >= 0 and end <= spans[place][1] for place, end in places)


def _text(parts: Iterable[Part]) -> str:
    pieces: list[str] = []
    length = gaps = 0
    for part in parts:
        gap = part.offset - length
        gaps += gap
        if gap < 0 or gaps > _LARGEST_GAP:
            raise ValueError(f"a text at offset {part.offset} cannot follow one that ends at {length}")
        pieces += " " * gap, part.text
        length = part.offset + len(part.text)
    return "".join(pieces)


def _entity(annotation: Annotation, left_out: Counter[str]) -> Entity:
    infons = annotation.infons
    if "type" not in infons:
        raise ValueError("an annotation lacks the infon 'type'")
    spans: list[Span] = sorted((offset, offset + length) for offset, length in annotation.locations)
    concept = infons.get("identifier") or infons.get("MESH")
    return Entity(
        annotation.id,
        infons["type"],
        tuple(spans),
        None if concept in NO_CONCEPT else concept,
        _score(infons, left_out),
    )


def _relation(link: Link, others: set[str], left_out: Counter[str]) -> Relation | None:
    kind = link.infons.get("relation", link.infons.get("type"))
    ends = _ends(link)
    if kind is None or ends is None or not others.isdisjoint(end for end, _ in link.nodes):
        return None
    left_out["infons 'novel' of relations"] += "novel" in link.infons
    return Relation(kind, *ends, _score(link.infons, left_out))


def _ends(link: Link) -> tuple[str, str] | None:
    """Head and tail."""
    if len(link.nodes) == 2:
        (first, role), (second, other) = link.nodes
        return (second, first) if (role, other) == ("tail", "head") else (first, second)
    for keys in _ENDS:
        if link.infons.keys() >= set(keys):
            head, tail = (link.infons[key] for key in keys)
            return _pubtator3(head, tail) if keys[0] == "role1" else (head, tail)
    rest = [value for key, value in link.infons.items() if key not in _NO_END]
    return (rest[0], rest[1]) if len(rest) == 2 and not link.nodes else None


def _pubtator3(*roles: str) -> tuple[str, str] | None:
    """The concepts after the types of mentions."""
    head, tail = (role.partition("|")[2] or role for role in roles)
    return None if {head, tail} & NO_CONCEPT else (head, tail)


def _score(infons: dict[str, str], left_out: Counter[str]) -> float | None:
    if "score" not in infons:
        return None
    try:
        score = float(infons["score"])
    except ValueError:
        score = -1
    if 0 <= score <= 1:
        return score
    left_out["scores that are no number from 0 to 1"] += 1
    return None
