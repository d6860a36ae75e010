from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import BertForSequenceClassification

import tiny
from ranat import corpora
from ranat.corpora import Corpus
from ranat.documents import Document, Entity, Relation
from ranat.documents.pairs import PairTypes, candidates
from ranat.errors import UserError
from ranat.models.loading import load_config, load_model, load_tokenizer
from ranat.tasks import tasks
from ranat.tasks.padding import rounded
from ranat.tasks.relation import _AHEAD, RelationClassification, RelationOptions

TEXT = "Imatinib inhibits BCR-ABL and KIT. Cisplatin and imatinib: no effect on BRCA1."
PAIRS = PairTypes(frozenset({("Chemical", "Gene")}))


def mark(id: str, kind: str, mention: str) -> Entity:
    return Entity(id, kind, ((TEXT.index(mention), TEXT.index(mention) + len(mention)),))


ENTITIES = (
    mark("T1", "Chemical", "Imatinib"),
    mark("T2", "Gene", "BCR-ABL"),
    mark("T3", "Gene", "KIT"),
    mark("T4", "Chemical", "Cisplatin"),
    mark("T5", "Chemical", "imatinib"),
    mark("T6", "Gene", "BRCA1"),
)
DOCUMENT = Document(
    "1",
    TEXT,
    ENTITIES,
    (Relation("inhibits", "T1", "T2"), Relation("binds", "T1", "T3"), Relation("cures", "T4", "T1")),
)
CORPUS = Corpus("c", "own", "relation", {"train": (DOCUMENT,), "dev": (DOCUMENT,)}, (), "here", (), PAIRS)


def task(
    architecture: str = "bert", window: int = 64, representation: str = "cls", marking: str = "dummy"
) -> RelationClassification:
    tokenizer = copy.deepcopy(tiny.tokenizer(architecture))
    return RelationClassification.for_corpus(CORPUS, tokenizer, window, RelationOptions(representation, marking))


class Oracle:
    """A model that answers with the gold labels of features, in the order that `predict` asks."""

    device = torch.device("cpu")

    def __init__(self, features: Sequence[dict[str, Any]], n_labels: int) -> None:
        self._features = iter(sorted(features, key=lambda feature: -rounded(len(feature["input_ids"]))))
        self._n_labels = n_labels

    def eval(self) -> None:
        pass

    def __call__(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, **other: Any) -> dict[str, torch.Tensor]:
        labels = [next(self._features)["labels"] for _ in input_ids]
        return {"logits": 9.0 * torch.nn.functional.one_hot(torch.tensor(labels), self._n_labels)}


def test_it_is_registered() -> None:
    assert tasks.get("relation") is RelationClassification


def test_labels_and_classes_come_from_the_candidates_of_train() -> None:
    encoded = task().encode([DOCUMENT])
    assert task().labels == ("false", "binds", "inhibits")
    assert task().types == {"binds", "inhibits"}
    assert encoded.classes == {"false": 2, "binds": 1, "inhibits": 1}
    assert len(encoded.features) == 4
    assert encoded.notices == ("1 relation that is not between two entities of one sentence left out",)


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
@pytest.mark.parametrize(
    ("marking", "expected"),
    [
        ("dummy", "@CHEMICAL$ inhibits @GENE$ and KIT."),
        ("typed", "[Chemical] Imatinib [/Chemical] inhibits [Gene] BCR-ABL [/Gene] and KIT."),
    ],
)
def test_marks_are_words_and_the_positions_are_theirs(architecture: str, marking: str, expected: str) -> None:
    relation = task(architecture, representation="entity", marking=marking)
    feature = relation.encode([DOCUMENT]).features[0]
    tokens = relation.tokenizer.convert_ids_to_tokens(feature["input_ids"])
    marks = [word for word in expected.split() if word[0] in "@["]
    assert [token for token in tokens if token in marks] == marks
    head, tail = feature["positions"]
    assert (tokens[head], tokens[tail]) == (marks[0], marks[len(marks) // 2])
    special = [token for token, mask in zip(tokens, feature["special_tokens_mask"], strict=True) if mask]
    assert special == [relation.tokenizer.cls_token, relation.tokenizer.sep_token]


def test_the_head_is_the_one_that_the_types_say_wherever_it_stands() -> None:
    text = "KIT is blocked by imatinib."
    document = Document("1", text, (Entity("T1", "Gene", ((0, 3),)), Entity("T2", "Chemical", ((18, 26),))))
    relation = task(representation="entity")
    (feature,) = relation.encode([document]).features
    tokens = relation.tokenizer.convert_ids_to_tokens(feature["input_ids"])
    assert [tokens[position] for position in feature["positions"]] == ["@CHEMICAL$", "@GENE$"]


def long_document(before: int, between: int, after: int) -> Document:
    words = ["w"] * before + ["HEAD"] + ["w"] * between + ["TAIL"] + ["w"] * after
    text = " ".join(words)
    entities = [
        Entity(id, kind, ((text.index(name), text.index(name) + 4),))
        for id, kind, name in (("T1", "Chemical", "HEAD"), ("T2", "Gene", "TAIL"))
    ]
    return Document("1", text, tuple(entities), (Relation("inhibits", "T1", "T2"),), ((0, len(text)),))


@pytest.mark.parametrize(
    ("before", "between", "after", "left", "right"),
    [(20, 4, 20, 6, 6), (2, 4, 20, 2, 10), (20, 4, 3, 9, 3), (1, 4, 1, 1, 1), (20, 16, 20, 0, 0)],
)
def test_a_long_sentence_is_cut_around_the_pair(before: int, between: int, after: int, left: int, right: int) -> None:
    relation = task(window=20, representation="entity")
    (feature,) = relation.encode([long_document(before, between, after)]).features
    tokens = relation.tokenizer.convert_ids_to_tokens(feature["input_ids"])
    assert len(tokens) <= 20
    assert tokens[0] == "[CLS]"
    assert tokens[-1] == "[SEP]"
    assert tokens.index("@CHEMICAL$") - 1 == left
    assert len(tokens) - 2 - tokens.index("@GENE$") == right
    assert feature["positions"] == [tokens.index("@CHEMICAL$"), tokens.index("@GENE$")]


def test_a_pair_too_far_apart_is_counted_and_missed() -> None:
    document, relation = long_document(0, 30, 0), task(window=20)
    encoded = relation.encode([document])
    assert encoded.features == []
    assert encoded.notices == ("1 pair whose entities are further apart than the model takes left out",)
    found = relation.predict(Oracle([], 3), [document])
    scores = relation.score([document], found)
    assert (scores["gold"], scores["predicted"], scores["unrepresentable"]) == (1, 0, 1)
    assert scores["confusion"] == {"inhibits": {"false": 1}}


@pytest.mark.parametrize("representation", ["cls", "entity"])
@pytest.mark.parametrize("marking", ["dummy", "typed"])
def test_gold_labels_come_back_as_relations(representation: str, marking: str) -> None:
    relation = task(representation=representation, marking=marking)
    other = replace(DOCUMENT, id="2", relations=())
    features = relation.encode([DOCUMENT, other]).features
    found = relation.predict(Oracle(features, 3), [DOCUMENT, other], batch_size=3)
    assert {(r.type, r.head, r.tail) for r in found[0].relations} == {("inhibits", "T1", "T2"), ("binds", "T1", "T3")}
    assert found[1].relations == ()
    assert found[0].entities == ENTITIES
    assert all(0.9 < (r.score or 0) <= 1 for r in found[0].relations)
    scores = relation.score([DOCUMENT, other], found)
    assert scores["f1"] == 1
    assert scores["not_candidates"] == 1


def test_many_pairs_are_encoded_as_they_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as are sorted at a time, however many there are; what is found is the same."""
    relation = task(window=64)
    model = BertForSequenceClassification(tiny.model(positions=64, vocab_size=len(relation.tokenizer)).config)
    torch.nn.init.constant_(model.classifier.bias[1:], 1.0)
    documents = [DOCUMENT, long_document(0, 90, 0), replace(DOCUMENT, id="3"), Document("4", TEXT)]
    whole = relation.prepare(documents)
    assert [example.feature is None for example in whole.examples] == [False] * 4 + [True] + [False] * 4
    expected = relation.infer(model, whole)
    assert [len(document.relations) for document in expected] == [4, 0, 4, 0]
    for most in (1, 3, 5, 9):
        monkeypatch.setattr("ranat.tasks.relation._AHEAD", most)
        few = relation.prepare(documents)
        assert len(few.examples) == most
        for found in (relation.infer(model, few), relation.infer(model, few)):
            for one, other in zip(found, expected, strict=True):
                assert replace(one, relations=()) == replace(other, relations=())
                assert one.relations == tuple(
                    replace(known, score=pytest.approx(known.score, abs=1e-5)) for known in other.relations
                )


def test_memory_does_not_grow_with_the_pairs() -> None:
    """What is kept of a pair that is not encoded yet is next to nothing."""
    relation = task()
    names = [Entity(f"T{i}", kind, ((0, 8),)) for i, kind in enumerate(["Chemical", "Gene"] * 12)]
    many = [replace(DOCUMENT, id=str(i), entities=tuple(names), relations=()) for i in range(120)]
    assert sum(len(candidates(document, PAIRS).pairs) for document in many) == 120 * 144 > _AHEAD
    assert len(relation.prepare(many).examples) == _AHEAD


def test_offsets_tell_where_the_marks_are_as_a_search_for_them_does(data_dir: Path) -> None:
    """In real sentences, cut or not: the first token that starts where a mark does."""
    documents = corpora.load("chemprot", data_dir).splits["dev"][:15]
    for architecture in tiny.ARCHITECTURES:
        relation = task(architecture, window=48, representation="entity")
        for feature in relation.encode(documents).features:
            tokens = relation.tokenizer.convert_ids_to_tokens(feature["input_ids"])
            assert {tokens[place] for place in feature["positions"]} in (
                {"@CHEMICAL$", "@GENE$"}, {"@CHEMICAL-GENE$"},
            )  # fmt: skip


def test_micro_f1_leaves_the_negative_class_out() -> None:
    relation = task()
    wrong = replace(
        DOCUMENT,
        relations=tuple(
            Relation(*r) for r in (("inhibits", "T1", "T2"), ("inhibits", "T1", "T3"), ("binds", "T4", "T6"))
        ),
    )
    scores = relation.score([DOCUMENT], [wrong])
    gold = [pair.label for pair in candidates(DOCUMENT, PAIRS).pairs]
    said = [pair.label for pair in candidates(wrong, PAIRS).pairs]
    right = sum(a == b != "false" for a, b in zip(gold, said, strict=True))
    assert right == 1
    assert scores["precision"] == right / sum(label != "false" for label in said)
    assert scores["recall"] == right / sum(label != "false" for label in gold)
    assert scores["confusion"] == {
        "false": {"false": 1, "binds": 1},
        "inhibits": {"inhibits": 1},
        "binds": {"inhibits": 1},
    }
    assert scores["per_type"]["inhibits"] == {
        "precision": 0.5, "recall": 1.0, "f1": 2 / 3, "true_positives": 1, "predicted": 2, "gold": 1,
    }  # fmt: skip


def test_directed_relations_between_entities_of_one_type() -> None:
    text = "A activates B. C is activated by D."
    entities = tuple(Entity(name, "Gene", ((text.index(name), text.index(name) + 1),)) for name in "ABCD")
    document = Document("1", text, entities, (Relation("activates", "A", "B"), Relation("activates", "D", "C")))
    corpus = Corpus("c", "own", "ner", {"train": (document,), "dev": ()}, (), "here", ())
    relation = RelationClassification.for_corpus(
        corpus, copy.deepcopy(tiny.tokenizer("bert")), 64, RelationOptions("entity")
    )
    assert relation.labels == ("false", "activates", "activates (reversed)")
    found = relation.predict(Oracle(relation.encode([document]).features, 3), [document])
    assert {(r.head, r.tail) for r in found[0].relations} == {("A", "B"), ("D", "C")}
    assert relation.score([document], found)["f1"] == 1


def test_loss_is_the_mean_over_pairs_or_over_all_of_an_accumulated_batch() -> None:
    logits, labels = torch.randn(5, 3, dtype=torch.float32), torch.tensor([0, 1, 2, 1, 0])
    naive = -sum(float(logits[row].double().log_softmax(-1)[label]) for row, label in enumerate(labels))
    assert float(task().loss({"logits": logits}, labels)) == pytest.approx(naive / 5)
    assert float(task().loss({"logits": logits}, labels, 20)) == pytest.approx(naive / 20)


@pytest.mark.parametrize("representation", ["cls", "entity"])
@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_a_saved_model_knows_its_task(architecture: str, representation: str, tmp_path: Path) -> None:
    backbone = tiny.save(architecture, tmp_path / "backbone")
    tokenizer = load_tokenizer(str(backbone))
    relation = RelationClassification.for_corpus(CORPUS, tokenizer, 64, RelationOptions(representation, "typed"))
    model = relation.new_model(str(backbone)).eval()
    model.save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    config, again = load_config(str(tmp_path / "model")), load_tokenizer(str(tmp_path / "model"))
    loaded = RelationClassification.for_model(config, again, 64)
    assert (loaded.labels, loaded.pairs, loaded.options) == (relation.labels, PAIRS, relation.options)
    expected = relation.predict(model, [DOCUMENT])
    assert loaded.predict(load_model(loaded.auto_class, str(tmp_path / "model")), [DOCUMENT]) == expected


def test_a_mark_starts_as_the_mean_of_the_words_of_its_name(tmp_path: Path) -> None:
    backbone = tiny.save("bert", tmp_path / "backbone")
    relation = RelationClassification.for_corpus(CORPUS, load_tokenizer(str(backbone)), 64)
    weight = relation.new_model(str(backbone)).get_input_embeddings().weight
    ids = relation.tokenizer("chemical gene", add_special_tokens=False)["input_ids"]
    mark = relation.tokenizer.convert_tokens_to_ids("@CHEMICAL-GENE$")
    torch.testing.assert_close(weight[mark], weight[ids].mean(0))


def test_a_corpus_without_relations_is_refused() -> None:
    corpus = Corpus("c", "own", "ner", {"train": (replace(DOCUMENT, relations=()),), "dev": ()}, (), "here", ())
    with pytest.raises(UserError, match="c: the training split has no relation between two entities of a sentence"):
        RelationClassification.for_corpus(corpus, copy.deepcopy(tiny.tokenizer("bert")), 64)


def test_blurb_files_and_the_official_release_give_the_same_examples(data_dir: Path) -> None:
    official = corpora.load("chemprot", data_dir)
    files = corpora.load(data_dir / "chemprot" / "blurb")
    tokenizer = copy.deepcopy(tiny.tokenizer("bert"))
    one, other = (RelationClassification.for_corpus(c, tokenizer, 512) for c in (official, files))
    first, second = one.encode(official.splits["dev"]), other.encode(files.splits["dev"])
    assert first.features == second.features
    assert first.classes == second.classes
