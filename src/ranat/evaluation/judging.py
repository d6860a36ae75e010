"""Which answers of a model belong to which of the gold ones: each judged once, paired one to one.

Mentions are judged in these steps, each among what the ones before it have left:

    right               the same spans and type
    type                the same spans, another type
    boundary            overlapping spans, the same type
    boundary and type   overlapping spans, another type
    missed, invented    the gold and the predicted mentions that are left

Relations are right, or of the wrong type (between the same two entities, of another type or direction), or missed, or
invented. Within a step the pair with the most characters in common comes first, then the first in the text. So a
mention that was predicted in two pieces is one wrong boundary and one invented mention; what is right are the true
positives of the strict F1, all else of gold its false negatives, and all else predicted its false positives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from typing import NamedTuple, cast

from ranat.documents import Span
from ranat.evaluation.f1 import Answer

VERDICTS = ("right", "boundary", "type", "boundary and type", "missed", "invented")


class Judged(NamedTuple):
    """An answer and what became of it.

    Args:
        answer: gold or predicted.
        verdict: one of `VERDICTS`.
        partner: the answer of the other side that it was paired with.
    """

    answer: Answer
    verdict: str
    partner: Answer | None = None


class Sides(NamedTuple):
    """The judged answers of both sides, in the order of the text."""

    gold: list[Judged]
    predicted: list[Judged]

    @property
    def errors(self) -> int:
        """How many there are; a pair is one."""
        return sum(item.verdict != "right" for item in self.gold) + sum(
            item.verdict == "invented" for item in self.predicted
        )


def judge_mentions(gold: Set[Answer], predicted: Set[Answer]) -> Sides:
    """The mentions of a document, judged."""
    return _judge(
        gold,
        predicted,
        {
            "type": lambda one, other: one[0] == other[0],
            "boundary": lambda one, other: one[1] == other[1] and _overlap(one, other),
            "boundary and type": _overlap,
        },
    )


def judge_relations(gold: Set[Answer], predicted: Set[Answer]) -> Sides:
    """The relations of a document, judged."""
    return _judge(
        gold,
        predicted,
        {
            "type": lambda one, other: {*ids_of(one)} == {*ids_of(other)},
        },
    )


def _judge(gold: Set[Answer], predicted: Set[Answer], steps: Mapping[str, Callable[[Answer, Answer], int]]) -> Sides:
    """Each step's function says how close two answers are; 0: no pair."""
    right = gold & predicted
    left, found = set(gold - right), set(predicted - right)
    judged = {(side, answer): Judged(answer, "right", answer) for answer in right for side in (True, False)}
    for verdict, closeness in steps.items():
        close = ((-near, one, other) for one in left for other in found if (near := closeness(one, other)))
        for _, one, other in sorted(close):
            if one in left and other in found:
                left.remove(one)
                found.remove(other)
                judged[True, one] = Judged(one, verdict, other)
                judged[False, other] = Judged(other, verdict, one)
    return Sides(
        [judged.get((True, one)) or Judged(one, "missed") for one in sorted(gold)],
        [judged.get((False, other)) or Judged(other, "invented") for other in sorted(predicted)],
    )


def _overlap(one: Answer, other: Answer) -> int:
    pairs = ((a, b) for a in spans_of(one) for b in spans_of(other))
    return sum(max(min(a[1], b[1]) - max(a[0], b[0]), 0) for a, b in pairs)


def spans_of(answer: Answer) -> tuple[Span, ...]:
    """Where a mention is."""
    return cast("tuple[Span, ...]", answer[0])


def ids_of(answer: Answer) -> tuple[str, str]:
    """The head and the tail of a relation."""
    return cast("tuple[str, str]", answer[0])
