"""DDI-2013: drug–drug interactions (Herrero-Zazo et al. 2013, J. Biomed. Inform. 46:914–920), instances as in BLURB.

Two releases differ in a few labels and texts: the archive that BLURB read (`ddi`) and the authors' own (`ddi/authors`).
Every pair of drugs in a sentence is annotated, so all pairs are candidates. An interaction has no direction: its head
is the drug that comes first.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import resources
from itertools import product
from typing import Any, cast
from xml.etree.ElementTree import Element, ParseError

import yaml
from defusedxml.ElementTree import parse

from ranat.corpora.corpus import Splits
from ranat.corpora.files import File
from ranat.corpora.loading import Release, corpus
from ranat.documents.document import Document, Entity, Relation, Span
from ranat.documents.pairs import PairTypes
from ranat.formats.source import Found, Reading, Source

_DRUGS = ("brand", "drug", "drug_n", "group")
PAIRS = PairTypes(
    frozenset(product(_DRUGS, _DRUGS)), negative="DDI-false", dummies=dict.fromkeys(_DRUGS, "DRUG"), overlap="DRUG-DRUG"
)


@corpus("ddi", form="blurb", task="relation", instead="ddi/authors", pairs=PAIRS, hub="bigbio/ddi_corpus")
def blurb(release: Release) -> Splits:
    """The archive that BLURB read: 714 training and 191 test files."""
    return _splits(release, "train_dataset", "test_dataset")


@corpus("ddi/authors", form="authors", task="relation", pairs=PAIRS)
def authors(release: Release) -> Splits:
    """The authors' release; its files for the other task of that year, DrugNER, have no pairs and are not read."""
    return _splits(release, "DDICorpus/Train", "DDICorpus/Test/Test for DDI Extraction task")


def _splits(release: Release, train: str, test: str) -> Splits:
    known = _known()
    training = sorted(_documents(release, train), key=lambda document: _number(document.id))
    position = {id: place for ids in known.values() for place, id in enumerate(ids)}
    dev = [document for document in training if document.id in known["dev"]]
    tested = _documents(release, test)
    return {
        "train": tuple(document for document in training if document.id not in known["dev"]),
        "dev": tuple(sorted(dev, key=lambda document: position[document.id])),
        "test": tuple(sorted(tested, key=lambda document: (position.get(document.id, len(position)), document.id))),
    }


def _documents(release: Release, folder: str) -> Iterator[Document]:
    for file in release.files_under(folder, ".xml"):
        yield _document(file, release)


def _document(file: File, release: Release) -> Document:
    source = Source(file.open(), file.name, release.notices, Reading(lenient=True))
    try:
        return _read(cast(Element, parse(source.stream).getroot()), source)
    except ParseError as error:
        raise source.error(error.position[0], f"not well-formed XML: {error}", "fetch the release again") from None
    except ValueError as error:  # offsets that are no numbers; defined entities, which defusedxml refuses
        raise source.error(1, f"not as the release has it: {error}", "fetch the release again") from None


def _read(root: Element, source: Source) -> Document:
    text, entities, relations = "", [], []
    spans: list[Span] = []
    for sentence in root.iter("sentence"):
        if own := sentence.get("text", ""):
            text += "\n" * bool(text) + own
            spans.append((len(text) - len(own), len(text)))
        start = len(text) - len(own)
        prefix = f"{root.get('id')}."
        for entity in sentence.iter("entity"):
            entities.append(_entity(entity, prefix, start))
        for pair in sentence.iter("pair"):
            if pair.get("ddi") != "true":
                continue
            if pair.get("type") is None:
                source.note("left out", f"the pair {pair.get('id')} is positive but has no type")
                continue
            head, tail = (pair.get(end, "").removeprefix(prefix) for end in ("e1", "e2"))
            relations.append(Relation(f"DDI-{pair.get('type')}", head, tail))
    return source.document(1, root.get("id", ""), text, entities, relations=relations, sentences=spans)


def _entity(element: Element, prefix: str, start: int) -> Found:
    """Offsets in the files count from the sentence's start and include the end."""
    spans = []
    for part in element.get("charOffset", "").split(";"):
        first, last = part.split("-")
        spans.append((start + int(first), start + int(last) + 1))
    entity = Entity(element.get("id", "").removeprefix(prefix), element.get("type", ""), tuple(sorted(spans)))
    return Found(1, entity, element.get("text"))


def _number(id: str) -> tuple[str, int]:
    source, _, number = id.rpartition(".d")
    return source, int(number)


@cache
def _known() -> dict[str, list[str]]:
    text = (resources.files("ranat.corpora") / "data" / "ddi_split.yaml").read_text(encoding="utf-8")
    names: dict[str, Any] = yaml.safe_load(text)
    return {split: [f"DDI-{name}" for name in ids] for split, ids in names.items()}
