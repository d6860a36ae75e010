"""Pages in headless Chromium, to be used as a person uses them; a test that asks for it is skipped where it is not."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from browser import BROWSERS

LOCAL = {"", "127.0.0.1", "localhost"}
"""Hosts that a page may ask; a file has none."""


@dataclass
class Visit:
    """What a browser shows, and what it did besides.

    Args:
        page: Playwright's page.
        said: errors and messages of the console.
        asked: hosts that something was asked of.
    """

    page: Any
    said: list[str] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)

    def check(self) -> None:
        """Nothing went wrong, and nothing left the machine."""
        assert self.said == []
        assert self.asked <= LOCAL

    def accessible(self) -> None:
        """axe-core finds nothing serious."""
        from axe_playwright_python.sync_playwright import Axe

        found = Axe().run(self.page).response["violations"]
        serious = [
            f"{one['id']}: {node['html']}: {node['failureSummary']}"
            for one in found
            if one["impact"] in ("serious", "critical")
            for node in one["nodes"]
        ]
        assert serious == []


@contextmanager
def visiting(address: str | Path, width: int = 1280, height: int = 860, **context: Any) -> Iterator[Visit]:
    """Open a page, a file or an address, in a window of that many pixels; every name of a host leads nowhere.

    Args:
        address: of the page.
        width: of the window.
        height: of the window.
        context: more of Playwright's options, such as color_scheme="dark".
    """
    with _chromium() as chromium:
        opened = chromium.new_context(viewport={"width": width, "height": height}, **context)
        page = opened.new_page()
        visit = Visit(page)
        page.on("console", lambda message: visit.said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: visit.said.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (visit.said.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: visit.asked.add(urlsplit(request.url).hostname or ""))
        page.goto(address.as_uri() if isinstance(address, Path) else address)
        yield visit
        opened.close()


_running: list[Any] = []
"""The browser, while somebody visits: Playwright runs once at a time, and no other event loop beside it."""


@contextmanager
def _chromium() -> Iterator[Any]:
    if _running:
        yield _running[0]
        return
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    browser = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        pytest.skip(f"none of {', '.join(BROWSERS)} is on the PATH")
    flags = ["--no-sandbox", "--disable-dev-shm-usage", "--host-resolver-rules=MAP * 0.0.0.0, EXCLUDE 127.0.0.1"]
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=flags)
        _running.append(chromium)
        try:
            yield chromium
        finally:
            _running.clear()
            chromium.close()
