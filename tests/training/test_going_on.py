"""Training that goes on from a run, with documents that a person corrected."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file

import small_runs
import untrained
from ranat import corpora
from ranat.disk import sha256
from ranat.documents import Document, Entity
from ranat.errors import UserError
from ranat.formats import jsonl
from ranat.models.heads import give_labels
from ranat.models.loading import load_config, load_tokenizer
from ranat.runs.folder import RunFolder
from ranat.runs.identity import to_go_on_from
from ranat.runs.settings import Settings, read_settings
from ranat.tasks import NER, RelationClassification
from ranat.tasks.relation import RelationOptions
from ranat.training.additions import Additions, additions
from ranat.training.errors import run_errors
from ranat.training.run import default_folder, train

OLD = "With BRCA1 only ."
"""In train, and in no other split."""
NEW = "Imatinib was given for two weeks and nothing else was seen ."


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short run to go on from."""
    folder = tmp_path_factory.mktemp("first")
    corpus = small_runs.corpus(folder / "corpus")
    with (corpus / "train.tsv").open("a") as stream:
        stream.writelines(f"{word}\t{'B-Gene' if word == 'BRCA1' else 'O'}\n" for word in OLD.split())
        stream.write("\n")
    chosen = small_runs.settings(corpus, small_runs.backbone(folder / "backbone"), train={"epochs": 1})
    train(chosen, folder / "run")
    return folder / "run"


def write(file: Path, *documents: Document) -> str:
    file.write_text("".join(f"{jsonl.dumped(document)}\n" for document in documents))
    return str(file)


def sha256_of(file: str) -> str:
    return sha256(Path(file))


def split(run: Path, name: str) -> tuple[Document, ...]:
    return corpora.load(RunFolder(run).settings().corpus).splits[name]


def going_on(run: Path, **flags: Any) -> Settings:
    return read_settings(flags=flags, base=to_go_on_from(run))


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model" / "model.safetensors")


def test_it_begins_with_the_weights_and_the_settings_of_the_run(first: Path, tmp_path: Path) -> None:
    train(going_on(first, train={"learning_rate": 1e-12, "max_steps": 1}), tmp_path / "next")
    before, after = weights(first), weights(tmp_path / "next")
    assert before.keys() == after.keys()
    assert all(torch.allclose(before[name], after[name], atol=1e-9) for name in before)
    base, settings = RunFolder(first).settings().flat(), RunFolder(tmp_path / "next").settings().flat()
    changed = {key for key in settings if settings[key] != base[key]}
    assert changed == {"model", "train.learning_rate", "train.max_steps"}
    assert settings["model"] == str(first)


def test_a_run_is_a_model_wherever_a_model_is_taken(first: Path, tmp_path: Path) -> None:
    corpus = RunFolder(first).settings().corpus
    flags = {"corpus": corpus, "model": str(first), "train": {"max_steps": 1, "learning_rate": 1e-12}}
    train(read_settings(flags=flags), tmp_path / "next")
    assert torch.allclose(weights(first)["classifier.weight"], weights(tmp_path / "next")["classifier.weight"])


def test_what_is_corrected_takes_its_place_and_the_rest_is_added(first: Path, tmp_path: Path) -> None:
    corrected = Document("one", OLD.replace(" ", "  "))
    file = write(tmp_path / "corrected.jsonl", corrected, Document("two", NEW, (Entity("T1", "gene", ((0, 8),)),)))
    said = io.StringIO()
    metrics = train(going_on(first, add=file), tmp_path / "next", console=Console(file=said, width=500))
    facts = metrics["splits"]["train"]
    assert facts["added"] == {"documents": 2, "replaced": 1, "left_out": 0}
    assert facts["documents"] == len(split(first, "train")) + 1
    assert "note: 2 documents added to train; 1 document (" in said.getvalue()
    assert metrics["per_type"]["test"].keys() == {"Gene"}  # as train writes it
    card = (tmp_path / "next" / "README.md").read_text()
    assert f"2 of them were added from `{Path(file).name}` (SHA-256 " in card
    assert set(RunFolder(tmp_path / "next").settings().add) == {file}
    assert run_errors(tmp_path / "next").analysis.documents


def test_what_the_run_is_scored_on_is_left_out_and_told(first: Path, tmp_path: Path) -> None:
    corpus = corpora.load(RunFolder(first).settings().corpus)
    scored = corpus.splits["test"][0]
    longest = max((d.text for d in corpus.splits["dev"]), key=len)
    assert len(longest.replace(" ", "")) >= 40
    part = longest.replace(" ", "")[1:-1]
    documents = [
        Document("new", NEW),
        Document("spaced", scored.text.replace(" ", "   ")),
        Document(scored.id, "Another text of that id, which is not in the test split in any form ."),
        Document("longer", f"Background. {longest} And so on."),
        Document("part", part),
    ]
    file = write(tmp_path / "added.jsonl", *documents)
    found = additions({file: sha256_of(file)}, corpus)
    assert [document.id for document in found.documents] == ["new"]
    assert found.left_out == 4
    assert f"{file}: left out: 4 documents ('spaced', '{scored.id}', 'longer', …)" in str(found.notices[0])
    alone = write(tmp_path / "alone.jsonl", documents[1])
    with pytest.raises(UserError, match="nothing of them can be added"):
        additions({alone: sha256_of(alone)}, corpus)


def test_ids_that_splits_share_name_no_documents() -> None:
    one, other = Document("1", "The first of train."), Document("1", "Quite another one.")
    assert Additions((other,), named=False).to([one]) == [one, other]
    assert Additions((other,), named=True).to([one]) == [other]


def test_a_changed_file_is_refused(first: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "added.jsonl", Document("new", NEW))
    chosen = going_on(first, add=[file], train={"max_steps": 2})
    train(chosen, tmp_path / "next")
    write(tmp_path / "added.jsonl", Document("new", f"{NEW} More."))
    with pytest.raises(UserError, match=r"added\.jsonl: the run began with"):
        train(going_on(first, add=[file], train={"max_steps": 2}), tmp_path / "next", resume=True)
    with pytest.raises(UserError, match="is not what it was when the run was told to add it"):
        train(chosen, tmp_path / "other")
    assert not (tmp_path / "other").exists()
    with pytest.raises(UserError, match="is not there"):
        going_on(first, add=["nothing.jsonl"])
    (tmp_path / "plain.txt").write_text("Only a text.\n")
    with pytest.raises(UserError, match="which has no annotations"):
        train(going_on(first, add=[str(tmp_path / "plain.txt")]), tmp_path / "other")


def test_files_that_the_run_had_added_stay(first: Path, tmp_path: Path) -> None:
    one, two = (write(tmp_path / f"{name}.jsonl", Document(name, f"{NEW} {name}")) for name in ("one", "two"))
    train(going_on(first, add=one, train={"max_steps": 1}), tmp_path / "next")
    assert set(going_on(tmp_path / "next", add=two).add) == {one, two}
    write(tmp_path / "one.jsonl", Document("one", f"{NEW} anew"))
    assert going_on(tmp_path / "next", add=one).add == {one: sha256_of(one)}


def test_a_new_type_is_told_and_what_the_head_knows_is_kept(first: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "added.jsonl", Document("new", NEW, (Entity("T1", "Drug", ((0, 8),)),)))
    said = io.StringIO()
    chosen = going_on(first, add=file, train={"max_steps": 1, "learning_rate": 1e-12})
    train(chosen, tmp_path / "next", console=Console(file=said, width=500))
    assert f"note: {first}: does not know B-Drug, I-Drug yet: that part of its head begins anew" in said.getvalue()
    labels = load_config(str(tmp_path / "next" / "model")).id2label
    assert list(labels.values()) == ["O", "B-Drug", "I-Drug", "B-Gene", "I-Gene"]
    before, after = weights(first), weights(tmp_path / "next")
    for name in ("classifier.weight", "classifier.bias"):
        assert torch.allclose(before[name], after[name][[0, 3, 4]], atol=1e-9)


def test_a_head_is_put_into_the_order_of_the_labels(first: Path) -> None:
    source = str(first / "model")
    task = NER(["I-Gene", "O", "B-Gene"], load_tokenizer(source), 64)
    model, before = task.new_model(source), weights(first)["classifier.weight"]
    assert torch.equal(model.classifier.weight, before[[2, 0, 1]])
    assert model.config.id2label == {0: "I-Gene", 1: "O", 2: "B-Gene"}
    with pytest.raises(UserError, match="no linear layer with 7 outputs"):
        give_labels(model, ["a"], list("abcdefg"))


def test_options_of_another_attack_are_not_taken_over(first: Path) -> None:
    pgd = going_on(first, attack={"name": "pgd"})
    assert pgd.attack["name"] == "pgd"
    assert (
        pgd.attack["epsilon"]
        == read_settings(flags={"corpus": "demo", "model": "minilm", "attack": {"name": "pgd"}}).attack["epsilon"]
    )
    assert going_on(first, attack={"epsilon": 0.1}).attack == {**RunFolder(first).settings().attack, "epsilon": 0.1}
    assert going_on(first, attack={"name": "none"}).regime == "standard"
    assert default_folder(going_on(first)) == first.with_name("run-next")


@pytest.mark.slow
def test_a_resumed_run_ends_in_the_same_weights(first: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "added.jsonl", Document("new", NEW, (Entity("T1", "Drug", ((0, 8),)),)))
    chosen = going_on(first, add=file, train={"epochs": 2})
    train(chosen, tmp_path / "whole")
    small_runs.die_in_evaluation(chosen, tmp_path / "killed", 2)
    train(chosen, tmp_path / "killed", resume=True)
    small_runs.assert_alike(tmp_path / "whole", tmp_path / "killed")


def test_settings_give_themselves_back(first: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "added.jsonl", Document("new", NEW))
    chosen = going_on(first, add=file)
    (tmp_path / "config.yaml").write_text(chosen.to_yaml())
    assert read_settings(tmp_path / "config.yaml") == chosen
    assert json.loads(json.dumps(chosen.model_dump()))["add"] == {file: sha256_of(file)}


def test_relations_keep_their_head_and_their_marks_and_other_tasks_begin_anew(tmp_path: Path) -> None:
    source = untrained.save_all(tmp_path)["relation"]
    before = load_file(Path(source) / "model.safetensors")
    labels, pairs = ["false", "CPR:4", "CPR:9"], untrained.CHEMICAL_GENE
    task = RelationClassification(labels, load_tokenizer(source), 64, RelationOptions(), pairs)
    model = task.new_model(source)
    assert torch.equal(model.get_input_embeddings().weight, before["bert.embeddings.word_embeddings.weight"])
    assert torch.equal(model.classifier.weight[:2], before["classifier.weight"][[0, 2]])
    tagger = NER(["O", "B-Gene", "I-Gene"], load_tokenizer(source), 64).new_model(source)
    assert tagger.classifier.weight.shape == before["classifier.weight"].shape
    assert not torch.equal(tagger.classifier.weight, before["classifier.weight"])
    entity = RelationClassification(labels, load_tokenizer(source), 64, RelationOptions("entity"), pairs)
    entity.new_model(source).save_pretrained(tmp_path / "entity")
    with pytest.raises(UserError, match="head over two entities"):
        task.new_model(str(tmp_path / "entity"))
