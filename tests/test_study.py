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
