"""Sentences of a document as words, and windows with overlap over sentences that a model cannot take at once."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
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


def split_sentences(documents: Sequence[Document]) -> tuple[list[Sentence], Counter[str]]:
    """The sentences of documents, and how many gold mentions tags over their words cannot hold, by the reason.

    Those are discontinuous, do not begin and end where a word does, cross a sentence, or overlap a longer one.
    """
    result: list[Sentence] = []
    lost = Counter[str]()
    for index, document in enumerate(documents):
        groups = _words(document)
        mentions, outside = _mentions(document, groups)
        lost += outside
        result += [
            Sentence(index, group, [document.text[start:end] for start, end in group], spans)
            for group, spans in zip(groups, mentions, strict=True)
            if group
        ]
    return result, lost


def _words(document: Document) -> list[tuple[Span, ...]]:
    """The words of each sentence; one that stands between two sentences belongs to the former."""
    tokens = tuple(sorted(document.tokens)) or words(document.text)
    starts = [start for start, _ in (document.sentences or sentences(document.text))]
    cuts = [0, *(bisect_left(tokens, (start,)) for start in starts[1:]), len(tokens)]
    return [tokens[first:end] for first, end in pairwise(cuts)]


def _mentions(document: Document, groups: Sequence[Sequence[Span]]) -> tuple[list[list[WordSpan]], Counter[str]]:
    """The mentions of each sentence over its words, and why the others do not fit."""
    mentions: list[list[WordSpan]] = [[] for _ in groups]
    lost = Counter[str]()
    if not document.entities:
        return mentions, lost
    first_word: dict[int, tuple[int, int]] = {}
    last_word: dict[int, tuple[int, int]] = {}
    for number, group in enumerate(groups):
        for position, (start, end) in enumerate(group):
            first_word[start], last_word[end] = (number, position), (number, position)
    taken: set[tuple[int, int]] = set()
    for entity in sorted(document.entities, key=lambda entity: entity.start - entity.end):
        first, last = first_word.get(entity.start), last_word.get(entity.end)
        if len(entity.spans) > 1:
            lost["discontinuous"] += 1
            continue
        if first is None or last is None:
            lost["not along words"] += 1
            continue
        if first[0] != last[0]:
            lost["across sentences"] += 1
            continue
        own = {(first[0], position) for position in range(first[1], last[1] + 1)}
        if own & taken:
            lost["nested or overlapping"] += 1
            continue
        taken |= own
        mentions[first[0]].append((first[1], last[1] + 1, entity.type))
    return [sorted(spans) for spans in mentions], lost


def special_ends(tokenizer: Any) -> tuple[list[int], list[int]]:
    """The ids that a tokenizer sets before and after a text, such as those of [CLS] and [SEP]."""
    sample = tokenizer.backend_tokenizer.encode("a")
    special = sample.special_tokens_mask
    first, last = special.index(0), len(special) - special[::-1].index(0)
    return sample.ids[:first], sample.ids[last:]


def windows(texts: Sequence[list[str]], tokenizer: Any, size: int) -> Iterator[Window]:
    """Windows over sentences given as words; every word that has a token is a head in exactly one window.

    Windows overlap by a quarter; a word belongs to the one that shows the most on its nearer side.

    Args:
        texts: the words of each sentence.
        tokenizer: a fast tokenizer.
        size: the most tokens in a window, special ones included.
    """
    before, after = special_ends(tokenizer)
    ahead = len(before)
    room, overlap = size - ahead - len(after), size // 4
    # Not through transformers, which would switch truncation on and off in a tokenizer that other threads use.
    encodings = tokenizer.backend_tokenizer.encode_batch(list(texts), is_pretokenized=True, add_special_tokens=False)
    for sentence, encoding in enumerate(encodings):
        ids = encoding.ids
        # Word → its first sub-token.
        first = dict(zip(reversed(encoding.word_ids), reversed(range(ahead, ahead + len(ids))), strict=True))
        starts = range(0, max(len(ids) - overlap, 1), room - overlap)
        heads = [list(zip(first.values(), first, strict=True))]
        if len(starts) > 1:
            heads = [[] for _ in starts]
            for word, head in first.items():
                number = _nearest_middle(head - ahead, starts, room, len(ids))
                heads[number].append((head - starts[number], word))
        for start, own in zip(starts, heads, strict=True):
            content = ids[start : start + room]
            special = [1] * ahead + [0] * len(content) + [1] * len(after)
            yield Window(sentence, before + content + after, special, own)


def _nearest_middle(token: int, starts: range, room: int, length: int) -> int:
    """The window that shows the most on the nearer side of a token; of two alike the former."""
    inside = range(max((token - room) // starts.step + 1, 0), min(token // starts.step, len(starts) - 1) + 1)
    return max(inside, key=lambda number: min(token - starts[number], min(starts[number] + room, length) - 1 - token))
