"""Runs of the relation task: attacks, RAT, cost and resume come from the same code as for NER."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import pipeline

from ranat.attacks import attacks
from ranat.documents import Document, Entity, Relation
from ranat.errors import UsageError, UserError
from ranat.extraction.score import end_to_end
from ranat.formats import jsonl
from ranat.runs.settings import read_settings
from ranat.training.errors import run_errors
from ranat.training.evaluate import TrainedRun, evaluate
from ranat.training.run import train
from ranat.training.runtrainer import RunTrainer


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Imatinib relates to what follows "inhibits", and to nothing else."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    for split, count in (("train", 40), ("dev", 8), ("test", 8)):
        chooser = random.Random(split)
        documents = []
        for number in range(count):
            verb = chooser.choice(["inhibits", "improves"])
            text = f"Imatinib {verb} BRCA1 in {chooser.randint(1, 99)} patients ."
            start = text.index("BRCA1")
            entities = (Entity("T1", "Chemical", ((0, 8),)), Entity("T2", "Gene", ((start, start + 5),)))
            relations = (Relation("inhibits", "T1", "T2"),) if verb == "inhibits" else ()
            documents.append(Document(str(number), text, entities, relations))
        jsonl.write(documents, folder / f"{split}.jsonl")
    return folder


class Killed(Exception):
    """Stands for whatever ends a process."""


def run(corpus: Path, backbone: Path, out: Path, *, resume: bool = False, **more: Any) -> dict[str, Any]:
    chosen = {"epochs": 4, "batch_size": 4, "learning_rate": 0.01, "precision": "fp32"} | more.pop("train", {})
    flags = {"corpus": str(corpus), "model": str(backbone), "task": "relation", "train": chosen, **more}
    return train(read_settings(flags=flags), out, resume=resume)


@pytest.mark.parametrize("representation", ["cls", "entity"])
@pytest.mark.parametrize("attack", ["none", *attacks.names()])
def test_every_attack_trains_relations(
    attack: str, representation: str, corpus: Path, backbone: Path, tmp_path: Path
) -> None:
    more: dict[str, Any] = {} if attack == "none" else {"attack": {"name": attack}, "rat": {"p": 0.5, "gate": "exact"}}
    metrics = run(
        corpus, backbone, tmp_path / "run", relation={"representation": representation}, train={"max_steps": 8}, **more
    )
    cost = json.loads((tmp_path / "run" / "cost.json").read_text())
    assert cost["attacked_batches"] == (0 if attack == "none" else 4)
    assert cost["unusable_gradients"] == 0
    assert metrics["splits"]["train"]["classes"].keys() == {"false", "inhibits"}
    assert sum(sum(row.values()) for row in metrics["test"]["confusion"].values()) == 8


@pytest.mark.parametrize("representation", ["cls", "entity"])
def test_a_relation_run_learns_and_is_evaluated_again(
    representation: str, corpus: Path, backbone: Path, tmp_path: Path
) -> None:
    relation = {"representation": representation, "marking": "typed"}
    metrics = run(corpus, backbone, tmp_path / "run", relation=relation, train={"epochs": 10, "learning_rate": 0.003})
    losses = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [entry["loss"] for entry in losses if "loss" in entry][-1] < 0.6  # log 2 is 0.69
    again = evaluate(tmp_path / "run", on=str(corpus))
    assert {name: again[name] for name in metrics["test"]} == metrics["test"]
    lines = [json.loads(line) for line in (tmp_path / "run" / "predictions" / "test.jsonl").read_text().splitlines()]
    for side in ("gold", "predicted"):
        assert sum(line[side] == [[["T1", "T2"], "inhibits"]] for line in lines) == metrics["test"][side]


def test_relations_between_concepts_are_trained_and_scored_as_such(
    corpus: Path, backbone: Path, tmp_path: Path
) -> None:
    """As PubTator files give them; one that no sentence holds is missed, and nothing else has to be."""
    folder = tmp_path / "concepts"
    folder.mkdir()
    for split in ("train", "dev", "test"):
        blocks = []
        for line in (corpus / f"{split}.jsonl").read_text().splitlines():
            document = json.loads(line)
            id, start = document["id"], document["text"].index("BRCA1")
            relations = [f"{id}\tinhibits\tD1\t672"] * len(document["relations"]) + [f"{id}\tinhibits\tD1\t25"]
            rows = [(0, 8, "Imatinib", "Chemical", "D1"), (start, start + 5, "BRCA1", "Gene", "672|673")]
            rows += [(len(document["text"]) + 1, len(document["text"]) + 4, "KIT", "Gene", "25")]
            blocks += [
                f"{id}|t|{document['text']}",
                f"{id}|a|KIT was not measured.",
                *("\t".join(map(str, (id, *row))) for row in rows),
            ]
            blocks += [*relations, ""]
        (folder / f"{split}.pubtator").write_text("\n".join(blocks))
    metrics = run(folder, backbone, tmp_path / "run", train={"epochs": 10, "learning_rate": 0.003})
    scores, related = metrics["test"], (corpus / "test.jsonl").read_text().count('"head"')
    assert 0 < related < 8
    assert (scores["gold"], scores["beyond_sentences"]) == (8 + related, 8)
    assert 0 < scores["recall"] <= scores["recall_ceiling"] == related / (8 + related)
    assert scores["predicted"] % 2 == 0  # both parts of the composite mention
    assert "between concepts" in metrics["definition"]
    assert "In test: 8 relations that no sentence holds, counted as missed." in (tmp_path / "run/README.md").read_text()
    again = evaluate(tmp_path / "run", on=str(folder))
    assert {name: again[name] for name in scores} == scores
    assert again["definition"] == metrics["definition"]
    errors = run_errors(tmp_path / "run").analysis
    assert errors.counts.gold["right"] == scores["true_positives"]
    assert errors.tables["a sentence has both"]["no"].gold.total() == 8
    with pytest.raises(UserError, match="test relates concepts, and mentions that are found in raw text have none"):
        end_to_end(["none"], str(tmp_path / "run"), str(folder))


def test_the_pipeline_of_transformers_says_the_same(corpus: Path, backbone: Path, tmp_path: Path) -> None:
    run(corpus, backbone, tmp_path / "run", train={"epochs": 2})
    lines = [json.loads(line) for line in (tmp_path / "run" / "predictions" / "test.jsonl").read_text().splitlines()]
    texts = [line["text"].replace("Imatinib", "@CHEMICAL$").replace("BRCA1", "@GENE$") for line in lines]
    said = pipeline("text-classification", str(tmp_path / "run" / "model"))(texts)
    assert [answer["label"] for answer in said] == ["inhibits" if line["predicted"] else "false" for line in lines]


@pytest.mark.parametrize("representation", ["cls", "entity"])
def test_a_relation_run_that_died_goes_on_to_the_same_weights(
    representation: str, corpus: Path, backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = {"relation": {"representation": representation}, "attack": {"name": "pgd"}, "rat": {"p": 0.5}}
    whole = run(corpus, backbone, tmp_path / "whole", **chosen)
    original, calls = RunTrainer.evaluate, []

    def dies(self: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise Killed
        return original(self, *args, **kwargs)

    monkeypatch.setattr(RunTrainer, "evaluate", dies)
    with pytest.raises(Killed):
        run(corpus, backbone, tmp_path / "broken", **chosen)
    monkeypatch.undo()
    assert run(corpus, backbone, tmp_path / "broken", resume=True, **chosen) == whole
    weights = [(tmp_path / name / "model" / "model.safetensors").read_bytes() for name in ("whole", "broken")]
    assert weights[0] == weights[1]


def test_the_last_epoch_is_kept_without_evaluations_between(corpus: Path, backbone: Path, tmp_path: Path) -> None:
    run(corpus, backbone, tmp_path / "best")
    run(corpus, backbone, tmp_path / "last", train={"keep": "last"})
    best, last = (TrainedRun.load(tmp_path / name).model.state_dict() for name in ("best", "last"))
    evaluated = [json.loads(line) for line in (tmp_path / "best" / "log.jsonl").read_text().splitlines()]
    dev = [entry["eval_f1"] for entry in evaluated if "eval_f1" in entry]
    same = all(torch.equal(best[name], last[name]) for name in best)
    assert same == (dev.index(max(dev)) == len(dev) - 1)  # only if the best epoch is the last
    logged = {name: (tmp_path / name / "log.jsonl").read_text() for name in ("best", "last")}
    assert logged["best"].count("eval_f1") == 4
    assert "eval_f1" not in logged["last"]
    with pytest.raises(UsageError, match=r"train.patience: needs the evaluations that keep: last leaves out"):
        run(corpus, backbone, tmp_path / "both", train={"keep": "last", "patience": 2})


def test_a_run_whose_task_the_corpus_tells_is_resumed(backbone: Path, tmp_path: Path) -> None:
    """Instances are for relations; that, and the options, stand in the run's settings but not in what is asked for."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    for split in ("train", "dev"):
        (folder / f"{split}.tsv").write_text("1\t@CHEMICAL$ inhibits @GENE$.\tX\n2\t@CHEMICAL$ and @GENE$.\tfalse\n")
    settings = read_settings(flags={"corpus": str(folder), "model": str(backbone), "train": {"max_steps": 1}})
    metrics = train(settings, tmp_path / "run")
    assert "relation.marking" in read_settings(tmp_path / "run" / "config.yaml").flat()
    assert train(settings, tmp_path / "run", resume=True) == metrics
    other = read_settings(flags=settings.model_dump() | {"relation": {"marking": "typed"}})
    with pytest.raises(UserError, match=r"relation.marking: the run began with 'dummy', not 'typed'"):
        train(other, tmp_path / "run", resume=True)


def test_options_of_the_relation_task_need_that_task(corpus: Path, backbone: Path, tmp_path: Path) -> None:
    flags = {"corpus": str(corpus), "model": str(backbone), "relation": {"representation": "entity"}}
    with pytest.raises(UsageError, match="relation: is set, but the task is ner"):
        train(read_settings(flags=flags), tmp_path / "run")
    assert not (tmp_path / "run").exists()
