"""Which answers of a model belong to which of the gold ones: each judged once, paired one to one.

An answer that both sides have is right. What is left is paired in steps, each among what the ones before it have left;
within a step the closest pair comes first, then the first in the text. What is left in the end is missed or invented.
So what is right are the true positives of the strict F1, all else of gold its false negatives, and all else predicted
its false positives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from typing import NamedTuple

from ranat.documents import Document
from ranat.evaluation.f1 import Answer

RIGHT, MISSED, INVENTED = "right", "missed", "invented"
"""The verdicts that every task has: on both sides, on gold alone, and on what is predicted alone."""


class Judged(NamedTuple):
    """An answer and what became of it.

    Args:
        answer: gold or predicted.
        verdict: one of `Judging.verdicts`.
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
        return sum(item.verdict != RIGHT for item in self.gold) + sum(
            item.verdict == INVENTED for item in self.predicted
        )


@dataclass(frozen=True)
class Judging:
    """How the answers of a task are judged, and how that is told to a reader.

    Args:
        verdicts: verdict → what it means, in the order of tables.
        steps: verdict → how close a gold and a predicted answer are, 0 if they are no pair; in the order of trying.
        note: how answers are paired and told apart, in words.
        in_words: what an answer says of its document; None: it is a mention, to be shown in the text.
    """

    verdicts: Mapping[str, str]
    steps: Mapping[str, Callable[[Answer, Answer], int]]
    note: str
    in_words: Callable[[Document, Answer], str] | None = None

    def judge(self, gold: Set[Answer], predicted: Set[Answer]) -> Sides:
        """The answers of a document, judged."""
        right = gold & predicted
        gold_left, predicted_left = set(gold - right), set(predicted - right)
        judged = {(side, answer): Judged(answer, RIGHT, answer) for answer in right for side in (True, False)}
        for verdict, closeness in self.steps.items():
            close = (
                (-near, one, other) for one in gold_left for other in predicted_left if (near := closeness(one, other))
            )
            for _, one, other in sorted(close):
                if one in gold_left and other in predicted_left:
                    gold_left.remove(one)
                    predicted_left.remove(other)
                    judged[True, one] = Judged(one, verdict, other)
                    judged[False, other] = Judged(other, verdict, one)
        return Sides(
            [judged.get((True, one)) or Judged(one, MISSED) for one in sorted(gold)],
            [judged.get((False, other)) or Judged(other, INVENTED) for other in sorted(predicted)],
        )
