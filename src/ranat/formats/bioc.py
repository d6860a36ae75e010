"""BioC's data model (Comeau et al. 2013) and what it means here; BioC XML and BioC JSON are two spellings of it.

The text of a document is put together from its passages, see `passages`; the sentences of a passage that do not have
all of its text are not read. Several infons of one key are one, with bars between.

The type of an annotation is its infon "type", its concept the first of `_CONCEPTS` that it has; "-" and "-1" mean that
none is known. What can be no mention is left out and counted: annotations without a place, of no length and no text
(citations), or without a type, and those that spell out the parts of a composite one (infon
CompositeRole=IndividualMention). So are other infons. Files often number the annotations of each passage anew: the
later ones of an id get other ids, and relations that refer to such an id are odd, as they could mean either.

A relation has either two nodes that refer to annotations (the roles "head" and "tail" tell which is which, otherwise
the first is the head), or infons that name two concepts: "head" and "tail", as they are written here, "role1" and
"role2" as in PubTator3 ("Chemical|MESH:D008750"), "entity1" and "entity2" as in BioRED, or any two as in BC5CDR.
Others, such as relations between relations, are left out and counted. The infon "score" is the score of an annotation
or a relation.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, TypeVar

from ranat.documents.document import NO_CONCEPT, Document, Relation
from ranat.formats.fitting.names import known_concepts
from ranat.formats.fitting.steps import in_text_order
from ranat.formats.json_records import MalformedError
from ranat.formats.passages import LARGEST_GAP, Layout, Part, joined_lines, laid_out
from ranat.formats.repeats import again
from ranat.formats.source import Found, FoundRelation, Source
from ranat.formats.units import Spans

T = TypeVar("T")

_CONCEPTS = (
    *("identifier", "conceptid", "concept", "normalizedid"),
    *("mesh", "meshid", "ncbigene", "ncbigeneid", "ncbigeneidentifier", "geneid", "entrezgene", "entrezid"),
    *("tmvar", "dbsnp", "rsid", "hgvs", "ncbitaxonomy", "ncbitaxonomyid", "taxonomyid", "taxid", "species"),
    *("cvlid", "cellosaurus", "cui", "umls", "omim", "chebi", "hpo", "doid", "uniprot"),
)
"""Keys of infons that hold a concept, best first, in lower case and without spaces and the like ("NCBI Gene").

They are those of PubTator, NLM-Chem, NLM-Gene, GNormPlus, tmVar, PubTator3 and corpora of BioCreative.
"""
_NO_LETTER = re.compile(r"[\W_]")
INCOMPLETE = "sentences without all of the passage's text"
_READ = {"type", "score", "CompositeRole"}
_ENDS = (("head", "tail"), ("role1", "role2"), ("entity1", "entity2"))
_OF_RELATIONS = ("relation", "type", "score")
_NO_END = (*_OF_RELATIONS, "novel")


@dataclass(frozen=True, slots=True)
class Annotation:
    """A mention, its infons by key, and its locations as (offset, length).

    Args:
        line: where it stands in the file.
        id: None where the file gives none.
        part: the number of the part that it stands in.
    """

    line: int
    id: str | None
    infons: dict[str, str]
    locations: list[tuple[int, int]]
    text: str | None
    part: int = 0

    def spans(self, move: int = 0) -> Spans:
        """Where it stands, in text order, when its part has moved so far."""
        return tuple(sorted((offset + move, offset + move + length) for offset, length in self.locations))


@dataclass(frozen=True, slots=True)
class Link:
    """A relation: its infons by key, and its nodes as (refid, role)."""

    line: int
    id: str
    infons: dict[str, str]
    nodes: list[tuple[str, str]] = field(default_factory=list)


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
    marks = [annotation for annotation in record.annotations if _is_mention(annotation, left_out)]
    layout = laid_out(source, record.line, record.id, record.parts, [(mark.spans(), mark.text) for mark in marks])
    sentences = [span for span, part in zip(layout.spans, record.parts, strict=True) if part.is_sentence]
    names, repeated = _names(source, record, marks)
    found: list[Found] = []
    for name, mark in zip(names, marks, strict=True):
        found += _found(source, name, mark, layout, left_out)
    unread = [item.id for item in record.annotations] + [item.id for item in record.relations]
    others = set(unread) - {mark.id for mark in marks}
    relations = []
    for link in record.relations:
        if ambiguous := repeated.intersection(end for end, _ in link.nodes):
            what = f"the relation {link.id!r} is of {min(ambiguous)!r}, an id of several annotations"
            source.odd(link.line, what, "give each annotation of a document an id of its own")
        elif relation := _relation(link, others, left_out):
            relations.append(FoundRelation(link.line, relation))
        else:
            left_out["relations that are not between two entities or concepts"] += 1
    return source.document(record.line, record.id, layout.text, found, relations=relations, sentences=sentences)


def are_whole(text: str | None, sentences: Sequence[str | None]) -> bool:
    """Whether a passage's sentences have all of its own text, if it states one."""
    return not text or "".join(text.split()) == "".join("".join(part or "" for part in sentences).split())


def readable(source: Source, line: int, read: Callable[..., T], *given: Any) -> list[T]:
    """An annotation or relation as it is read of what is given; none if it is malformed and reading is lenient.

    Raises:
        UserError: it is malformed, and reading is strict.
    """
    try:
        return [read(line, *given)]
    except MalformedError as error:
        source.odd(line, str(error), "mend or remove the annotation or relation")
        return []


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
    if any(start < end for end, start in gaps) or sum(start - end for end, start in gaps) > LARGEST_GAP:
        return False
    if any(text[end:start].strip(" ") for end, start in gaps):
        return False
    starts = [start for start, _ in spans]
    places = ((bisect_right(starts, entity.start) - 1, entity.end) for entity in document.entities)
    return all(place >= 0 and end <= spans[place][1] for place, end in places)


def _is_mention(annotation: Annotation, left_out: Counter[str]) -> bool:
    """Whether an annotation can be a mention; others are counted."""
    what = None
    if annotation.infons.get("CompositeRole") == "IndividualMention":
        what = "annotations with CompositeRole=IndividualMention"
    elif not annotation.locations:
        what = "annotations without a place"
    elif not any(length for _, length in annotation.locations) and not (annotation.text or "").strip():
        what = "annotations of no length"
    elif "type" not in annotation.infons:
        what = "annotations without the infon 'type'"
    if what:
        left_out[what] += 1
    return what is None


def _names(source: Source, record: Record, marks: list[Annotation]) -> tuple[list[str], set[str]]:
    """An id of its own for each mark, and the ids that the file gives to several, which is told."""
    names: dict[str, None] = {}
    times: Counter[str] = Counter()
    for number, mark in enumerate(marks, 1):
        name = id = f"A{number}" if mark.id is None else mark.id
        if id in names:
            times[id] += 1
            name = again(id, names, times[id] + 1)
        names[name] = None
    if times:
        what = f"document {record.id!r} gives several annotations one id, such as {min(times)!r}; the later get others"
        source.note("mended", what, record.line, times.total())
    return list(names), set(times)


def _found(source: Source, id: str, mark: Annotation, layout: Layout, left_out: Counter[str]) -> list[Found]:
    spans = mark.spans(layout.moves[mark.part] if layout.moves else 0)
    concept, others = _concept(mark.infons)
    left_out.update(f"infons {key!r} of annotations" for key in others)
    score = _score(mark.infons, left_out)
    text = joined_lines(mark.text) if mark.text and layout.is_joined else mark.text
    return source.found(mark.line, id, mark.infons["type"], spans, text, concept=concept, score=score)


def _concept(infons: dict[str, str]) -> tuple[str | None, list[str]]:
    """The concept, and the keys of infons that are not read."""
    bare = {key: _NO_LETTER.sub("", key).lower() for key in infons if key not in _READ}
    ranked = sorted((key for key in bare if bare[key] in _CONCEPTS), key=lambda key: (_CONCEPTS.index(bare[key]), key))
    known = [key for key in ranked if infons[key] not in NO_CONCEPT]
    return infons[known[0]] if known else None, [key for key in bare if key not in ranked or key in known[1:]]


def _relation(link: Link, others: set[str | None], left_out: Counter[str]) -> Relation | None:
    kind = link.infons.get("relation", link.infons.get("type"))
    ends = _ends(link)
    if kind is None or ends is None or not others.isdisjoint(end for end, _ in link.nodes):
        return None
    left_out.update(f"infons {key!r} of relations" for key in _unread(link))
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


def _unread(link: Link) -> list[str]:
    """The keys of infons that say neither what a relation is nor of what."""
    rest = [key for key in link.infons if key not in _OF_RELATIONS]
    if len(link.nodes) == 2:
        return rest
    ends = next((keys for keys in _ENDS if link.infons.keys() >= set(keys)), None)
    return [key for key in rest if key not in ends] if ends else [key for key in rest if key in _NO_END]


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
