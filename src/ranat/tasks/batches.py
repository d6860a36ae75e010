"""Batches of like length: little padding, about as many tokens in each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

import torch
from torch import Tensor

Item = TypeVar("Item")

ORDINARY = 32
"""Tokens of an ordinary sentence; a batch of size n holds n of them, or fewer that are longer."""

_PADDING = 1 / 20
"""The most of a batch that may be padding: for small encoders another batch costs as much as a hundred tokens."""


def chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of `size` items, the last one shorter."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def batches(lengths: Sequence[int], batch_size: int) -> Iterator[list[int]]:
    """Indices of sequences, shortest first, cut where a batch is full or would pad too much.

    Args:
        lengths: tokens of each sequence.
        batch_size: how many sequences of 32 tokens fill a batch.
    """
    budget = batch_size * ORDINARY
    batch: list[int] = []
    tokens = 0
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        padded = lengths[index] * (len(batch) + 1)
        if batch and (padded > budget or padded - tokens - lengths[index] > _PADDING * budget):
            yield batch
            batch, tokens = [], 0
        batch.append(index)
        tokens += lengths[index]
    if batch:
        yield batch


def logits_of(
    model: Any,
    features: Sequence[dict[str, Any]],
    collate: Callable[[Sequence[dict[str, Any]]], dict[str, Tensor]],
    batch_size: int,
) -> Iterator[tuple[list[int], Tensor]]:
    """What a model says of features, a batch at a time: their indices, and logits (batch, …) where the model is."""
    model.eval()
    for chosen in batches([len(feature["input_ids"]) for feature in features], batch_size):
        batch = collate([features[index] for index in chosen])
        with torch.inference_mode():
            logits = model(**{name: tensor.to(model.device) for name, tensor in batch.items()})["logits"]
        yield chosen, logits
