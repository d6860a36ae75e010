"""The style sheets and scripts of pages: plain files, in the order in which a page has them."""

from __future__ import annotations

from pathlib import Path

STATIC = Path(__file__).parent / "static"
"""The folder that they are in, for a server to serve."""

STYLES = ("page.css", "marks.css", "view.css", "documents.css")
SCRIPTS = ("marks.js", "arcs.js", "view.js", "page.js")


def text_of(*names: str) -> str:
    """The files, one after the other."""
    return "\n".join((STATIC / name).read_text(encoding="utf-8") for name in names)
