"""The log of a run, runs that diverge, and runs that learned nothing."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

import small_runs
from ranat.errors import UserError
from ranat.experiments.compare import compare
from ranat.experiments.tune import tune
from ranat.runs.folder import RunFolder
from ranat.runs.remarks import remarks
from ranat.runs.settings import Settings
from ranat.training.run import train
from ranat.training.runtrainer import Diverged, RunTrainer
from small_runs import log


def test_each_logged_loss_is_the_mean_since_the_one_before(
    tmp_path: Path, chosen: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses: list[float] = []
    original = RunTrainer.training_step

    def kept(self: Any, *args: Any, **kwargs: Any) -> Any:
        loss = original(self, *args, **kwargs)
        losses.append(float(loss))
        return loss

    monkeypatch.setattr(RunTrainer, "training_step", kept)
    train(chosen, tmp_path / "run")
    logged = [line for line in log(tmp_path / "run") if "loss" in line]
    assert [line["step"] for line in logged] == [10, 20, 23, 30, 40, 46, 50, 60, 69, 70, 80, 90, 92]
    since = 0
    for line in logged:
        assert line["loss"] == pytest.approx(sum(losses[since : line["step"]]) / (line["step"] - since), rel=1e-5)
        since = line["step"]


@pytest.mark.parametrize(("number", "step"), [(1, 20), (2, 40), (4, 90)])
def test_a_resumed_run_logs_what_it_would_have_logged(
    number: int, step: int, tmp_path: Path, chosen: Settings, whole: Path
) -> None:
    run = tmp_path / "run"
    small_runs.die_in_evaluation(chosen, run, number)
    train(chosen, run, resume=True)
    assert log(run) == log(whole)
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert [line for line in lines if "resumed" in line] == [{"step": step, "resumed": True}]
    assert [line["step"] for line in lines] == sorted(line["step"] for line in lines)


def changed(chosen: Settings, **train: Any) -> Settings:
    return chosen.model_copy(update={"train": chosen.train.model_copy(update=train)})


@pytest.mark.parametrize("steps", [1, 3])
def test_a_run_shorter_than_the_interval_of_the_log_has_its_loss_in_it(
    steps: int, tmp_path: Path, chosen: Settings
) -> None:
    train(changed(chosen, max_steps=steps), tmp_path / "run")
    (line,) = [line for line in log(tmp_path / "run") if "loss" in line]
    assert line["step"] == steps
    assert line["loss"] > 0


def test_a_radius_beyond_all_numbers_ends_the_run(tmp_path: Path, chosen: Settings) -> None:
    far = chosen.model_copy(update={"attack": {**chosen.attack, "epsilon": 1e30}})
    with pytest.raises(Diverged) as caught:
        train(far, tmp_path / "run")
    assert re.fullmatch(
        rf"{tmp_path}/run: training diverged: the loss of step \d is nan "
        r"\(lower train\.learning_rate or attack\.epsilon\)",
        str(caught.value),
    )
    assert not RunFolder(tmp_path / "run").finished
    with pytest.raises(Diverged):
        train(far, tmp_path / "run", resume=True)


def test_a_learning_rate_beyond_all_numbers_ends_the_run(tmp_path: Path, chosen: Settings) -> None:
    plain = chosen.model_copy(update={"attack": {"name": "none"}})
    with pytest.raises(Diverged) as caught:
        train(changed(plain, learning_rate=1e30, precision="bf16"), tmp_path / "run")
    remedy = "(lower train.learning_rate, or train with --train.precision fp32)"
    assert str(caught.value).startswith(f"{tmp_path / 'run'}: training diverged: ")
    assert str(caught.value).endswith(remedy)


@pytest.mark.parametrize("what", ["gradient", "weights"])
def test_no_checkpoint_has_weights_that_are_not_finite(
    what: str, tmp_path: Path, chosen: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though every loss is finite."""
    original = RunTrainer.training_step

    def spoils(self: Any, *args: Any, **kwargs: Any) -> Any:
        loss = original(self, *args, **kwargs)
        if self.state.global_step == 19:
            weight = next(self.model.parameters())
            if what == "gradient":
                weight.grad[0, 0] = torch.inf
            else:
                with torch.no_grad():
                    weight[-1, 0] = torch.nan  # of a token that no batch has before the checkpoint
        return loss

    monkeypatch.setattr(RunTrainer, "training_step", spoils)
    with pytest.raises(Diverged) as caught:
        train(chosen, tmp_path / "run")
    expected = "the gradient norm of step 20 is inf" if what == "gradient" else "the weights after step 20 are not"
    assert expected in str(caught.value)
    assert RunFolder(tmp_path / "run").checkpoints.steps() == [10]


def test_a_trial_that_diverges_is_a_bad_trial(tmp_path: Path, chosen: Settings) -> None:
    far = changed(chosen.model_copy(update={"attack": {**chosen.attack, "epsilon": 1e30}}), max_steps=3)
    with pytest.raises(UserError, match="all of 1 trials diverged"):
        tune(far, tmp_path / "study", trials=1)
    (folder,) = (tmp_path / "study" / "trials").iterdir()
    assert not RunFolder(folder).finished


def test_the_rule() -> None:
    assert remarks(0.5, 50) == []
    assert remarks(0.5, 49) == ["it made 49 optimizer steps, fewer than 50"]
    assert remarks(0.0, 50) == ["it learned nothing: its dev F1 is 0"]
    assert len(remarks(0.0, 0)) == 2


def test_a_run_that_learned_nothing_says_so_everywhere(tmp_path: Path, chosen: Settings) -> None:
    said, few = io.StringIO(), changed(chosen, max_steps=2, learning_rate=1e-9)
    metrics = train(few, tmp_path / "run", console=Console(file=said))
    steps = "it made 2 optimizer steps, fewer than 50"
    assert steps in metrics["remarks"]
    assert metrics["remarks"] == remarks(metrics["dev"]["f1"], 2)
    assert RunFolder(tmp_path / "run").metrics()["remarks"] == metrics["remarks"]
    assert f"note: {steps}" in said.getvalue()
    assert f"Mind: {steps}." in (tmp_path / "run" / "README.md").read_text()
    (group,) = compare([tmp_path / "run"])["comparisons"][0]["groups"]
    assert group["remarks"] == [f"seed 0: {remark}" for remark in metrics["remarks"]]
    result = tune(few, tmp_path / "study", trials=1)
    assert steps in result["trials"][0]["remarks"]


def test_a_run_that_learned_says_nothing(whole: Path) -> None:
    assert RunFolder(whole).metrics()["remarks"] == []
    assert compare([whole])["comparisons"][0]["groups"][0]["remarks"] == []
    assert "Mind:" not in (whole / "README.md").read_text()
