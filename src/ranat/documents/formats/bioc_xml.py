"""BioC XML: passages with offsets, annotations with one or more locations, relations between them.

The text between passages, which the format does not carry, is filled with spaces so that offsets hold. A
`<!DOCTYPE collection SYSTEM 'BioC.dtd'>` is accepted and not fetched; a file that defines entities is refused.

The type of an annotation is its infon "type", its concept the infon "identifier" or "MESH". Annotations that spell out
the parts of a composite one (infon CompositeRole=IndividualMention) are left out and counted. A relation has either two
nodes that refer to annotations, or, as in BC5CDR, two infons that name concepts; any other, such as one between
relations, is left out and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError

from defusedxml.ElementTree import iterparse

from ranat.documents.document import Document, Entity, Relation, Span
from ranat.documents.formats import reader
from ranat.documents.source import Found, FoundRelation, Source

_LARGEST_GAP = 1_000_000
_CHUNK = 1 << 16


class _Lines:
    """Feeds the parser a line at a time, so that the line of each event is known."""

    def __init__(self, source: Source) -> None:
        self.stream, self.number, self._ended = source.stream, 0, True

    def read(self, _size: int = -1, /) -> bytes:
        chunk = self.stream.readline(_CHUNK)
        self.number += self._ended
        self._ended = chunk.endswith(b"\n")
        return chunk


@dataclass
class _Text:
    """A document's text as far as its passages are read."""

    text: str = ""

    def put(self, offset: int, part: str) -> Span:
        """Place a part at its offset.

        Raises:
            ValueError: it overlaps what is there, or leaves a gap too large to be true.
        """
        gap = offset - len(self.text)
        if not 0 <= gap <= _LARGEST_GAP:
            raise ValueError(f"a text at offset {offset} cannot follow one that ends at {len(self.text)}")
        self.text += " " * gap + part
        return offset, offset + len(part)


def _looks_like(head: str) -> bool:
    return head.lstrip().startswith(("<?xml", "<!DOCTYPE collection", "<collection")) and "<collection" in head


@reader("bioc-xml", suffixes=(".bioc.xml", ".bioc", ".xml"), looks_like=_looks_like)
def read(source: Source) -> Iterator[Document]:
    """Documents of a BioC XML file, one in memory at a time.

    Raises:
        UserError: it is not well-formed XML, defines entities, or lacks what BioC requires; with the line.
    """
    lines = _Lines(source)
    left_out: Counter[str] = Counter()
    starts: dict[Element, int] = {}
    root: Element | None = None
    for event, element in _events(source, lines):
        if root is None:
            root = element
        if event == "start" and element.tag in ("document", "annotation", "relation"):
            starts[element] = lines.number
        elif event == "end" and element.tag == "document":
            yield _document(source, element, starts, left_out)
            starts.clear()
            root.clear()
    for what, count in left_out.items():
        source.note("left out", f"{count} {what}", count=count)


def _events(source: Source, lines: _Lines) -> Iterator[tuple[str, Element]]:
    try:
        yield from iterparse(lines, ("start", "end"), forbid_dtd=False)
    except ParseError as error:
        raise source.error(error.position[0], f"not well-formed XML: {error}") from None
    except (ValueError, LookupError) as error:  # defined entities; an encoding that is unknown
        what, remedy = f"XML that is not read: {error}", "remove its DTD or save it as UTF-8"
        raise source.error(lines.number, what, remedy) from None


def _document(source: Source, element: Element, starts: dict[Element, int], left_out: Counter[str]) -> Document:
    line = starts[element]
    text = _Text()
    sentences: list[Span] = []
    try:
        for passage in element.iter("passage"):
            parts = passage.findall("sentence")
            for part in parts or [passage]:
                span = text.put(int(_child(part, "offset")), part.findtext("text") or "")
                if parts:
                    sentences.append(span)
        id = _child(element, "id")
    except ValueError as error:
        raise source.error(line, str(error)) from None
    found = []
    for annotation in element.iter("annotation"):
        if _infons(annotation).get("CompositeRole") == "IndividualMention":
            left_out["annotations with CompositeRole=IndividualMention"] += 1
            continue
        try:
            found.append(_annotation(starts[annotation], annotation))
        except ValueError as error:
            raise source.error(starts[annotation], str(error)) from None
    entities = {item.entity.id for item in found}
    others = {item.get("id") for tag in ("annotation", "relation") for item in element.iter(tag)} - entities
    relations = []
    for item in element.iter("relation"):
        if relation := _relation(item, others):
            relations.append(FoundRelation(starts[item], relation))
        else:
            left_out["relations that are not between two entities or concepts"] += 1
    return source.document(line, id, text.text, found, relations=relations, sentences=sentences)


def _annotation(line: int, element: Element) -> Found:
    infons = _infons(element)
    if "type" not in infons:
        raise ValueError("an annotation lacks the infon 'type'")
    spans = []
    for location in element.findall("location"):
        start = int(_attribute(location, "offset"))
        spans.append((start, start + int(_attribute(location, "length"))))
    concept = infons.get("identifier") or infons.get("MESH")
    entity = Entity(
        _attribute(element, "id"),
        infons["type"],
        tuple(sorted(spans)),
        None if concept in ("", "-", "-1") else concept,
    )
    return Found(line, entity, element.findtext("text"))


def _relation(element: Element, others: set[str | None]) -> Relation | None:
    infons = _infons(element)
    kind = infons.pop("relation", None) or infons.pop("type", None)
    nodes = [node.get("refid", "") for node in element.findall("node")]
    ends = nodes or list(infons.values())
    if kind is None or len(ends) != 2 or not others.isdisjoint(nodes):
        return None
    return Relation(kind, head=ends[0], tail=ends[1])


def _infons(element: Element) -> dict[str, str]:
    return {infon.get("key", ""): infon.text or "" for infon in element.findall("infon")}


def _child(element: Element, tag: str) -> str:
    if (text := element.findtext(tag)) is None:
        raise ValueError(f"a {element.tag} lacks its {tag}")
    return text


def _attribute(element: Element, name: str) -> str:
    if (value := element.get(name)) is None:
        raise ValueError(f"a {element.tag} lacks its {name}")
    return value
