"""Every gold document of the six corpora goes through every format and comes back with its offsets."""

from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from ranat import corpora
from ranat.documents import Document
from ranat.formats import WRITERS, read, write

CORPORA = ("bc5-chem", "bc5-disease", "bc2gm", "ncbi-disease", "chemprot", "ddi")


def in_order(document: Document) -> Document:
    """ChemProt's release does not go by the text."""
    return replace(document, entities=tuple(sorted(document.entities, key=lambda entity: (entity.spans, entity.id))))


def answers(document: Document) -> tuple[Counter[object], Counter[object]]:
    """What is annotated, whatever the ids."""
    places = {entity.id: (entity.spans, entity.type) for entity in document.entities}
    relations = ((places.get(r.head, r.head), places.get(r.tail, r.tail), r.type) for r in document.relations)
    return Counter(places.values()), Counter(relations)


@cache
def gold(name: str, data: Path) -> list[Document]:
    return [document for split in corpora.load(name, data).splits.values() for document in split]


@pytest.mark.slow
@pytest.mark.parametrize("name", CORPORA)
@pytest.mark.parametrize("format", WRITERS.names())
def test_offsets_are_intact(format: str, name: str, data_dir: Path, tmp_path: Path) -> None:
    given = gold(name, data_dir)
    writer = WRITERS.get(format)
    out = tmp_path / f"all{writer.suffix}"
    lost = write(given, out, format)
    found = list(read(out))
    assert len(found) == len(given)
    again = {document.id: document for document in found}
    fit = Counter[str]()
    for document in given:
        fitted = writer.fit(document, fit)
        assert in_order(again[fitted.id]) == in_order(fitted)
        assert len(fitted.text) == len(document.text)
        changed = [at for at, (old, new) in enumerate(zip(document.text, fitted.text, strict=True)) if old != new]
        assert {document.text[at] for at in changed} <= set("\t\r\n")  # PubTator has lines and columns
        (entities, relations), (kept_entities, kept_relations) = answers(document), answers(fitted)
        if not fit["mentions with white space around them"]:  # which CoNLL's words have not
            assert kept_entities <= entities
            assert kept_relations <= relations
    assert lost == +fit
    total = [sum(side.total() for side in (answers(d)[part] for d in given)) for part in (0, 1)]
    kept = [sum(side.total() for side in (answers(d)[part] for d in found)) for part in (0, 1)]
    print(f"{format}: {name}: {kept[0]} of {total[0]} mentions, {kept[1]} of {total[1]} relations; {dict(lost)}")
    assert (kept == total) or +lost
