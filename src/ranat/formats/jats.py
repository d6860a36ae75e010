"""JATS, the XML of articles in PubMed Central, one a file (.nxml) or many in a set: whole articles to annotate.

A document's id is the article's PMID, or else its PMCID or DOI, or else the place in the file. Its text is, each on a
line of its own, the title, the abstracts and the body in their order: titles of sections, paragraphs, items of lists.

    Naloxone and blood pressure.
    Background
    In unanesthetized, spontaneously hypertensive rats …

Inline markup such as `<sup>` is left out, its text stays; several spaces and line ends within a line become a space.
What is no running text is left out and counted, see `_LEFT_OUT`, and so is what stands after the body.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import partial
from xml.etree.ElementTree import Element

from ranat.documents.document import Document
from ranat.formats.base import Sure, reader
from ranat.formats.sample import Sample
from ranat.formats.source import Source
from ranat.formats.xml import children, root_name

_SET, _ARTICLE = "pmc-articleset", "article"
_OF_JATS = re.compile(r"<front\b|<!DOCTYPE[^>]*(?:JATS|//NLM//DTD)")
_META = "front/article-meta"
_TEXTS = (f"{_META}/title-group", f"{_META}/abstract", "body")
_IDS = {"pmid": "", "pmcid": "PMC", "pmc": "PMC", "doi": ""}
"""The types of ids, best first, and how they begin, which is not always written."""
_LEFT_OUT = {
    "table-wrap": "tables with their captions",
    "table": "tables",
    "array": "tables",
    "fig": "figures with their captions",
    "caption": "captions",
    "graphic": "graphics",
    "inline-graphic": "graphics",
    "media": "media",
    "supplementary-material": "supplements",
    "disp-formula": "formulas",
    "inline-formula": "formulas",
    "math": "formulas",
    "tex-math": "formulas",
    "chem-struct-wrap": "chemical structures",
    "ref-list": "references",
    "fn": "footnotes",
    "label": "numbers of sections and items",
    "alt-title": "short titles",
    "trans-title-group": "titles in other languages",
    "trans-abstract": "abstracts in other languages",
    "ack": "acknowledgements",
    "app": "appendices",
    "glossary": "glossaries",
    "sub-article": "articles within an article",
    "response": "articles within an article",
    "sec-meta": "metadata of sections",
}
"""What is left out with all that is in it, and the words in which it is counted."""
_LINES = {
    *("article-title", "subtitle", "title", "subheading", "p", "sec", "abstract", "boxed-text", "disp-quote", "attrib"),
    *("list", "list-item", "def-list", "def-item", "term", "def", "speech", "statement", "verse-group", "verse-line"),
    *("preformat", "code", "disp-formula", "table-wrap", "fig", "supplementary-material", "chem-struct-wrap"),
}
"""What begins a line and ends it."""
_SPACES = re.compile(r"[ \t\r\n]+")


def _sure(sample: Sample) -> Sure:
    root = root_name(sample.head)
    if root == _SET:
        return Sure.CERTAIN
    if root != _ARTICLE:
        return Sure.NO
    return Sure.CERTAIN if _OF_JATS.search(sample.head) else Sure.POSSIBLE


@reader("jats", suffixes=(".nxml", ".jats.xml"), sure=_sure, raw=True)
def read(source: Source) -> Iterator[Document]:
    """Articles of a JATS file without any annotation, one in memory at a time; the root may be an article.

    Raises:
        UserError: it is not well-formed XML, defines entities, or has another root; with the line.
    """
    left_out: Counter[str] = Counter()
    yield from source.each(_articles(source, left_out), partial(_parsed, source, left_out))
    source.tell(left_out)


def _articles(source: Source, left_out: Counter[str]) -> Iterator[tuple[int, Element]]:
    for element, starts in children(source, "JATS", (_SET,), alone=(_ARTICLE,)):
        if element.tag == _ARTICLE:
            yield starts[element], element
        else:
            left_out["records that are no article"] += 1


def _parsed(source: Source, left_out: Counter[str], article: tuple[int, Element]) -> Document:
    line, element = article
    lines = [text for path in _TEXTS for part in element.iterfind(path) for text in _lines(part, left_out)]
    left_out["abstracts in other languages"] += len(element.findall(f"{_META}/trans-abstract"))
    for part in element:
        if part.tag not in ("front", "body"):
            left_out["other lines after the body"] += sum(1 for _ in _lines(part, left_out))
    return source.document(line, _id(element) or source.numbered(line), "\n".join(lines))


def _id(article: Element) -> str | None:
    ids = {id.get("pub-id-type"): "".join(id.itertext()).strip() for id in article.iterfind(f"{_META}/article-id")}
    for kind, prefix in _IDS.items():
        if found := ids.get(kind):
            return found if found.startswith(prefix) else prefix + found
    return None


def _lines(part: Element, left_out: Counter[str]) -> Iterator[str]:
    """The text of a part, a line at a time."""
    line: list[str] = []
    for piece in (*_pieces(part, left_out), None):
        if piece is not None:
            line.append(piece)
            continue
        if text := _SPACES.sub(" ", "".join(line)).strip(" "):
            yield text
        line.clear()


def _pieces(part: Element, left_out: Counter[str]) -> Iterator[str | None]:
    """Pieces of text in their order, and None between lines."""
    stack: list[Element | str | None] = [part]  # markup may be deeper than functions may call each other
    while stack:
        item = stack.pop()
        if item is None or isinstance(item, str):
            yield item
            continue
        if item.tag in _LINES:
            yield None
        if item.tag in _LEFT_OUT:
            left_out[_LEFT_OUT[item.tag]] += sum(1 for _ in item.iter("ref")) if item.tag == "ref-list" else 1
            continue
        if item.tag in _LINES:
            stack.append(None)
        for child in reversed(item):
            stack += child.tail or "", child
        yield " " if item.tag == "break" else item.text or ""
