"""CoNLL-like files: a token a line, its tag in the last column, a blank line after each sentence.

    Naloxone<TAB>B-Chemical
    reverses<TAB>O

Columns are separated by tabs, or by spaces where a line has no tab; `conll_columns` finds the two that are read, and
`conll_tags` the mentions. Each sentence becomes a document; lines of `-DOCSTART-` group the sentences that follow into
one. A document's text is its tokens joined by single spaces (sentences by a newline); its id is the file's stem and the
line of its first token, such as "train:17", so that the n-th token of a sentence is found n - 1 lines further.

Word pieces, `##one`, are joined to the word before them, and so are their tags, if they are the word's or X.

What is written is IOB2 in two columns, and the first line of a document also has its id and its text as JSON:

    -DOCSTART-<TAB>{"id": "227508", "text": "Naloxone reverses the …"}<TAB>O

From there both are read again, and the tokens are found in the text one after the other. Other programs pass over lines
that begin with -DOCSTART-.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain, groupby, islice
from pathlib import Path
from typing import NamedTuple

from ranat.documents.document import Document, Span
from ranat.formats.base import Sure, reader, writer
from ranat.formats.conll_columns import EXAMPLE, Columns, Line, cells_of, columns_of, is_stated, looks_tagged
from ranat.formats.conll_tags import BETWEEN, Tagged, Word, is_tag, scheme_of, typed
from ranat.formats.fitting import tagged
from ranat.formats.fitting.names import renamed
from ranat.formats.fitting.spelling import as_word
from ranat.formats.fitting.steps import contiguous, renumbered, without_concepts, without_relations, without_scores
from ranat.formats.fitting.tagged import DOCSTART
from ranat.formats.json_records import MalformedError, parse
from ranat.formats.sample import Sample
from ranat.formats.source import Source
from ranat.formats.values import string
from ranat.formats.words import next_word

_SAMPLE = 5000
"""Lines at the beginning that tell what the columns are and the scheme of the tags."""


class _Group(NamedTuple):
    """The lines of a document.

    Args:
        line: where they start.
        stated: its id and text as JSON, if its `-DOCSTART-` line has them.
        sentences: one, or all those after that line; each of at least one line.
    """

    line: int
    stated: str | None
    sentences: list[list[Line]]


class _Token(NamedTuple):
    """A word, or a piece of one, which is joined to the one before without a space."""

    line: int
    text: str
    tag: str
    joined: bool = False


@dataclass
class _File:
    """A file being read; `pieces` are the word pieces so far, and the line of the first."""

    source: Source
    columns: Columns
    tagged: Tagged
    pieces: int = 0
    first_piece: int | None = None


def _sure(sample: Sample) -> Sure:
    if sample.head.startswith(DOCSTART):
        return Sure.CERTAIN
    return Sure.LIKELY if looks_tagged(sample.lines) else Sure.NO


@reader(
    "conll",
    suffixes=(".conll", ".iob", ".iob2", ".bio", ".bioes", ".tsv"),
    sure=_sure,
    columns=("token", "tag"),
)
def read(source: Source) -> Iterator[Document]:
    """Documents of a CoNLL-like file; illegal tag sequences are repaired as conlleval does, and counted.

    Raises:
        UserError: the columns are others, a line has no token or no tag, or a token is not in the text that the
            document is said to have.
    """
    lines = source.lines()
    sample = list(islice(lines, _SAMPLE))
    columns = columns_of(source, sample)
    file = _File(source, columns, Tagged(source, scheme_of(_tags(columns, sample))))
    yield from source.each(_groups(source, columns, chain(sample, lines)), partial(_document, file))
    file.tagged.tell()
    source.note("mended", f"{file.pieces} word pieces (##) joined to their words", file.first_piece, file.pieces)


def _fit(document: Document, lost: Counter[str]) -> Document:
    document = without_concepts(without_scores(without_relations(document, lost), lost), lost)
    document = tagged.flat(tagged.trimmed(contiguous(document, lost), lost), lost)
    return tagged.with_words(renamed(renumbered(document, lost), _as_type, lost))


def _as_type(name: str) -> str:
    return BETWEEN.sub("_", as_word(name))


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


def _groups(source: Source, columns: Columns, lines: Iterable[Line]) -> Iterator[_Group]:
    """The lines of each document, whatever is in them."""
    group: _Group | None = None
    for sentence in _sentences(source, columns, lines):
        line, first = sentence[0]
        cells = cells_of(first)
        if DOCSTART in cells:
            if group and (group.sentences or group.stated):
                yield group
            group = _Group(line, cells[1] if is_stated(cells) else None, [])
        elif group:
            group.sentences.append(sentence)
        else:
            yield _Group(line, None, [sentence])
    if group and (group.sentences or group.stated):
        yield group


def _sentences(source: Source, columns: Columns, lines: Iterable[Line]) -> Iterator[list[Line]]:
    """The lines of each sentence, and each `-DOCSTART-` line as one; comments are counted."""
    sentence: list[Line] = []
    comments = 0
    for number, line in lines:
        is_docstart = DOCSTART in line and DOCSTART in cells_of(line)
        if is_docstart or not line.strip(" \t"):
            if sentence:
                yield sentence
            sentence = []
            if is_docstart:
                yield [(number, line)]
        elif number == columns.header:
            pass
        elif line.startswith("#") and not columns.is_row(cells_of(line)):
            comments += 1
        else:
            sentence.append((number, line))
    if sentence:
        yield sentence
    source.note("left out", f"{comments} comment lines", count=comments)


def _tags(columns: Columns, lines: Iterable[Line]) -> Iterator[list[str]]:
    """The tags of each sentence; a line that has none is an error later, of its document alone."""
    rows = [cells_of(line) for _, line in lines]
    for is_sentence, sentence in groupby(rows, key=lambda cells: cells != [""] and DOCSTART not in cells):
        if is_sentence:
            yield [typed(tag) for cells in sentence if (tag := _tag(columns, cells)) and is_tag(tag)]


def _cell(cells: list[str], column: int) -> str:
    """The cell of a column; empty if the line has none, or no other cell."""
    return cells[column] if 1 < len(cells) > column else ""


def _tag(columns: Columns, cells: list[str]) -> str:
    """The tag of a line; empty if it has fewer cells than most, as its last one is then another column's."""
    return "" if columns.tag < 0 and len(cells) < columns.width else _cell(cells, columns.tag)


def _words(file: _File, lines: Iterable[Line], is_stated: bool) -> list[_Token]:
    """The tokens of a sentence; a piece whose tag is that of what is before it, or X, becomes one with it.

    Lenient reading leaves out a line that has no token, and takes what is no tag for O.
    """
    words: list[_Token] = []
    for number, line in lines:
        cells = cells_of(line)
        text, tag = _cell(cells, file.columns.token), _tag(file.columns, cells)
        is_piece = bool(words) and not is_stated and text.startswith("##") and len(text) > 2
        if is_piece:
            text = text[2:]
            file.pieces += 1
            file.first_piece = file.first_piece or number
            if tag == "X" or typed(tag) == words[-1].tag:
                words[-1] = words[-1]._replace(text=words[-1].text + text)
                continue
        if not text:
            file.source.odd(number, f"{line[:80]!r} is not a token and a tag", EXAMPLE)
            continue
        if not is_tag(tag):
            what = f"{line[:80]!r} is not a token and a tag; its tag is read as O"
            file.source.odd(number, what, EXAMPLE, "mended")
            tag = "O"
        words.append(_Token(number, text, typed(tag), is_piece))
    return words


def _document(file: _File, group: _Group) -> Document:
    sentences = [_words(file, lines, group.stated is not None) for lines in group.sentences]
    sentences = [words for words in sentences if words]
    line, id, text = _stated(file.source, group.line, group.stated) if group.stated else _joined(file, group, sentences)
    tokens: list[Span] = []
    placed: list[list[Word]] = []
    end = 0
    for words in sentences:
        placed.append([])
        for word in words:
            start = next_word(text, word.text, end)
            if start is None:
                what = f"{word.text[:40]!r} is not the token that comes next in the document's text"
                raise file.source.error(word.line, what, f"mend the token, or the text after {DOCSTART}")
            end = start + len(word.text)
            placed[-1].append(Word(word.line, word.tag, (start, end)))
            if word.joined:
                start, _ = tokens.pop()
            tokens.append((start, end))
    return file.tagged.document(line, id, text, placed, tokens)


def _stated(source: Source, line: int, stated: str) -> tuple[int, str, str]:
    try:
        value = parse(stated)
        return line, string(value, "id"), string(value, "text")
    except MalformedError as error:
        raise source.error(line, f"after {DOCSTART}: {error}") from None


def _joined(file: _File, group: _Group, sentences: list[list[_Token]]) -> tuple[int, str, str]:
    line = group.sentences[0][0][0]
    joined = ("".join(word.text if word.joined else f" {word.text}" for word in words)[1:] for words in sentences)
    return line, file.source.numbered(line), "\n".join(joined)
