"""Instances for relation classification as others hand them out: a line is a sentence with its pair already marked.

`blurb-tsv` (BLUE, BioBERT, BLURB) has dummies in the place of the two mentions, and an id unless there are two columns:

    16357751.T1.T2<TAB>Treatment with @CHEMICAL$ lowered @GENE$.<TAB>CPR:4

One dummy with a hyphen stands for two mentions that overlap: `@CHEM-GENE$`, `@DRUG-DRUG$`. The types are the dummies'
names (CHEM is CHEMICAL). A first line whose last column is "label" is a header.

`scibert-jsonl` (SciBERT) has markers around the mentions:

    {"text": "<< Erlotinib >> inhibits [[ EGFR ]].", "label": "INHIBITOR", "metadata": []}

The file does not say which is the chemical: in SciBERT's own files `<< >>` is whatever comes first in the text. So the
types are E1 and E2, and nothing more is claimed. The markers are taken out of the text, with their spaces.

Each instance becomes a document of one sentence and two entities, called by its line where there is no id ("train:17").
Its label is the type of a relation, unless it says that there is none: false, 0, no, none, negative, no_relation or
anything that ends in -false. The head is the mention whose type comes first in the alphabet, so the chemical of a
chemical and a gene; of two alike, the one that comes first in the text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

from ranat.documents.document import Document, Entity, Relation, Span
from ranat.documents.pairs import PairTypes
from ranat.formats.base import Sure, reader
from ranat.formats.json_documents import count_unread, documents
from ranat.formats.json_records import MalformedError, records
from ranat.formats.sample import Sample
from ranat.formats.source import Found, Source
from ranat.formats.values import string
from ranat.terminal import counted

_DUMMY = re.compile(r"@([A-Za-z][\w-]*)\$")
_LONG_NAMES = {"CHEM": "CHEMICAL"}
_MARKED = re.compile(r"<< (?P<E1>(?:(?!<< ).)+?) >>|\[\[ (?P<E2>(?:(?!\[\[ ).)+?) \]\]", re.DOTALL)
_NEGATIVE = re.compile(r"(.*-)?false|0|no|none|negative|no[_ -]relation", re.IGNORECASE)


class _Mention(NamedTuple):
    type: str
    span: Span


def pair_types(given: Iterable[Document]) -> PairTypes:
    """Every instance is a candidate, and what stands for its mentions stays as it is in the text."""
    types, overlaps = set[tuple[str, str]](), set[str]()
    for document in given:
        first, second = document.entities
        head, tail = sorted((first.type, second.type))
        types.add((head, tail))
        if first.spans == second.spans:
            overlaps.add(document.mention(first).strip("@$"))
    dummies = {kind: kind for pair in types for kind in pair}
    return PairTypes(frozenset(types), dummies=dummies, overlap=overlaps.pop() if len(overlaps) == 1 else None)


def _sure_blurb(sample: Sample) -> Sure:
    rows = (line.split("\t") for line in sample.lines)
    return Sure.CERTAIN if any(len(row) in (2, 3) and _dummies(row[-2]) for row in rows) else Sure.NO


def _sure_scibert(sample: Sample) -> Sure:
    value = sample.record
    if "id" in value or not all(isinstance(value.get(key), str) for key in ("text", "label")):
        return Sure.NO
    return Sure.CERTAIN if _MARKED.search(value["text"]) else Sure.LIKELY


@reader("blurb-tsv", suffixes=(), sure=_sure_blurb, instances=True)
def read_blurb(source: Source) -> Iterator[Document]:
    """Instances with dummies.

    Raises:
        UserError: a line has not two or three columns, no label, or neither two dummies nor one for both.
    """
    rows = ((number, line.split("\t")) for number, line in source.lines() if line.strip())
    instances = (row for row in rows if not (row[0] == 1 and row[1][-1].lower() == "label"))
    yield from source.each(instances, partial(_blurb, source))


@reader("scibert-jsonl", suffixes=(), sure=_sure_scibert, instances=True)
def read_scibert(source: Source) -> Iterator[Document]:
    """Instances with markers; keys that are not read are counted.

    Raises:
        UserError: a line is no JSON object with text and label, or has not one mention in each kind of markers.
    """
    yield from documents(source, records(source), _scibert)


def _blurb(source: Source, record: tuple[int, list[str]]) -> Document:
    number, columns = record
    if len(columns) not in (2, 3):
        remedy = "write ID, sentence, label or sentence, label with tabs between"
        raise source.error(number, f"{counted(len(columns), 'columns')}, not two or three", remedy)
    *id, text, label = columns
    if (mentions := _dummies(text)) is None:
        raise source.error(
            number,
            f"{sum(1 for _ in _DUMMY.finditer(text))} dummies that are not a pair in {text[:60]!r}",
            "write two such as @CHEMICAL$ and @GENE$, or one for two mentions that overlap, such as @CHEM-GENE$",
        )
    return _document(source, number, id[0] if id else source.numbered(number), text, mentions, label)


def _scibert(source: Source, line: int, value: dict[str, Any], left_out: Counter[str]) -> Document:
    text, mentions = _unmarked(string(value, "text"))
    label = string(value, "label")
    count_unread(value, ("text", "label"), left_out)
    return _document(source, line, source.numbered(line), text, mentions, label)


def _dummies(text: str) -> list[_Mention] | None:
    """The two mentions that the dummies stand for; None if they are no pair."""
    found = [(match[1], match.span()) for match in islice(_DUMMY.finditer(text), 3)]  # three are no pair either
    if len(found) == 1 and found[0][0].count("-") == 1:
        ((name, span),) = found
        found = [(part, span) for part in name.split("-") if part]
    mentions = [_Mention(_LONG_NAMES.get(name, name), span) for name, span in found]
    return mentions if len(mentions) == 2 else None


def _unmarked(text: str) -> tuple[str, list[_Mention]]:
    """The text without markers, and the mentions that were in them."""
    plain, mentions, last = "", [], 0
    for match in _MARKED.finditer(text):
        plain += text[last : match.start()]
        kind = str(match.lastgroup)
        mentions.append(_Mention(kind, (len(plain), len(plain) + len(match[kind]))))
        plain += match[kind]
        last = match.end()
    if sorted(mention.type for mention in mentions) != ["E1", "E2"]:
        raise MalformedError("'text' must have one mention in << >> and another in [[ ]], spaces inside the markers")
    return plain + text[last:], mentions


def _document(source: Source, line: int, id: str, text: str, mentions: list[_Mention], label: str) -> Document:
    if not (label := label.strip()):
        raise source.error(line, "the label is empty", "write false where the two are not related")
    found = [Found(line, Entity(f"T{i}", kind, (span,))) for i, (kind, span) in enumerate(mentions, 1)]
    head, tail = (item.entity.id for item in sorted(found, key=lambda item: item.entity.type))
    relations = [] if _NEGATIVE.fullmatch(label) else [Relation(label, head, tail)]
    return source.document(line, id, text, found, relations=relations, sentences=[(0, len(text))])
