"""One contract for all formats that are written: what fits is read back equal, and what does not is counted."""

from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings

from ranat.documents import Document
from ranat.errors import UsageError
from ranat.formats import WRITERS, read, write
from some_documents import documents

UNORDERED = {"brat"}
"""Files of a folder, which are read in the order of their names."""


@pytest.fixture(params=WRITERS.names())
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def through(given: list[Document], name: str) -> tuple[list[Document], Counter[str]]:
    """What is read of what was written, and what was lost."""
    with TemporaryDirectory() as folder:
        out = Path(folder) / f"a{WRITERS.get(name).suffix}"
        lost = write(given, out, name)
        return list(read(out)), lost


@pytest.mark.parametrize("name", WRITERS.names())
@settings(deadline=None)
@given(given=documents())
def test_what_is_written_is_read_back_equal_but_for_what_was_counted(name: str, given: list[Document]) -> None:
    fit = WRITERS.get(name).fit
    lost = Counter[str]()
    fitted = [fit(document, lost) for document in given]
    found, counted = through(given, name)
    assert found == (sorted(fitted, key=lambda document: document.id) if name in UNORDERED else fitted)
    assert counted == lost
    for before, after in zip(given, fitted, strict=True):
        mine = Counter[str]()
        fit(before, mine)
        same = (before.id, before.text, before.entities, before.relations) == (
            after.id,
            after.text,
            after.entities,
            after.relations,
        )
        assert same or mine.total()
        assert fit(after, again := Counter[str]()) == after
        assert not again.total()


def test_an_unknown_format_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'jsonl'"):
        write([], tmp_path / "a", "jsonx")


def test_nothing_is_overwritten(name: str, tmp_path: Path) -> None:
    out = tmp_path / "a"
    out.write_text("mine")
    with pytest.raises(FileExistsError):
        write([Document("1", "text")], out, name)
    assert out.read_text() == "mine"
