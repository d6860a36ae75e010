"""PubMed's XML, as in its yearly baseline, its update files and what its interface gives: articles to annotate.

A document's id is the article's PMID. Its text is the title and, each on a line of its own, the parts of the abstract,
after their labels:

    Naloxone and blood pressure.
    BACKGROUND: In unanesthetized, spontaneously hypertensive rats …

Inline markup such as `<sup>` is left out, its text stays. A line end within a title or a part becomes a space. The
title in the original language stands in where there is no other. What is left out is counted: abstracts in other
languages or for other readers, and the PMIDs of deleted articles.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial
from xml.etree.ElementTree import Element

from ranat.documents.document import Document
from ranat.formats.base import Sure, reader
from ranat.formats.sample import Sample
from ranat.formats.source import Source
from ranat.formats.xml import children, root_name

_ROOTS = ("PubmedArticleSet", "PubmedBookArticleSet")
_CITATIONS = {"PubmedArticle": "MedlineCitation", "PubmedBookArticle": "BookDocument"}
_TITLES = ("Article/ArticleTitle", "ArticleTitle", "Article/VernacularTitle", "VernacularTitle", "Book/BookTitle")
_NO_TITLE = ("", "[Not Available].")


def _sure(sample: Sample) -> Sure:
    return Sure.CERTAIN if root_name(sample.head) in (*_ROOTS, *_CITATIONS) else Sure.NO


@reader("pubmed-xml", suffixes=(), sure=_sure, raw=True)
def read(source: Source) -> Iterator[Document]:
    """Articles of a PubMed XML file without any annotation, one in memory at a time; the root may be an article, too.

    Raises:
        UserError: it is not well-formed XML, defines entities, has another root, or an article lacks its PMID; with the
            line.
    """
    left_out: Counter[str] = Counter()
    yield from source.each(_articles(source, left_out), partial(_parsed, source, left_out))
    source.tell(left_out)


def _articles(source: Source, left_out: Counter[str]) -> Iterator[tuple[int, Element]]:
    for element, starts in children(source, "PubMed", _ROOTS, alone=_CITATIONS):
        if element.tag in _CITATIONS:
            yield starts[element], element
        elif element.tag == "DeleteCitation":
            left_out["deleted articles"] += len(element.findall("PMID"))


def _parsed(source: Source, left_out: Counter[str], article: tuple[int, Element]) -> Document:
    line, element = article
    citation = element.find(_CITATIONS[element.tag])
    id = "" if citation is None else (citation.findtext("PMID") or "").strip()
    if citation is None or not id:
        raise source.error(line, "an article lacks its PMID", f"write it at the start of its {_CITATIONS[element.tag]}")
    left_out["other abstracts"] += len(citation.findall("OtherAbstract"))
    titles = (_text(title) for path in _TITLES for title in citation.findall(path))
    title = next((title for title in titles if title not in _NO_TITLE), "")
    parts = [
        _part(part) for path in ("Article/Abstract", "Abstract") for part in citation.findall(f"{path}/AbstractText")
    ]
    return source.document(line, id, "\n".join(text for text in (title, *parts) if text))


def _part(element: Element) -> str:
    label, text = element.get("Label", "").strip(), _text(element)
    return f"{label}: {text}" if label and text else text


def _text(element: Element) -> str:
    lines = "".join(element.itertext()).split("\n")
    return " ".join(part for line in lines if (part := line.strip()))
