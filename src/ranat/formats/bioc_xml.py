"""BioC XML: passages with offsets, annotations with one or more locations, relations between them; see `bioc`.

A `<!DOCTYPE collection SYSTEM 'BioC.dtd'>` is accepted and not fetched; a file that defines entities is refused.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from ranat.documents.document import Document
from ranat.formats import bioc
from ranat.formats.base import Sure, reader, writer
from ranat.formats.fitting.names import renamed
from ranat.formats.fitting.steps import REPLACEMENT, replaced
from ranat.formats.json_records import MalformedError
from ranat.formats.passages import Part, offset
from ranat.formats.sample import Sample
from ranat.formats.source import Source
from ranat.formats.values import integer
from ranat.formats.xml import children, root_name

_ROOT = "collection"
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE collection SYSTEM "BioC.dtd">
<collection>
<source>ranat</source>
<date></date>
<key>ranat</key>
"""


def _sure(sample: Sample) -> Sure:
    return Sure.CERTAIN if root_name(sample.head) == _ROOT else Sure.NO


@reader("bioc-xml", suffixes=(".bioc.xml", ".bioc", ".xml"), sure=_sure)
def read(source: Source) -> Iterator[Document]:
    """Documents of a BioC XML file, one in memory at a time.

    Raises:
        UserError: it is not well-formed XML, defines entities, has another root than <collection>, or lacks what BioC
            requires; with the line.
    """
    left_out: Counter[str] = Counter()
    found = (child for child in children(source, "BioC", (_ROOT,)) if child[0].tag == "document")
    yield from source.each(found, partial(_parsed, source, left_out))
    source.tell(left_out)


def _fit(document: Document, lost: Counter[str]) -> Document:
    document = replaced(document, _NO_XML, REPLACEMENT, "characters that XML cannot hold", lost)
    document = renamed(document, _held, lost)
    if (id := _held(document.id)) != document.id:
        lost["exact spellings of ids"] += 1
        document = replace(document, id=id)
    return bioc.fit(document, lost)


@writer("bioc-xml", fit=_fit, suffix=".bioc.xml")
def write(documents: Iterable[Document], out: Path) -> None:
    """Write a collection, each document as one passage, in sentences if they cover its text."""
    with out.open("x", encoding="utf-8", newline="\n") as stream:
        stream.write(_HEAD)
        for document in documents:
            stream.write(_dumped(bioc.record(document)) + "\n")
        stream.write("</collection>\n")


def _held(name: str) -> str:
    """A name with escapes, as in web addresses, for what XML cannot hold: different names so stay different."""
    return _NO_XML.sub(lambda match: quote(match[0], errors="surrogatepass"), name)


def _parsed(source: Source, left_out: Counter[str], child: tuple[Element, dict[Element, int]]) -> Document:
    element, starts = child
    line = starts[element]
    parts: list[Part] = []
    homes: dict[Element, int] = {}  # annotation → number of its part
    for passage in element.iter("passage"):
        sentences = passage.findall("sentence")
        if not bioc.are_whole(_text(passage), list(map(_text, sentences))):
            left_out[bioc.INCOMPLETE] += len(sentences)
            sentences = []
        homes.update(dict.fromkeys(passage.iter("annotation"), len(parts)))
        for part in sentences or [passage]:
            homes.update(dict.fromkeys(part.iter("annotation"), len(parts)))
            start = offset(source, starts[part], {"offset": part.findtext("offset")}, parts)
            parts.append(Part(start, _text(part) or "", bool(sentences)))
    if (id := element.findtext("id")) is None:
        raise source.error(line, "a document lacks its id")
    annotations: list[bioc.Annotation] = []
    for at in element.iter("annotation"):
        annotations += bioc.readable(source, starts[at], _annotation, at, homes.get(at, 0))
    relations: list[bioc.Link] = []
    for item in element.iter("relation"):
        relations += bioc.readable(source, starts[item], _link, item)
    return bioc.document(source, bioc.Record(line, id, parts, annotations, relations), left_out)


def _annotation(line: int, element: Element, part: int) -> bioc.Annotation:
    places = element.findall("location")
    locations = [(integer(place.attrib, "offset"), integer(place.attrib, "length")) for place in places]
    return bioc.Annotation(line, element.get("id"), _infons(element), locations, _text(element), part)


def _link(line: int, element: Element) -> bioc.Link:
    nodes = [(node.get("refid", ""), node.get("role", "")) for node in element.findall("node")]
    return bioc.Link(line, element.get("id", ""), _infons(element), nodes)


def _infons(element: Element) -> dict[str, str]:
    """Infons by key; several of one key, such as two concepts, are joined by a bar.

    Raises:
        MalformedError: several say different types.
    """
    values: dict[str, dict[str, None]] = {}
    for infon in element.findall("infon"):
        values.setdefault(infon.get("key", ""), {})[infon.text or ""] = None
    if len(types := values.get("type", {})) > 1:
        raise MalformedError(f"has several types: {', '.join(types)}")
    return {key: "|".join(several) for key, several in values.items()}


def _text(element: Element) -> str | None:
    """Its text, without markup such as <i>; None if it states none."""
    stated = element.find("text")
    return None if stated is None else "".join(stated.itertext())


def _dumped(record: bioc.Record) -> str:
    root = Element("document")
    _add(root, "id", record.id)
    passage = SubElement(root, "passage")
    if record.parts[0].is_sentence:
        _add(passage, "offset", str(record.parts[0].offset))
    for part, inside in record.placed():
        element = SubElement(passage, "sentence") if part.is_sentence else passage
        _add(element, "offset", str(part.offset))
        _add(element, "text", part.text)
        for annotation in inside:
            _add_annotation(element, annotation)
    for link in record.relations:
        relation = SubElement(root, "relation", id=link.id)
        _add_infons(relation, link.infons)
        for end, role in link.nodes:
            SubElement(relation, "node", refid=end, role=role)
    indent(root, space="")
    # As it stands a carriage return would be read as the end of a line.
    return tostring(root, encoding="unicode").replace("\r", "&#13;")


def _add_annotation(parent: Element, annotation: bioc.Annotation) -> None:
    element = SubElement(parent, "annotation", id=annotation.id or "")
    _add_infons(element, annotation.infons)
    for start, length in annotation.locations:
        SubElement(element, "location", offset=str(start), length=str(length))
    _add(element, "text", annotation.text)


def _add_infons(parent: Element, infons: dict[str, str]) -> None:
    for key, value in infons.items():
        SubElement(parent, "infon", key=key).text = value


def _add(parent: Element, tag: str, text: str | None) -> None:
    SubElement(parent, tag).text = text
