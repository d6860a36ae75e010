"""The errors of relation classification: types and directions that are wrong, relations missed and invented."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import cast

from ranat.documents import Document, Entity
from ranat.documents.pairs import PairTypes, candidates
from ranat.evaluation.errors import Analysis, analyse, bucket
from ranat.evaluation.f1 import Answer
from ranat.evaluation.judging import Judging

_DISTANCES = {0: "0–24", 25: "25–49", 50: "50–99", 100: "100–199", 200: "200+"}


def ids_of(answer: Answer) -> tuple[str, str]:
    """The head and the tail of a relation."""
    return cast("tuple[str, str]", answer[0])


def _in_words(document: Document, answer: Answer) -> str:
    known = {entity.id: entity for entity in document.entities}
    head, tail = (known[id] for id in ids_of(answer))
    return " → ".join([document.mention(head), answer[1], document.mention(tail)])


RELATIONS = Judging(
    verdicts={
        "right": "the same two mentions, type and direction",
        "type": "the same two mentions, another type or direction",
        "missed": "gold, and nothing was predicted",
        "invented": "predicted, and there is nothing in gold",
    },
    steps={"type": lambda one, other: {*ids_of(one)} == {*ids_of(other)}},
    note="Each relation is judged once. Seen are pairs of mentions whose texts, in whatever case and order, are "
    "related within a sentence of the training texts. Characters are counted from the end of one mention to the start "
    "of the other.",
    in_words=_in_words,
)


def relation_errors(
    documents: Sequence[Document],
    gold: Sequence[Set[Answer]],
    predicted: Sequence[Set[Answer]],
    training: Sequence[Document],
) -> Analysis:
    """The errors of relation classification.

    Args:
        documents: with the entities.
        gold: for each document its relations: ((head's id, tail's id), type).
        predicted: likewise.
        training: what the model saw; a pair is seen if two mentions of its texts are related within a sentence there.
    """
    types = PairTypes.of(training)
    seen = {
        _texts(document, pair.first, pair.second)
        for document in training
        for pair in candidates(document, types).pairs
        if pair.label != types.negative
    }

    known = [{entity.id: entity for entity in document.entities} for document in documents]

    def in_order(number: int, answer: Answer) -> tuple[Entity, Entity]:
        head, tail = (known[number][id] for id in ids_of(answer))
        return (head, tail) if head.spans <= tail.spans else (tail, head)

    def rows(number: int, answer: Answer) -> dict[str, str]:
        first, second = in_order(number, answer)
        return {
            "characters between": bucket(_DISTANCES, second.start - first.end),
            "pair of texts in training": "seen" if _texts(documents[number], first, second) in seen else "unseen",
        }

    tables = {"characters between": tuple(_DISTANCES.values()), "pair of texts in training": ("seen", "unseen")}
    return analyse(
        RELATIONS, documents, gold, predicted, rows, tables, lambda number, answer: in_order(number, answer)[0].start
    )


def _texts(document: Document, one: Entity, other: Entity) -> frozenset[str]:
    """What two mentions are called, in lower case and any order."""
    return frozenset((document.mention(one).casefold(), document.mention(other).casefold()))
