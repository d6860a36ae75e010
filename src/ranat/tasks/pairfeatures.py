"""Candidate pairs of documents as what the model takes: a sentence with two marks, cut around them if it is long."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ranat.documents import Document
from ranat.documents.pairs import Pair, PairTypes, candidates
from ranat.tasks.batches import chunks
from ranat.tasks.marking import MARKINGS, Marked
from ranat.tasks.windows import special_ends

_CHUNK = 1024
"""Pairs that are tokenized at a time."""

Candidate = tuple[int, Document, Pair]
"""The index of a document, the document, a pair of it."""


@dataclass(frozen=True, slots=True)
class Example:
    """A pair as the model sees it.

    Args:
        document: the index of its document.
        pair: the pair.
        feature: input_ids, special_tokens_mask and, for the entity representation, positions; None: it does not fit.
    """

    document: int
    pair: Pair
    feature: dict[str, Any] | None


class PairFeatures:
    """Makes examples of pairs, lazily and in their order.

    Args:
        tokenizer: a fast tokenizer that has the marks as words.
        window: the most tokens, special ones included.
        types: of the pairs.
        representation: "entity" asks for the positions of the marks.
        marking: "dummy" or "typed".
    """

    def __init__(self, tokenizer: Any, window: int, types: PairTypes, representation: str, marking: str) -> None:
        self._tokenizer, self._window, self._types = tokenizer.backend_tokenizer, window, types
        self._positions, self._mark = representation == "entity", MARKINGS[marking].mark
        self._before, self._after = special_ends(tokenizer)

    def candidates(self, documents: Sequence[Document]) -> Iterator[Candidate]:
        """All candidate pairs of documents."""
        for index, document in enumerate(documents):
            yield from ((index, document, pair) for pair in candidates(document, self._types).pairs)

    def examples(self, pairs: Iterable[Candidate]) -> Iterator[Example]:
        """An example for each pair."""
        for chunk in chunks(pairs, _CHUNK):
            marked = [self._mark(document, pair, self._types) for _, document, pair in chunk]
            encodings = self._tokenizer.encode_batch([item.text for item in marked], add_special_tokens=False)
            for (index, _, pair), item, encoding in zip(chunk, marked, encodings, strict=True):
                yield Example(index, pair, self._feature(encoding.ids, encoding.offsets, item))

    def _feature(self, ids: list[int], offsets: list[tuple[int, int]], marked: Marked) -> dict[str, Any] | None:
        """The window around the marks: as much on the left as on the right, and what one side leaves to the other."""
        head, tail, last = (bisect_left(offsets, (place,)) for place in (marked.head, marked.tail, marked.end))
        first = min(head, tail)
        room = self._window - len(self._before) - len(self._after) - (last - first)
        if room < 0:
            return None
        left = min(first, max(room // 2, room - (len(ids) - last)))
        start = first - left
        end = min(len(ids), last + room - left)
        feature: dict[str, Any] = {
            "input_ids": [*self._before, *ids[start:end], *self._after],
            "special_tokens_mask": [1] * len(self._before) + [0] * (end - start) + [1] * len(self._after),
        }
        if self._positions:
            shift = len(self._before) - start
            feature["positions"] = [head + shift, tail + shift]
        return feature
