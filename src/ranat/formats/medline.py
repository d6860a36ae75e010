"""MEDLINE, as PubMed saves it (.nbib): a field a line after its tag; articles to annotate.

    PMID- 227508
    TI  - Naloxone reverses the antihypertensive effect of
          clonidine.
    AB  - In unanesthetized, spontaneously hypertensive rats …

A document's id is the PMID. Its text is the title and, on a line of its own, the abstract. A line without a tag goes on
with the field and is joined by a space. The title in the original language (TT) or else that of the book (BTI) stands
in where there is no other. Abstracts in other languages or for other readers (OAB) are left out and counted; the other
fields are about the article.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import partial

from ranat.documents.document import Document
from ranat.formats.base import Sure, reader
from ranat.formats.sample import Sample
from ranat.formats.source import Source

_Block = list[tuple[int, str]]
"""An article's lines, with their numbers."""

_FIELD = re.compile(r"(?=.{4}-)([A-Z]{2,4}) {0,2}-(?: (.*))?")
_TITLES = ("TI", "TT", "BTI")
_NO_TITLE = ("", "[Not Available].")


def _sure(sample: Sample) -> Sure:
    lines = sample.lines
    is_medline = lines and _FIELD.fullmatch(lines[0]) and any(line.startswith("PMID- ") for line in lines)
    return Sure.CERTAIN if is_medline else Sure.NO


@reader("medline", suffixes=(".nbib", ".medline"), sure=_sure, raw=True)
def read(source: Source) -> Iterator[Document]:
    """Articles of a MEDLINE file without any annotation, one in memory at a time.

    Raises:
        UserError: an article begins with something else than a field, or lacks its PMID; with the line.
    """
    left_out: Counter[str] = Counter()
    yield from source.each(_blocks(source), partial(_parsed, source, left_out))
    source.tell(left_out)


def _blocks(source: Source) -> Iterator[_Block]:
    """Each article's lines: a blank line, or another PMID, ends the one before."""
    block: _Block = []
    size, has_id = 0, False
    for number, line in source.lines():
        is_id = line.startswith("PMID-")
        if block and (not line.strip() or (is_id and has_id)):
            yield block
            block, size, has_id = [], 0, False
        if line.strip():
            block.append((number, line))
            size += len(line)
            has_id |= is_id
        if size > source.longest:
            raise source.too_long(number)
    if block:
        yield block


def _parsed(source: Source, left_out: Counter[str], block: _Block) -> Document:
    first, line = block[0]
    fields: dict[str, list[str]] = defaultdict(list)
    tag = ""
    for _, line in block:
        if match := _FIELD.fullmatch(line):
            tag = match[1]
            fields[tag].append((match[2] or "").strip())
        elif not tag:
            raise source.error(first, f"{line[:40]!r} is no field of MEDLINE", "write a tag such as PMID- before it")
        else:
            fields[tag][-1] += f" {line.strip()}"
    id = next(iter(fields["PMID"]), "")
    if not id:
        raise source.error(first, "an article lacks its PMID", "write it as PMID- 123 at the start")
    left_out["other abstracts (OAB)"] += len(fields["OAB"])
    titles = (title for tag in _TITLES for title in fields[tag])
    title = next((title for title in titles if title not in _NO_TITLE), "")
    return source.document(first, id, "\n".join(text for text in (title, *fields["AB"]) if text))
