"""A run folder: what is in it, who can load it, and what happens when a run stops early or the disk is full."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from transformers import pipeline

from ranat.documents import Document
from ranat.errors import UserError
from ranat.runs.card import MODEL
from ranat.runs.settings import Settings, TrainSettings, read_settings
from ranat.training import run as run_module
from ranat.training.callbacks import exhausted
from ranat.training.evaluate import TrainedRun, evaluate
from ranat.training.prepare import sample
from ranat.training.run import train
from ranat.training.runtrainer import RunTrainer


class Killed(Exception):
    """Stands for whatever ends a process."""


TRAIN = {"epochs": 3, "batch_size": 4, "learning_rate": 0.01, "precision": "fp32"}


def settings(corpus: Path, backbone: Path, **more: Any) -> Settings:
    attack = {"name": "fgm", "epsilon": 0.3}
    flags = {"corpus": str(corpus), "model": str(backbone), "attack": attack, "train": TRAIN | more}
    return read_settings(flags=flags)


@pytest.fixture
def run(tmp_path: Path, backbone: Path, corpus: Path) -> Path:
    train(settings(corpus, backbone), tmp_path / "run")
    return tmp_path / "run"


def test_a_run_folder_has_what_the_design_says(run: Path) -> None:
    names = {path.name for path in run.iterdir() if path.name != ".lock"}
    told = {
        "config.yaml",
        "metrics.json",
        "cost.json",
        "log.jsonl",
        "predictions",
        "model",
        "README.md",
        "run.json",
    } | {"curves.svg"}
    assert names == told
    config = yaml.safe_load((run / "config.yaml").read_text())
    assert config["train"]["learning_rate"] == 0.01
    assert config["task"] == "ner"
    metrics = json.loads((run / "metrics.json").read_text())
    for split in ("dev", "test"):
        assert {"precision", "recall", "f1", "unrepresentable"} <= metrics[split].keys()
        assert metrics["per_type"][split].keys() == {"Gene"}
        assert len(metrics["splits"][split]["sha256"]) == 64
    assert "strict" in metrics["definition"]
    cost = json.loads((run / "cost.json").read_text())
    assert cost["xfp"] == 6 * cost["attacked_batches"] + 3 * (cost["batches"] - cost["attacked_batches"])
    steps = [json.loads(line)["step"] for line in (run / "log.jsonl").read_text().splitlines()]
    assert steps == sorted(steps)
    card = (run / "README.md").read_text()
    assert f"{100 * metrics['test']['f1']:.2f}" in card
    assert (run / "model" / "README.md").read_text() == card
    assert not [path.name for path in run.rglob("*") if path.suffix in (".bin", ".pt", ".pth", ".pkl")]


def test_a_plain_pipeline_loads_the_model_and_finds_the_same(run: Path, corpus: Path) -> None:
    tagger = pipeline("token-classification", model=str(run / "model"), aggregation_strategy="first")
    gold = json.loads((run / "predictions" / "test.jsonl").read_text().splitlines()[0])
    trained = TrainedRun.load(run)
    (ours,) = trained.task.predict(trained.model, [Document("1", gold["text"])])
    assert [[list(span) for span in entity.spans] for entity in ours.entities] == [
        [[found["start"], found["end"]]] for found in tagger(gold["text"]) if found["entity_group"] == "Gene"
    ]


def test_the_snippets_of_the_card_run(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card = (run / "model" / "README.md").read_text()
    snippets = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    assert len(snippets) == 2
    for snippet in snippets:
        exec(snippet.replace(MODEL, str(run / "model")), {})
    assert capsys.readouterr().out.count("\n") == 2


def test_evaluate_repeats_what_the_run_says(run: Path) -> None:
    metrics = json.loads((run / "metrics.json").read_text())
    assert evaluate(run)["f1"] == metrics["test"]["f1"]
    assert evaluate(run, split="dev")["f1"] == metrics["dev"]["f1"]


def test_a_run_moved_after_it_was_killed_goes_on(
    tmp_path: Path, backbone: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The best checkpoint is looked for where the run lies now."""
    chosen = settings(corpus, backbone, epochs=4)
    whole = train(chosen, tmp_path / "whole")

    original = RunTrainer.evaluate
    calls = []

    def dies(self: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise Killed
        return original(self, *args, **kwargs)

    monkeypatch.setattr(RunTrainer, "evaluate", dies)
    with pytest.raises(Killed):
        train(chosen, tmp_path / "here")
    monkeypatch.undo()
    (tmp_path / "here").rename(tmp_path / "there")
    assert train(chosen, tmp_path / "there", resume=True) == whole
    weights = [(tmp_path / name / "model" / "model.safetensors").read_bytes() for name in ("whole", "there")]
    assert weights[0] == weights[1]


def test_patience_stops_and_a_resumed_run_stays_stopped(
    tmp_path: Path, backbone: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = settings(corpus, backbone, epochs=30, learning_rate=1e-9, patience=2)  # learns nothing

    def dies(*args: Any) -> Any:
        raise Killed

    monkeypatch.setattr(run_module, "_finish", dies)
    with pytest.raises(Killed):
        train(chosen, tmp_path / "run")
    monkeypatch.undo()
    train(chosen, tmp_path / "run", resume=True)
    cost = json.loads((tmp_path / "run" / "cost.json").read_text())
    assert cost["batches"] == 3 * 23  # the first epoch is the best, and two more bring nothing


def test_patience_counts_from_the_log() -> None:
    assert exhausted([{"eval_f1": f1} for f1 in (0.5, 0.6, 0.6, 0.55)], 2)
    assert not exhausted([{"eval_f1": f1} for f1 in (0.5, 0.6, 0.6, 0.61)], 2)
    assert not exhausted([{"eval_f1": f1} for f1 in (0.5, 0.4)], 2)
    assert not exhausted([], 1)


def test_the_same_seed_gives_the_same_run_and_another_seed_another(
    tmp_path: Path,
    backbone: Path,
    corpus: Path,
) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train(settings(corpus, backbone, seed=seed, epochs=1), tmp_path / name)
    a, b, c = ((tmp_path / name / "model" / "model.safetensors").read_bytes() for name in "abc")
    assert a == b
    assert a != c


def chosen(documents: list[Document], **options: Any) -> list[int]:
    return [int(document.id) for document in sample(documents, TrainSettings(**options))]


def test_a_sample_is_the_same_documents_for_every_run_and_samples_share_none() -> None:
    documents = [Document(str(number), "") for number in range(100)]
    tenth, half = chosen(documents, fraction=0.1, seed=1), chosen(documents, fraction=0.5, seed=2)
    assert len(tenth) == 10
    assert set(tenth) < set(half)
    assert half == sorted(half)
    assert len(chosen(documents, fraction=0.001)) == 1
    assert chosen(documents) == list(range(100))
    tenths = [chosen(documents, fraction=0.1, sample=number) for number in range(10)]
    assert sorted(number for one in tenths for number in one) == list(range(100))


def test_a_sample_that_is_not_there_is_told() -> None:
    with pytest.raises(ValueError, match=r"there are 3 samples of 0\.3, counted from 0"):
        TrainSettings(fraction=0.3, sample=3)
    with pytest.raises(UserError, match="3 documents have no sample 1"):
        chosen([Document(str(number), "") for number in range(3)], fraction=0.5, sample=1)
    settings = TrainSettings(fraction=0.3, sample=1)
    assert TrainSettings(**settings.model_dump()) == settings
    assert "sample" not in TrainSettings(fraction=0.3).model_dump()


def test_a_tracker_that_is_not_there_is_named(tmp_path: Path, backbone: Path, corpus: Path) -> None:
    with pytest.raises(UserError, match=r"^train\.report_to: 'nosuch'"):
        train(settings(corpus, backbone, report_to="nosuch"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_tensorboard_finds_the_losses(tmp_path: Path, backbone: Path, corpus: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("TENSORBOARD_LOGGING_DIR", raising=False)
        train(settings(corpus, backbone, report_to="tensorboard", epochs=1), tmp_path / "run")
        patch.delenv("TENSORBOARD_LOGGING_DIR", raising=False)
    (events,) = (tmp_path / "run" / "tensorboard").rglob("events.*")
    assert b"train/loss" in events.read_bytes()


def test_a_full_disk_is_one_line_and_the_run_goes_on_when_there_is_room(
    tmp_path: Path,
    backbone: Path,
    corpus: Path,
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(disk)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("only root can mount a small disk to fill")
    try:
        with pytest.raises(UserError, match=r"the disk is full \(make room, then go on with --resume\)"):
            train(settings(corpus, backbone), disk / "run")
        assert not (disk / "run" / "metrics.json").exists()
        subprocess.run(["mount", "-o", "remount,size=50m", str(disk)], check=True)
        assert train(settings(corpus, backbone), disk / "run", resume=True)["test"]
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.slow
def test_two_processes_train_one_run(tmp_path: Path, backbone: Path, corpus: Path) -> None:
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "-m", "ranat.cli", "train"]
    flags = ["--corpus", str(corpus), "--model", str(backbone), "--out", str(tmp_path / "run"), "--json"]
    sizes = ["--train.batch_size", "2", "--train.epochs", "2", "--attack.name", "pgd", "--rat.p", "0.5"]
    done = subprocess.run(
        [sys.executable, *launcher, *flags, *sizes], env=os.environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads((tmp_path / "run" / "metrics.json").read_text())
    cost = json.loads((tmp_path / "run" / "cost.json").read_text())
    assert cost["processes"] == 2
    assert cost["optimizer_steps"] == 2 * -(-90 // 4)
