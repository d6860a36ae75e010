"""Sentences and words for documents whose source gives none.

What stands on both sides of a full stop decides where biomedical text would mislead a general segmenter: "E. coli",
"et al. (2001)" and "i.v. injection" go on, "vitamin D. Levels" and "2.5 nM. Binding" end. After what may end a sentence
or not, the next word decides: "given i.v. The" ends, "given i.v. 5" goes on. Where that leaves it open, syntok decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from syntok.segmenter import segment
from syntok.tokenizer import Tokenizer

from ranat.documents.document import Span

LONGEST = 20_000
"""Characters of the longest sentence. What has no end within them is cut at white space, or anywhere if it has none."""

_CONTEXT = 60
"""Characters on each side of a possible end that decide about it."""

_WORD = re.compile(r"\w+|[^\w\s]")
_PARAGRAPH_END = re.compile(r"\n\s*\n")
_POSSIBLE_END = re.compile(r"""(?:[.!?]['"’”)\]]*|\])\s*""")


def _any_of(words: str) -> str:
    return f"(?:{'|'.join(words.split())})"


# What stands before a possible end, with an example.
_STOPS = re.compile(r"""[.!?]['"’”)\]]*$""")
_SHORTENED = re.compile(  # "in Fig."; never at the end of a sentence
    r"\b(?:e\.\s?g|i\.\s?e|c\.\s?f|"
    + _any_of(
        """fig figs Fig Figs eq eqs eqn Eq Eqs Eqn ref refs Ref Refs tab Tab Tabs vs cf Cf ca approx Approx viz var
        subsp ssp Dr Prof Mr Mrs St nr Nr expt Expt Expts suppl Suppl vol vols Vol pp ed eds Eds Ann Biol
        Chem Biochem Biophys Phys Proc Natl Acad Sci Pharmacol Physiol Immunol Mol Clin Engl"""
    )
    + r")\.$"
)
_SHORTENED_TOO = re.compile(
    r"\b(?:et\.? al|spp?|nov|etc|Inc|Ltd|Corp|Co|[Nn]os?|(?:[A-Z]\.)+[A-Z])\.\)?$"
)  # "the U.S."
_DOTTED = re.compile(r"\b(?:[a-z]\.)+[a-z]\.\)?$")  # "given i.v."
_LETTER = re.compile(r"(?:^|[\s(\[])[A-Z]\.$")  # "Smith, J.", "of E."
_NAMED_BY_LETTER = re.compile(  # "vitamin D.", "10(-6) M."
    r"(?:\b(?!within|certain)[a-z]{2,}"
    + _any_of("ins? ine ase itis ype ass oup orm ite und tor unit main grees")
    + r" [A-Z]|\d\)? M)\.$"
)
_MARK = re.compile(r"\(?(?:\d{1,2}|[A-Za-z]|[IVX]{1,4})[.)]+")  # "3." of a numbered sentence
_SETTLED = re.compile(r"(?:[a-z]{3,}|\d)[)\]]*\.$")  # "cells.", "(p < 0.05)."

# What stands after it.
_STARTER = re.compile(
    _any_of(
        """The This These Those That There Their They We Our It Its In On At As For To By With From After Before During
        However Moreover Furthermore Additionally Here Both Thus Therefore Hence Although While Whereas When Since
        Because If Such All Each None Most Many Some Several Other Overall Finally Collectively Together Taken Then Also
        And But Nevertheless Similarly Interestingly Conversely Consequently Subsequently Using Among Under"""
    )
    + r"\b"
)
_CAPITALISED = re.compile(r"""["'“‘(\[]*[A-Z][a-z]+""")
_SMALL = re.compile(r"[a-zα-ω]")
_SMALL_NAME = re.compile(r"[a-z]{1,5}[A-Z0-9]|[α-ω]-|(?:alpha|beta|gamma|delta|kappa)\b")  # "p53", "mRNA", "α-tubulin"
_NUMBERED = re.compile(r"\d{1,2}\.\s+\S")
_CLOSING = re.compile(r"[.,;:!?)\]]")


def sentences(text: str) -> tuple[Span, ...]:
    """Spans of sentences, in order; every character that is not white space is in exactly one.

    A blank line always ends one, the end of a line does not. Takes time linear in the text's length.
    """
    bounds = [0]
    for start, end in _paragraphs(text):
        bounds += [*_starts(text, start, end), end]
    return tuple(span for start, end in pairwise(bounds) if (span := _trim(text, start, end))[0] < span[1])


def words(text: str) -> tuple[Span, ...]:
    r"""Spans of words (`\w+`) and of single punctuation marks; all other characters are white space."""
    return tuple(match.span() for match in _WORD.finditer(text))


def _paragraphs(text: str) -> Iterator[Span]:
    start = 0
    for gap in _PARAGRAPH_END.finditer(text):
        yield start, gap.end()
        start = gap.end()
    yield start, len(text)


def _starts(text: str, start: int, end: int) -> Iterator[int]:
    """Where the sentences of a paragraph start, but for the first.

    The paragraph is read in pieces. The last sentence of a piece may go on in the next, which so starts with it, unless
    it is more than half of the piece: then it is cut, and each piece gets on by half its length at least.
    """
    while end - start > LONGEST:
        stop = start + LONGEST
        found = list(_ends(text, start, stop))
        yield from found
        if found and found[-1] >= start + LONGEST // 2:
            start = found[-1]
        else:
            start = _cut(text, start, stop)
            yield start
    yield from _ends(text, start, end)


def _cut(text: str, start: int, stop: int) -> int:
    """After the last white space of the second half of a piece; its end if there is none."""
    middle = start + LONGEST // 2
    return next((place for place in range(stop, middle, -1) if text[place - 1].isspace()), stop)


def _ends(text: str, start: int, stop: int) -> Iterator[int]:
    """Where the sentences of a piece end and others start."""
    proposed: set[int] | None = None
    begin = start
    for possible in _POSSIBLE_END.finditer(text, start, stop):
        place = possible.end()
        if place == stop:
            return
        context = text[max(begin, place - _CONTEXT) : place]
        before = context.rstrip()
        ends = _is_end(before, text[place : place + _CONTEXT], len(before) < len(context))
        if ends is None:
            if proposed is None:  # this takes longer than all else
                tokens = Tokenizer(replace_not_contraction=False).tokenize(text[start:stop])
                proposed = {start + sentence[0].offset for sentence in segment(tokens)}
            ends = place in proposed
        if ends:
            yield place
            begin = place


def _is_end(before: str, after: str, spaced: bool) -> bool | None:
    """Whether a sentence ends between what was last read of it and what follows, white space between or not.

    None: if it is proposed.
    """
    starter, capitalised = bool(_STARTER.match(after)), bool(_CAPITALISED.match(after))
    if before.endswith("]"):  # as the titles do that PubMed translates
        return None if spaced and capitalised else False
    if not _STOPS.search(before) or _CLOSING.match(after) or _MARK.fullmatch(before) or _SHORTENED.search(before):
        return False
    settled = bool(_SETTLED.search(before))
    if _SHORTENED_TOO.search(before):
        may = starter
    elif _DOTTED.search(before):
        may = starter or capitalised
    elif _LETTER.search(before):
        may = starter or (capitalised and bool(_NAMED_BY_LETTER.search(before)))
    elif _SMALL.match(after):
        may = settled and bool(_SMALL_NAME.match(after))
    elif spaced and not before.endswith(".)"):
        return capitalised or (settled and bool(_NUMBERED.match(after))) or None
    else:
        return None if capitalised else False
    return (may if spaced else None) if may else False


def _trim(text: str, start: int, end: int) -> Span:
    part = text[start:end]
    return start + len(part) - len(part.lstrip()), start + len(part.rstrip())
