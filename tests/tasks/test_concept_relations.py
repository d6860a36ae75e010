"""The relation task where a corpus relates concepts: scores of documents, whatever mentions say it."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import tiny
from ranat import corpora
from ranat.corpora import Corpus
from ranat.documents import Document, Entity, Relation
from ranat.documents.pairs import candidates, relation_of
from ranat.evaluation.error_page import error_page
from ranat.models.loading import load_config, load_tokenizer
from ranat.tasks.relation import DEFINITIONS, RelationClassification, RelationOptions

TEXT = "Lithium caused fever and cough. Aspirin helps. Fever after Lithium; renal failure was seen."


def mark(id: str, kind: str, mention: str, concept: str | None, after: int = 0) -> Entity:
    start = TEXT.index(mention, after)
    return Entity(id, kind, ((start, start + len(mention)),), concept)


ENTITIES = (
    mark("T1", "Chemical", "Lithium", "D1"),
    mark("T2", "Disease", "fever", "D3"),
    mark("T3", "Disease", "cough", "-1"),
    mark("T4", "Chemical", "Aspirin", "D2"),
    mark("T5", "Disease", "Fever", "D3", 20),
    mark("T6", "Chemical", "Lithium", "D1", 20),
    mark("T7", "Disease", "renal failure", "D4|D5"),
)
RELATIONS = (Relation("CID", "D1", "D3"), Relation("CID", "D1", "D5"), Relation("CID", "D2", "D3"))
DOCUMENT = Document("1", TEXT, ENTITIES, RELATIONS)
CORPUS = Corpus("c", "own", "ner", {"train": (DOCUMENT,), "dev": (DOCUMENT,)}, (), "here", ())


def task(window: int = 64) -> RelationClassification:
    return RelationClassification.for_corpus(CORPUS, copy.deepcopy(tiny.tokenizer("bert")), window)


def predicted(*pairs: tuple[str, str]) -> Document:
    return replace(DOCUMENT, relations=tuple(Relation("CID", head, tail, 0.9) for head, tail in pairs))


def test_every_pair_of_mentions_in_a_sentence_is_an_example() -> None:
    encoded = task().encode([DOCUMENT])
    assert encoded.classes == {"false": 1, "CID": 3}
    assert encoded.notices == ("1 relation that is not between two entities of one sentence left out",)
    assert task().definition == DEFINITIONS["concept"] != RelationClassification.definition


@pytest.mark.parametrize(
    ("pairs", "right", "said"),
    [
        ([("T1", "T2")], 1, 1),
        ([("T1", "T2"), ("T6", "T5")], 1, 1),  # twice, but one relation of the document
        ([("T6", "T7")], 1, 2),  # each part of the composite mention
        ([("T1", "T3")], 0, 0),  # without a concept there is no relation of concepts
        ([], 0, 0),
    ],
)
def test_a_relation_is_found_if_one_of_its_pairs_is(pairs: list[tuple[str, str]], right: int, said: int) -> None:
    scores = task().score([DOCUMENT], [predicted(*pairs)])
    assert (scores["true_positives"], scores["predicted"], scores["gold"]) == (right, said, 3)
    assert (scores["beyond_sentences"], scores["unrepresentable"], scores["without_concept"]) == (1, 0, 0)
    assert scores["recall_ceiling"] == pytest.approx(2 / 3)
    assert "not_candidates" not in scores


def test_the_ceiling_is_the_recall_of_a_classifier_that_is_always_right() -> None:
    relation = task()
    said = [relation_of(pair, pair.label, relation.pairs) for pair in candidates(DOCUMENT, relation.pairs).pairs]
    perfect = replace(DOCUMENT, relations=tuple(item for item in said if item))
    scores = relation.score([DOCUMENT, Document("2", "")], [perfect, Document("2", "")])
    assert scores["recall"] == scores["recall_ceiling"] == pytest.approx(2 / 3)
    assert scores["confusion"] == {"CID": {"CID": 3}, "false": {"false": 1}}


def test_a_relation_none_of_whose_pairs_fits_is_missed() -> None:
    far = DOCUMENT.text.replace(" caused ", " caused" + " so" * 60 + " ")
    shift = len(far) - len(TEXT)
    moved = [
        entity if entity.start < 8 else replace(entity, spans=((entity.start + shift, entity.end + shift),))
        for entity in ENTITIES
    ]
    document = Document("1", far, tuple(moved), RELATIONS)
    assert task(48).score([document], [document])["unrepresentable"] == 0  # the other sentence has both concepts, too
    alone = replace(document, entities=tuple(entity for entity in moved if entity.id != "T5"))
    assert task(48).score([alone], [replace(alone, relations=())])["unrepresentable"] == 1


def test_gold_relations_of_mentions_without_a_concept_are_told() -> None:
    document = replace(DOCUMENT, relations=(Relation("CID", "T1", "T3"), Relation("CID", "T1", "T2")))
    scores = task().score([document], [document])
    assert (scores["gold"], scores["without_concept"], scores["beyond_sentences"]) == (1, 1, 0)


def test_a_saved_model_knows_the_level(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(str(tiny.save("bert", tmp_path / "backbone")))
    relation = RelationClassification.for_corpus(CORPUS, tokenizer, 64, RelationOptions("entity"))
    model: Any = relation.new_model(str(tmp_path / "backbone"))
    model.save_pretrained(tmp_path / "model")
    loaded = RelationClassification.for_model(load_config(str(tmp_path / "model")), tokenizer, 64)
    assert (loaded.pairs, loaded.definition) == (relation.pairs, DEFINITIONS["concept"])
    assert loaded.answers(DOCUMENT) == {(ends, "CID") for ends in (("D1", "D3"), ("D1", "D5"), ("D2", "D3"))}


def test_errors_tell_what_no_sentence_holds() -> None:
    relation = task()
    gold, said = relation.answers(DOCUMENT), relation.answers(predicted(("T6", "T7")))
    other = replace(DOCUMENT, relations=(Relation("CID", "D1", "D3"),))
    analysis = RelationClassification.errors(CORPUS, [DOCUMENT], [gold], [said], [other])
    found = analysis.to_dict()
    assert found["verdicts"] == {
        "gold": {"right": 1, "type": 0, "missed": 2},
        "predicted": {"right": 1, "type": 0, "invented": 1},
    }
    gold_of = {
        name: {row: counts["verdicts"]["gold"]["missed"] for row, counts in rows.items()}
        for name, rows in found["tables"].items()
    }
    assert gold_of["a sentence has both"] == {"yes": 1, "no": 1}
    assert gold_of["pair of concepts in training"] == {"seen": 1, "unseen": 1}
    assert [(item["start"], item["errors"]) for item in found["worst"]] == [(0, 2), (47, 1)]
    page = error_page(analysis, "a title", [])
    assert "Lithium (D1) → CID → fever (D3)" in page
    assert "Aspirin (D2) → CID → fever (D3)" in page


def test_the_relations_of_bc5_that_sentences_hold(data_dir: Path) -> None:
    corpus = corpora.load("bc5-cid", data_dir)
    relation = RelationClassification.for_corpus(corpus, copy.deepcopy(tiny.tokenizer("bert")), 512)
    for split, held, all_of_it in (("train", 761, 1038), ("dev", 767, 1012), ("test", 749, 1066)):
        scores = relation.score(corpus.splits[split], corpus.splits[split])
        assert (scores["gold"], scores["f1"], scores["unrepresentable"]) == (all_of_it, 1, 0)
        assert scores["beyond_sentences"] == all_of_it - held
        assert scores["recall_ceiling"] == held / all_of_it
