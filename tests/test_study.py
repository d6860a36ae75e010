"""The report of the study, on cards of another grid that stand in for the study's."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from ranat.experiments.cards import read_all
from ranat.experiments.grid.cells import expand
from ranat.experiments.spec import read_spec
from ranat.plainyaml import dump_yaml

ROOT = Path(__file__).parents[1]
ROWS = {"standard": "standard", "AT FGM": "AT-FGM", "RAT FGM": "RAT-FGM"}


@pytest.mark.parametrize("seeds", [3, 6])
def test_it_tests_from_five_seeds_on_and_says_what_is_missing(
    seeds: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cards = [card for card in read_all(ROOT / "results" / "ncbi-disease") if card.row in ROWS]
    folder = tmp_path / "ncbi-disease"
    for card in cards:
        for seed in range(card.seed, seeds, 3):
            name = f"{ROWS[card.row]}-{seed}"
            dataclasses.replace(card, row=ROWS[card.row], seed=seed, cell=name).write(folder / "cards" / f"{name}.json")
    rows = [{"name": name} for name in (*ROWS.values(), "carry")]
    spec = {"title": "t", "corpora": ["ncbi-disease"], "model": "minilm", "seeds": list(range(10)), "rows": rows}
    (folder / "spec.yaml").write_text(yaml.safe_dump(spec))
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks" / "study"))
    monkeypatch.setattr(sys, "argv", ["report.py", str(tmp_path), "--output", str(tmp_path / "report")])
    import report

    report.main()
    (found,) = json.loads((tmp_path / "report.json").read_text())
    text = (tmp_path / "report.md").read_text()
    assert f"{3 * seeds} of 40 runs are done" in text
    mean = {
        name: np.mean([card.test["f1"] for card in cards if card.row == row and card.test])
        for row, name in ROWS.items()
    }
    assert f"| AT-FGM | {seeds} | {100 * mean['AT-FGM']:.2f}" in text
    assert [row["name"] for row in found["trainings"]] == [*ROWS.values()]
    if seeds < 5:
        assert "Nothing is tested yet" in text
        assert found["tests"] == found["equivalence"] == []
        return
    assert [test["second"] for test in found["tests"]] == ["AT-FGM", "RAT-FGM"]
    assert all(test["p_holm"] >= test["p"] for test in found["tests"])
    for test in found["tests"]:
        assert test["estimate"] == pytest.approx(mean[test["second"]] - mean["standard"])
    (same,) = found["equivalence"]
    assert same["estimate"] == pytest.approx(mean["RAT-FGM"] - mean["AT-FGM"])


@pytest.mark.parametrize("corpus", ["ncbi-disease", "chemprot"])
def test_the_grid_has_the_trainings_of_the_plan_with_what_was_chosen(
    corpus: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks" / "study"))
    import report
    import search

    chosen = {"learning_rate": 2e-4, "fgm": 0.04, "carry": 0.02}
    (tmp_path / "grid.yaml").write_text(dump_yaml(search.grid(corpus, chosen)))
    spec = read_spec(str(tmp_path / "grid.yaml"))
    assert tuple(row.name for row in spec.rows) == report.ROWS
    cells = {cell.row: cell for cell in expand(spec) if cell.settings.train.seed == 3}
    assert len(cells) == 6
    for name, epsilon in (("AT-FGM", 0.04), ("RAT-FGM", 0.04), ("carry", 0.02), ("noise", 0.04)):
        attack = cells[name].settings.attack
        assert (attack["epsilon"], attack["epsilon_unit"]) == (epsilon, "relative")
    for name, cell in cells.items():
        settings = cell.settings
        assert (settings.train.learning_rate, settings.train.keep, settings.train.sample) == (2e-4, "last", 0)
        assert settings.train.epochs == (12 if name == "standard, twice the epochs" else 6)
        assert settings.train.fraction == search.COMMON[corpus]["train"]["fraction"]
    assert [cells[name].settings.rat.get("gate") for name in ("AT-FGM", "RAT-FGM")] == ["always", "bernoulli"]
