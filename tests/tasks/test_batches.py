from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ranat.tasks.batches import batches, chunks
from ranat.tasks.padding import inputs, rounded

LENGTHS = st.lists(st.integers(1, 512), max_size=80)


@given(lengths=LENGTHS, size=st.integers(1, 64))
def test_batches_hold_each_sequence_once_in_few_sizes(lengths: list[int], size: int) -> None:
    found = list(batches(lengths, size))
    assert [lengths[index] for batch in found for index in batch] == sorted(lengths, reverse=True)
    assert sorted(index for batch in found for index in batch) == list(range(len(lengths)))
    for batch in found:
        longest = max(lengths[index] for index in batch)
        assert len(batch) * longest <= 32 * size or len(batch) == 1
        assert len(batch) % 8 == 0 or len(batch) < 8


@given(features=st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=30), min_size=1), window=st.integers(30, 40))
def test_what_is_only_inferred_is_padded_to_few_lengths(features: list[list[int]], window: int) -> None:
    batch = inputs([{"input_ids": ids} for ids in features], 0, window)
    length = batch["input_ids"].shape[1]
    assert length % 8 == 0 or length == window
    assert max(map(len, features)) <= length < max(map(len, features)) + 8
    for ids, row, mask in zip(features, batch["input_ids"].tolist(), batch["attention_mask"].tolist(), strict=True):
        assert row == ids + [0] * (length - len(ids))
        assert mask == [1] * len(ids) + [0] * (length - len(ids))
    labelled = inputs([{"input_ids": ids, "labels": ids} for ids in features], 0, window)
    assert labelled["input_ids"].shape[1] == max(map(len, features))


def test_batches_are_filled() -> None:
    assert [len(batch) for batch in batches([32] * 130, 64)] == [64, 64, 2]
    assert [len(batch) for batch in batches([64] * 130, 64)] == [32, 32, 32, 32, 2]


def test_batches_have_few_numbers_of_tokens() -> None:
    """Each would be compiled for, and kept."""
    generator = np.random.default_rng(0)
    found = set()
    for _ in range(200):
        lengths = [rounded(int(tokens)) for tokens in np.clip(generator.lognormal(3.6, 0.6, 2000), 3, 512)]
        assert sum(lengths) < 1.15 * 2000 * np.exp(3.6 + 0.6**2 / 2)
        found |= {lengths[batch[0]] * len(batch) for batch in batches(lengths, 64)}
    assert len(found) < 30


def test_chunks() -> None:
    numbers = iter(range(5))
    assert next(chunks(numbers, 2)) == [0, 1]
    assert next(numbers) == 2
    assert list(chunks(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(chunks([], 2)) == []
