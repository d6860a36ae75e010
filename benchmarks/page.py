"""How long a page of ten thousand abstracts takes to open: `ranat view` made it, Chromium shows it.

    python benchmarks/page.py [--documents 10000] [--rounds 5] [--output benchmarks/page.json]

The documents are those of the demo corpus with their marks, repeated with new ids. Each round is a browser of its own.
Measured is the time from asking for the page until the first document is marked and painted, and from the key End until
the last one is.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from ranat import corpora
from ranat.documents import Document
from ranat.view.documents_page import written
from training import machine, processor

PAINTED = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def main() -> None:
    """Make the page, open it several times, and print medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path, help="write the figures as JSON")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        page.write_text("".join(written(documents(chosen.documents), "benchmark", "ranat")), encoding="utf-8")
        mebibytes = round(page.stat().st_size / 2**20, 1)
        place = f"{chosen.documents:,} / {chosen.documents:,}"
        rounds = [opened(page, place) for _ in range(chosen.rounds)]
    medians = {name: round(statistics.median(one[name] for one in rounds), 3) for name in rounds[0]}
    result = {"documents": chosen.documents, "mebibytes": mebibytes, **medians, "rounds": rounds, "machine": machine()}
    print(json.dumps(result, indent=2))
    if chosen.output:
        kinds = json.loads(chosen.output.read_text()) if chosen.output.exists() else {}
        chosen.output.write_text(json.dumps({**kinds, processor(): result}, indent=2) + "\n")


def documents(count: int) -> Iterator[Document]:
    """The demo corpus over and over, with new ids."""
    own = [document for split in corpora.load("demo").splits.values() for document in split]
    for number, document in enumerate(islice(cycle(own), count)):
        yield replace(document, id=f"{number:05}")


def opened(page: Path, place: str) -> dict[str, Any]:
    """Seconds until the first document is painted, and from the key End until the last one is."""
    executable = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        window = browser.new_page(viewport={"width": 1280, "height": 800})
        began = time.perf_counter()
        window.goto(page.as_uri(), wait_until="commit")
        window.wait_for_selector("mark")
        window.evaluate(PAINTED)
        first = time.perf_counter() - began
        window.locator(".list").focus()
        began = time.perf_counter()
        window.keyboard.press("End")
        window.wait_for_function("place => document.querySelector('.place').innerText === place", arg=place)
        window.evaluate(PAINTED)
        last = time.perf_counter() - began
        browser.close()
    return {"first_document": round(first, 3), "last_document": round(last, 3)}


if __name__ == "__main__":
    main()
