"""CoNLL-U: a word a line in ten columns, a blank line after each sentence (Universal Dependencies).

    # sent_id = 3
    # text = Naloxone doesn't help.
    1<TAB>Naloxone<TAB>naloxone<TAB>NOUN<TAB>…<TAB>NER=B-Chemical
    2-3<TAB>doesn't<TAB>_<TAB>_<TAB>…<TAB>_
    2<TAB>does<TAB>do<TAB>AUX<TAB>…<TAB>_

Tags of entities are in the last column, alone or under a key such as NER or Entity. Each sentence becomes a document,
called by its `sent_id`, or those after a line `# newdoc` one. Its text is that of `# text`, or the words joined by a
space where they have no SpaceAfter=No. A word that is written as several (2-3) is found where they are. Empty nodes
(8.1) stand for what is not in the text, and are left out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice
from typing import NamedTuple

from ranat.documents.document import Document, Span
from ranat.formats.base import Sure, reader
from ranat.formats.conll_columns import Line
from ranat.formats.conll_tags import Tagged, Word, is_tag, scheme_of, typed
from ranat.formats.sample import Sample
from ranat.formats.source import Source
from ranat.formats.words import next_word

_SAMPLE = 1000
"""Documents at the beginning that tell the scheme of the tags."""

_ROW = re.compile(r"(\d{1,9})(?:-(\d{1,9})|(\.\d{1,9}))?\t([^\t]+)(?:\t[^\t]*){7}\t([^\t]*)")
_COMMENT = re.compile(r"#\s*(newdoc id|newdoc|sent_id|text)\s*(?:=\s*(.*?)\s*)?")
_KEYS = {"ner", "ner_tag", "ne", "entity", "tag", "iob", "bio"}
_SHARE = 0.9
"""Of the lines that have to be rows."""


class _Sentence(NamedTuple):
    """The lines of a sentence.

    Args:
        line: where they start.
        said: what comments say: "newdoc", "newdoc id", "sent_id", "text".
        rows: its other lines, of which there is one.
    """

    line: int
    said: dict[str, str]
    rows: list[Line]


class _Row(NamedTuple):
    """A line of a word, or of several that are written as one.

    Args:
        line: its number.
        first: the word's number.
        last: that of the last word that is written here.
        form: as it is written.
        tag: typed; empty if it has none.
        spaced: a space follows.
    """

    line: int
    first: int
    last: int
    form: str
    tag: str
    spaced: bool


@dataclass
class _File:
    """A file being read, what is odd in it, and whether a tag was found."""

    source: Source
    tagged: Tagged
    odd: Counter[str] = field(default_factory=Counter)
    has_tags: bool = False


def _sure(sample: Sample) -> Sure:
    rows = [line for line in sample.lines if not line.startswith("#")]
    good = sum(_ROW.fullmatch(row) is not None for row in rows)
    return Sure.CERTAIN if good and good >= _SHARE * len(rows) else Sure.NO


@reader("conllu", suffixes=(".conllu", ".conllu.txt"), sure=_sure)
def read(source: Source) -> Iterator[Document]:
    """Documents of a CoNLL-U file; illegal tag sequences are repaired as conlleval does, and counted.

    Raises:
        UserError: a line has not ten columns, or a word is not in the text that its sentence is said to have.
    """
    groups = _groups(_sentences(source))
    sample = list(islice(groups, _SAMPLE))
    rows = (_tags(sentence) for group in sample for sentence in group)
    file = _File(source, Tagged(source, scheme_of(rows)))
    yield from source.each(chain(sample, groups), partial(_document, file))
    file.tagged.tell()
    source.tell(file.odd)
    if not file.has_tags:
        source.note("note", "no word has a tag such as NER=B-Disease in its last column")


def _sentences(source: Source) -> Iterator[_Sentence]:
    """The lines of each sentence, whatever is in them."""
    line, said, rows = 0, dict[str, str](), list[Line]()
    for number, text in chain(source.lines(), [(0, "")]):
        line = line or (number if text.strip() else 0)
        if text.startswith("#"):
            if match := _COMMENT.fullmatch(text):
                said[match[1]] = match[2] or ""
        elif text.strip():
            rows.append((number, text))
        elif rows:
            yield _Sentence(line, said, rows)
            line, said, rows = 0, {}, []


def _groups(sentences: Iterable[_Sentence]) -> Iterator[list[_Sentence]]:
    """The sentences of each document."""
    group: list[_Sentence] = []
    for sentence in sentences:
        if group and not (_is_new(group[0]) and not _is_new(sentence)):
            yield group
            group = []
        group.append(sentence)
    if group:
        yield group


def _is_new(sentence: _Sentence) -> bool:
    return bool({"newdoc", "newdoc id"} & sentence.said.keys())


def _tags(sentence: _Sentence) -> list[str]:
    """The tags of a sentence, so far as its lines are rows."""
    matches = (_ROW.fullmatch(row) for _, row in sentence.rows)
    return [typed(tag) for match in matches if match and (tag := _tag(match[5]))]


def _tag(cell: str) -> str | None:
    """The tag in the last column; None if there is none, empty if what stands under a key of tags is none."""
    found = None
    for item in cell.split("|"):
        key, equals, value = item.partition("=")
        if is_tag(value if equals else item) and (not equals or key.casefold() in _KEYS):
            return value if equals else item
        if key.casefold() in _KEYS:
            found = ""
    return found


def _document(file: _File, group: list[_Sentence]) -> Document:
    first = group[0]
    named = first.said.get("newdoc id") or ("" if _is_new(first) else first.said.get("sent_id"))
    text, placed, tokens = "", list[list[Word]](), list[Span]()
    for sentence in group:
        written = list(_written(_rows(file, sentence)))
        if not written:
            continue
        text += "\n" if text else ""
        found, spans = _places(file.source, sentence, [row for row, _ in written])
        at = [(start + len(text), end + len(text)) for start, end in spans]
        placed.append(
            [word for (row, within), span in zip(written, at, strict=True) for word in _words(row, within, span)]
        )
        tokens += dict.fromkeys(word.span for word in placed[-1])
        text += found
    line = first.rows[0][0]
    return file.tagged.document(line, named or file.source.numbered(line), text, placed, tokens)


def _rows(file: _File, sentence: _Sentence) -> Iterator[_Row]:
    for number, text in sentence.rows:
        match = _ROW.fullmatch(text)
        if match is None:
            remedy = "write ten columns with tabs between them, the first one a number, an empty one as _"
            file.source.odd(number, f"{text[:80]!r} is no line of CoNLL-U", remedy)
            continue
        first, last, empty, form, cell = match.groups()
        if empty:
            file.odd["empty nodes (such as 8.1)"] += 1
            continue
        tag = _tag(cell)
        if tag == "":
            file.odd["marks in the last column, no tags such as NER=B-Disease"] += 1
        file.has_tags |= bool(tag)
        spaced = "SpaceAfter=No" not in cell.split("|")
        yield _Row(number, int(first), int(last or first), form, typed(tag or ""), spaced)


def _written(rows: Iterable[_Row]) -> Iterator[tuple[_Row, list[_Row]]]:
    """Each form as it is written, with the words in it if it is one of several."""
    written: _Row | None = None
    within: list[_Row] = []
    for row in rows:
        if written and written.first <= row.first <= row.last <= written.last and written.first < written.last:
            within.append(row)
        else:
            if written:
                yield written, within
            written, within = row, []
    if written:
        yield written, within


def _places(source: Source, sentence: _Sentence, rows: Sequence[_Row]) -> tuple[str, list[Span]]:
    """The text of a sentence, and where the forms stand in it."""
    text = sentence.said.get("text") or _joined(rows)
    spans, missing = _found(text, rows)
    if missing:
        what = f"{missing.form[:40]!r} is not the word that comes next in the sentence's text"
        remedy = "mend the word, or the line # text above it"
        source.odd(missing.line, f"{what}; the text is taken from the words", remedy, "mended")
        text = _joined(rows)
        spans, _ = _found(text, rows)
    return text, spans


def _joined(rows: Sequence[_Row]) -> str:
    return "".join(row.form + " " * row.spaced for row in rows[:-1]) + rows[-1].form


def _found(text: str, rows: Iterable[_Row]) -> tuple[list[Span], _Row | None]:
    """Where the forms stand in a text, one after the other, up to the first that is not there, and that one."""
    spans: list[Span] = []
    end = 0
    for row in rows:
        start = next_word(text, row.form, end)
        if start is None:
            return spans, row
        end = start + len(row.form)
        spans.append((start, end))
    return spans, None


def _words(row: _Row, within: Sequence[_Row], span: Span) -> Iterator[Word]:
    """The words of a written form; such as are not its parts, one after the other, stand at all of it."""
    if not any(word.tag for word in within):
        yield Word(row.line, row.tag or "O", span)
        return
    start, end = span
    are_parts = "".join(word.form for word in within) == row.form
    for word in within:
        if are_parts:
            end = start + len(word.form)
        yield Word(word.line, word.tag or "O", (start, end))
        start = end if are_parts else start
