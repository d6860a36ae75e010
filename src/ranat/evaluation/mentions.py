"""The errors of named entity recognition: boundaries and types that are wrong, mentions missed and invented."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence, Set
from typing import cast

from ranat.documents import Document, Entity, Span
from ranat.evaluation.errors import Analysis, analyse, bucket
from ranat.evaluation.f1 import Answer
from ranat.evaluation.judging import Judging

_LENGTHS = {1: "1", 2: "2", 3: "3", 4: "4–5", 6: "6+"}


def spans_of(answer: Answer) -> tuple[Span, ...]:
    """Where a mention is."""
    return cast("tuple[Span, ...]", answer[0])


def _overlap(one: Answer, other: Answer) -> int:
    """Characters in common."""
    pairs = ((a, b) for a in spans_of(one) for b in spans_of(other))
    return sum(max(min(a[1], b[1]) - max(a[0], b[0]), 0) for a, b in pairs)


MENTIONS = Judging(
    verdicts={
        "right": "the same characters and type",
        "boundary": "overlapping, of the same type",
        "type": "the same characters, another type",
        "boundary and type": "overlapping, of another type",
        "missed": "gold, and paired with nothing predicted",
        "invented": "predicted, and paired with nothing in gold",
    },
    steps={
        "type": lambda one, other: one[0] == other[0],
        "boundary": lambda one, other: one[1] == other[1] and _overlap(one, other),
        "boundary and type": _overlap,
    },
    note="Each mention is judged once, and paired with at most one of the other side: of a mention that was predicted "
    "in two pieces one has a wrong boundary, the other is invented. Seen are mentions whose text, in whatever case, is "
    "marked in the training texts.",
)


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
            "number of words": bucket(_LENGTHS, len(re.findall(r"\w+", text))),
            "text in training": "seen" if text.casefold() in seen else "unseen",
        }

    tables = {"number of words": tuple(_LENGTHS.values()), "text in training": ("seen", "unseen")}
    return analyse(MENTIONS, documents, gold, predicted, rows, tables, lambda _, answer: spans_of(answer)[0][0])
