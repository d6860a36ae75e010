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
from ranat.formats.sample import Sample
from ranat.formats.source import Source
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
    bioc.note(source, left_out)


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
    annotations = []
    at = element
    try:
        parts = list(_parts(element))
        id = _child(element, "id")
        for at in element.iter("annotation"):
            annotations.append(_annotation(starts[at], at))
    except ValueError as error:
        raise source.error(starts[at], str(error)) from None
    links = [_link(starts[item], item) for item in element.iter("relation")]
    return bioc.document(source, bioc.Record(starts[element], id, parts, annotations, links), left_out)


def _parts(element: Element) -> Iterator[bioc.Part]:
    for passage in element.iter("passage"):
        sentences = passage.findall("sentence")
        for part in sentences or [passage]:
            yield bioc.Part(int(_child(part, "offset")), part.findtext("text") or "", bool(sentences))


def _annotation(line: int, element: Element) -> bioc.Annotation:
    locations = [
        (int(_attribute(location, "offset")), int(_attribute(location, "length")))
        for location in element.findall("location")
    ]
    return bioc.Annotation(line, _attribute(element, "id"), _infons(element), locations, element.findtext("text"))


def _link(line: int, element: Element) -> bioc.Link:
    nodes = [(node.get("refid", ""), node.get("role", "")) for node in element.findall("node")]
    return bioc.Link(line, element.get("id", ""), _infons(element), nodes)


def _infons(element: Element) -> dict[str, str]:
    return {infon.get("key", ""): infon.text or "" for infon in element.findall("infon")}


def _child(element: Element, tag: str) -> str:
    if (text := element.findtext(tag)) is None:
        raise ValueError(f"a {element.tag} lacks its {tag}")
    return text


def _attribute(element: Element, name: str) -> str:
    if (value := element.get(name)) is None:
        raise ValueError(f"the {element.tag} lacks its {name}")
    return value


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
    element = SubElement(parent, "annotation", id=annotation.id)
    _add_infons(element, annotation.infons)
    for offset, length in annotation.locations:
        SubElement(element, "location", offset=str(offset), length=str(length))
    _add(element, "text", annotation.text)


def _add_infons(parent: Element, infons: dict[str, str]) -> None:
    for key, value in infons.items():
        SubElement(parent, "infon", key=key).text = value


def _add(parent: Element, tag: str, text: str | None) -> None:
    SubElement(parent, tag).text = text
