"""What a model gets wrong, counted by what it is like; the sentences with most errors."""

from __future__ import annotations

import heapq
import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ranat.corpora.corpus import Task
from ranat.documents import Document, Entity, Span
from ranat.documents.segment import sentences
from ranat.evaluation.f1 import Answer, scores
from ranat.evaluation.judging import VERDICTS, Sides, ids_of, judge_mentions, judge_relations, spans_of

WORST = 50
"""How many sentences are shown."""

_LENGTHS = {1: "1", 2: "2", 3: "3", 4: "4–5", 6: "6+"}
_DISTANCES = {0: "0–24", 25: "25–49", 50: "50–99", 100: "100–199", 200: "200+"}


@dataclass(frozen=True)
class Counts:
    """How many answers of each side had each verdict."""

    gold: Counter[str] = field(default_factory=Counter)
    predicted: Counter[str] = field(default_factory=Counter)

    def to_dict(self) -> dict[str, Any]:
        """The counts of both sides, and the strict scores that they come to."""
        right, predicted, gold = self.gold["right"], self.predicted.total(), self.gold.total()
        sides = {"gold": (self.gold, "invented"), "predicted": (self.predicted, "missed")}
        by_side = {
            side: {verdict: found[verdict] for verdict in VERDICTS if verdict != never}
            for side, (found, never) in sides.items()
        }
        return {**scores(right, predicted, gold), "verdicts": by_side}


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
        task: "ner" or "relation".
        documents: with the entities that relations are between.
        counts: of all answers.
        tables: what answers are told apart by ("type", "length in words", …) → row → counts.
        worst: the sentences with most errors, ties in the documents' order; at most `WORST`.
    """

    task: Task
    documents: Sequence[Document]
    counts: Counts
    tables: Mapping[str, Mapping[str, Counts]]
    worst: Sequence[Worst]

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it; offsets are those of the documents."""
        return {
            **self.counts.to_dict(),
            "tables": {
                name: {row: counts.to_dict() for row, counts in rows.items()} for name, rows in self.tables.items()
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


def mention_errors(
    documents: Sequence[Document],
    gold: Sequence[Set[Answer]],
    predicted: Sequence[Set[Answer]],
    training: Iterable[Document],
) -> Analysis:
    """The errors of named entity recognition.

    Args:
        documents: whose texts were tagged.
        gold: for each document its mentions: (spans, type).
        predicted: likewise.
        training: what the model saw; a mention is seen if one of its text, in whatever case, is there.
    """
    seen = {document.mention(entity).casefold() for document in training for entity in document.entities}

    def rows(number: int, answer: Answer) -> dict[str, str]:
        text = documents[number].mention(Entity("", answer[1], spans_of(answer)))
        return {
            "type": answer[1],
            "number of words": _bucket(_LENGTHS, len(re.findall(r"\w+", text))),
            "text in training": "seen" if text.casefold() in seen else "unseen",
        }

    order = {"type": (), "number of words": tuple(_LENGTHS.values()), "text in training": ("seen", "unseen")}
    judged = [judge_mentions(*sides) for sides in zip(gold, predicted, strict=True)]
    return _analysis("ner", documents, judged, rows, lambda _, answer: spans_of(answer)[0][0], order)


def relation_errors(
    documents: Sequence[Document],
    gold: Sequence[Set[Answer]],
    predicted: Sequence[Set[Answer]],
    training: Set[frozenset[str]],
) -> Analysis:
    """The errors of relation classification.

    Args:
        documents: with the entities.
        gold: for each document its relations: ((head's id, tail's id), type).
        predicted: likewise.
        training: the `pair_of_texts` of all that are related in what the model saw.
    """
    known = [{entity.id: entity for entity in document.entities} for document in documents]

    def ends(number: int, answer: Answer) -> tuple[Entity, Entity]:
        head, tail = (known[number][id] for id in ids_of(answer))
        return (head, tail) if head.spans <= tail.spans else (tail, head)

    def rows(number: int, answer: Answer) -> dict[str, str]:
        first, second = ends(number, answer)
        pair = pair_of_texts(documents[number], first, second)
        return {
            "type": answer[1],
            "characters between": _bucket(_DISTANCES, second.start - first.end),
            "pair of texts in training": "seen" if pair in training else "unseen",
        }

    order = {
        "type": (),
        "characters between": tuple(_DISTANCES.values()),
        "pair of texts in training": ("seen", "unseen"),
    }
    judged = [judge_relations(*sides) for sides in zip(gold, predicted, strict=True)]
    return _analysis("relation", documents, judged, rows, lambda number, answer: ends(number, answer)[0].start, order)


def pair_of_texts(document: Document, one: Entity, other: Entity) -> frozenset[str]:
    """What two related mentions are called, in lower case and any order."""
    return frozenset((document.mention(one).casefold(), document.mention(other).casefold()))


def _analysis(
    task: Task,
    documents: Sequence[Document],
    judged: Sequence[Sides],
    rows: Callable[[int, Answer], dict[str, str]],
    start: Callable[[int, Answer], int],
    order: Mapping[str, Sequence[str]],
) -> Analysis:
    total = Counts()
    tables = {name: {row: Counts() for row in known} for name, known in order.items()}
    worst: list[Worst] = []
    for number, sides in enumerate(judged):
        for side, answers in sides._asdict().items():
            for item in answers:
                places = [tables[name].setdefault(row, Counts()) for name, row in rows(number, item.answer).items()]
                for counts in (total, *places):
                    getattr(counts, side)[item.verdict] += 1
        if sides.errors:
            worst += _by_sentence(number, documents[number], sides, start)
    tables["type"] = dict(sorted(tables["type"].items()))
    worst = [item for item in worst if item.sides.errors]
    return Analysis(task, documents, total, tables, heapq.nsmallest(WORST, worst, key=lambda item: -item.sides.errors))


def _by_sentence(number: int, document: Document, sides: Sides, start: Callable[[int, Answer], int]) -> Iterable[Worst]:
    spans = document.sentences or sentences(document.text) or ((0, len(document.text)),)
    starts = [first for first, _ in spans]
    inside: dict[int, Sides] = defaultdict(lambda: Sides([], []))
    for side, answers in sides._asdict().items():
        for item in answers:
            place = max(bisect_right(starts, start(number, item.answer)) - 1, 0)
            getattr(inside[place], side).append(item)
    return [Worst(number, spans[place], found) for place, found in sorted(inside.items())]


def _bucket(names: Mapping[int, str], value: int) -> str:
    """The name of the largest number that is not above the value; the first if it is below all."""
    numbers = list(names)
    return names[numbers[max(bisect_right(numbers, value) - 1, 0)]]
