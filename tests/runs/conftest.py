"""One run that came to its end, and one that was interrupted, trained once for all tests here."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import small_runs
from ranat.runs.folder import RunFolder
from ranat.runs.settings import Settings
from ranat.training.run import train


@pytest.fixture(scope="session")
def chosen(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Four epochs of 23 steps; the best is the second, also with a learning rate a quarter lower or higher."""
    folder = tmp_path_factory.mktemp("material")
    corpus, backbone = small_runs.corpus(folder / "corpus"), small_runs.backbone(folder / "backbone")
    return small_runs.settings(corpus, backbone, train={"epochs": 4, "save_steps": 10, "learning_rate": 0.004})


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory, chosen: Settings) -> Path:
    """To be read only."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    train(chosen, folder)
    return folder


@pytest.fixture(scope="session")
def interrupted(tmp_path_factory: pytest.TempPathFactory, chosen: Settings) -> Path:
    """To be copied: it has checkpoint-60 (the newest), -46 (the best) and -23 (the best before)."""
    folder = tmp_path_factory.mktemp("interrupted") / "run"
    small_runs.die_in_evaluation(chosen, folder, 3)
    checkpoints = RunFolder(folder).checkpoints
    assert (checkpoints.steps(), checkpoints.best(60)) == ([60, 46, 23], 46)
    return folder


@pytest.fixture
def copied(tmp_path: Path) -> Callable[[Path], Path]:
    """Copies a run."""
    return lambda run: Path(shutil.copytree(run, tmp_path / "copied", symlinks=True))
