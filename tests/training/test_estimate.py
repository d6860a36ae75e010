"""How long a run takes is told before it starts, by steps that are really made."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest

import small_runs
from ranat.runs.settings import read_settings
from ranat.terminal import plain_console
from ranat.training.estimate import SAMPLES, Estimate, Stopwatch
from ranat.training.run import train
from ranat.training.runtrainer import RunTrainer


@pytest.fixture(scope="module")
def flags(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("estimate")
    small_runs.corpus(folder / "corpus")
    return {"corpus": str(folder / "corpus"), "model": str(small_runs.backbone(folder / "backbone"))}


PGD = {"attack": {"name": "pgd", "epsilon": 0.3, "steps": 5}, "rat": {"p": 0.25}}
TRAIN = {"train": {"epochs": 2, "batch_size": 8, "learning_rate": 0.01, "precision": "fp32"}}


def test_as_many_steps_as_the_run_makes(flags: dict[str, Any], tmp_path: Path) -> None:
    settings = read_settings(flags=flags | TRAIN | PGD)
    found = Stopwatch(settings, None, plain_console(None)).estimate(settings)
    train(settings, tmp_path / "run")
    cost = json.loads((tmp_path / "run" / "cost.json").read_text())
    assert found.steps == cost["optimizer_steps"]
    assert found.attacked_steps == round(0.25 * found.steps)


def test_an_attacked_step_takes_longer(flags: dict[str, Any]) -> None:
    """PGD of 5 steps makes 6 forward passes for one; three plain steps are no match on any machine."""
    settings = read_settings(flags=flags | TRAIN | PGD)
    found = Stopwatch(settings, None, plain_console(None)).estimate(settings)
    assert found.attacked_seconds is not None
    assert found.attacked_seconds > 1.5 * found.plain_seconds > 0


def test_the_attack_alone_is_timed_anew(flags: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read_settings(flags=flags | TRAIN | PGD)
    stopwatch = Stopwatch(settings, None, plain_console(None))
    first = stopwatch.estimate(settings)
    always = stopwatch.estimate(read_settings(flags=flags | TRAIN | PGD | {"rat": {"p": 1}}))
    assert (always.plain_seconds, always.attacked_seconds) == (first.plain_seconds, first.attacked_seconds)
    assert always.attacked_steps == always.steps == first.steps
    standard = stopwatch.estimate(read_settings(flags=flags | TRAIN))
    assert (standard.attacked_steps, standard.attacked_seconds) == (0, None)


def test_the_sum() -> None:
    found = Estimate(10, 4, plain_seconds=2.0, attacked_seconds=5.0, evaluation_seconds=3.0)
    assert found.seconds == 6 * 2 + 4 * 5 + 3
    assert Estimate(10, 0, 2.0, None, 3.0).seconds == 23
    assert found.to_dict()["seconds"] == 35


def test_only_evaluations_that_the_run_makes_are_counted(flags: dict[str, Any]) -> None:
    """The last epoch kept: dev and test once each, not dev after every one of 50 epochs."""
    seconds = {}
    for keep in ("best", "last"):
        train_section = {**TRAIN["train"], "epochs": 50, "keep": keep}
        settings = read_settings(flags=flags | {"train": train_section})
        seconds[keep] = Stopwatch(settings, None, plain_console(None)).estimate(settings).evaluation_seconds
    assert seconds["best"] > 5 * seconds["last"]


def test_nothing_is_left_behind(flags: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    settings = read_settings(flags=flags | TRAIN | PGD)
    Stopwatch(settings, None, plain_console(None)).estimate(settings)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("size", "accumulation"), [(32, 1), (200, 1), (50, 4), (64, 2)])
def test_each_step_that_is_timed_has_a_batch_of_the_run(
    flags: dict[str, Any], monkeypatch: pytest.MonkeyPatch, size: int, accumulation: int
) -> None:
    """Of 90 examples, though the last group is short, or there is no whole one."""
    seen: list[int] = []
    step = RunTrainer.training_step
    monkeypatch.setattr(
        RunTrainer,
        "training_step",
        lambda self, model, inputs, items=None: (
            seen.append(len(inputs["input_ids"])),
            step(self, model, inputs, items),
        )[1],
    )
    chosen = {**TRAIN["train"], "batch_size": size, "gradient_accumulation": accumulation}
    settings = read_settings(flags=flags | PGD | {"train": chosen})
    Stopwatch(settings, None, plain_console(None)).estimate(settings)
    assert set(seen) == {min(size, 90)}
    assert len(seen) == 4 * SAMPLES * max(min(accumulation, 90 // size), 1)
