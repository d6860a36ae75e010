from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ranat.tasks.batches import batches, chunks

LENGTHS = st.lists(st.integers(1, 512), max_size=80)


@given(lengths=LENGTHS, size=st.integers(1, 64))
def test_batches_hold_each_sequence_once_and_little_padding(lengths: list[int], size: int) -> None:
    found = list(batches(lengths, size))
    assert [lengths[index] for batch in found for index in batch] == sorted(lengths)
    assert sorted(index for batch in found for index in batch) == list(range(len(lengths)))
    for batch in found:
        tokens = len(batch) * max(lengths[index] for index in batch)
        assert tokens <= 32 * size or len(batch) == 1
        assert tokens - sum(lengths[index] for index in batch) <= 32 * size / 20


def test_batches_are_filled() -> None:
    assert [len(batch) for batch in batches([32] * 130, 64)] == [64, 64, 2]
    assert [len(batch) for batch in batches([64] * 130, 64)] == [32, 32, 32, 32, 2]


def test_chunks() -> None:
    numbers = iter(range(5))
    assert next(chunks(numbers, 2)) == [0, 1]
    assert next(numbers) == 2
    assert list(chunks(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(chunks([], 2)) == []
