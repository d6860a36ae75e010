from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from ranat.documents.segment import sentences, words

TEXT = st.text(
    st.one_of(st.sampled_from(" \n\t.!?()-'aA1é\u00a0\u2009\u00ad"), st.characters(codec="utf-8")), max_size=80
)


@given(TEXT)
@example("Don't. can-\nnot do\n\n.  A")
@example("\u200b")
def test_every_visible_character_is_in_exactly_one_sentence(text: str) -> None:
    spans = sentences(text)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    inside = [i for start, end in spans for i in range(start, end)]
    assert set(inside) >= {i for i, character in enumerate(text) if not character.isspace()}
    assert all(text[start:end] == text[start:end].strip() for start, end in spans)


@given(TEXT)
def test_every_visible_character_is_in_exactly_one_word(text: str) -> None:
    inside = [i for start, end in words(text) for i in range(start, end)]
    assert inside == [i for i, character in enumerate(text) if not character.isspace()]


def test_an_abstract() -> None:
    text = "Aspirin (5 mg/kg, i.v.) helped vs. placebo in 3.5% of cases. E. coli did not.\n\nWe conclude this."
    assert [text[start:end] for start, end in sentences(text)] == [
        "Aspirin (5 mg/kg, i.v.) helped vs. placebo in 3.5% of cases.",
        "E. coli did not.",
        "We conclude this.",
    ]


def test_words_split_punctuation() -> None:
    text = "5-HT2, α-tubulin"
    assert [text[start:end] for start, end in words(text)] == ["5", "-", "HT2", ",", "α", "-", "tubulin"]
