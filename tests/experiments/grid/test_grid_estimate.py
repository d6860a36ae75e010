"""How long a grid takes: every cell that is not done, each attack timed once."""

from __future__ import annotations

from pathlib import Path

import pytest

import small_runs
from ranat.experiments.grid.cells import expand
from ranat.experiments.grid.estimate import estimate_grid
from ranat.experiments.grid.runner import run_grid
from ranat.experiments.spec import Spec, read_spec
from ranat.training.estimate import Stopwatch

SPEC = """
title: two ways
corpora: [{corpus}]
model: {model}
seeds: [0, 1]
train: {{epochs: 1, batch_size: 8, learning_rate: 0.01, precision: fp32}}
rows:
  - name: standard
  - name: RAT
    attack: {{name: pgd, epsilon: 0.3}}
    rat: {{p: 0.5}}
  - name: AT
    attack: {{name: pgd, epsilon: 0.3}}
    rat: {{p: 1}}
"""


@pytest.fixture
def spec(tmp_path: Path) -> Spec:
    small_runs.corpus(tmp_path / "corpus")
    model = small_runs.backbone(tmp_path / "backbone")
    file = tmp_path / "spec.yaml"
    file.write_text(SPEC.format(corpus=tmp_path / "corpus", model=model))
    return read_spec(str(file))


def test_every_cell_and_each_kind_of_step_once(spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    timed = []
    measure = Stopwatch._seconds_a_step
    monkeypatch.setattr(
        Stopwatch,
        "_seconds_a_step",
        lambda self, settings: (timed.append(settings.training), measure(self, settings))[1],
    )
    found = {cell.name: estimate for cell, estimate in estimate_grid(spec, tmp_path / "results")}
    assert list(found) == [cell.name for cell in expand(spec)]
    assert timed == ["standard", "RAT"]
    by_row = {name.rpartition("-seed")[0].rpartition("-")[2]: estimate for name, estimate in found.items()}
    steps = by_row["standard"].steps
    assert (by_row["standard"].attacked_steps, by_row["rat"].attacked_steps) == (0, round(steps / 2))
    assert by_row["at"].attacked_steps == steps
    assert not (tmp_path / "results").exists()


def test_cells_that_are_done_are_left_out(spec: Spec, tmp_path: Path) -> None:
    run_grid(spec.model_copy(update={"seeds": [0]}), tmp_path / "results")
    left = [cell.settings.train.seed for cell, _ in estimate_grid(spec, tmp_path / "results")]
    assert left == [1, 1, 1]
