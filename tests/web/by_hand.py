"""The page as a hand uses it, and an extractor whose finds a test knows beforehand."""

from __future__ import annotations

import json
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

from ranat.documents import Document, Entity, Relation
from ranat.web.messages import Model

NAMES = {
    "Cisplatin": "Chemical",
    "Naloxone": "Chemical",
    "nephrotoxicity": "Disease",
    "pain": "Disease",
    "BRCA1": "Gene",
}
WORDS = "\U0001f600 Cisplatin induced acute nephrotoxicity; BRCA1 mutations were seen. Naloxone was not."
RUNS = [
    Model(name="names", finds="entities", types=["Chemical", "Disease", "Gene"]),
    Model(name="pairs", finds="relations", types=["induces", "treats"]),
]


def lookup(documents: list[Document]) -> list[Document]:
    """Known names, and that a chemical induces the disease after it: so that tests know what is found."""
    found = []
    for document in documents:
        places = sorted((document.text.find(name), name) for name in NAMES if name in document.text)
        entities = tuple(
            Entity(f"T{n}", NAMES[name], ((at, at + len(name)),), score=round(0.9 - n / 10, 2))
            for n, (at, name) in enumerate(places, 1)
        )
        relations = tuple(
            Relation("induces", one.id, other.id, 0.6)
            for one, other in pairwise(entities)
            if (one.type, other.type) == ("Chemical", "Disease")
        )
        found.append(Document(document.id, document.text, entities, relations))
    return found


def paste(page: Any, text: str = WORDS) -> None:
    page.wait_for_selector("#format option", state="attached")
    if not page.locator("#text").is_visible():
        page.click("#input summary")
    page.fill("#text", text)
    page.click("#extract")
    until(page, "!document.getElementById('input').open")


def until(page: Any, condition: str, seconds: float = 30) -> None:
    """Until an expression is true; Playwright's own way has the page evaluate a text, which its policy forbids."""
    end = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < end, f"never true: {condition}"
        page.wait_for_timeout(20)


def marks(page: Any) -> list[tuple[str, str]]:
    """Type and text of what is marked."""
    return [
        (mark.get_attribute("data-type"), mark.text_content()) for mark in page.locator(".board mark[tabindex]").all()
    ]


def saved(page: Any, what: str = "saved, not checked yet") -> None:
    until(page, f"document.querySelector('.editor .said').textContent === {json.dumps(what)}")
    until(page, "!Object.keys(localStorage).some(key => key.startsWith('ranat-unsaved'))")


def select(page: Any, words: str) -> None:
    """Select words of the text, as the mouse does."""
    page.evaluate(
        """words => {
          const text = document.querySelector(".board .text");
          const walker = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);
          const nodes = [];
          for (let node, at = 0; (node = walker.nextNode()); at += node.length) nodes.push([node, at]);
          const at = text.textContent.indexOf(words);
          const place = (offset) => {
            const [node, start] = nodes.findLast(([, start]) => start <= offset);
            return [node, offset - start];
          };
          const range = document.createRange();
          range.setStart(...place(at));
          range.setEnd(...place(at + words.length - 1));
          range.setEnd(range.endContainer, range.endOffset + 1);
          getSelection().removeAllRanges();
          getSelection().addRange(range);
        }""",
        words,
    )


def bring_marked(page: Any, file: Path) -> None:
    """Choose a file whose marks are kept."""
    page.wait_for_selector("#format option", state="attached")
    page.check("#keep")
    page.set_input_files("#file", file)
    page.wait_for_selector("mark")
