"""What holds for every registered task with each of its options, a plug-in's among them."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import torch

import plugins.document_classification  # registers its task
import tiny
from ranat.corpora import Corpus
from ranat.documents import Document, Entity, Relation
from ranat.evaluation.error_page import error_page
from ranat.evaluation.f1 import micro_scores
from ranat.evaluation.judging import INVENTED, MISSED, RIGHT
from ranat.models.loading import load_tokenizer
from ranat.tasks import Task, load, tasks
from ranat.tasks.base import IGNORED

assert plugins.document_classification.DocumentClassification.name in tasks.names()


def report(id: str, kind: str, verb: str, gene: str) -> Document:
    """Two sentences with mentions, a relation if something is inhibited, and a class over the whole text."""
    text = f"Imatinib {verb} {gene}. Cisplatin was given to 12 patients with ovarian cancer."
    start = text.index(gene)
    entities = (
        Entity("T0", kind, ((0, len(text)),)),
        Entity("T1", "Chemical", ((0, 8),)),
        Entity("T2", "Gene", ((start, start + len(gene)),)),
        Entity("T3", "Chemical", ((text.index("Cisplatin"), text.index(" was")),)),
    )
    return Document(id, text, entities, (Relation("inhibits", "T1", "T2"),) if verb == "inhibits" else ())


DOCUMENTS = (
    report("1", "Trial", "inhibits", "BRCA1"),
    report("2", "Review", "improves", "BCR-ABL"),
    report("3", "Trial", "inhibits", "KIT"),
)
LONG = replace(DOCUMENTS[0], id="4", text=DOCUMENTS[0].text + " No entity here, only words." * 40)
CORPUS = Corpus("c", "own", "ner", {"train": DOCUMENTS, "dev": DOCUMENTS[:1]}, (), "here", ())


def variants() -> list[Any]:
    """Each task with each choice of its options."""
    found = []
    for name in tasks.names():
        options = tasks.get(name).Options
        choices = {option: get_args(hint) for option, hint in get_type_hints(options).items() if get_args(hint)}
        for chosen in itertools.product(*choices.values()):
            found.append(
                pytest.param(name, options(**dict(zip(choices, chosen, strict=True))), id="-".join([name, *chosen]))
            )
    return found


every_task = pytest.mark.parametrize(("name", "options"), variants())


def task_of(name: str, options: Any, window: int = 64) -> Task:
    return tasks.get(name).for_corpus(CORPUS, copy.deepcopy(tiny.tokenizer("bert")), window, options)


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save("bert", tmp_path_factory.mktemp("backbone"))


def finding(name: str, options: Any, backbone: Path) -> tuple[Task, Any, list[Document]]:
    """A task, a model of random weights that finds something, and what that is."""
    for seed in range(50):
        task = tasks.get(name).for_corpus(CORPUS, load_tokenizer(str(backbone)), 64, options)
        torch.manual_seed(seed)
        model = task.new_model(str(backbone)).eval()
        predicted = task.predict(model, DOCUMENTS)
        if any(task.answers(document) for document in predicted):
            return task, model, predicted
    raise AssertionError("no model finds anything")


def scores(documents: Sequence[Document]) -> list[float]:
    marked = [item for document in documents for item in (*document.entities, *document.relations)]
    return [item.score for item in marked if item.score is not None]


@pytest.mark.parametrize("name", tasks.names())
def test_it_tells_what_it_is(name: str) -> None:
    kind = tasks.get(name)
    assert kind.name == name
    assert kind.definition
    assert kind.__doc__
    assert kind.stage in (None, "entities", "relations")
    task = task_of(name, None)
    assert task.options == kind.Options()
    assert (task.pairs is not None) == (kind.stage == "relations")
    with pytest.raises(dataclasses.FrozenInstanceError):
        task.options.new = 1
    assert task.types
    assert len(set(task.labels)) == len(task.labels)


@every_task
@pytest.mark.parametrize("window", [24, 64])
def test_examples_fit_the_model(name: str, options: Any, window: int) -> None:
    task = task_of(name, options, window)
    encoded = task.encode([*DOCUMENTS, LONG])
    assert encoded.features
    for feature in encoded.features:
        assert len(feature["input_ids"]) == len(feature["special_tokens_mask"]) <= window
        assert {0, 1} == set(feature["special_tokens_mask"])
        labels = feature["labels"] if isinstance(feature["labels"], list) else [feature["labels"]]
        assert all(label == IGNORED or 0 <= label < len(task.labels) for label in labels)
    if encoded.classes:
        assert sum(encoded.classes.values()) == len(encoded.features)
    assert max(encoded.lengths) == max(len(feature["input_ids"]) for feature in encoded.features)


@every_task
def test_a_batch_is_padded(name: str, options: Any) -> None:
    task = task_of(name, options)
    features = task.encode(DOCUMENTS).features
    batch, longest = task.collate(features), max(task.encode(DOCUMENTS).lengths)
    for field in ("input_ids", "attention_mask", "special_tokens_mask"):
        assert batch[field].shape == (len(features), longest)
    for row, feature in enumerate(features):
        length = len(feature["input_ids"])
        assert batch["attention_mask"][row].tolist() == [1] * length + [0] * (longest - length)
        assert batch["special_tokens_mask"][row, length:].all()
        (alone,) = (tensor[0] for field, tensor in task.collate([feature]).items() if field == "input_ids")
        assert batch["input_ids"][row, :length].tolist() == alone.tolist() == feature["input_ids"]
    assert len(batch["labels"]) == len(features)
    assert "labels" not in task.collate(
        [{key: feature[key] for key in feature if key != "labels"} for feature in features]
    )


@every_task
def test_the_loss_is_the_mean_cross_entropy_of_what_has_a_label(name: str, options: Any, backbone: Path) -> None:
    task, model, _ = finding(name, options, backbone)
    features = task.encode(DOCUMENTS).features
    batch = task.collate(features)
    labels = batch["labels"]
    outputs = model(**{key: value for key, value in batch.items() if key not in ("labels", "special_tokens_mask")})
    logits = outputs["logits"]
    assert logits.shape == (*labels.shape, len(task.labels))
    losses = [
        -scores.detach().double().log_softmax(-1)[label].item()
        for scores, label in zip(logits.flatten(0, -2), labels.flatten().tolist(), strict=True)
        if label != IGNORED
    ]
    assert task.loss(outputs, labels).item() == pytest.approx(sum(losses) / len(losses), rel=1e-5)
    parts = [
        task.loss({"logits": logits[part]}, labels[part], torch.tensor(len(losses)))
        for part in (slice(2), slice(2, None))
    ]
    assert sum(parts).item() == pytest.approx(sum(losses) / len(losses), rel=1e-5)
    loss = task.loss(outputs, labels)
    loss.backward()
    assert all(torch.isfinite(weight.grad).all() for weight in model.parameters() if weight.grad is not None)
    assert model.get_input_embeddings().weight.grad.any()


@every_task
def test_prediction_leaves_texts_alone_and_finds_known_types(name: str, options: Any, backbone: Path) -> None:
    task, model, predicted = finding(name, options, backbone)
    given = [*DOCUMENTS, LONG, Document("5", ""), Document("6", " ")]
    prepared = task.prepare(given)
    first, again = task.infer(model, prepared), task.infer(model, prepared)
    assert first == again == task.predict(model, given)
    together = [*map(task.answers, first)]
    assert together[: len(DOCUMENTS)] == [*map(task.answers, predicted)]
    assert [(document.id, document.text) for document in first] == [(document.id, document.text) for document in given]
    assert {kind for found in together for _, kind in found} <= task.types
    for document, before in zip(first, given, strict=True):
        new = {*document.entities, *document.relations} - {*before.entities, *before.relations}
        assert all(0 <= item.score <= 1 for item in new)
    alone = [found for document in DOCUMENTS for found in task.predict(model, [document], batch_size=1)]
    assert [task.answers(document) for document in alone] == [task.answers(document) for document in predicted]
    assert task.predict(model, []) == []


@every_task
def test_what_is_right_scores_one(name: str, options: Any, backbone: Path) -> None:
    task, _, predicted = finding(name, options, backbone)
    perfect = task.score(DOCUMENTS, DOCUMENTS)
    assert (perfect["precision"], perfect["recall"], perfect["f1"]) == (1, 1, 1)
    assert perfect["per_type"].keys() <= task.types | {"Trial", "Review"}
    assert sum(row["gold"] for row in perfect["per_type"].values()) == perfect["gold"] > 0
    expected = micro_scores([*map(task.answers, DOCUMENTS)], [*map(task.answers, predicted)])
    assert task.score(DOCUMENTS, predicted).items() >= expected.items()
    json.dumps(perfect)


@every_task
def test_its_errors_add_up_to_its_scores(name: str, options: Any, backbone: Path) -> None:
    task, _, predicted = finding(name, options, backbone)
    sides = [[task.answers(document) for document in documents] for documents in (DOCUMENTS, predicted)]
    analysis = tasks.get(name).errors(CORPUS, DOCUMENTS, *sides, DOCUMENTS)
    expected = task.score(DOCUMENTS, predicted)
    gold, said = analysis.counts.gold, analysis.counts.predicted
    assert (gold[RIGHT], gold.total(), said.total()) == tuple(
        expected[k] for k in ("true_positives", "gold", "predicted")
    )
    assert {RIGHT, MISSED, INVENTED} <= analysis.judging.verdicts.keys()
    assert gold.keys() | said.keys() <= analysis.judging.verdicts.keys()
    assert {kind: row.gold.total() for kind, row in analysis.tables["type"].items() if row.gold} == {
        kind: row["gold"] for kind, row in expected["per_type"].items() if row["gold"]
    }
    for rows in analysis.tables.values():
        assert sum(row.predicted.total() for row in rows.values()) == said.total()
    json.dumps(analysis.to_dict())
    nothing = tasks.get(name).errors(CORPUS, DOCUMENTS, sides[0], [set() for _ in DOCUMENTS], DOCUMENTS)
    assert nothing.counts.gold == {MISSED: gold.total()}
    assert sum(item.sides.errors for item in nothing.worst) == gold.total()
    for page in (error_page(analysis, "errors", []), error_page(nothing, "errors", [])):
        assert all(meaning in page for meaning in analysis.judging.verdicts.values())


@every_task
def test_types_are_spelt_as_the_model_has_them(name: str, options: Any) -> None:
    task = task_of(name, options)
    shouted = [
        replace(
            document,
            entities=tuple(replace(item, type=item.type.upper()) for item in document.entities),
            relations=tuple(replace(item, type=item.type.upper()) for item in document.relations),
        )
        for document in DOCUMENTS
    ]
    assert [*map(task.answers, map(task.normalise_type_case, shouted))] == [*map(task.answers, DOCUMENTS)]
    assert [*map(task.normalise_type_case, DOCUMENTS)] == [*DOCUMENTS]


@every_task
def test_a_saved_model_is_the_same_task_again(name: str, options: Any, backbone: Path, tmp_path: Path) -> None:
    task, model, predicted = finding(name, options, backbone)
    model.save_pretrained(tmp_path)
    task.tokenizer.save_pretrained(tmp_path)
    stamped = json.loads((tmp_path / "config.json").read_text())["ranat"]
    assert (stamped["task"], stamped["options"]) == (name, dataclasses.asdict(options))
    again, loaded = load(str(tmp_path))
    assert type(again) is tasks.get(name)
    assert (again.labels, again.options, again.pairs) == (task.labels, options, task.pairs)
    assert again.saved() == task.saved()
    found = again.predict(loaded, DOCUMENTS)
    assert [*map(again.answers, found)] == [*map(task.answers, predicted)]
    assert scores(found) == pytest.approx(scores(predicted), abs=1e-5)
