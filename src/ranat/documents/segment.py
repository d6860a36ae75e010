"""Sentences and words for documents whose source gives none."""

from __future__ import annotations

import re
from itertools import pairwise

import syntok.segmenter

from ranat.documents.document import Span

_WORD = re.compile(r"\w+|[^\w\s]")


def sentences(text: str) -> tuple[Span, ...]:
    """Spans of sentences, in order; every character that is not white space is in exactly one.

    syntok finds where sentences start. Each ends before the next starts, white space trimmed, so that a character
    that syntok put in no token is not lost.
    """
    starts = [tokens[0].offset for paragraph in syntok.segmenter.analyze(text) for tokens in paragraph]
    bounds = [0, *starts[1:], len(text)]
    return tuple(span for start, end in pairwise(bounds) if (span := _trim(text, start, end))[0] < span[1])


def words(text: str) -> tuple[Span, ...]:
    r"""Spans of words (`\w+`) and of single punctuation marks; all other characters are white space."""
    return tuple(match.span() for match in _WORD.finditer(text))


def _trim(text: str, start: int, end: int) -> Span:
    part = text[start:end]
    return start + len(part) - len(part.lstrip()), start + len(part.rstrip())
