"""The page of documents: one file with their JSON in it, and the script that shows them."""

from __future__ import annotations

from ranat.view.assets import SCRIPTS, text_of
from ranat.view.page import END, head, script_element

OPEN, CLOSE = '<script type="application/x-ndjson" id="ranat-documents">', "</script>"
"""The lines around the documents, which stand between them as JSON, one a line."""

_NO_SCRIPT = "This page shows its documents by a script, which is switched off. They stand in its source as JSON Lines."


def top(title: str, generator: str) -> str:
    """What comes before the documents.

    Args:
        title: of the page.
        generator: what made it.
    """
    start = head(title, text_of("marks.css", "view.css"), generator, _script())
    return f'{start}<div id="ranat-page"><noscript><p>{_NO_SCRIPT}</p></noscript></div>\n{OPEN}\n'


def line(data: str) -> str:
    """A document's JSON as a line of the page, in which nothing can end the element that it stands in."""
    return data.replace("<", r"\u003c") + "\n"


def bottom() -> str:
    """What comes after the documents."""
    return f"{CLOSE}\n{script_element(_script())}{END}"


def _script() -> str:
    return text_of(*SCRIPTS)
