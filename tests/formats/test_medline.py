import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranat.documents import Document
from ranat.errors import UserError
from ranat.formats import read, recognise
from ranat.formats.notice import Notice

TEXT = """
PMID- 1
OWN - NLM
TI  - Fever after aspirin
      in adults.
AB  - BACKGROUND: Cough - was
      rare. AB  - none.
AU  - Who A
AID - 10.1/x [doi]

PMID- 2
STAT- MEDLINE
TI  - Cough.
PMID- 3
"""


def parse(
    text: str, notices: list[Notice] | None = None, failed: list[UserError] | None = None, **options: int
) -> list[Document]:
    tell = None if failed is None else failed.append
    return list(read(io.BytesIO(text.encode()), "a.nbib", notices=notices, failed=tell, **options))


def test_title_and_abstract_with_wrapped_lines_joined() -> None:
    notices: list[Notice] = []
    assert parse(TEXT, notices) == [
        Document("1", "Fever after aspirin in adults.\nBACKGROUND: Cough - was rare. AB  - none."),
        Document("2", "Cough."),
        Document("3", ""),
    ]
    assert not notices


def test_lines_that_are_wrapped_without_indentation_are_joined_too() -> None:
    assert parse(TEXT.replace("      ", "")) == parse(TEXT)


@pytest.mark.parametrize(
    ("fields", "title"),
    [
        ("TI  - [Fever].\nTT  - Fieber.\n", "[Fever]."),
        ("TI  - [Not Available].\nTT  - Fieber.\n", "Fieber."),
        ("TT  - Fieber.\nBTI - All of it.\n", "Fieber."),
        ("BTI - All of it.\n", "All of it."),
        ("TI  -\nBTI - All\n      of it.\n", "All of it."),
    ],
)
def test_titles_that_stand_in(fields: str, title: str) -> None:
    assert parse(f"PMID- 1\n{fields}AB  - Yes.\n") == [Document("1", f"{title}\nYes.")]


def test_abstracts_in_other_languages_are_left_out_and_counted() -> None:
    notices: list[Notice] = []
    assert parse("PMID- 1\nAB  - Yes.\nOABL- spa\nOAB - Si.\n", notices) == [Document("1", "Yes.")]
    assert list(map(str, notices)) == ["a.nbib: left out: 1 other abstract (OAB)"]


def test_a_wrong_article_fails_alone() -> None:
    failed: list[UserError] = []
    found = parse("PMID- 1\n\nTI  - No id.\n\nsome prose\n\nPMID- \n\nPMID- 2\n", failed=failed)
    assert [document.id for document in found] == ["1", "2"]
    assert list(map(str, failed)) == [
        "a.nbib:3: an article lacks its PMID (write it as PMID- 123 at the start)",
        "a.nbib:5: 'some prose' is no field of MEDLINE (write a tag such as PMID- before it)",
        "a.nbib:7: an article lacks its PMID (write it as PMID- 123 at the start)",
    ]


def test_an_article_is_not_longer_than_may_be_read() -> None:
    with pytest.raises(UserError, match=r"a\.nbib:4: more than 50 bytes of one document"):
        parse("PMID- 1\n\nPMID- 2\n" + "      and more words, and more words, and more words\n" * 9, longest=50)


@pytest.mark.parametrize(
    ("head", "is_medline"),
    [
        (TEXT, True),
        ("OWN - NLM\nPMID- 7\n", True),
        ("PMID- 7", True),
        ("Title\nPMID- 7\n", False),
        ("OWN - NLM\nTI  - Fever\n", False),
    ],
)
def test_medline_is_told_by_its_fields(head: str, is_medline: bool) -> None:
    if is_medline:
        assert recognise(io.StringIO(head), "a") == "medline"
    else:
        with pytest.raises(UserError, match="not recognised"):
            recognise(io.StringIO(head), "a")


WORDS = st.lists(st.text("abc.-é", min_size=1, max_size=8), min_size=1, max_size=12)


@given(title=WORDS, abstract=WORDS, wide=st.integers(1, 30))
def test_what_is_wrapped_is_read_as_it_was(title: list[str], abstract: list[str], wide: int) -> None:
    def field(tag: str, words: list[str]) -> str:
        lines = [""]
        for word in words:
            lines = (
                [*lines, word] if len(lines[-1]) + len(word) > wide else [*lines[:-1], f"{lines[-1]} {word}".strip()]
            )
        return f"{tag:4}- " + "\n      ".join(line for line in lines if line)

    text = "\n".join(["PMID- 1", field("TI", title), field("AB", abstract)])
    assert parse(text) == [Document("1", f"{' '.join(title)}\n{' '.join(abstract)}")]
