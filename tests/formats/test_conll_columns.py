"""Which column of a file of words has the words, and which the tags."""

import io
from typing import Any

import pytest

from ranat.documents import Document
from ranat.errors import UserError
from ranat.formats import read
from ranat.formats.notice import Notice


def parse(text: str, notices: list[Notice] | None = None, **options: Any) -> list[Document]:
    return list(read(io.BytesIO(text.encode()), "some/train.tsv", "conll", notices=notices, **options))


def mentions(document: Document) -> list[tuple[str, str]]:
    return [(document.mention(entity), entity.type) for entity in document.entities]


def table(*rows: str) -> str:
    """A file with tabs, of rows with spaces."""
    return "".join("\t".join(row.split()) + "\n" for row in rows)


TAGS_FIRST = table("B-Disease 0 5 Fever fever NN B-NP", "O 6 10 came come VBD B-VP")
LONG = [f"s{i // 50} {'AB'[i % 2]} w{i % 90} {'B-X' if i % 7 else 'O'}" for i in range(200)]


@pytest.mark.parametrize(
    ("text", "message", "remedy"),
    [
        (
            TAGS_FIRST,
            "column 1 (B-Disease, O) holds tags, not tokens; column 7 (B-NP, B-VP) holds phrases",
            "token=4,tag=1",
        ),
        (
            table("B-X Fever", "O came"),
            "column 1 (B-X, O) holds tags, not tokens; column 2 (Fever, came) holds no",
            "token=2,tag=1",
        ),
        (
            table("1 Fever B-X", "2 came O"),
            "column 1 (1, 2) holds numbers, not tokens; column 2 (Fever, came) l",
            "token=2,tag=3",
        ),
        (
            table("d1 Fever B-X", "d1 came O"),
            "column 1 (d1) holds one value alone, not tokens; column 2",
            "token=2,tag=3",
        ),
        (table(*LONG), "column 1 (s0, s1) holds few different values, not tokens; column 3 (w0, w1)", "token=3,tag=4"),
        (
            table(*(f"t{i} {row}" for i, row in enumerate(LONG))),
            "(t0, t1) holds another value in each line",
            "token=4,tag=5",
        ),
        (table("Fever B-X NN", "came O VB"), "column 3 (NN, VB) holds no tags", "token=1,tag=2"),
        (table("Fever B-X B-NP", "came O O"), "column 3 (B-NP, O) holds phrases, not entities", "token=1,tag=2"),
        (
            table("1 B-X", "2 O", "3 O"),
            "column 1 (1, 2) holds numbers, not tokens; column 2 (B-X, O) looks",
            "token=N,tag=2",
        ),
        (table("Fever NN", "came VB"), "no column holds tags; the first line is 'Fever NN'", "TOKEN<TAB>TAG"),
        ("Fever\ncame\n", "no column holds tags; the first line is 'Fever'", "TOKEN<TAB>TAG"),
    ],
)
@pytest.mark.parametrize("lenient", [False, True])
def test_columns_that_hold_something_else(text: str, message: str, remedy: str, lenient: bool) -> None:
    with pytest.raises(UserError) as caught:
        parse(text, lenient=lenient)
    assert caught.value.where == "some/train.tsv:1"
    assert message in caught.value.what
    assert remedy in str(caught.value.remedy)


def test_columns_that_the_user_names() -> None:
    notices: list[Notice] = []
    (document,) = parse(TAGS_FIRST, notices, columns={"token": "4", "tag": "1"})
    assert (document.text, mentions(document), notices) == ("Fever came", [("Fever", "Disease")], [])
    assert parse(table("1 B-X", "2 O", "3 O"), columns={"token": "1", "tag": "2"})[0].text == "1 2 3"
    named = table("a Mine w", "B-X 0 Fever", "O 1 came")
    (document,) = parse(named, notices, columns={"tag": "A", "token": "w"})
    assert (document.text, mentions(document)) == ("Fever came", [("Fever", "X")])
    assert [str(notice) for notice in notices] == [
        "some/train.tsv:1: note: is read as a header: column 3 has the tokens, 1 the tags"
    ]


def test_one_column_that_the_user_names() -> None:
    text = table("a Mine w", "Fever 0 B-X", "came 1 O")
    (document,) = parse(text, columns={"token": "a"})
    assert (document.text, mentions(document)) == ("Fever came", [("Fever", "X")])
    with pytest.raises(UserError, match="no line at the top has the columns 'a' and 'x'"):
        parse(text, columns={"token": "a", "tag": "x"})


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"token": "9"}, "some/train.tsv:1: there is no column 9 (most lines have 7 columns)"),
        ({"tag": "0"}, "some/train.tsv:1: there is no column 0"),
        ({"token": "9" * 5000}, "some/train.tsv:1: there is no column 99"),
        (
            {"tag": "ner"},
            "some/train.tsv:1: no line at the top has the columns 'ner' (name them there, or say them by number: token",
        ),
    ],
)
def test_columns_that_are_not_there(columns: dict[str, str], message: str) -> None:
    with pytest.raises(UserError) as caught:
        parse(TAGS_FIRST, columns=columns)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "header",
    [
        "word pos ner",
        "Tag NER token",
        "# global.columns = LEMMA TAG WORD",
        "# form\tx\tlabel",
        "-DOCSTART-\n\nword pos tag",
    ],
)
def test_a_header_names_the_columns(header: str) -> None:
    names = header.removeprefix("-DOCSTART-").replace("=", " ").lower().split()[-3:]
    cells = {name: "Fever" if name in ("word", "token", "form") else "NN" for name in names}
    tag = "ner" if "ner" in names else "label" if "label" in names else "tag"
    rows = [" ".join((cells | {tag: value})[name] for name in names) for value in ("B-X", "O", "O")]
    text = "\n".join([header, *rows, rows[1].replace("Fever", "came"), ""])
    notices: list[Notice] = []
    (document,) = parse(text, notices)
    assert (document.text, mentions(document)) == ("Fever Fever Fever came", [("Fever", "X")])
    assert [notice.kind for notice in notices] == ["note"]
    assert "is read as a header: column" in notices[0].what


def test_tags_in_another_column_are_told() -> None:
    notices: list[Notice] = []
    (document,) = parse(table("Fever B-X B-NP B-Y O", "came O O O O"), notices, columns={"tag": "4"})
    assert mentions(document) == [("Fever", "Y")]
    assert [str(notice) for notice in notices] == [
        "some/train.tsv: left out: column 2 (B-X, O) holds tags, too; --columns tag=2 reads it"
    ]


def test_offsets_beside_the_tokens_are_passed_over() -> None:
    (document,) = parse(table("Fever 0 5 B-Disease", "came 6 10 O"))
    assert (document.text, mentions(document)) == ("Fever came", [("Fever", "Disease")])


def test_columns_may_be_aligned_by_spaces() -> None:
    (document,) = parse("-DOCSTART-  -X-   O  \n\nFever      NN    B-Disease \ncame       VBD   O\t\n")
    assert (document.text, mentions(document)) == ("Fever came", [("Fever", "Disease")])


def test_a_comment_that_ends_like_a_tag_is_one() -> None:
    (document,) = parse("# text = A vitamin B\nA\tO\nvitamin\tB-X\nB\tI-X\n")
    assert document.text == "A vitamin B"


def test_where_the_sample_ends_changes_nothing() -> None:
    """What is recognised by its beginning is so at any length of it."""
    block = "Fever\tB-D\ncame\tO\nand\tO\nwent\tO\n\n"
    for extra in range(40):
        data = (f"w{'x' * extra}\tO\n" + block * 4000).encode()
        documents = read(io.BytesIO(data), "train.txt")
        assert mentions(next(documents)) == [("Fever", "D")]


def test_a_bad_line_does_not_make_a_file_unknown() -> None:
    text = "Fever\tB-D\ncame\tO\n\n" * 20 + "lonely\n"
    with pytest.raises(UserError, match=r"train\.txt:61: 'lonely' is not a token and a tag"):
        list(read(io.BytesIO(text.encode()), "train.txt"))
