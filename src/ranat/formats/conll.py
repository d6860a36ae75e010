"""CoNLL-like files: a token a line, its tag in the last column, a blank line after each sentence.

    Naloxone<TAB>B-Chemical
    reverses<TAB>O

Columns are separated by tabs, or by spaces where a line has no tab. Each sentence becomes a document; lines of
`-DOCSTART-` group the sentences that follow into one. A document's text is its tokens joined by single spaces
(sentences by a newline); its id is the file's stem and the line of its first token, such as "train:17", so that the
n-th token of a sentence is found n - 1 lines further. Tags may be IOB1, IOB2 or BIOES; a bare `B` or `I` has the type
"Entity".

What is written is IOB2 in two columns, and the first line of a document also has its id and its text as JSON:

    -DOCSTART-<TAB>{"id": "227508", "text": "Naloxone reverses the …"}<TAB>O

From there both are read again, and the tokens are found in the text one after the other. Other programs pass over lines
that begin with -DOCSTART-.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from ranat.documents.bio import Scheme, detect_scheme, from_tags
from ranat.documents.document import Document, Entity, Span
from ranat.formats.base import Sure, reader, writer
from ranat.formats.fitting import tagged
from ranat.formats.fitting.names import renamed
from ranat.formats.fitting.spelling import as_word
from ranat.formats.fitting.steps import contiguous, renumbered, without_concepts, without_relations, without_scores
from ranat.formats.fitting.tagged import DOCSTART
from ranat.formats.json_records import MalformedError, parse
from ranat.formats.sample import Sample
from ranat.formats.source import Found, Source
from ranat.formats.values import string

_TAG = re.compile(r"O|[BIES](-.+)?")
_SAMPLE = 1000
"""Sentences at the beginning that tell the scheme of the tags."""

_Line = tuple[int, str]


class _Group(NamedTuple):
    """The lines of a document.

    Args:
        line: where they start.
        stated: its id and text as JSON, if its `-DOCSTART-` line has them.
        sentences: one, or all those after that line; each of at least one line.
    """

    line: int
    stated: str | None
    sentences: list[list[_Line]]


class _Word(NamedTuple):
    line: int
    word: str
    tag: str


@dataclass
class _Repairs:
    """Illegal tags so far, and the line of the first document with one."""

    count: int = 0
    first: int | None = None


def _sure(sample: Sample) -> Sure:
    lines = [line for line in sample.lines if not line.startswith((DOCSTART, "#"))]
    if not all(_TAG.fullmatch(_columns(line)[-1]) for line in lines):
        return Sure.NO
    if sample.head.startswith(DOCSTART):
        return Sure.CERTAIN
    return Sure.LIKELY if len(lines) > 1 else Sure.NO


@reader("conll", suffixes=(".conll", ".iob", ".iob2", ".bio", ".bioes", ".tsv"), sure=_sure)
def read(source: Source) -> Iterator[Document]:
    """Documents of a CoNLL-like file; illegal tag sequences are repaired as conlleval does, and counted.

    Raises:
        UserError: a line has no token or no tag, or a token is not in the text that the document is said to have.
    """
    groups = _groups(source)
    sample: list[_Group] = []
    seen = 0
    while seen < _SAMPLE and (group := next(groups, None)):
        sample.append(group)
        seen += len(group.sentences) or 1
    scheme = detect_scheme(_tags(sentence) for group in sample for sentence in group.sentences)
    repairs = _Repairs()
    yield from source.each(chain(sample, groups), partial(_document, source, scheme, repairs))
    what = f"{repairs.count} illegal tags, as conlleval does, the first after here"
    source.note("illegal tag", what, repairs.first, repairs.count)


def _fit(document: Document, lost: Counter[str]) -> Document:
    document = without_concepts(without_scores(without_relations(document, lost), lost), lost)
    document = tagged.flat(tagged.trimmed(contiguous(document, lost), lost), lost)
    return tagged.with_words(renamed(renumbered(document, lost), as_word, lost))


@writer("conll", fit=_fit, suffix=".conll")
def write(documents: Iterable[Document], out: Path) -> None:
    """Write documents so that `read` gives them back, sentences and tokens included."""
    with out.open("x", encoding="utf-8", newline="\n") as stream:
        for document in documents:
            stated = json.dumps({"id": document.id, "text": document.text}, ensure_ascii=False)
            stream.write(f"{DOCSTART}\t{stated}\tO\n\n")
            for words, tags in tagged.tags(document):
                for (start, end), tag in zip(words, tags, strict=True):
                    stream.write(f"{document.text[start:end]}\t{tag}\n")
                stream.write("\n")


def _groups(source: Source) -> Iterator[_Group]:
    """The lines of each document, whatever is in them."""
    group: _Group | None = None
    for sentence in _sentences(source):
        line, first = sentence[0]
        columns = _columns(first)
        if columns[0] == DOCSTART:
            if group and (group.sentences or group.stated):
                yield group
            group = _Group(line, columns[1] if len(columns) > 1 and columns[1].startswith("{") else None, [])
        elif group:
            group.sentences.append(sentence)
        else:
            yield _Group(line, None, [sentence])
    if group and (group.sentences or group.stated):
        yield group


def _sentences(source: Source) -> Iterator[list[_Line]]:
    """The lines of each sentence, and each `-DOCSTART-` line as one; comments are counted."""
    sentence: list[_Line] = []
    comments = 0
    for number, line in source.lines():
        columns = _columns(line)
        if columns[0] == DOCSTART or not line.strip(" \t"):
            if sentence:
                yield sentence
            sentence = []
            if columns[0] == DOCSTART:
                yield [(number, line)]
        elif line.startswith("#") and not _TAG.fullmatch(columns[-1]):
            comments += 1
        else:
            sentence.append((number, line))
    if sentence:
        yield sentence
    source.note("left out", f"{comments} comment lines", count=comments)


def _columns(line: str) -> list[str]:
    return line.rstrip("\t ").split("\t") if "\t" in line else line.strip(" ").split(" ")


def _tags(sentence: Iterable[_Line]) -> list[str]:
    """The tags of a sentence; a line that has none is an error later, of its document alone."""
    return [_typed(tag) for _, line in sentence if _TAG.fullmatch(tag := _columns(line)[-1])]


def _typed(tag: str) -> str:
    return f"{tag}-Entity" if tag in "BIES" else tag


def _word(source: Source, number: int, line: str) -> _Word:
    columns = _columns(line)
    if len(columns) < 2 or not columns[0] or not _TAG.fullmatch(columns[-1]):
        what = f"{line[:80]!r} is not a token and a tag"
        raise source.error(number, what, "write TOKEN<TAB>TAG with a tag such as O, B-Disease or I-Disease")
    return _Word(number, columns[0], _typed(columns[-1]))


def _document(source: Source, scheme: Scheme, repairs: _Repairs, group: _Group) -> Document:
    sentences = [[_word(source, *line) for line in lines] for lines in group.sentences]
    line, id, text = _stated(source, group.line, group.stated) if group.stated else _joined(source, sentences)
    tokens: list[Span] = []
    spans: list[Span] = []
    found: list[Found] = []
    repaired = end = 0
    for words in sentences:
        first = len(tokens)
        for word in words:
            start = text.find(word.word, end)
            if start < 0:
                what = f"{word.word[:40]!r} is not in the document's text after the tokens before it"
                raise source.error(word.line, what, f"mend the token, or the text after {DOCSTART}")
            end = start + len(word.word)
            tokens.append((start, end))
        spans.append((tokens[first][0], end))
        mentions, broken = from_tags([word.tag for word in words], scheme)
        repaired += broken
        for i, j, kind in mentions:
            span = tokens[first + i][0], tokens[first + j - 1][1]
            found.append(Found(words[i].line, Entity(f"T{len(found) + 1}", kind, (span,))))
    document = source.document(line, id, text, found, sentences=spans, tokens=tokens)
    if repaired:
        repairs.count += repaired
        repairs.first = repairs.first or line
    return document


def _stated(source: Source, line: int, stated: str) -> tuple[int, str, str]:
    try:
        value = parse(stated)
        return line, string(value, "id"), string(value, "text")
    except MalformedError as error:
        raise source.error(line, f"after {DOCSTART}: {error}") from None


def _joined(source: Source, sentences: list[list[_Word]]) -> tuple[int, str, str]:
    line = sentences[0][0].line
    return line, source.numbered(line), "\n".join(" ".join(word.word for word in words) for words in sentences)
