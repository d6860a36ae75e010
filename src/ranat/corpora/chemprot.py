"""ChemProt: chemical–protein relations (Krallinger et al. 2017, BioCreative VI, 141–146), instances as in BLURB.

Five groups of relations are evaluated: CPR:3 (activation), CPR:4 (inhibition), CPR:5 (agonist), CPR:6 (antagonist) and
CPR:9 (substrate or product). GENE-Y and GENE-N (can or cannot be normalised) are both GENE.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from functools import cache
from importlib import resources

from ranat.corpora.corpus import Splits
from ranat.corpora.loading import Release, corpus
from ranat.documents.document import Document, Entity, Relation, Span
from ranat.documents.pairs import PairTypes
from ranat.documents.segment import sentences
from ranat.formats.source import Found, Source
from ranat.terminal import counted

EVALUATED = ("CPR:3", "CPR:4", "CPR:5", "CPR:6", "CPR:9")

_FILES = {
    "train": "chemprot_training_{}.tsv",
    "dev": "chemprot_development_{}.tsv",
    "test": "chemprot_test_{}_gs.tsv",
}


@corpus(
    "chemprot",
    form="original",
    task="relation",
    pairs=PairTypes(frozenset({("CHEMICAL", "GENE")}), overlap="CHEM-GENE"),
    hub="bigbio/chemprot",
)
def read(release: Release) -> Splits:
    """The official tables: abstracts, entities and relations of each split."""
    return {split: _split(release, pattern) for split, pattern in _FILES.items()}


def _split(release: Release, pattern: str) -> tuple[Document, ...]:
    entities: dict[str, list[Found]] = defaultdict(list)
    for line, (id, name, kind, start, end, mention) in _rows(release.source(pattern.format("entities")), 6):
        try:
            entity = Entity(name, kind.partition("-")[0], ((int(start), int(end)),))
        except ValueError as error:
            raise release.source(pattern.format("entities")).error(line, str(error)) from None
        entities[id].append(Found(line, entity, mention))
    relations: dict[str, dict[Relation, None]] = defaultdict(dict)
    repeats = others = 0
    for _, (id, group, _, _, head, tail) in _rows(release.source(pattern.format("relations")), 6):
        relation = Relation(group, head.removeprefix("Arg1:"), tail.removeprefix("Arg2:"))
        others += group not in EVALUATED
        repeats += relation in relations[id]
        if group in EVALUATED:
            # A repeat counts where it stands last, since the last label of a pair is the one that holds.
            relations[id].pop(relation, None)
            relations[id][relation] = None
    release.note(
        "left out", counted(others, "relations of groups that are not evaluated"), pattern.format("relations"), others
    )
    release.note("left out", counted(repeats, "repeated relations"), pattern.format("relations"), repeats)
    source = release.source(pattern.format("abstracts"))
    documents = []
    for line, (id, title, abstract) in _rows(source, 3):
        text, found = f"{title}\t{abstract}", entities[id]
        document = source.document(line, id, text, found, relations=relations[id], sentences=_sentences(id, text))
        # BLURB's instances follow the order of the table.
        documents.append(replace(document, entities=tuple(item.entity for item in found)))
    return tuple(documents)


def _rows(source: Source, columns: int) -> list[tuple[int, list[str]]]:
    rows = []
    for number, line in source.lines():
        row = line.split("\t")
        if len(row) != columns:
            raise source.error(number, f"{len(row)} columns, not {columns}", "fetch the official release again")
        rows.append((number, row))
    return rows


def _sentences(id: str, text: str) -> tuple[Span, ...]:
    """The sentences that BLURB's instances rest on; our own for an abstract that is none of the release's."""
    ends = _sentence_ends().get(id)
    if ends is None:
        return sentences(text)
    spans, last = [], 0
    for end in ends:
        spans.append((last + len(text[last:end]) - len(text[last:end].lstrip()), end))
        last = end
    return tuple(spans)


@cache
def _sentence_ends() -> dict[str, list[int]]:
    text = (resources.files("ranat.corpora") / "data" / "chemprot_sentences.txt").read_text(encoding="utf-8")
    lines = (line.split() for line in text.splitlines() if not line.startswith("#"))
    return {id: [int(end) for end in ends] for id, *ends in lines}
