"""A model on a corpus that spells its types otherwise, or has others."""

from __future__ import annotations

import copy
import io
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

import tiny
from ranat.corpora import Corpus
from ranat.documents import Document, Entity, Relation
from ranat.errors import UserError
from ranat.formats import jsonl
from ranat.runs.settings import read_settings
from ranat.tasks import NER, RelationClassification
from ranat.training.evaluate import evaluate

TEXT = "Imatinib BRCA1"


def document(chemical: str, gene: str, relation: str) -> Document:
    entities = (Entity("T1", chemical, ((0, 8),)), Entity("T2", gene, ((9, 14),)))
    return Document("1", TEXT, entities, (Relation(relation, "T1", "T2"),))


def corpus(folder: Path, *types: str) -> str:
    folder.mkdir()
    for split in ("train", "dev", "test"):
        jsonl.write([document(*types)], folder / f"{split}.jsonl")
    return str(folder)


def run(folder: Path, task: Any, always: str) -> Path:
    """A run folder whose model gives every word, or pair, one label."""
    backbone = tiny.save("bert", folder / "backbone")
    model = task.new_model(str(backbone))
    torch.nn.init.zeros_(model.classifier.weight)
    model.classifier.bias.data[task.labels.index(always)] = 1
    model.save_pretrained(folder / "run" / "model")
    task.tokenizer.save_pretrained(folder / "run" / "model")
    settings = {"corpus": "demo", "model": str(backbone), "train": {"precision": "fp32"}}
    (folder / "run" / "config.yaml").write_text(read_settings(flags=settings).to_yaml())
    return folder / "run"


@pytest.fixture
def tagger(tmp_path: Path) -> Path:
    """It knows Chemical and Gene, and finds chemicals alone."""
    labels = ("O", "B-Chemical", "I-Chemical", "B-Gene", "I-Gene")
    return run(tmp_path, NER(labels, tiny.tokenizer("bert"), 64), "B-Chemical")


def test_types_may_differ_in_case(tagger: Path, tmp_path: Path) -> None:
    scores = evaluate(tagger, on=corpus(tmp_path / "corpus", "CHEMICAL", "gene", "x"))
    assert (scores["true_positives"], scores["predicted"], scores["gold"]) == (1, 2, 2)
    assert scores["per_type"].keys() == {"Chemical", "Gene"}
    assert scores["notices"] == []


def test_types_that_one_side_has_are_named(tagger: Path, tmp_path: Path) -> None:
    said = io.StringIO()
    scores = evaluate(tagger, on=corpus(tmp_path / "corpus", "Species", "gene", "x"), console=Console(file=said))
    assert (scores["true_positives"], scores["predicted"], scores["gold"]) == (0, 2, 2)
    assert scores["notices"] == [
        "the model does not know Species (1 gold): counted as missed",
        "test does not have Chemical (2 predicted): counted as wrong",
    ]
    assert said.getvalue().splitlines()[-2:] == [f"note: {notice}" for notice in scores["notices"]]


def test_no_shared_type_is_refused(tagger: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none of its types \(Drug, Species\) is known to the model"):
        evaluate(tagger, on=corpus(tmp_path / "corpus", "Drug", "Species", "x"))


def test_relations_and_the_mentions_they_are_between_may_differ_in_case(tmp_path: Path) -> None:
    splits = {"train": (document("Chemical", "Gene", "Inhibits"),), "dev": ()}
    task = RelationClassification.for_corpus(
        Corpus("c", "own", "relation", splits, (), "here", ()),
        copy.deepcopy(tiny.tokenizer("bert")),
        64,
    )
    folder = run(tmp_path, task, "Inhibits")
    scores = evaluate(folder, on=corpus(tmp_path / "corpus", "CHEMICAL", "gene", "inhibits"))
    assert (scores["f1"], scores["gold"], scores["notices"]) == (1, 1, [])
