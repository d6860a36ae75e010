"""How a pair of entities is shown to the model: dummies in their place, or markers of their types around them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ranat.documents import Document
from ranat.documents.pairs import Pair, PairTypes, dummified_parts, one_line


class Marked(NamedTuple):
    """A sentence with a marked pair.

    Args:
        text: the sentence.
        head: the offset in it where the head's mark starts.
        tail: likewise; the same one where the mentions overlap.
        start: where the first mark starts.
        end: where the last mark ends.
    """

    text: str
    head: int
    tail: int
    start: int
    end: int


class Marking(NamedTuple):
    """A way of marking: what it does, and the marks it may set."""

    mark: Callable[[Document, Pair, PairTypes], Marked]
    marks: Callable[[PairTypes], list[str]]


def dummy(document: Document, pair: Pair, types: PairTypes) -> Marked:
    """@CHEMICAL$ inhibits @GENE$: the text of the mentions is not shown, so that it cannot be learnt by heart."""
    parts = dummified_parts(document, pair, types)
    text, starts, end = "", [], 0
    for part, entity in parts:
        if entity:
            starts.append(len(text))
            end = len(text) + len(part)
        text += part
    return _marked(text, starts, end, pair, types)


def typed(document: Document, pair: Pair, types: PairTypes) -> Marked:
    """[CHEMICAL] aspirin [/CHEMICAL] inhibits [GENE] COX-2 [/GENE] (Zhong and Chen 2021)."""
    (start, last), first, second = pair.sentence, pair.first, pair.second
    places = [(entity.start, entity.end, entity.type) for entity in (first, second)]
    if pair.overlaps:
        head, tail = types.order(first, second) or (first, second)
        places = [(first.start, max(first.end, second.end), f"{head.type}-{tail.type}")]
    text, starts, end = "", [], 0
    for left, right, kind in places:
        text += one_line(document.text[start:left])
        starts.append(len(text))
        text += f"[{kind}] {one_line(document.text[left:right])} [/{kind}]"
        start, end = right, len(text)
    return _marked(text + one_line(document.text[start:last]), starts, end, pair, types)


def _marked(text: str, starts: list[int], end: int, pair: Pair, types: PairTypes) -> Marked:
    first, second = starts[0], starts[-1]
    order = types.order(pair.first, pair.second)
    head, tail = (second, first) if order and order[0] is pair.second else (first, second)
    return Marked(text, head, tail, first, end)


def _dummies(types: PairTypes) -> list[str]:
    return sorted({types.dummy(*kinds) for pair in types.types for kinds in (pair[:1], pair[1:], pair)})


def _typed_marks(types: PairTypes) -> list[str]:
    kinds = {kind for head, tail in types.types for kind in (head, tail, f"{head}-{tail}")}
    return [mark for kind in sorted(kinds) for mark in (f"[{kind}]", f"[/{kind}]")]


MARKINGS = {"dummy": Marking(dummy, _dummies), "typed": Marking(typed, _typed_marks)}
