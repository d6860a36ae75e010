import csv
import io
import re
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ranat.documents import Document
from ranat.errors import UserError
from ranat.formats import read, recognise
from ranat.formats.notice import Notice


def parse(
    text: str | bytes,
    columns: dict[str, str] | None = None,
    name: str = "some/a.csv",
    notices: list[Notice] | None = None,
    format: str | None = "csv",
) -> list[Document]:
    stream = io.BytesIO(text if isinstance(text, bytes) else text.encode())
    return list(read(stream, name, format, columns=columns or {}, notices=notices))


def pairs(documents: list[Document]) -> list[tuple[str, str]]:
    return [(document.id, document.text) for document in documents]


def test_columns_by_name() -> None:
    notices: list[Notice] = []
    documents = parse('PMID,Id,TEXT\n9,1,"Aspirin, ""again"""\n8,2,\n', notices=notices)
    assert pairs(documents) == [("1", 'Aspirin, "again"'), ("2", "")]
    assert [(notice.kind, notice.what) for notice in notices] == [("left out", "columns that are not read: 'PMID'")]
    notices.clear()
    parse(",".join(["text", *map(str, range(30))]) + "\n" + "," * 30 + "\n", notices=notices)
    (notice,) = notices
    assert (notice.what[-7:], notice.count) == ("'19', …", 30)


@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_delimiters(delimiter: str) -> None:
    assert pairs(parse(f"id{delimiter}text\n1{delimiter}a b\n")) == [("1", "a b")]


def test_a_document_without_id_is_called_by_the_line_where_it_starts() -> None:
    assert pairs(parse('text\nOne.\n\n"Two\nlines, or\r\nthree."\nFour.\n')) == [
        ("a:2", "One."),
        ("a:4", "Two\nlines, or\r\nthree."),
        ("a:7", "Four."),
    ]


def test_columns_of_any_name() -> None:
    text = "pmid,abstract,Abstract,id\n1,A.,B.,2\n"
    assert pairs(parse(text, {"text": "abstract", "id": "PMID"})) == [("1", "A.")]
    assert pairs(parse(text, {"text": "Abstract"})) == [("2", "B.")]
    assert pairs(parse(text.replace(",id", ",x"), {"text": "ABSTRACT"})) == [("a:2", "A.")]


@pytest.mark.parametrize(
    ("text", "id", "message"),
    [
        (
            "text",
            None,
            "a.csv:1: there is no column 'text' (the columns are 'pmid', 'abstract'; name one by --columns text=NAME",
        ),
        (
            "abstract",
            "id",
            "there is no column 'id' (the columns are 'pmid', 'abstract'; name one by --columns id=NAME)",
        ),
    ],
)
def test_a_column_that_is_not_there(text: str, id: str | None, message: str) -> None:
    with pytest.raises(UserError) as caught:
        parse("pmid;abstract\n1;A, or b\n", {"text": text, "id": id})
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (b"2,b,c", "a.csv:3: 3 cells, but 2 columns are named (quote cells"),
        (b"2", "a.csv:3: 1 cells, but 2 columns"),
        (b'2,"b"c', "a.csv:3: no row of CSV: ',' expected after '\"' (quote cells as"),
        (b"2,\xfe\xff", "a.csv:3: invalid UTF-8: byte 0xfe (save the file as UTF-8)"),
        (b"1,b", "a.csv:3: document '1' is there twice"),
    ],
)
def test_a_malformed_row_fails_alone(row: bytes, message: str) -> None:
    text = b"id,text\n1,a\n" + row + b"\n4,d\n"
    with pytest.raises(UserError) as caught:
        parse(text)
    assert message in str(caught.value)
    errors: list[UserError] = []
    found = list(read(io.BytesIO(text), "a.csv", failed=errors.append))
    if row != b"1,b":  # documents of one id are then left to the caller
        assert pairs(found) == [("1", "a"), ("4", "d")]
        assert [message in str(error) for error in errors] == [True]


def test_a_quote_that_is_never_closed_ends_the_file_and_is_told() -> None:
    text = 'id,text\n1,a\n2,"b\n3,c\n'
    with pytest.raises(UserError, match=r"a\.csv:3: no row of CSV: unexpected end of data"):
        parse(text)
    errors: list[UserError] = []
    assert pairs(list(read(io.BytesIO(text.encode()), "a.csv", failed=errors.append))) == [("1", "a")]
    assert [error.where for error in errors] == ["a.csv:3"]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ('2\t"Unclosed quote\n3\tThree\n4\tA 5"\n', [("2", '"Unclosed quote'), ("3", "Three"), ("4", 'A 5"')]),
        ('2\t"Aspirin" helps.\r\n3\tThree', [("2", '"Aspirin" helps.'), ("3", "Three")]),
        ('2\t"Aspirin" helps "pain"\n', [("2", '"Aspirin" helps "pain"')]),
        ('2\t"He said ""A, b"""\n', [("2", 'He said "A, b"')]),
        ('"x"\t\n"\t"\n3\t""\n', [("x", ""), ('"', '"'), ("3", "")]),
        ('\tNo id\n" "\tNone either\n', [("a:2", "No id"), ("a:3", "None either")]),
    ],
)
def test_quotation_marks_between_tabs_may_be_of_the_text(rows: str, expected: list[tuple[str, str]]) -> None:
    assert pairs(parse(f"id\ttext\n{rows}")) == expected


@pytest.mark.parametrize("row", ['2\t"A\ttable"', '2\t"Two\nlines"', "2", "2\tx\ty"])
def test_a_line_with_tabs_that_is_no_row_is_told(row: str) -> None:
    errors: list[UserError] = []
    found = pairs(list(read(io.BytesIO(f"id\ttext\n{row}\n3\tThree\n".encode()), "a.csv", failed=errors.append)))
    assert found[-1] == ("3", "Three")
    assert [error.remedy for error in errors] == ["quote cells that hold the character between columns"]


def test_a_text_may_be_long(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "word " * 10_000_000
    assert pairs(parse(f"text\n{text}\n")) == [("a:2", text)]
    monkeypatch.setattr("ranat.formats.csv.LONGEST", 200_000)
    previous = csv.field_size_limit(1000)
    try:
        errors: list[UserError] = []
        data = f"id,text\n1,{'a' * 200_000}\n2,{'a' * 200_001}\n3,b\n".encode()
        found = list(read(io.BytesIO(data), "a.csv", failed=errors.append))
        assert [document.id for document in found] == ["1", "3"]
        assert [error.what for error in errors] == ["no row of CSV: field larger than field limit (200000)"]
    finally:
        csv.field_size_limit(previous)


def test_files_of_columns_are_recognised(tmp_path: Path) -> None:
    for name, text, format in (
        ("a.tsv", "pmid\ttext\n1\tHe said so.\n", "csv"),
        ("b.csv", "text\nHe said so.\n", "csv"),
        ("c.tsv", "He\tO\nsaid\tO\n", "conll"),
        ("d.txt", "text\nin a file of text\n", "text"),
        ("e.txt", "Images, text, and speech\n", "text"),
    ):
        (tmp_path / name).write_text(text)
        assert recognise(tmp_path / name) == format


@given(st.lists(st.text(st.characters(codec="utf-8")), min_size=1), st.sampled_from(",\t;"))
def test_any_text_is_kept_as_it_is(texts: list[str], delimiter: str) -> None:
    assume(delimiter != "\t" or not any(re.search(r"[\t\r\n]", text) for text in texts))  # there a line is a row
    stream = io.StringIO()
    written = csv.writer(stream, delimiter=delimiter)
    written.writerow(["text", "n"])
    written.writerows((text, i) for i, text in enumerate(texts))
    assert [document.text for document in parse(stream.getvalue())] == texts
