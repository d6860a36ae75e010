"""From Python: texts in, documents out."""

from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

import pytest

import tiny
from ranat.documents import Document, Entity
from ranat.errors import UsageError, UserError
from ranat.extraction import Extractor
from ranat.extraction import extractor as module

TEXT = "Cisplatin induced nephrotoxicity. BRCA1 mutations were seen in 12 patients with ovarian cancer."


def test_entities_and_relations_of_a_text(extractor: Extractor) -> None:
    found = extractor.extract(TEXT)
    assert found.text == TEXT
    assert found.entities
    ids = {entity.id for entity in found.entities}
    for entity in found.entities:
        assert entity.score is not None
        assert 0 <= entity.score <= 1
        assert entity.type in ("Chemical", "GENE")
    for relation in found.relations:
        assert {relation.head, relation.tail} <= ids
        assert relation.type in ("CPR:3", "CPR:4")


def test_a_stream_is_read_as_it_is_needed(extractor: Extractor) -> None:
    taken: list[int] = []

    def texts() -> Iterator[str]:
        for number in count():
            taken.append(number)
            yield f"{TEXT} {number}"

    found = extractor.extract_stream(texts())
    first = list(islice(found, 3))
    assert [document.text for document in first] == [f"{TEXT} {number}" for number in range(3)]
    found.close()  # type: ignore[attr-defined]  # it is a generator
    assert len(taken) <= 8 * module.CHUNK_DOCUMENTS


def test_what_is_found_does_not_depend_on_the_other_texts(extractor: Extractor) -> None:
    texts = [TEXT, "", " ", "Imatinib inhibits BCR-ABL.", "x" * 500, TEXT * 20]
    together = list(extractor.extract_stream(texts))
    for text, document in zip(texts, together, strict=True):
        alone = extractor.extract(text)
        assert [(e.spans, e.type) for e in document.entities] == [(e.spans, e.type) for e in alone.entities]
        assert [(r.type, r.head, r.tail) for r in document.relations] == [
            (r.type, r.head, r.tail) for r in alone.relations
        ]


def test_relations_between_entities_that_the_input_brings(models: dict[str, str]) -> None:
    entities = (Entity("c", "chemical", ((0, 9),)), Entity("g", "Gene", ((34, 39),)), Entity("h", "Gene", ((18, 22),)))
    given = Document("1", TEXT.replace(". ", ", "), tuple(sorted(entities, key=lambda entity: entity.spans)))
    found = Extractor.load(re=models["relation"]).extract(given)
    assert found.entities == given.entities  # their types keep their names
    assert {(relation.head, relation.tail) for relation in found.relations} <= {("c", "g"), ("c", "h")}


def test_a_higher_bar_leaves_less(models: dict[str, str], extractor: Extractor) -> None:
    scores = [entity.score or 0 for entity in extractor.extract(TEXT).entities]
    bar = sorted(scores)[len(scores) // 2]
    strict = Extractor.load([models["chemical"], models["gene"]], models["relation"], min_score=bar, precision="fp32")
    found = strict.extract(TEXT)
    assert 0 < len(found.entities) <= len(scores)
    assert all((item.score or 0) >= bar for item in (*found.entities, *found.relations))


def test_half_a_surrogate_pair(extractor: Extractor) -> None:
    with pytest.raises(UserError, match="text 1: its text holds bytes that are not UTF-8, or half a surrogate pair"):
        extractor.extract("a\ud800b")


def test_no_model() -> None:
    with pytest.raises(UsageError, match="name a model: --ner finds entities"):
        Extractor.load()


def test_a_model_of_the_other_stage(models: dict[str, str]) -> None:
    with pytest.raises(UserError, match=r"--ner .*: finds relations, not entities \(give it as --re\)"):
        Extractor.load(models["relation"])
    with pytest.raises(UserError, match=r"--re .*: finds entities, not relations \(give it as --ner\)"):
        Extractor.load(models["gene"], models["chemical"])


def test_types_that_are_never_paired(models: dict[str, str]) -> None:
    with pytest.raises(UserError, match="finds GENE, but the relation model pairs CHEMICAL and GENE"):
        Extractor.load(models["gene"], models["relation"])


@pytest.mark.parametrize("score", [-0.1, 1.1, float("nan")])
def test_a_score_out_of_range(score: float, models: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="--min-score: must be from 0 to 1"):
        Extractor.load(models["gene"], min_score=score)


def test_what_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(UserError):
        Extractor.load(str(tmp_path / "none"))
    with pytest.raises(UserError):
        Extractor.load(str(tiny.save("bert", tmp_path / "backbone")))
