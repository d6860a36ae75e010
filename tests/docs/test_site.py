"""The site of `make docs`: built without a warning, no dead link, nothing fetched."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TARGET = re.compile(r'(?:href|src)="([^"]*)"')


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    for name in ("docs", "src", "tests/plugins", "examples"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "zensical.toml", folder)
    done = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict"], cwd=folder, capture_output=True, text=True, timeout=300
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "No issues found" in said
    assert "griffe" not in said, said  # what a docstring says and the signature has not
    return folder / "site"


def test_every_page_is_in_the_navigation(site: Path) -> None:
    start = (site / "404.html").read_text(encoding="utf-8") + (site / "index.html").read_text(encoding="utf-8")
    for page in (ROOT / "docs").rglob("*.md"):
        assert page.relative_to(ROOT / "docs").with_suffix(".html").as_posix() + '"' in start


def test_no_link_is_dead(site: Path) -> None:
    pages = {page: page.read_text(encoding="utf-8") for page in site.rglob("*.html")}
    ids = {page: set(re.findall(r'\bid="([^"]+)"', text)) for page, text in pages.items()}
    dead = []
    for page, text in pages.items():
        for link in TARGET.findall(text):
            path, _, anchor = link.partition("#")
            if "://" in path or path.startswith("data:") or page.name == "404.html":
                continue
            target = (page.parent / path).resolve() if path else page
            if not target.exists() or (anchor and target in ids and anchor not in ids[target] | {"__skip"}):
                dead.append(f"{page.relative_to(site)}: {link}")
    assert dead == []


def test_a_page_fetches_nothing_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        for tag in re.findall(r"<(?:script|link|img|iframe)\b[^>]*>", page.read_text(encoding="utf-8")):
            for target in TARGET.findall(tag):
                assert "//" not in target, f"{page.relative_to(site)}: {tag}"


def test_every_file_of_the_repository_is_brought_in(site: Path) -> None:
    for page in (ROOT / "docs").rglob("*.md"):
        text = page.read_text(encoding="utf-8")
        assert "8 <" not in text, page  # what a formatter makes of it
        html = (site / page.relative_to(ROOT / "docs")).with_suffix(".html").read_text(encoding="utf-8")
        assert "8&lt;--" not in html
