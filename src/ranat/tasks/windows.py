"""Sentences of a document as words, and windows with overlap over sentences that a model cannot take at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ranat.documents import Document, Span
from ranat.documents.bio import WordSpan
from ranat.documents.segment import sentences, words


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence as the tagger sees it.

    Args:
        document: the index of its document.
        words: offsets of its words into the document's text.
        texts: what stands there.
        mentions: its gold mentions, over words, none overlapping another.
    """

    document: int
    words: tuple[Span, ...]
    texts: list[str]
    mentions: list[WordSpan]


@dataclass(frozen=True, slots=True)
class Window:
    """What the model takes at once: a sentence, or a part of one that is too long.

    Args:
        sentence: the index of its sentence.
        input_ids: token ids, special ones included.
        special_tokens_mask: 1 where the tokenizer added a token.
        heads: (token, word) for the words that this window decides, at their first sub-token.
    """

    sentence: int
    input_ids: list[int]
    special_tokens_mask: list[int]
    heads: list[tuple[int, int]]


def split_sentences(documents: Sequence[Document]) -> tuple[list[Sentence], int]:
    """The sentences of documents, and how many gold mentions tags over their words cannot hold.

    Those are discontinuous, do not begin and end where a word does, cross a sentence, or overlap a longer one.
    """
    result: list[Sentence] = []
    lost = 0
    for index, document in enumerate(documents):
        text = document.text
        tokens = document.tokens or words(text)
        starts = [start for start, _ in (document.sentences or sentences(text))] or [0]
        groups: list[list[Span]] = [[] for _ in starts]
        for token in tokens:
            groups[max(bisect_right(starts, token[0]) - 1, 0)].append(token)
        first_word: dict[int, tuple[int, int]] = {}
        last_word: dict[int, tuple[int, int]] = {}
        for number, group in enumerate(groups):
            for position, (start, end) in enumerate(group):
                first_word[start], last_word[end] = (number, position), (number, position)
        mentions: list[list[WordSpan]] = [[] for _ in starts]
        taken: set[tuple[int, int]] = set()
        for entity in sorted(document.entities, key=lambda entity: entity.start - entity.end):
            first, last = first_word.get(entity.start), last_word.get(entity.end)
            if len(entity.spans) > 1 or first is None or last is None or first[0] != last[0]:
                lost += 1
                continue
            own = {(first[0], position) for position in range(first[1], last[1] + 1)}
            if own & taken:
                lost += 1
                continue
            taken |= own
            mentions[first[0]].append((first[1], last[1] + 1, entity.type))
        result += [
            Sentence(index, tuple(group), [text[start:end] for start, end in group], sorted(spans))
            for group, spans in zip(groups, mentions, strict=True)
            if group
        ]
    return result, lost


def windows(texts: Sequence[list[str]], tokenizer: Any, size: int) -> Iterator[Window]:
    """Windows over sentences given as words; every word that has a token is a head in exactly one window.

    Windows overlap by a quarter; a word belongs to the one that shows the most on its nearer side.

    Args:
        texts: the words of each sentence.
        tokenizer: a fast tokenizer.
        size: the most tokens in a window, special ones included.
    """
    if not texts:
        return
    overlap = size // 4
    encoded = tokenizer(
        list(texts),
        is_split_into_words=True,
        truncation=True,
        max_length=size,
        stride=overlap,
        return_overflowing_tokens=True,
        return_special_tokens_mask=True,
    )
    tokenizer.backend_tokenizer.no_truncation()
    by_sentence: dict[int, list[int]] = {}
    for row, sentence in enumerate(encoded["overflow_to_sample_mapping"]):
        by_sentence.setdefault(sentence, []).append(row)
    for sentence, rows in by_sentence.items():
        # Where each word's first sub-token stands, in each window and in the sentence as a whole.
        best: dict[int, tuple[int, int, int, int]] = {}
        shift = 0
        for row in rows:
            word_ids, special = encoded.word_ids(row), encoded["special_tokens_mask"][row]
            content = [token for token, mark in enumerate(special) if not mark]
            for place, token in enumerate(content):
                word = word_ids[token]
                head, context = shift + place, min(place, len(content) - 1 - place)
                known = best.get(word)
                if known is None or (head == known[0] and context > known[1]):
                    best[word] = (head, context, row, token)
            shift += len(content) - overlap
        heads: dict[int, list[tuple[int, int]]] = {row: [] for row in rows}
        for word, (_, _, row, token) in best.items():
            heads[row].append((token, word))
        for row in rows:
            yield Window(sentence, encoded["input_ids"][row], encoded["special_tokens_mask"][row], heads[row])
