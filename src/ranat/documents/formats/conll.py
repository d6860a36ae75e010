"""CoNLL-like files: a token a line, its tag in the last column, a blank line after each sentence.

    Naloxone<TAB>B-Chemical
    reverses<TAB>O

Columns are separated by tabs, or by spaces where a line has no tab. Each sentence becomes a document; lines of
`-DOCSTART-` group the sentences that follow into one. A document's text is its tokens joined by single spaces
(sentences by a newline); its id is the file's stem and the line of its first token, such as "train:17", so that the
n-th token of a sentence is found n - 1 lines further. Tags may be IOB1, IOB2 or BIOES; a bare `B` or `I` has the type
"Entity".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ranat.documents.bio import Scheme, detect_scheme, from_tags
from ranat.documents.document import Document, Entity, Span
from ranat.documents.formats import reader
from ranat.documents.source import Found, Source

_TAG = re.compile(r"O|[BIES](-.+)?")
_DOCSTART = "-DOCSTART-"


class _Sentence(NamedTuple):
    line: int
    words: list[str]
    tags: list[str]


def _looks_like(head: str) -> bool:
    lines = [line for line in re.split(r"\r?\n", head) if line.strip() and not line.startswith((_DOCSTART, "#"))]
    return bool(lines) and all(_TAG.fullmatch(_columns(line)[-1]) for line in lines) and "\n" in head.strip()


@reader("conll", suffixes=(".conll", ".iob", ".iob2", ".bio", ".bioes", ".tsv"), looks_like=_looks_like)
def read(source: Source) -> Iterator[Document]:
    """Documents of a CoNLL-like file; illegal tag sequences are repaired as conlleval does, and counted.

    Raises:
        UserError: a line has no token or no tag.
    """
    groups = list(_groups(source))
    scheme = detect_scheme(sentence.tags for group in groups for sentence in group)
    repaired, first = 0, None
    for group in groups:
        document, broken = _document(source, group, scheme)
        first = first or (broken and group[0].line) or None
        repaired += broken
        yield document
    source.note(
        "repaired", f"{repaired} illegal tags repaired as conlleval does, the first after here", first, repaired
    )


def _groups(source: Source) -> Iterator[list[_Sentence]]:
    """The sentences of each document: one of them, or all those after a `-DOCSTART-`."""
    group: list[_Sentence] | None = None
    for sentence in _sentences(source):
        if sentence.words[0] == _DOCSTART:
            if group:
                yield group
            group = []
        elif group is None:
            yield [sentence]
        else:
            group.append(sentence)
    if group:
        yield group


def _sentences(source: Source) -> Iterator[_Sentence]:
    sentence = _Sentence(0, [], [])
    comments = 0
    for number, line in source.lines():
        columns = _columns(line)
        if columns[0] == _DOCSTART or not line.strip(" \t"):
            if sentence.words:
                yield sentence
            if columns[0] == _DOCSTART:
                yield _Sentence(number, [_DOCSTART], ["O"])
            sentence = _Sentence(0, [], [])
        elif line.startswith("#") and not _TAG.fullmatch(columns[-1]):
            comments += 1
        elif len(columns) < 2 or not columns[0] or not _TAG.fullmatch(columns[-1]):
            raise source.error(
                number,
                f"{line[:80]!r} is not a token and a tag",
                "write TOKEN<TAB>TAG with a tag such as O, B-Disease or I-Disease",
            )
        else:
            word, tag = columns[0], columns[-1]
            sentence = sentence._replace(line=sentence.line or number)
            sentence.words.append(word)
            sentence.tags.append(f"{tag}-Entity" if tag in "BIES" else tag)
    if sentence.words:
        yield sentence
    source.note("left out", f"{comments} comment lines", count=comments)


def _columns(line: str) -> list[str]:
    return line.rstrip("\t ").split("\t") if "\t" in line else line.strip(" ").split(" ")


def _document(source: Source, group: list[_Sentence], scheme: Scheme) -> tuple[Document, int]:
    tokens: list[Span] = []
    sentences: list[Span] = []
    found: list[Found] = []
    repaired = start = 0
    for line, words, tags in group:
        first_word = len(tokens)
        for word in words:
            tokens.append((start, start + len(word)))
            start += len(word) + 1
        sentences.append((tokens[first_word][0], start - 1))
        spans, broken = from_tags(tags, scheme)
        repaired += broken
        for first, end, kind in spans:
            span = tokens[first_word + first][0], tokens[first_word + end - 1][1]
            found.append(Found(line + first, Entity(f"T{len(found) + 1}", kind, (span,))))
    text = "\n".join(" ".join(sentence.words) for sentence in group)
    line = group[0].line
    return source.document(line, source.numbered(line), text, found, sentences=sentences, tokens=tokens), repaired
