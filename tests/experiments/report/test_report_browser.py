"""The HTML report in a real browser without a network."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from report_cards import table2_cards, write_cards
from test_report import Tables

from ranat.experiments.report import write_report

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def browse(page: Path, *options: str) -> str:
    """What headless Chromium prints for a page; every host name leads nowhere."""
    browser = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        pytest.skip(f"none of {', '.join(BROWSERS)} is on the PATH")
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]
    flags += [f"--user-data-dir={page.parent / 'profile'}", "--host-resolver-rules=MAP * 0.0.0.0"]
    command = [browser, *flags, *options, page.as_uri()]
    return subprocess.run(command, capture_output=True, check=True, timeout=60, text=True).stdout


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browser")
    out = folder / "report.html"
    write_report([write_cards(table2_cards(documents=100), folder / "results")], out)
    return out


def test_tables_and_plots_are_there(page: Path) -> None:
    """What the browser made of the page is what was written: all tables in full, plots as parsed SVG."""
    found, written = Tables(browse(page, "--dump-dom")), Tables(page.read_text())
    assert found.tables == written.tables
    assert {"table-1", "table-2-minilm", "table-3-minilm", "tests", "cells"} <= found.tables.keys()
    assert found.tags.count("svg") == 2
    assert found.tags.count("text") == written.tags.count("text") > 40


def test_nothing_is_fetched(page: Path) -> None:
    """By the log of the browser's network stack, where its own requests have no origin for their initiator."""
    fetching = page.with_name("fetching.html")
    fetching.write_text(page.read_text().replace("</body>", '<img src="http://example.invalid/x.png"></body>'))
    started = {}
    for one in (page, fetching):
        log = one.with_suffix(".json")
        browse(one, f"--log-net-log={log}", "--dump-dom")
        text = log.read_text()
        started[one] = set(re.findall(r'"initiator":"([^"]*)"', text)) - {"not an origin"}
        assert ("example.invalid" in text) == (one == fetching)
    assert started[page] == set()
    assert started[fetching]


@pytest.mark.parametrize("width", [1280, 500])
def test_it_fits_the_window(page: Path, width: int) -> None:
    """Wide tables scroll in themselves: the page is never wider than the window."""
    probe = page.with_name(f"probe-{width}.html")
    script = "<script>document.body.dataset.width = document.documentElement.scrollWidth</script></body>"
    probe.write_text(page.read_text().replace("</body>", script))
    shown = browse(probe, f"--window-size={width},900", "--dump-dom")
    assert f'data-width="{width}"' in shown


def test_it_can_be_seen(page: Path) -> None:
    picture = page.with_suffix(".png")
    browse(page, "--window-size=1280,2000", f"--screenshot={picture}")
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size > 50_000
