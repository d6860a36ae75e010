"""Each guide, and each page on how to extend, followed from top to bottom in an empty folder."""

from __future__ import annotations

from pathlib import Path

import pytest

import walkthrough

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted([*DOCS.glob("guides/*.md"), *(page for page in DOCS.glob("extend/*.md") if page.name != "index.md")])


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_can_be_followed(page: Path, tmp_path: Path) -> None:
    assert walkthrough.follow(page.read_text(encoding="utf-8"), tmp_path)


def test_a_command_that_prints_something_else_is_noticed(tmp_path: Path) -> None:
    said = "```console\n$ printf 'F1 0.5\\nlast\\n'\nF1   0.7\n…\nlast\n```\n"
    assert walkthrough.follow(said, tmp_path)
    with pytest.raises(AssertionError, match="no line: first"):
        walkthrough.follow(said.replace("\nlast\n```", "\nfirst\n```"), tmp_path)
    with pytest.raises(AssertionError, match="exit"):
        walkthrough.follow("```console\n$ exit 3\n```\n", tmp_path)
