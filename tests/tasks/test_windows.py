from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tiny
from ranat.documents import Document, Entity
from ranat.tasks.windows import split_sentences, windows

# Soft hyphens and control characters leave no token in some tokenizers; 漢 and ☃ are in no vocabulary.
WORDS = st.text("abCisplatin39-(.)αé漢☃\u00ad\x07", min_size=1, max_size=9) | st.sampled_from(
    ["nephrotoxicity", "Cisplatin", "BRCA1", ".", "\x07", "\u200b"]
)
SENTENCES = st.lists(st.lists(WORDS, min_size=1, max_size=30), min_size=1, max_size=3)


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
@settings(max_examples=120, deadline=None)
@given(texts=SENTENCES, size=st.sampled_from([8, 9, 11, 16, 40, 512]))
def test_every_word_is_decided_once_at_its_first_token_where_it_sees_most(
    architecture: str, texts: list[list[str]], size: int
) -> None:
    tokenizer = tiny.tokenizer(architecture)
    found = list(windows(texts, tokenizer, size))
    for number, words in enumerate(texts):
        own = [window for window in found if window.sentence == number]
        plain = tokenizer(words, is_split_into_words=True)
        word_ids = plain.word_ids()
        content = plain["input_ids"][1:-1]
        first = {word: word_ids.index(word) - 1 for word in word_ids if word is not None}
        if len(content) + 2 <= size:
            assert [window.input_ids for window in own] == [plain["input_ids"]]
        starts = [i * (size - 2 - size // 4) for i in range(len(own))]
        for window, start in zip(own, starts, strict=True):
            assert len(window.input_ids) <= size
            assert window.input_ids[0] == tokenizer.cls_token_id
            assert window.input_ids[-1] == tokenizer.sep_token_id
            assert window.input_ids[1:-1] == content[start : start + len(window.input_ids) - 2]
            assert window.special_tokens_mask == [1, *[0] * (len(window.input_ids) - 2), 1]
        assert starts[-1] + len(own[-1].input_ids) - 2 == len(content)

        decided = [word for window in own for _, word in window.heads]
        assert sorted(decided) == sorted(first)
        for window, start in zip(own, starts, strict=True):
            for token, word in window.heads:
                assert start + token - 1 == first[word]
                contexts = [
                    min(first[word] - s, s + len(other.input_ids) - 3 - first[word])
                    for other, s in zip(own, starts, strict=True)
                ]
                assert min(token - 1, len(window.input_ids) - 2 - token) == max(contexts)


def test_truncation_is_off_again_afterwards() -> None:
    tokenizer = tiny.tokenizer("bert")
    assert len(list(windows([["cancer"] * 40], tokenizer, 16))) > 1
    assert tokenizer.backend_tokenizer.truncation is None
    assert len(tokenizer("cancer " * 40)["input_ids"]) > 42 - 1


def test_nothing_gives_nothing() -> None:
    assert list(windows([], tiny.tokenizer("bert"), 16)) == []


#                     1111111111222222222233
#           01234567890123456789012345678901
TEXT = "Acute renal failure came. It went."
TOKENS = ((0, 5), (6, 11), (12, 19), (20, 24), (24, 25), (26, 28), (29, 33), (33, 34))
SENTENCE_SPANS = ((0, 25), (26, 34))


def document(*spans: Any, source: bool = True) -> Document:
    entities = tuple(Entity(f"T{i}", "D", span) for i, span in enumerate(spans))
    tokens, sentences = (TOKENS, SENTENCE_SPANS) if source else ((), ())
    return Document("1", TEXT, entities, sentences=sentences, tokens=tokens)


@pytest.mark.parametrize("source", [True, False])
def test_sentences_as_words(source: bool) -> None:
    sentences, lost = split_sentences([document(((0, 19),), ((26, 28),), source=source)])
    assert not lost
    assert [sentence.texts for sentence in sentences] == [
        ["Acute", "renal", "failure", "came", "."],
        ["It", "went", "."],
    ]
    assert [sentence.mentions for sentence in sentences] == [[(0, 3, "D")], [(0, 1, "D")]]
    assert tuple(word for sentence in sentences for word in sentence.words) == TOKENS


@pytest.mark.parametrize(
    ("what", "spans", "lost", "kept"),
    [
        ("discontinuous", [((0, 5), (12, 19))], "discontinuous", []),
        ("crosses a sentence", [((20, 28),)], "across sentences", []),
        ("begins within a word", [((1, 11),)], "not along words", []),
        ("ends within a word", [((0, 8),)], "not along words", []),
        ("nested: the longer is kept", [((6, 11),), ((0, 19),)], "nested or overlapping", [(0, 3, "D")]),
        ("overlapping: the longer is kept", [((0, 11),), ((6, 19),)], "nested or overlapping", [(1, 3, "D")]),
        ("the same twice", [((0, 5),), ((0, 5),)], "nested or overlapping", [(0, 1, "D")]),
        ("neighbours are kept", [((0, 5),), ((6, 19),)], None, [(0, 1, "D"), (1, 3, "D")]),
    ],
)
def test_what_tags_cannot_hold_is_counted(what: str, spans: Any, lost: str | None, kept: list[Any]) -> None:
    sentences, counted = split_sentences([document(*spans)])
    assert counted == ({lost: 1} if lost else {}), what
    assert sentences[0].mentions == kept


def test_no_text_has_no_sentence_and_documents_keep_their_index() -> None:
    sentences, _ = split_sentences([Document("0", " "), document(), Document("2", "\n"), Document("3", "x")])
    assert [sentence.document for sentence in sentences] == [1, 1, 3]


def test_a_word_outside_the_given_sentences_is_not_lost() -> None:
    given = Document("1", "a b c", tokens=((0, 1), (2, 3), (4, 5)), sentences=((2, 3),))
    sentences, _ = split_sentences([given])
    assert [word for sentence in sentences for word in sentence.texts] == ["a", "b", "c"]
