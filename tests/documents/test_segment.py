import time
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ranat.documents import Span
from ranat.documents.segment import LONGEST, sentences, words

TEXT = st.text(
    st.one_of(st.sampled_from(" \n\t.!?()-'aA1é\u00a0\u2009\u00ad"), st.characters(codec="utf-8")), max_size=80
)


def split(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


def assert_all_is_there(text: str) -> tuple[Span, ...]:
    """The sentences; every character but white space is in exactly one of them."""
    spans = sentences(text)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(before[1] <= after[0] for before, after in pairwise([(0, 0), *spans, (len(text), 0)]))
    gaps = [text[before[1] : after[0]] for before, after in pairwise([(0, 0), *spans, (len(text), 0)])]
    assert not "".join(gaps).strip()
    assert all(text[start:end] == text[start:end].strip() for start, end in spans)
    return spans


@given(TEXT)
@example("Don't. can-\nnot do\n\n.  A")
@example("\u200b")
def test_every_visible_character_is_in_exactly_one_sentence(text: str) -> None:
    assert_all_is_there(text)


@given(TEXT)
def test_every_visible_character_is_in_exactly_one_word(text: str) -> None:
    inside = [i for start, end in words(text) for i in range(start, end)]
    assert inside == [i for i, character in enumerate(text) if not character.isspace()]


def test_an_abstract() -> None:
    text = "Aspirin (5 mg/kg, i.v.) helped vs. placebo in 3.5% of cases. E. coli did not.\n\nWe conclude this."
    assert split(text) == [
        "Aspirin (5 mg/kg, i.v.) helped vs. placebo in 3.5% of cases.",
        "E. coli did not.",
        "We conclude this.",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "As Meyer et al. (2001) and Ito et al. Nature 5 say, it binds.",
        "It binds (see Fig. 2, Figs. 3 and 4, Eq. 5, Ref. 6, Tab. 7 and Fig. S1).",
        "A vs. B, i.e. the first, e.g. aspirin, cf. ibuprofen, ca. 5 mg, approx. 6 ml, No. 7.",
        "Rats were given i.v. saline, 5 mg i.p. daily, s.c. injections, 10 mg p.o. b.i.d. for a week.",
        "Cells of E. coli, S. aureus and C. elegans, of Nocardia sp. KM-1, of Prevotella spp. and of B. subtilis "
        "subsp. natto were grown.",
        "In the U.S. Food and drugs are sold by Dr. Smith and J. A. Brown, Inc. of St. John.",
        "At pH 7.4 and 37.5 degrees C. albicans grew by 0.5 log units.",
        "It is Proc. Natl. Acad. Sci. U.S.A. 107, 430 and J. Biol. Chem. 271, 8394.",
        "Salmonella enterica: resistant S. Typhimurium grew.",
        "It bound [3H]prazosin (Kd = 0.4 nM; Bmax = 5) and others (E max = 141; mean of three experiments, each in "
        "triplicate with new cells).",
        "It rose; Then it fell.",
        "was it of use? yes.",
        "The mutation p.Val600Glu was found.",
    ],
)
def test_no_sentence_ends_here(text: str) -> None:
    assert split(text) == [text]


@pytest.mark.parametrize(
    "text",
    [
        "The drug was given i.v.| The patients were young.",
        "The drug was given p.o.| Cisplatin was given too.",
        "It was shown by Meyer et al.| However, others failed.",
        "They sell it in the U.S.| This is legal.",
        "It lowers vitamin D.| Reductions were small.",
        "We used compound C.| The cells died at 4 degrees C.| At 37 they did not.",
        "The IC50 was 2.5 nM.| Expression of p53.| Mutations of it were rare (p < 0.05).| Total doses were low.",
        "It inhibits calmodulin kinase II.| Cytochalasin does not.",
        "It regulates the transcription factor p53.| p53 is a tumour suppressor.| mRNA was measured.",
        "1. The drug was tested in rats.| 2. It failed in all of them.| 3. No dose helped.",
        "Did it work?| No.| It failed!| Why?",
        "[A new drug.]| It is said to help.",
        "[Treatment of gout]| Gout is common.",
        "The cells died after 90 min.| Imipramine did not help.",
        "It did not last.|In conclusion, it is of no use.",
        "They grew E. coli.| The yield was low.",
        "First paragraph\n\n|second one\n \n|third",
        "A line that\ngoes on.| Another.",
    ],
)
def test_sentences_end_here(text: str) -> None:
    assert split(text.replace("|", "")) == [part.strip() for part in text.split("|")]


PROSE = "Aspirin inhibits the growth of cells in vitro (see Fig. 2) but p53 does not. "


@pytest.mark.parametrize(
    "unit",
    ["a ", "a", "a.", "a. ", "a\n\n", " ", "\n", "(", "( ", "1. ", ".)", "\n ", "aB", PROSE, f"{PROSE}\n\n"],
)
def test_a_long_text_takes_time_linear_in_its_length(unit: str) -> None:
    """syntok alone takes half a minute for as many paragraphs, and four times that for twice as many."""
    text = unit * (100_000 // len(unit))
    started = time.process_time()
    spans = assert_all_is_there(text)
    assert time.process_time() - started < 10
    assert all(end - start <= LONGEST for start, end in spans)


def test_a_long_text_is_cut_where_a_short_one_is() -> None:
    repeated = PROSE * 1000
    assert split(repeated) == split(PROSE) * 1000


def test_words_split_punctuation() -> None:
    text = "5-HT2, α-tubulin"
    assert [text[start:end] for start, end in words(text)] == ["5", "-", "HT2", ",", "α", "-", "tubulin"]
