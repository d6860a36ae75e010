"""Micro-averaged scores: an answer counts only if it is exactly right, its type included."""

from __future__ import annotations

from collections.abc import Hashable, Sequence, Set
from typing import Any

Answer = tuple[Hashable, str]
"""What is scored: a place (the spans of a mention, the two entities of a relation) and a type."""


def scores(true_positives: int, predicted: int, gold: int) -> dict[str, Any]:
    """Precision, recall and F1 in [0, 1] from counts; 0 where a denominator is 0."""
    return {
        "precision": true_positives / predicted if predicted else 0.0,
        "recall": true_positives / gold if gold else 0.0,
        "f1": 2 * true_positives / (predicted + gold) if predicted + gold else 0.0,
        "true_positives": true_positives,
        "predicted": predicted,
        "gold": gold,
    }


def micro_scores(gold: Sequence[Set[Answer]], predicted: Sequence[Set[Answer]]) -> dict[str, Any]:
    """Micro scores over documents, and those of each type.

    Args:
        gold: for each document its answers.
        predicted: likewise, in the same order.
    Returns:
        The scores of all answers, and under "per_type" those of each type.
    """
    types = sorted({kind for answers in [*gold, *predicted] for _, kind in answers})
    counts = {kind: [0, 0, 0] for kind in types}
    for gold_answers, predicted_answers in zip(gold, predicted, strict=True):
        for column, answers in enumerate((gold_answers & predicted_answers, predicted_answers, gold_answers)):
            for _, kind in answers:
                counts[kind][column] += 1
    total = [sum(column) for column in zip(*counts.values(), strict=True)] or [0, 0, 0]
    return {**scores(*total), "per_type": {kind: scores(*counts[kind]) for kind in types}}
