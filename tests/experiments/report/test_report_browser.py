"""The HTML report in a real browser without a network."""

from __future__ import annotations

from pathlib import Path

import pytest
from report_cards import table2_cards, write_cards
from test_report import Tables

from browser import browse, fetched
from ranat.experiments.report import write_report


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
    assert fetched(page) == set()
    assert fetched(fetching)
    logs = [one.with_suffix(".net.json").read_text() for one in (page, fetching)]
    assert ["example.invalid" in log for log in logs] == [False, True]


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
