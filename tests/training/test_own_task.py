"""A task that a plug-in brings: its file is all that is new, and it lives the whole life of a run."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import yaml

import tiny
from plugins.document_classification import DocumentClassification, DocumentOptions
from ranat.documents import Document, Entity
from ranat.errors import UsageError, UserError
from ranat.extraction import Extractor
from ranat.formats import jsonl
from ranat.runs.loading import load
from ranat.runs.settings import read_settings
from ranat.training.errors import run_errors
from ranat.training.evaluate import evaluate
from ranat.training.run import train


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Texts of class Drug that begin with one, and of class Gene; a few have no class."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    for split, count in (("train", 40), ("dev", 8), ("test", 8)):
        chooser = random.Random(split)
        documents = [Document("none", "Nothing is said.")]
        for number in range(count):
            kind = chooser.choice(["Drug", "Gene"])
            text = f"{'Cisplatin' if kind == 'Drug' else 'BRCA1'} in {chooser.randint(1, 99)} patients ."
            documents.append(Document(str(number), text, (Entity("T1", kind, ((0, len(text)),)),)))
        jsonl.write(documents, folder / f"{split}.jsonl")
    return folder


def settings(corpus: Path, backbone: Path, **more: Any) -> Any:
    chosen = {"epochs": 10, "batch_size": 4, "learning_rate": 0.003, "precision": "fp32"}
    return read_settings(
        flags={"corpus": str(corpus), "model": str(backbone), "task": "document", "train": chosen, **more}
    )


def test_it_trains_is_loaded_again_evaluated_and_analysed(corpus: Path, backbone: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    chosen = settings(
        corpus, backbone, document={"keep": "tail"}, attack={"name": "pgd", "epsilon": 0.1}, rat={"p": 0.5}
    )
    metrics = train(chosen, run)
    assert metrics["splits"]["train"]["classes"].keys() == {"Drug", "Gene"}
    assert metrics["test"]["gold"] == 8
    assert metrics["test"]["f1"] > 0.75
    config = yaml.safe_load((run / "config.yaml").read_text())
    assert (config["task"], config["document"]) == ("document", {"keep": "tail"})
    assert train(chosen, run, resume=True) == metrics

    task, model = load(str(run))
    assert isinstance(task, DocumentClassification)
    assert (task.labels, task.options) == (("Drug", "Gene"), DocumentOptions("tail"))
    (found,) = task.predict(model, [Document("1", "BRCA1 in 7 patients .")])
    assert task.answers(found) == {(((0, 21),), "Gene")}

    again = evaluate(run, on=str(corpus))
    assert {name: again[name] for name in metrics["test"]} == metrics["test"]
    assert again["definition"] == DocumentClassification.definition

    errors = run_errors(run)
    counts = errors.analysis.counts
    assert counts.gold["right"] == metrics["test"]["true_positives"]
    assert counts.predicted["invented"] == 1  # the text without a class gets one
    assert errors.analysis.tables.keys() == {"type"}
    assert errors.to_dict()["worst"][0]["text"] == "Nothing is said."
    errors.write(tmp_path / "errors.html")
    assert "predicted, and there is nothing in gold" in (tmp_path / "errors.html").read_text()


def test_its_model_is_for_no_stage_of_extraction(corpus: Path, backbone: Path, tmp_path: Path) -> None:
    train(settings(corpus, backbone, train={"max_steps": 1}), tmp_path / "run")
    for flag, given in (("--ner", {"ner": tmp_path / "run"}), ("--re", {"re": tmp_path / "run"})):
        with pytest.raises(UserError, match=f"^{flag} .*: the task document has no part in extraction"):
            Extractor.load(**given)


def test_where_the_plug_in_is_missing_it_is_named(
    corpus: Path, backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    train(settings(corpus, backbone, document={"keep": "tail"}, train={"max_steps": 1}), run)
    from ranat.tasks import tasks

    monkeypatch.setattr(tasks, "_components", {name: tasks.get(name) for name in ("ner", "relation")})
    with pytest.raises(UserError, match=r"the model is for the task 'document', which is not known here .*--plugin"):
        load(str(run))
    with pytest.raises(UserError, match=r"config.yaml: task: unknown task 'document' \(.*--plugin"):
        run_errors(run)
    assert json.loads((run / "model" / "config.json").read_text())["ranat"]["task"] == "document"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"document": {"keep": "middle"}}, "document.keep: input should be 'head' or 'tail', not 'middle'"),
        (
            {"document": {"kep": "tail"}},
            r"document.kep: the task document has no option 'kep' \(did you mean 'keep'\?\)",
        ),
        ({"relation": {"marking": "typed"}}, "relation: is set, but the task is document"),
        ({"task": "documents"}, r"task: unknown task 'documents' \(did you mean 'document'\?"),
    ],
)
def test_its_options_are_checked(more: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=f"^{message}"):
        settings(Path("demo"), Path("minilm"), **more)


def test_a_corpus_without_classes_is_refused(backbone: Path, tmp_path: Path) -> None:
    for split in ("train", "dev"):
        jsonl.write([Document("1", tiny.TEXTS[0])], tmp_path / f"{split}.jsonl")
    with pytest.raises(UserError, match="no document of the training split has a class"):
        train(settings(tmp_path, backbone), tmp_path / "run")
