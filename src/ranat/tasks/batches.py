"""Batches of like length: little padding, about as many tokens in each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import islice
from typing import Any, TypeVar

import torch
from torch import Tensor

from ranat.tasks.padding import MULTIPLE, rounded

Item = TypeVar("Item")
Result = TypeVar("Result")

ORDINARY = 32
"""Tokens of an ordinary sentence; a batch of size n holds n of them, or fewer that are longer."""


def chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of `size` items, the last one shorter."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def batches(lengths: Sequence[int], batch_size: int) -> Iterator[list[int]]:
    """Indices of sequences, longest first, about as many in each batch as its longest leaves room for.

    Sizes are multiples of 8, or less; where fewer are left than fill a batch, powers of 2. So there are few numbers of
    tokens in a batch (see `rounded`).

    Args:
        lengths: tokens of each sequence.
        batch_size: how many sequences of 32 tokens fill a batch.
    """
    left = sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True)
    while left:
        size = max(1, batch_size * ORDINARY // lengths[left[0]])
        if size > MULTIPLE:
            size -= size % MULTIPLE
        if size > len(left):
            size = 1 << (len(left).bit_length() - 1)
        yield left[:size]
        left = left[size:]


def logits_of(
    model: Any,
    features: Sequence[dict[str, Any]],
    collate: Callable[[Sequence[dict[str, Any]]], dict[str, Tensor]],
    batch_size: int,
    then: Callable[[list[int], Tensor], Result],
) -> Iterator[Result]:
    """Runs a model on features, a batch at a time; gives what `then` makes of their indices and logits (batch, …).

    On a CPU each batch runs on one thread, as the matrices of a small encoder are too small to share. So results do not
    depend on the number of cores.
    """
    model.eval()
    device = model.device.type
    casts, format = torch.is_autocast_enabled(device), torch.get_autocast_dtype(device)  # this thread's

    def run(chosen: list[int]) -> Result:
        batch = collate([features[index] for index in chosen])
        batch.pop("special_tokens_mask", None)  # for attacks alone; not every model takes it
        with torch.inference_mode(), torch.autocast(device, format, enabled=casts):
            return then(chosen, model(**{name: tensor.to(device) for name, tensor in batch.items()})["logits"])

    filled = batches([rounded(len(feature["input_ids"])) for feature in features], batch_size)
    yield from _pool().map(run, filled) if device == "cpu" else map(run, filled)


@cache
def _pool() -> ThreadPoolExecutor:
    """A thread for each processor that torch was given; they stay, as new ones would have to warm up again."""
    return ThreadPoolExecutor(torch.get_num_threads(), initializer=torch.set_num_threads, initargs=(1,))
