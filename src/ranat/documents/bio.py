"""Spans over words ↔ tags: IOB2 is written; IOB1, IOB2, IO and BIOES are read, the last in other letters, too.

BILOU has L for E and U for S, BMEWO has M for I and W for S: they are BIOES in other letters.

There are two ways to read tags, and they must not be mixed up. Gold tags are read as conlleval reads them: an `I-X`
that continues nothing begins a mention, and every such repair is counted. Predicted tags are read strictly: an `I-X`
that continues nothing is no mention at all, or a model would be given credit for sequences that are not legal. Models
from elsewhere may also speak BIOES, or IO, where neighbours of one type are one mention.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

WordSpan = tuple[int, int, str]
"""(first word, last word exclusive, type)."""

Scheme = Literal["IOB1", "IOB2", "BIOES"]

_LETTERS = {"L": "E", "U": "S", "M": "I", "W": "S"}
"""Of BILOU and BMEWO, as BIOES has them."""

INSIDE = "IELM"
"""Letters of the tags that go on with a mention."""

TagScheme = Literal["IO", "IOB2", "BIOES"]
"""What the tags of a model may mean; IOB1 has the same tags as IOB2."""


class Decoded(NamedTuple):
    """Mentions read from tags, in text order, and how many tags broke the scheme and were repaired."""

    spans: list[WordSpan]
    repaired: int


def to_bio(n_words: int, spans: Iterable[WordSpan]) -> list[str]:
    """IOB2 tags of length `n_words`.

    Raises:
        ValueError: a span is empty, reaches outside the words, or overlaps another (tags cannot hold both).
    """
    tags = ["O"] * n_words
    for first, end, kind in spans:
        if not 0 <= first < end <= n_words:
            raise ValueError(f"the span {(first, end, kind)} is not within {n_words} words")
        if any(tag != "O" for tag in tags[first:end]):
            raise ValueError(f"the span {(first, end, kind)} overlaps another")
        tags[first:end] = [f"B-{kind}"] + [f"I-{kind}"] * (end - first - 1)
    return tags


def decode_strict(tags: Sequence[str], scheme: TagScheme = "IOB2") -> list[WordSpan]:
    """Mentions of predicted tags, in text order; what is not legal in the scheme is no mention.

    IOB2: B-X I-X…; IO: I-X…; BIOES: S-X, or B-X I-X… E-X.

    Raises:
        ValueError: a tag is none of the scheme's.
    """
    if scheme == "BIOES":
        return _whole_mentions(tags)
    spans: list[WordSpan] = []
    open_type: str | None = None
    for i, (prefix, kind) in enumerate(_split(tags, "BI" if scheme == "IOB2" else "I")):
        if prefix == "I" and kind == open_type:
            spans[-1] = (spans[-1][0], i + 1, kind)
        elif prefix == "B" or (prefix == "I" and scheme == "IO"):
            spans.append((i, i + 1, kind))
            open_type = kind
        else:
            open_type = None
    return spans


def _whole_mentions(tags: Sequence[str]) -> list[WordSpan]:
    spans: list[WordSpan] = []
    first, open_type = 0, ""
    for i, (prefix, kind) in enumerate(_split(tags)):
        if prefix == "S" or (prefix == "E" and kind == open_type):
            spans.append((i if prefix == "S" else first, i + 1, kind))
        if prefix == "B":
            first, open_type = i, kind
        elif prefix != "I" or kind != open_type:
            open_type = ""
    return spans


def scheme_of(labels: Iterable[str]) -> TagScheme:
    """The scheme that a model's labels are of.

    Raises:
        ValueError: one is no tag, there is no O or nothing else, or a type can never begin.
    """
    distinct = set(labels)
    tags = set(_split(sorted(distinct)))
    prefixes = {prefix for prefix, _ in tags}
    if "O" not in distinct or prefixes == {"O"}:
        raise ValueError("there must be O, and tags such as B-TYPE and I-TYPE")
    if prefixes == {"O", "I"}:
        return "IO"
    for _, kind in sorted(tags - {("O", "")}):
        if not tags & {("B", kind), ("S", kind)}:
            raise ValueError(f"there is no B-{kind}")
    return "BIOES" if prefixes & {"E", "S"} else "IOB2"


def detect_scheme(sentences: Iterable[Sequence[str]]) -> Scheme:
    """The scheme of a whole file: E- and S- mark BIOES; IOB1 keeps B-X for a mention right after another of type X.

    A file that is legal in both IOB1 and IOB2 (no mention at all) is called IOB2, one of IO is called IOB1, which reads
    it alike.
    """
    bare_begin = inside_begins = False
    for tags in sentences:
        for (before, type_before), (prefix, kind) in pairwise([("O", ""), *_split(tags)]):
            if prefix in ("E", "S"):
                return "BIOES"
            follows = before != "O" and type_before == kind
            bare_begin |= prefix == "B" and not follows
            inside_begins |= prefix == "I" and not follows
    return "IOB1" if inside_begins and not bare_begin else "IOB2"


def from_tags(tags: Sequence[str], scheme: Scheme | None = None) -> Decoded:
    """Mentions of gold tags, repaired as conlleval does: an inside tag after O or another type begins a mention.

    Args:
        tags: the tags of one sentence.
        scheme: what the file uses; None detects it from this sentence alone. The mentions are the same under
            every scheme that has the tags; only what counts as broken differs.
    Raises:
        ValueError: a tag is none of O, B-X, I-X, E-X, S-X and the same in the letters of BILOU and BMEWO.
    """
    scheme = scheme or detect_scheme([tags])
    spans: list[WordSpan] = []
    repaired = 0
    before, type_before = "O", ""
    for i, (prefix, kind) in enumerate([*_split(tags), ("O", "")]):
        continues = prefix in ("I", "E") and before in ("B", "I") and kind == type_before
        if scheme == "BIOES":
            # Two ways to break it: what should continue does not, and what was begun is not ended.
            repaired += prefix in ("I", "E") and not continues
            repaired += before in ("B", "I") and not continues
        elif scheme == "IOB2":
            repaired += prefix == "I" and not continues
        if continues:
            spans[-1] = (spans[-1][0], i + 1, kind)
        elif prefix != "O":
            spans.append((i, i + 1, kind))
        before, type_before = prefix, kind
    return Decoded(spans, repaired)


def _split(tags: Sequence[str], prefixes: str = "BIES") -> Iterator[tuple[str, str]]:
    for tag in tags:
        letter, _, kind = tag.partition("-")
        prefix = _LETTERS.get(letter, letter)
        if tag != "O" and (prefix not in tuple(prefixes) or not kind):
            raise ValueError(f"{tag!r} is not a tag; known: O, {', '.join(f'{p}-TYPE' for p in prefixes)}")
        yield prefix, kind
