"""The errors of relations between concepts: missed where no sentence holds them, or although one does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from ranat.documents import Document, Span
from ranat.documents.concepts import between_concepts
from ranat.documents.pairs import PairTypes, candidates
from ranat.evaluation.errors import Analysis, analyse
from ranat.evaluation.f1 import Answer
from ranat.evaluation.judging import Judging
from ranat.evaluation.relations import RELATIONS, ids_of

_Places = Mapping[frozenset[str], Span]
"""Two concepts → the first sentence that has both."""


def _in_words(document: Document, answer: Answer) -> str:
    mentions = {concept: entity for entity in reversed(document.entities) for concept in entity.parts}
    head, tail = (
        f"{document.mention(mentions[concept])} ({concept})" if concept in mentions else concept
        for concept in ids_of(answer)
    )
    return " → ".join([head, answer[1], tail])


CONCEPTS = Judging(
    verdicts={
        "right": "the same two concepts, type and direction",
        "type": "the same two concepts, another type or direction",
        "missed": "gold, and nothing was predicted",
        "invented": "predicted, and there is nothing in gold",
    },
    steps=RELATIONS.steps,
    note="Each relation of a document is judged once, whatever mentions say it, and shown in the first sentence that "
    "has mentions of both concepts, or else of one. Seen are pairs of concepts that are related in the training texts.",
    in_words=_in_words,
)


def concept_errors(
    documents: Sequence[Document],
    gold: Sequence[Set[Answer]],
    predicted: Sequence[Set[Answer]],
    training: Sequence[Document],
    types: PairTypes,
) -> Analysis:
    """The errors of relations between concepts.

    Args:
        documents: with the entities.
        gold: for each document its relations: ((head concept, tail concept), type).
        predicted: likewise.
        training: what the model saw.
        types: of the pairs that it classifies.
    """
    seen = {
        frozenset((relation.head, relation.tail))
        for document in training
        for relation in between_concepts(document, types.types)
    }
    places = [_together(document, types) for document in documents]

    def rows(number: int, answer: Answer) -> dict[str, str]:
        pair = frozenset(ids_of(answer))
        return {
            "a sentence has both": "yes" if pair in places[number] else "no",
            "pair of concepts in training": "seen" if pair in seen else "unseen",
        }

    def start(number: int, answer: Answer) -> int:
        pair = frozenset(ids_of(answer))
        if place := places[number].get(pair):
            return place[0]
        return min((entity.start for entity in documents[number].entities if pair & {*entity.parts}), default=0)

    tables = {"a sentence has both": ("yes", "no"), "pair of concepts in training": ("seen", "unseen")}
    return analyse(CONCEPTS, documents, gold, predicted, rows, tables, start)


def _together(document: Document, types: PairTypes) -> _Places:
    places: dict[frozenset[str], Span] = {}
    for pair in candidates(document, types).pairs:
        for one in pair.first.parts:
            for other in pair.second.parts:
                places.setdefault(frozenset((one, other)), pair.sentence)
    return places
