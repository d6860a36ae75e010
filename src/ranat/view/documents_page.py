"""The page of documents: one file with their JSON in it, and the script that shows them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from ranat.documents.document import Document, Entity, Relation
from ranat.view.assets import SCRIPTS, STYLES, text_of
from ranat.view.page import END, head, script_element

OPEN, CLOSE = '<script type="application/x-ndjson" id="ranat-documents">', "</script>"
"""The lines around the documents, which stand between them as JSON, one a line."""

_INDEX = '<script type="application/x-ndjson" id="ranat-index">'
_START = 120
_NO_SCRIPT = "This page shows its documents by a script, which is switched off. They stand in its source as JSON Lines."


def written(documents: Iterable[Document], title: str, generator: str) -> Iterator[str]:
    """The page in pieces, a document at a time.

    After the documents comes an index of them, so that the browser parses a document only when it shows it.

    Args:
        documents: any.
        title: of the page.
        generator: what makes it.
    """
    script = text_of(*SCRIPTS)
    yield head(title, text_of(*STYLES[1:]), generator, script)
    yield f'<div id="ranat-page"><noscript><p>{_NO_SCRIPT}</p></noscript></div>\n{OPEN}\n'
    index = []
    for document in documents:
        value = document.to_dict()
        for entity in value["entities"]:
            del entity["text"]  # it stands in the document's
        yield _line(value)
        index.append(_line(summary(document)))
    yield f"{CLOSE}\n{_INDEX}\n{''.join(index)}{CLOSE}\n{script_element(script)}{END}"


def summary(document: Document) -> dict[str, Any]:
    """What the list of documents and the filters need to know of one; `static/page.js` makes the same.

    Returns:
        {"id", "start": of its text, "lowest": score of all, None if there is none, "types" and "relations": type →
        [how many, their highest score, None if one has no score]}
    """
    items: tuple[Entity | Relation, ...] = (*document.entities, *document.relations)
    scores = [item.score for item in items if item.score is not None]
    return {
        "id": document.id,
        "start": document.text[:_START],
        "lowest": min(scores, default=None),
        "types": _counted(document.entities),
        "relations": _counted(document.relations),
    }


def _counted(items: Iterable[Entity | Relation]) -> dict[str, tuple[int, float | None]]:
    scores = defaultdict[str, list[float | None]](list)
    for item in items:
        scores[item.type].append(item.score)
    known = {kind: [score for score in each if score is not None] for kind, each in scores.items()}
    return {
        kind: (len(each), max(known[kind]) if len(known[kind]) == len(each) else None) for kind, each in scores.items()
    }


def _line(value: dict[str, Any]) -> str:
    """A line of JSON in which nothing can end the element that it stands in."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", r"\u003c") + "\n"
