"""PubTator: title and abstract on two lines, then a row a mention or relation, and a blank line.

    227508|t|Naloxone reverses the antihypertensive effect of clonidine.
    227508|a|In unanesthetized, spontaneously hypertensive rats …
    227508<TAB>0<TAB>8<TAB>Naloxone<TAB>Chemical<TAB>D009270
    227508<TAB>CID<TAB>D008750<TAB>D007022

The text is title, one space, abstract, and offsets count its characters. A title or abstract that goes on in further
lines, or in another line of its kind, is joined by spaces, which is told. A concept of "-1" or "-" means that none is
known. A seventh column goes on with the concept if it is like "RSID:113488022"; otherwise it names the parts of a
composite mention, which is one entity here, so they are left out, counted. So are rows of three columns, which spell a
mention in another way. Mentions are called T1, T2, … in the order of the rows, and a relation may be between those. The
fifth column of a relation is its score, a number from 0 to 1 as in BioREx, or Novel or No as in BioRED, which is left
out, counted.

A text is written with its first line, or else its first sentence, as the title, and is read again with a space in the
place of each tab and line end.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from urllib.parse import quote

from ranat.documents.document import NO_CONCEPT, Document, Relation
from ranat.documents.segment import sentences
from ranat.formats.base import Sure, reader, writer
from ranat.formats.fitting.names import known_concepts, renamed
from ranat.formats.fitting.steps import contiguous, renumbered, without_layout
from ranat.formats.sample import Sample
from ranat.formats.source import Found, FoundRelation, Source
from ranat.terminal import counted

_Block = list[tuple[int, str]]
"""A document's lines, with their numbers."""

_TEXT = re.compile(r"([^|\t]+)\|([ta])\|(.*)", re.DOTALL)
_OFFSET = re.compile(r"\d{1,18}")
_NOVELTY = ("Novel", "No")
_MOST_COLUMNS = 7
_LONGEST_TITLE = 1_000
_LINE_ENDS = "\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029"  # all that str.splitlines knows: others cut lines by it
_FIRST_LINE = re.compile(f"\\s*+[^{_LINE_ENDS}]*+([{_LINE_ENDS}])")
_BREAKS = re.compile(f"[\t{_LINE_ENDS}]")
_NOT_IN_IDS = re.compile(f"[|\ufeff\t{_LINE_ENDS}]")
_NO_ID = "%00"  # what nobody calls another document
_MORE_CONCEPT = re.compile(r"[A-Za-z]+#?:\S+")
_COMPOSITE, _NOVEL = "the parts of {} composite mentions (7th column)", "whether {} relations are novel (5th column)"
_NORMALISED = "{} rows that normalise a mention (3 columns)"


class _Text(str):
    """A fitted text that knows where its title ends, as the space there may have been a line end."""

    title_end: int | None


def _sure(sample: Sample) -> Sure:
    match = _TEXT.match(sample.lines[0].lstrip()) if sample.lines and sample.json is None else None
    return Sure.CERTAIN if match and match[2] == "t" else Sure.NO


@reader("pubtator", suffixes=(".pubtator", ".pubtator.txt"), sure=_sure)
def read(source: Source) -> Iterator[Document]:
    """Documents of a PubTator file.

    Raises:
        UserError: a line is neither a title, an abstract, a mention nor a relation, has no title line before it, or is
            a second abstract.
    """
    left_out: Counter[str] = Counter()
    yield from source.each(_blocks(source), partial(_parsed, source, left_out))
    for what, count in left_out.items():
        source.note("left out", what.format(count), count=count)


def _fit(document: Document, lost: Counter[str]) -> Document:
    document = renumbered(contiguous(_without_scores_of_mentions(document, lost), lost), lost)
    document = _with_words_for_numbers(known_concepts(renamed(document, _one_line, lost), lost), lost)
    id = _NOT_IN_IDS.sub(lambda match: quote(match[0], safe=""), document.id)
    if not id.strip():
        id = quote(id) or _NO_ID
    lost["exact spellings of ids"] += id != document.id
    spaced, count = _BREAKS.subn(" ", document.text)
    lost["tabs and line ends of texts"] += count
    text = _Text(spaced)
    text.title_end = _title_end(document)
    return without_layout(replace(document, id=id, text=text), lost)


@writer("pubtator", fit=_fit, suffix=".pubtator")
def write(documents: Iterable[Document], out: Path) -> None:
    """Write fitted documents, the first line or sentence of each as its title."""
    with out.open("x", encoding="utf-8", newline="\n") as stream:
        for document in documents:
            stream.writelines(f"{line}\n" for line in _lines(document))
            stream.write("\n")


def _blocks(source: Source) -> Iterator[_Block]:
    """Each document's lines: a title line, a line of another document, or prose after a blank line begins the next, so
    that no document's fault is another's.
    """
    block: _Block = []
    of: str | None = None
    size, gap = 0, False
    for number, line in source.lines():
        if not line.strip():
            gap = True
            continue
        text = _TEXT.fullmatch(line)
        id = text[1] if text else line.split("\t", 1)[0] if "\t" in line else None if gap else of
        gap = False
        if block and (id != of or (text and text[2] == "t")):
            yield block
            block, size = [], 0
        block.append((number, line))
        of = id
        size += len(line)
        if size > source.longest:
            raise source.too_long(number)
    if block:
        yield block


def _parsed(source: Source, left_out: Counter[str], block: _Block) -> Document:
    title = _TEXT.fullmatch(block[0][1])
    if title is None or title[2] != "t":
        raise _no_title(source, *block[0])
    id = title[1]
    texts, rows = _texts(source, id, block)
    found: list[Found] = []
    relations: list[FoundRelation] = []
    for number, line in rows:
        columns = line.split("\t", _MOST_COLUMNS)
        if _is_relation(columns):
            score = _score(columns[4]) if len(columns) == 5 else None
            left_out[_NOVEL] += len(columns) == 5 and score is None
            relations.append(FoundRelation(number, Relation(columns[1], columns[2], columns[3], score)))
        elif len(columns) == 3 and not _OFFSET.fullmatch(columns[1]):
            left_out[_NORMALISED] += 1
        else:
            found += _mention(source, number, columns, f"T{len(found) + 1}")
            left_out[_COMPOSITE] += len(columns) == 7 and not _MORE_CONCEPT.fullmatch(columns[6])
    relations = [replace(item, relation=_plain(item.relation, found)) for item in relations]
    return source.document(block[0][0], id, " ".join(texts), found, relations=relations)


def _texts(source: Source, id: str, block: _Block) -> tuple[list[str], _Block]:
    """The lines of a document's text, in the order of the file, and its rows."""
    texts: list[str] = []
    rows: _Block = []
    kinds = ""
    for number, line in block:
        if match := _TEXT.fullmatch(line):
            kinds += match[2]
            texts.append(match[3])
            if kinds.count("a") == 2:
                what = f"document {id!r} has two abstracts, which are joined"
                source.odd(number, what, "write one line ID|a|ABSTRACT", "mended")
        elif "\t" not in line and not rows:
            texts.append(line.strip())
            source.note("mended", f"a text of document {id!r} goes on in this line, which is joined to it", number)
        else:
            rows.append((number, line))
    return texts, rows


def _no_title(source: Source, number: int, line: str) -> Exception:
    id = re.split(r"[|\t]", line, maxsplit=1)[0]
    return source.error(number, f"{id[:40]!r} has no title line before it", "write ID|t|TITLE first")


def _is_relation(columns: list[str]) -> bool:
    if columns[1:2] and columns[1].isdecimal():
        return False
    return len(columns) == 4 or (len(columns) == 5 and (columns[4] in _NOVELTY or _score(columns[4]) is not None))


def _score(column: str) -> float | None:
    """The number from 0 to 1 of a column; None if it is none."""
    try:
        score = float(column)
    except ValueError:
        return None
    return score if 0 <= score <= 1 else None


def _mention(source: Source, line: int, columns: list[str], id: str) -> list[Found]:
    if not (5 <= len(columns) <= _MOST_COLUMNS and all(map(_OFFSET.fullmatch, columns[1:3]))):
        count = counted(len(columns), "columns") if len(columns) <= _MOST_COLUMNS else "too many columns"
        source.odd(
            line,
            f"{count}, neither a mention nor a relation",
            "write ID, start, end, mention, type, concept or ID, type, concept, concept with tabs between",
        )
        return []
    mention, kind = columns[3:5]
    concepts = [columns[5].strip()] if len(columns) > 5 else []
    concepts += [column for column in columns[6:] if _MORE_CONCEPT.fullmatch(column)]
    concept = ";".join(concept for concept in concepts if concept not in NO_CONCEPT) or None
    return source.found(line, id, kind, [(int(columns[1]), int(columns[2]))], mention, concept=concept)


def _one_line(name: str) -> str:
    return _BREAKS.sub(" ", name).strip()


def _plain(relation: Relation, found: list[Found]) -> Relation:
    """A relation whose ends may have types before the concepts, as PubTator3 writes them: "Chemical|MESH:D008750"."""
    types = {item.entity.type for item in found}
    concepts = {concept for item in found for concept in item.entity.concepts}

    def end(name: str) -> str:
        kind, bar, concept = name.partition("|")
        return concept if bar and kind in types and name not in concepts else name

    return replace(relation, head=end(relation.head), tail=end(relation.tail))


def _without_scores_of_mentions(document: Document, lost: Counter[str]) -> Document:
    scored = sum(entity.score is not None for entity in document.entities)
    lost["scores of mentions"] += scored
    entities = tuple(replace(entity, score=None) for entity in document.entities)
    return replace(document, entities=entities) if scored else document


def _with_words_for_numbers(document: Document, lost: Counter[str]) -> Document:
    """No relation types that are numbers, as the row of a mention has one in their place."""
    found = sum(relation.type.isdecimal() for relation in document.relations)
    lost["exact spellings of relation types"] += found
    if not found:
        return document
    relations = (replace(r, type=f"relation {r.type}") if r.type.isdecimal() else r for r in document.relations)
    return replace(document, relations=tuple(relations))


def _title_end(document: Document) -> int | None:
    """The character that stands between title and abstract; None if nothing can."""
    text = document.text
    if isinstance(text, _Text):
        return text.title_end
    if line := _FIRST_LINE.match(text):
        return line.start(1)
    ends = (end for _, end in document.sentences or sentences(text[:_LONGEST_TITLE])[:-1])
    return next((end for end in ends if text[end : end + 1] == " "), None)


def _lines(document: Document) -> Iterator[str]:
    text, end = document.text, _title_end(document)
    yield f"{document.id}|t|{text[:end]}"
    if end is not None:
        yield f"{document.id}|a|{text[end + 1 :]}"
    for entity in document.entities:
        columns = (entity.start, entity.end, document.mention(entity), entity.type, entity.concept or "-")
        yield "\t".join(map(str, (document.id, *columns)))
    for relation in document.relations:
        score = [] if relation.score is None else [str(relation.score)]
        yield "\t".join((document.id, relation.type, relation.head, relation.tail, *score))
