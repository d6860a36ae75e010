"""A real browser for tests of pages."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

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


def fetched(page: Path) -> set[str]:
    """Who asked the network for anything, by the log of the browser's network stack; its own requests left out."""
    log = page.with_suffix(".net.json")
    browse(page, f"--log-net-log={log}", "--dump-dom")
    return set(re.findall(r'"initiator":"([^"]*)"', log.read_text())) - {"not an origin"}
