import gzip
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranat.documents import Document
from ranat.errors import UserError
from ranat.formats import read


def parse(data: bytes, format: str, name: str = "some/a.txt") -> list[Document]:
    return list(read(io.BytesIO(data), name, format))


@given(st.text(st.characters(codec="utf-8")).filter(str.strip))
def test_a_file_is_one_document_exactly(text: str) -> None:
    assert parse(b"\xef\xbb\xbf" + text.encode(), "text") == [Document("a", text)]


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("in/PMC1.txt", "PMC1"),
        ("PMC1.v2.txt", "PMC1.v2"),
        ("PMC1.TXT.GZ", "PMC1"),
        ("notes", "notes"),
        (".txt", ".txt"),
    ],
)
def test_a_document_is_called_by_its_file(name: str, id: str) -> None:
    assert [document.id for document in parse(b"a", "text", name)] == [id]


def test_a_text_is_known_by_its_suffix_packed_or_not(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"A\0b.\r\n")
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(b"c\td\n"))
    assert list(read(tmp_path / "a.txt")) == [Document("a", "A\0b.\r\n")]
    assert list(read(tmp_path / "b.txt.gz")) == [Document("b", "c\td\n")]


def test_each_line_that_is_not_blank_is_a_document() -> None:
    assert parse(b" One.\r\n\n \t\nTwo\x0b.", "lines") == [Document("a:1", " One."), Document("a:4", "Two\x0b.")]


def test_lines_are_called_by_all_of_the_name_but_its_suffix() -> None:
    names = ("abstracts.part1.txt", "abstracts.part2.txt.gz", "a")
    ids = [document.id for name in names for document in parse(b"One.", "lines", name)]
    assert ids == ["abstracts.part1:1", "abstracts.part2:1", "a:1"]


def test_a_line_that_is_not_utf8_fails_alone() -> None:
    with pytest.raises(UserError, match=r"a\.txt:2: invalid UTF-8: byte 0xff"):
        parse(b"One\n\xff\nThree", "lines")
    errors: list[UserError] = []
    found = list(read(io.BytesIO(b"One\n\xff\nThree"), "a.txt", "lines", failed=errors.append))
    assert [document.text for document in found] == ["One", "Three"]
    assert [error.where for error in errors] == ["a.txt:2"]
