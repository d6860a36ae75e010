"""The curves of a run: what is logged for them, and the picture in its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import small_runs
from ranat.runs.curves import curves
from ranat.runs.folder import RunFolder
from ranat.runs.settings import Settings, read_settings
from ranat.training.run import train


def relative(corpus: Path, backbone: Path, **changes: Any) -> Settings:
    train = {"epochs": 2, "batch_size": 4, "learning_rate": 0.01, "precision": "fp32"}
    attack = {"name": "fgm", "epsilon": 0.1, "epsilon_unit": "relative"}
    return read_settings(
        flags={"corpus": str(corpus), "model": str(backbone), "attack": attack, "train": train | changes}
    )


def test_how_far_and_how_often_is_logged(tmp_path: Path, backbone: Path, corpus: Path) -> None:
    run = RunFolder(tmp_path / "run")
    train(relative(corpus, backbone), run.path)
    lines = [line for line in run.log() if "loss" in line]
    assert all(line["relative_radius"] == pytest.approx(0.1, rel=1e-4) for line in lines if "relative_radius" in line)
    assert [line["batches"] for line in lines] == [line["step"] for line in lines]
    cost = run.cost()
    assert (lines[-1]["batches"], lines[-1]["attacked_batches"]) == (cost["batches"], cost["attacked_batches"])
    assert cost["relative_radius"] == pytest.approx(0.1 * cost["attacked_batches"], rel=1e-4)
    drawn = curves(run.log())
    assert [curve.title.split(" (")[0] for curve in drawn] == [
        "training loss",
        "dev F1",
        "‖r‖ / ‖x‖ of attacked batches",
        "attacked batches so far",
    ]
    assert [y for _, y in drawn[1].points][-1] <= 100 * max(line.get("eval_f1", 0) for line in run.log())
    svg = run.path / "curves.svg"
    assert svg.read_text().count("<polyline") == 4
    assert run.verify() == []
    svg.write_text("<svg/>")
    assert run.verify() == ["curves.svg: its SHA-256 is not what it was when it was written"]


def test_standard_training_has_no_curves_of_an_attack(tmp_path: Path, backbone: Path, corpus: Path) -> None:
    chosen = small_runs.settings(corpus, backbone, attack={"name": "none"}, train={"max_steps": 3})
    train(chosen, tmp_path / "run")
    log = RunFolder(tmp_path / "run").log()
    assert [curve.title for curve in curves(log)] == ["training loss", "dev F1 (%)"]
    assert not any("attacked_batches" in line for line in log)


def test_a_log_that_is_being_written_can_be_read(tmp_path: Path) -> None:
    assert RunFolder(tmp_path).log() == []
    (tmp_path / "log.jsonl").write_text('{"step": 1, "loss": 2.0}\n{"step": 3, "resumed": true}\n{"step": 4, "lo')
    assert RunFolder(tmp_path).log() == [{"step": 1, "loss": 2.0}, {"step": 3, "resumed": True}]
