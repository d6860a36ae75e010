"""The tags of words in files, and the mentions that they mark.

A tag is O, or a letter and a type, `B-Disease`; a bare letter has the type "Entity". Of nested mentions a word has
several tags, `B-Disease|B-Organ`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ranat.documents.bio import Decoded, Scheme, detect_scheme, from_tags
from ranat.documents.document import Document, Entity, Span
from ranat.formats.source import Found, Source

BETWEEN = re.compile(r"\|(?=O(?:\||\Z)|[BIESLUMW]-)")
"""What stands between the tags of one word."""

_TAG = re.compile(r"O|[BIESLU]|[BIESLUMW]-.+", re.DOTALL)


class Word(NamedTuple):
    """A word with its tag.

    Args:
        line: where it stands in the file.
        tag: a tag that is typed.
        span: of it in the document's text; several words may have one.
    """

    line: int
    tag: str
    span: Span


def is_tag(value: str) -> bool:
    """Whether it is a tag of IOB, IO, BIOES, BILOU or BMEWO."""
    return value == "O" or all(map(_TAG.fullmatch, parts_of(value)))


def parts_of(tag: str) -> list[str]:
    """The tags of one word."""
    return BETWEEN.split(tag) if "|" in tag else [tag]


def typed(tag: str) -> str:
    """The tag, or each of several, with a type."""
    if tag == "O" or (len(tag) > 1 and "|" not in tag):
        return tag
    return "|".join(f"{part}-Entity" if len(part) == 1 and part != "O" else part for part in parts_of(tag))


def type_of(tag: str) -> str:
    """The type of a tag; empty if it has none."""
    return tag.partition("-")[2]


def scheme_of(sentences: Iterable[Sequence[str]]) -> Scheme:
    """The scheme of the typed tags of many sentences."""
    return detect_scheme(layer for tags in sentences for layer in _layers([parts_of(tag) for tag in tags]))


@dataclass
class Tagged:
    """The documents of one file of tagged words.

    Args:
        source: the file.
        scheme: of its tags.
    """

    source: Source
    scheme: Scheme
    _repaired: int = 0
    _first: int | None = None
    _letters: set[str] = field(default_factory=set)

    def document(
        self, line: int, id: str, text: str, sentences: Sequence[Sequence[Word]], tokens: Iterable[Span]
    ) -> Document:
        """A document of sentences, of which each has a word; illegal tags are repaired as conlleval does.

        Raises:
            UserError: see `Source.document`.
        """
        found: list[Found] = []
        repaired = 0
        for words in sentences:
            mentions, broken = self._mentions(words)
            repaired += broken
            for i, j, kind in mentions:
                span = words[i].span[0], words[j - 1].span[1]
                found.append(Found(words[i].line, Entity(f"T{len(found) + 1}", kind, (span,))))
        spans = [(words[0].span[0], words[-1].span[1]) for words in sentences]
        document = self.source.document(line, id, text, found, sentences=spans, tokens=tokens)
        self._letters.update(part[0] for words in sentences for word in words for part in parts_of(word.tag))
        if repaired:
            self._repaired += repaired
            self._first = self._first or line
        return document

    def tell(self) -> None:
        """Note what was repaired, and of which scheme it cannot be told where a mention begins."""
        what = f"{self._repaired} illegal tags, as conlleval does, the first after here"
        self.source.note("illegal tag", what, self._first, self._repaired)
        if self._letters <= {"O", "I"} and "I" in self._letters:
            self.source.note("note", "no tag says where a mention begins (IO): neighbours of one type are one mention")

    def _mentions(self, words: Sequence[Word]) -> Decoded:
        parts = [parts_of(word.tag) for word in words]
        if not _is_by_place(parts):
            for word, tags in zip(words, parts, strict=True):
                if len(set(map(type_of, tags))) < len(tags):
                    what = f"the tag {word.tag!r} has one type twice, of which the first is read"
                    self.source.odd(
                        word.line, what, "give all words as many tags, with O in between, such as O|B-Disease"
                    )
        decoded = [from_tags(layer, self.scheme) for layer in _layers(parts)]
        spans = sorted(span for layer in decoded for span in layer.spans)
        return Decoded(spans, sum(layer.repaired for layer in decoded))


def _is_by_place(parts: Sequence[Sequence[str]]) -> bool:
    """Whether all words have as many tags, so that those of one place belong together."""
    return len(set(map(len, parts))) < 2


def _layers(parts: Sequence[Sequence[str]]) -> Iterator[Sequence[str]]:
    """The tags of each layer of nested mentions: of each place, or else of each type."""
    if _is_by_place(parts):
        yield from zip(*parts, strict=True)
        return
    for kind in sorted({type_of(tag) for tags in parts for tag in tags} - {""}):
        yield [next((tag for tag in tags if type_of(tag) == kind), "O") for tags in parts]
