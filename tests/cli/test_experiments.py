"""`ranat reproduce`, `report` and `tune` on a grid whose cells are done, so that no process has to start."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from commandline import Ranat, corpus
from ranat.experiments.grid.cell import Job, run
from ranat.experiments.grid.cells import expand
from ranat.experiments.spec import read_spec

TRAIN = {"max_steps": 2, "batch_size": 2, "precision": "fp32"}


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Path:
    """A folder with small.yaml and the results of its four cells."""
    folder = tmp_path_factory.mktemp("grid")
    own = str(corpus(folder / "mine"))
    published = {own: {"f1": 88.5, "remark": "made up"}}
    values = {
        "title": "A small grid", "published": {"table": "II", "model": "pubmedbert"}, "corpora": [own],
        "model": str(model), "seeds": [0, 1], "train": TRAIN, "remarks": ["Nothing is known."],
        "rows": [{"name": "standard", "published": published}, {"name": "AT FGM", "attack": {"name": "fgm"}}],
    }  # fmt: skip
    (folder / "small.yaml").write_text(yaml.safe_dump(values))
    spec = read_spec(str(folder / "small.yaml"))
    for cell in expand(spec):
        run(Job(cell.failed(""), str(folder / "results"), None, False, str(folder)))
    (folder / "results" / "spec.yaml").write_text(spec.to_yaml())
    return folder


def test_reproduce_shows_measured_beside_published(ranat: Ranat, grid: Path) -> None:
    done = ranat("reproduce", grid / "small.yaml", "--out", grid / "results")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0].split() == ["F1", "mine"]
    assert lines[1].split()[:1] == ["standard"]
    assert " ± " in lines[1]
    assert lines[2].split() == ["published", "88.50"]
    assert lines[3].startswith("AT FGM")
    assert lines[4] == "4 of 4 cells done; mean ± sd over the seeds 0, 1."
    assert "published with pubmedbert" in lines[5]
    assert lines[-1] == "Nothing is known."
    assert "the result cards are in" in done.err


def test_reproduce_as_json(ranat: Ranat, grid: Path) -> None:
    result = json.loads(
        ranat("reproduce", grid / "small.yaml", "--seeds", "1", "--out", grid / "results", "--json").out
    )
    assert [(cell["row"], cell["seed"], cell["status"]) for cell in result["cells"]] == [
        ("standard", 1, "done"),
        ("AT FGM", 1, "done"),
    ]
    assert result["cells"][0]["published"]["f1"] == 0.885
    assert result["cells"][0]["test"].keys() >= {"precision", "recall", "f1"}


def test_reproduce_refuses_results_of_another_grid(ranat: Ranat, grid: Path) -> None:
    done = ranat("reproduce", grid / "small.yaml", "--train.max_steps", 3, "--out", grid / "results")
    assert (done.code, done.out) == (1, "")
    assert "train.max_steps: the results there are of 2, not 3" in done.complaint


def test_report_in_every_form(ranat: Ranat, grid: Path) -> None:
    files = [grid / f"report.{suffix}" for suffix in ("html", "md", "tex")]
    done = ranat("report", grid / "results", *(part for file in files for part in ("-o", file)), "--json")
    assert done.code == 0, done.err
    assert isinstance(json.loads(done.out), dict)
    assert all(file.is_file() for file in files)


def test_tune_shows_the_trials(ranat: Ranat, grid: Path, model: Path) -> None:
    flags = [part for key, value in TRAIN.items() for part in (f"--train.{key}", value)]
    study = grid / "study"
    arguments = ["tune", "--corpus", grid / "mine", "--model", model, *flags, "--trials", 2, "--out", study]
    done = ranat(*arguments)
    assert done.code == 0, done.err
    lines = [line.split() for line in done.out.splitlines()]
    assert lines[0] == ["trial", "train.learning_rate", "dev", "F1"]
    assert sorted(line[0] for line in lines[1:]) == ["0", "1"]
    assert "learning_rate: 5.0e-05" in (study / "trials" / "000" / "config.yaml").read_text()
    result = json.loads(ranat(*arguments, "--json").out)
    assert len(result["trials"]) == 2
    best = yaml.safe_load((study / "best.yaml").read_text())
    assert best["train"]["learning_rate"] == result["best"]["params"]["train.learning_rate"]
