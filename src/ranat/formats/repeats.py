"""Ids that are there a second time: "ID#2"."""

from __future__ import annotations

import re
from collections.abc import Container
from itertools import count

from ranat.documents.document import Document

_COPY = "#"


def again(id: str, taken: Container[str], number: int = 2) -> str:
    """What the second thing of an id, or that of a higher number, is called: "ID#2", or the next name not taken."""
    return next(name for n in count(number) if (name := f"{id}{_COPY}{n}") not in taken)


def is_repeat(document: Document) -> bool:
    """Whether a released corpus has this document a second time (see `Source`)."""
    return re.search(rf"{_COPY}\d+$", document.id) is not None
