"""What is pinned for the corpora of relations; test_fetching.py has the others."""

from pathlib import Path

import pytest

from ranat.corpora import fetch
from ranat.corpora.fetching import pins


@pytest.mark.parametrize(("name", "files"), [("chemprot", 12), ("ddi", 3)])
def test_each_file_is_pinned_once(name: str, files: int) -> None:
    pinned = pins(name)
    assert len({pin.path for pin in pinned}) == len({pin.url for pin in pinned}) == len(pinned) == files
    assert all(pin.path.startswith(f"{name}/") and len(pin.sha256) == 64 and pin.size > 0 for pin in pinned)


@pytest.mark.parametrize("name", ["chemprot", "ddi"])
def test_pinned_files_are_those_of_the_corpora(name: str, data_dir: Path) -> None:
    assert all(fetched.already for fetched in fetch(name, data_dir, address="http://127.0.0.1:9"))
    assert all((data_dir / pin.path).stat().st_size == pin.size for pin in pins(name))
