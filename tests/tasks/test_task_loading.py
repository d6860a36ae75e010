"""A model and its task, found out from what lies in a folder."""

from __future__ import annotations

import copy
import json
import socket
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load_file, save_file

import tiny
from ranat.corpora import Corpus
from ranat.documents import Document, Entity, Relation
from ranat.documents.pairs import PairTypes
from ranat.errors import UserError
from ranat.models.loading import load_tokenizer
from ranat.models.precision import cast
from ranat.runs.loading import load
from ranat.tasks import NER, RelationClassification
from ranat.tasks.relation import RelationOptions

TAGS = ("O", "B-Disease", "I-Disease")
TEXT = "Imatinib inhibits BCR-ABL and KIT."
DOCUMENT = Document(
    "1",
    TEXT,
    (Entity("T1", "Chemical", ((0, 8),)), Entity("T2", "Gene", ((18, 25),)), Entity("T3", "Gene", ((30, 33),))),
    (Relation("inhibits", "T1", "T2"),),
)
CORPUS = Corpus("c", "own", "relation", {"train": (DOCUMENT,), "dev": ()}, (), "here", ())

TYPES = {"types": [["Chemical", "Gene"]]}
OPTIONS = {"representation": "cls", "marking": "dummy"}


def relation_with(pairs: Any = TYPES, **options: str) -> Any:
    """What the configuration of a relation model holds."""
    return {"task": "relation", "options": OPTIONS | options, "pairs": pairs}


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("no network is needed here")

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(socket.socket, "connect", refuse)


def tagger(folder: Path, labels: tuple[str, ...] = TAGS, architecture: str = "bert") -> Path:
    """A model folder as any training script of transformers writes it."""
    model = tiny.model(architecture, num_labels=len(labels))
    model.config.id2label = dict(enumerate(labels))
    model.config.label2id = {label: number for number, label in enumerate(labels)}
    model.save_pretrained(folder)
    tiny.tokenizer(architecture).save_pretrained(folder)
    return folder


def classifier(folder: Path, representation: str = "cls") -> tuple[RelationClassification, Any]:
    backbone = tiny.save("bert", folder.parent / "backbone")
    tokenizer = load_tokenizer(str(backbone))
    task = RelationClassification.for_corpus(CORPUS, tokenizer, 64, RelationOptions(representation))
    model = task.new_model(str(backbone)).eval()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return task, model


def change(folder: Path, **values: Any) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
@pytest.mark.parametrize("labels", [TAGS, ("B-A", "I-A", "O", "B-B"), ("O", "S-A", "B-A", "I-A", "E-A"), ("I-A", "O")])
def test_a_tagger_from_anywhere(tmp_path: Path, architecture: str, labels: tuple[str, ...]) -> None:
    task, model = load(str(tagger(tmp_path, labels, architecture)))
    assert isinstance(task, NER)
    assert task.labels == labels
    assert {weights.dtype for weights in model.parameters()} == {torch.float32}
    assert not model.training
    documents = [Document(str(number), text) for number, text in enumerate(tiny.TEXTS)]
    plain, own = NER(labels, tiny.tokenizer(architecture), 64), tiny.model(architecture, num_labels=len(labels))
    own.set_attn_implementation(model.config._attn_implementation)
    assert task.predict(model, documents) == plain.predict(own, documents)


def test_a_run_folder(tmp_path: Path) -> None:
    tagger(tmp_path / "run" / "model")
    (tmp_path / "run" / "config.yaml").write_text("task: ner\n")
    task, _ = load(str(tmp_path / "run"))
    assert task.types == {"Disease"}


@pytest.mark.parametrize("representation", ["cls", "entity"])
def test_a_classifier_of_pairs(tmp_path: Path, representation: str) -> None:
    expected, trained = classifier(tmp_path / "model", representation)
    task, model = load(str(tmp_path / "model"))
    assert isinstance(task, RelationClassification)
    assert task.pairs == PairTypes(frozenset({("Chemical", "Gene")}))
    assert task.predict(model, [DOCUMENT]) == expected.predict(trained, [DOCUMENT])


def test_a_model_of_a_task_that_is_not_known_here(tmp_path: Path) -> None:
    change(tagger(tmp_path), ranat={"task": "parsing", "options": {}})
    assert refusal(tmp_path) == (
        f"{tmp_path}: the model is for the task 'parsing', which is not known here "
        "(name the file or module that has the task with --plugin)"
    )


def refusal(name: Path | str) -> str:
    with pytest.raises(UserError) as caught:
        load(str(name))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_where_nothing_is(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    for name in (tmp_path / "empty", tmp_path / "file", tmp_path / "missing", "minilm", "", "~/a", "a/b/c"):
        assert refusal(name).startswith(f"{name}: no run and no model is here (" if str(name) else "no run")


def test_a_mistyped_path_is_not_asked_for_on_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trained").mkdir()
    for name in ("runs/chem", "trained/chem"):
        assert refusal(name).startswith(f"{name}: no run and no model is here (")


def test_a_run_that_is_not_finished(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").touch()
    assert "the run is not finished" in refusal(tmp_path)


def test_a_hub_id_that_cannot_be_reached() -> None:
    assert refusal("someone/some-tagger").startswith("someone/some-tagger: cannot load someone/some-tagger: ")


@pytest.mark.parametrize("file", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_damaged_run_is_named_as_it_was_given(tmp_path: Path, file: str) -> None:
    tagger(tmp_path / "run" / "model")
    (tmp_path / "run" / "config.yaml").write_text("task: ner\n")
    (tmp_path / "run" / "model" / file).write_text("not json")
    assert refusal(tmp_path / "run").startswith(f"{tmp_path / 'run'}: cannot load {tmp_path / 'run' / 'model'}: ")


def test_a_model_that_takes_too_few_tokens_is_named_as_it_was_given(tmp_path: Path) -> None:
    change(tagger(tmp_path), max_position_embeddings=8)
    assert refusal(tmp_path).startswith(f"{tmp_path}: takes 8 tokens at a time (")


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        (("LABEL_0", "LABEL_1"), "'LABEL_0' is not a tag"),
        (("O", "B-A", "I-A", "I-B"), "there is no B-B"),
        (("NEGATIVE", "POSITIVE"), "'NEGATIVE' is not a tag"),
    ],
)
def test_labels_that_are_no_tags(tmp_path: Path, labels: tuple[str, ...], why: str) -> None:
    line = refusal(tagger(tmp_path, labels))
    assert line.startswith(f"{tmp_path}: the model is for no task known here: {why}")


def test_an_encoder_without_a_head_is_not_given_one_at_random(tmp_path: Path) -> None:
    tiny.save("bert", tmp_path)
    change(tmp_path, id2label=dict(enumerate(TAGS)), label2id={label: n for n, label in enumerate(TAGS)})
    assert refusal(tmp_path).startswith(f"{tmp_path}: the files lack 2 of its weights, such as classifier.bias (")


@pytest.mark.parametrize(
    ("representation", "why"),
    [("cls", "the files lack 1 of its weights, such as classifier.weight"), ("entity", ": cannot load ")],
)
def test_a_classifier_without_its_head(tmp_path: Path, representation: str, why: str) -> None:
    classifier(tmp_path / "model", representation)
    weights = load_file(tmp_path / "model" / "model.safetensors")
    del weights["classifier.weight"]
    save_file(weights, tmp_path / "model" / "model.safetensors", metadata={"format": "pt"})
    assert why in refusal(tmp_path / "model")


@pytest.mark.parametrize(
    "section",
    [
        None,
        {},
        {"task": None},
        {"pairs": TYPES, "options": OPTIONS},
        {"task": "relation"},
        relation_with({}),
        relation_with(None),
        relation_with({"types": [["A"]]}),
        relation_with({"types": [[1, 2]]}),
        relation_with(TYPES | {"dummies": 3}),
        relation_with(TYPES | {"more": 1}),
        relation_with(representation="x"),
        relation_with(marking="x"),
        relation_with(marks="dummy"),
        {"task": "relation", "options": None, "pairs": TYPES},
        {"task": "relation", "options": {"marking": "dummy"}, "pairs": TYPES},
        {"task": "ner", "options": OPTIONS},
    ],
)
def test_a_broken_section_of_the_configuration(tmp_path: Path, section: Any) -> None:
    classifier(tmp_path / "model")
    change(tmp_path / "model", ranat=section)
    assert "what its configuration says under `ranat` cannot be understood" in refusal(tmp_path / "model")


def test_parts_that_do_not_belong_together(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    classifier(folder)
    pairs = TYPES | {"negative": "none"}
    change(folder, ranat=relation_with(pairs))
    assert "its first label is 'false', not the negative class 'none'" in refusal(folder)
    change(folder, ranat=relation_with({**pairs, "negative": "false"}, representation="entity"))
    assert "it has no head over two entities" in refusal(folder)
    change(folder, ranat=relation_with({"types": [["Drug", "Gene"]]}))
    assert "its tokenizer does not know the mark @DRUG" in refusal(folder)


def test_a_tokenizer_with_more_words_than_the_model(tmp_path: Path) -> None:
    folder = tagger(tmp_path)
    tokenizer = copy.deepcopy(tiny.tokenizer("bert"))
    before = len(tokenizer)
    tokenizer.add_tokens(["[[new]]"])
    tokenizer.save_pretrained(folder)
    assert f"the tokenizer has {before + 1} tokens, the model knows {before}" in refusal(folder)


def test_labels_without_their_numbers(tmp_path: Path) -> None:
    folder = tagger(tmp_path)
    change(folder, id2label={"1": "O", "2": "B-A", "3": "I-A"})
    assert "id2label does not name them by 0, 1, …" in refusal(folder)


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_in_half_precision_it_finds_nearly_the_same(tmp_path: Path, architecture: str) -> None:
    task, model = load(str(tagger(tmp_path, TAGS, architecture)))
    torch.nn.init.constant_(model.classifier.bias[1:2], 1.0)
    documents = [Document(str(number), text) for number, text in enumerate(tiny.TEXTS)]
    expected = {(d.id, e.spans): e.score for d in task.predict(model, documents) for e in d.entities}
    assert cast(model, "bf16") is model
    assert {weights.dtype for weights in model.parameters()} == {torch.bfloat16}
    found = {(d.id, e.spans): e.score for d in task.predict(model, documents) for e in d.entities}
    both = expected.keys() & found.keys()
    assert len(both) > 0.8 * len(expected.keys() | found.keys())
    assert [found[key] for key in both] == pytest.approx([expected[key] for key in both], abs=0.05)
