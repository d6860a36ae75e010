"""Documents that come as lists of words: their text, and where the words are in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ranat.documents.bio import Decoded, from_tags
from ranat.documents.document import Document, Span, is_text
from ranat.formats.json_records import MalformedError
from ranat.formats.source import Source
from ranat.formats.values import listed, string


def words_of(value: Any, what: str) -> list[str]:
    """A list of words.

    Raises:
        MalformedError: it is none, or a word is empty.
    """
    found = listed(value, what)
    if not all(isinstance(word, str) and word for word in found):
        raise MalformedError(f"{what!r} must be a list of strings, none of them empty")
    if not all(map(is_text, found)):
        raise MalformedError(f"{what!r} has bytes that are not UTF-8, or half a surrogate pair")
    return found


def joined(words: Iterable[str]) -> str:
    """The text of words of which nothing else is known: a space stands between them."""
    return " ".join(words)


def next_word(text: str, word: str, end: int) -> int | None:
    """Where a word begins after the one that ends there; None if it is not there, or another word lies between."""
    start = text.find(word, end)
    return None if start < 0 or any(map(str.isalnum, text[end:start])) else start


def aligned(text: str, words: Iterable[str]) -> list[Span]:
    """Where words are in a text, one after the other.

    Raises:
        MalformedError: one is not there.
    """
    spans, end = [], 0
    for word in words:
        start = next_word(text, word, end)
        if start is None:
            raise MalformedError(f"{word[:40]!r} is not the word that comes next in the text")
        end = start + len(word)
        spans.append((start, end))
    return spans


def placed(source: Source, line: int, value: dict[str, Any], words: Sequence[str]) -> tuple[str, list[Span]]:
    """The text of a record's words and where they are in it: its "text", if they are found there.

    Raises:
        UserError: they are not, and reading is strict; otherwise it is not read.
    """
    if value.get("text") is not None:
        text = string(value, "text")
        try:
            return text, aligned(text, words)
        except MalformedError as error:
            source.odd(line, f"'text' is not read, but the words joined by spaces: {error}", kind="mended")
    text = joined(words)
    return text, aligned(text, words)


def numbers(document: Document) -> tuple[dict[int, int], dict[int, int]]:
    """Where a word starts → its number, and where one ends → its number."""
    starts = {start: number for number, (start, _) in enumerate(document.tokens)}
    return starts, {end: number for number, (_, end) in enumerate(document.tokens)}


def decoded(tags: Sequence[str]) -> Decoded:
    """Mentions of gold tags, and how many were repaired.

    Raises:
        MalformedError: one is no tag.
    """
    try:
        return from_tags(tags)
    except ValueError as error:
        raise MalformedError(str(error)) from None
