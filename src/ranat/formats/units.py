"""What offsets count, where they do not count characters: other programs count bytes, or a line end as they like."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, pairwise

from ranat.documents.document import Span

Spans = tuple[Span, ...]
Mention = tuple[Spans, str | None]
"""The spans of a mention, and the text that it is said to have."""

WIDTHS: dict[str, Callable[[str], int]] = {
    "bytes of UTF-8": lambda text: len(text.encode("utf-8", "surrogatepass")),
    "UTF-16 units": lambda text: len(text.encode("utf-16-le", "surrogatepass")) // 2,
}
"""How long a text is in units that are not characters."""

_LINE_END = re.compile(r"\r\n|[\r\n]")
_ELLIPSIS = re.compile(r"\s*(?:\.\.\.|…)\s*")


def fits(text: str, spans: Spans, mention: str | None) -> bool:
    """Whether a mention's text is what stands at its spans.

    Its parts may be joined by a space or an ellipsis, and a line end may be a space.
    """
    if _is_exact(text, spans, mention):
        return True
    actual = " ".join(text[start:end] for start, end in spans)
    return _LINE_END.sub(" ", mention or "") == _LINE_END.sub(" ", actual)


def recognised(text: str, mentions: Sequence[Mention]) -> tuple[str | None, list[Spans]]:
    """What the offsets count, and the spans in characters; None if that is what they count, or if nothing fits.

    Another unit is recognised where it makes all mentions fit whose text is stated, at least one of which does not fit
    as characters. What fits exactly comes first.
    """
    given = [spans for spans, _ in mentions]
    for fit in (_is_exact, fits):
        if all(fit(text, spans, mention) for spans, mention in mentions):
            return None, given
        for name, convert in _conversions(text, several=len(mentions) > 1):
            converted = [convert(spans) for spans in given]
            whole = [spans for spans in converted if spans is not None]
            if len(whole) == len(mentions) and all(
                spans[-1][1] <= len(text) and _are_apart(spans) and fit(text, spans, mention)
                for spans, (_, mention) in zip(whole, mentions, strict=True)
            ):
                return name, whole
    return None, given


def explained(text: str, mentions: Sequence[Mention]) -> bool:
    """Whether what is stated of all mentions is what stands at their offsets, whatever these count."""
    return recognised(text, mentions)[0] is not None or all(fits(text, spans, mention) for spans, mention in mentions)


def from_utf16(text: str) -> Callable[[Spans], Spans | None]:
    """Conversion of offsets that count UTF-16 units, as JavaScript does; None for one that is within a character."""
    return _by_width(_utf16_widths(text))


def in_utf16(text: str) -> list[int]:
    """Where each character starts, and the text's end, counted in UTF-16 units."""
    return [0, *accumulate(_utf16_widths(text))]


def _utf16_widths(text: str) -> list[int]:
    return [WIDTHS["UTF-16 units"](character) for character in text]


def _is_exact(text: str, spans: Spans, mention: str | None) -> bool:
    if mention is None:
        return True
    actual = " ".join(text[start:end] for start, end in spans)
    return mention == actual or (len(spans) > 1 and _ELLIPSIS.sub(" ", mention) == actual)


def _conversions(text: str, several: bool) -> Iterator[tuple[str, Callable[[Spans], Spans | None]]]:
    if not text.isascii():
        for unit, width in WIDTHS.items():
            yield unit, _by_width([width(character) for character in text])
    if text.startswith("\ufeff"):
        yield "characters without the byte order mark", lambda spans: _moved(spans, 1)
    if "\r\n" in text:
        ends = {match.start() for match in re.finditer("\r\n", text)}
        yield "characters with CRLF as one", _by_width([at not in ends for at in range(len(text))])
    elif "\n" in text:
        yield "characters with a line end as two (CRLF)", _by_width([1 + (character == "\n") for character in text])
    if several:  # a single mention may as well have one wrong letter
        yield "characters, the last one included", lambda spans: tuple((start, end + 1) for start, end in spans)
        yield "characters from 1 on", lambda spans: _moved(spans, -1)


def _by_width(widths: Sequence[int]) -> Callable[[Spans], Spans | None]:
    """Conversion of offsets that count so much for each character; None for one that is within a character."""
    offsets = [0, *accumulate(widths)]

    def convert(spans: Spans) -> Spans | None:
        converted = []
        for span in spans:
            start, end = (bisect_left(offsets, offset) for offset in span)
            if max(start, end) >= len(offsets) or (offsets[start], offsets[end]) != span:
                return None
            converted.append((start, end))
        return tuple(converted)

    return convert


def _are_apart(spans: Spans) -> bool:
    return all(end <= start for (_, end), (start, _) in pairwise(spans))


def _moved(spans: Spans, by: int) -> Spans | None:
    return tuple((start + by, end + by) for start, end in spans) if spans[0][0] + by >= 0 else None
