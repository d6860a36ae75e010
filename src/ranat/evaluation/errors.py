"""What a model gets wrong, counted by what it is like; the sentences with most errors."""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from ranat.documents import Document, Span
from ranat.documents.segment import sentences
from ranat.evaluation.f1 import Answer, scores
from ranat.evaluation.judging import INVENTED, MISSED, RIGHT, Judging, Sides

WORST = 50
"""How many sentences are shown."""


@dataclass(frozen=True)
class Counts:
    """How many answers of each side had each verdict."""

    gold: Counter[str] = field(default_factory=Counter)
    predicted: Counter[str] = field(default_factory=Counter)

    def scores(self) -> dict[str, Any]:
        """The strict scores that they come to."""
        return scores(self.gold[RIGHT], self.predicted.total(), self.gold.total())

    def to_dict(self, verdicts: Iterable[str]) -> dict[str, Any]:
        """The scores, and the counts of both sides."""
        sides = {"gold": (self.gold, INVENTED), "predicted": (self.predicted, MISSED)}
        by_side = {
            side: {verdict: counts[verdict] for verdict in verdicts if verdict != never}
            for side, (counts, never) in sides.items()
        }
        return {**self.scores(), "verdicts": by_side}


class Worst(NamedTuple):
    """A sentence with errors.

    Args:
        document: the index of its document.
        span: where it is there.
        sides: the judged answers that begin in it.
    """

    document: int
    span: Span
    sides: Sides


@dataclass(frozen=True)
class Analysis:
    """The errors of a split.

    Args:
        judging: what the verdicts mean, and how answers are shown.
        documents: with the entities that relations are between.
        counts: of all answers.
        tables: what answers are told apart by ("type", "length in words", …) → row → counts.
        worst: the sentences with most errors, ties in the documents' order; at most `WORST`.
    """

    judging: Judging
    documents: Sequence[Document]
    counts: Counts
    tables: Mapping[str, Mapping[str, Counts]]
    worst: Sequence[Worst]

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it; offsets are those of the documents."""
        return {
            **self.counts.to_dict(self.judging.verdicts),
            "tables": {
                name: {row: counts.to_dict(self.judging.verdicts) for row, counts in rows.items()}
                for name, rows in self.tables.items()
            },
            "worst": [
                {
                    "id": self.documents[item.document].id,
                    "start": item.span[0],
                    "end": item.span[1],
                    "text": self.documents[item.document].text[slice(*item.span)],
                    "errors": item.sides.errors,
                    **{
                        side: [
                            {"place": judged.answer[0], "type": judged.answer[1], "verdict": judged.verdict}
                            for judged in answers
                        ]
                        for side, answers in item.sides._asdict().items()
                    },
                }
                for item in self.worst
            ],
        }


PLACES = Judging(
    verdicts={
        RIGHT: "the same place and type",
        "type": "the same place, another type",
        MISSED: "gold, and nothing was predicted",
        INVENTED: "predicted, and there is nothing in gold",
    },
    steps={"type": lambda one, other: one[0] == other[0]},
    note="Each answer is judged once.",
    in_words=lambda _, answer: answer[1],
)


def answer_errors(
    documents: Sequence[Document], gold: Sequence[Set[Answer]], predicted: Sequence[Set[Answer]]
) -> Analysis:
    """The errors of any task, an answer being a place and a type; documents are shown as a whole.

    Args:
        documents: whose answers these are.
        gold: for each document the answers that are right.
        predicted: likewise those that the model gave.
    """
    whole = [replace(document, sentences=((0, len(document.text)),)) for document in documents]
    return analyse(PLACES, whole, gold, predicted, lambda *_: {}, {}, lambda *_: 0)


def analyse(
    judging: Judging,
    documents: Sequence[Document],
    gold: Sequence[Set[Answer]],
    predicted: Sequence[Set[Answer]],
    rows: Callable[[int, Answer], Mapping[str, str]],
    tables: Mapping[str, Sequence[str]],
    start: Callable[[int, Answer], int],
) -> Analysis:
    """Judge all answers, count them, and choose the worst sentences.

    Args:
        judging: how an answer is judged.
        documents: whose answers these are.
        gold: for each document the answers that are right.
        predicted: likewise those that the model gave.
        rows: (index of a document, answer) → table → its row there, beside the table of types.
        tables: table → its rows in order.
        start: (index of a document, answer) → where it begins in the text.
    """
    total = Counts()
    counted = {"type": {}, **{name: {row: Counts() for row in known} for name, known in tables.items()}}
    worst: list[Worst] = []
    for number, sides in enumerate(map(judging.judge, gold, predicted)):
        for side, answers in sides._asdict().items():
            for item in answers:
                own = {"type": item.answer[1], **rows(number, item.answer)}
                places = [counted[name].setdefault(row, Counts()) for name, row in own.items()]
                for counts in (total, *places):
                    getattr(counts, side)[item.verdict] += 1
        if sides.errors:
            worst += _by_sentence(number, documents[number], sides, start)
    counted["type"] = dict(sorted(counted["type"].items()))
    worst = [item for item in worst if item.sides.errors]
    shown = heapq.nsmallest(WORST, worst, key=lambda item: -item.sides.errors)
    return Analysis(judging, documents, total, counted, shown)


def bucket(names: Mapping[int, str], value: int) -> str:
    """The name of the largest number that is not above the value; the first if it is below all."""
    numbers = list(names)
    return names[numbers[max(bisect_right(numbers, value) - 1, 0)]]


def _by_sentence(number: int, document: Document, sides: Sides, start: Callable[[int, Answer], int]) -> Iterable[Worst]:
    spans = document.sentences or sentences(document.text) or ((0, len(document.text)),)
    starts = [first for first, _ in spans]
    inside: dict[int, Sides] = defaultdict(lambda: Sides([], []))
    for side, answers in sides._asdict().items():
        for item in answers:
            place = max(bisect_right(starts, start(number, item.answer)) - 1, 0)
            getattr(inside[place], side).append(item)
    return [Worst(number, spans[place], within) for place, within in sorted(inside.items())]
