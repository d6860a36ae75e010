"""Strict entity-level scores: a prediction counts only if its span and its type are exactly right."""

from __future__ import annotations

from collections.abc import Hashable, Sequence, Set
from typing import Any

DEFINITION = (
    "strict entity-level micro-F1: a predicted mention is right if its spans and its type equal a gold mention's; "
    "predicted tags are read as IOB2, an I-X that continues nothing being no mention"
)


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


def entity_scores(
    gold: Sequence[Set[tuple[Hashable, str]]], predicted: Sequence[Set[tuple[Hashable, str]]]
) -> dict[str, Any]:
    """Micro scores over documents, and those of each type.

    Args:
        gold: for each document its mentions as (spans, type).
        predicted: likewise, in the same order.
    Returns:
        The scores of all mentions, and under "per_type" those of each type.
    """
    types = sorted({kind for mentions in [*gold, *predicted] for _, kind in mentions})
    counts = {kind: [0, 0, 0] for kind in types}
    for gold_mentions, predicted_mentions in zip(gold, predicted, strict=True):
        for column, mentions in enumerate((gold_mentions & predicted_mentions, predicted_mentions, gold_mentions)):
            for _, kind in mentions:
                counts[kind][column] += 1
    total = [sum(column) for column in zip(*counts.values(), strict=True)] or [0, 0, 0]
    return {**scores(*total), "per_type": {kind: scores(*counts[kind]) for kind in types}}
