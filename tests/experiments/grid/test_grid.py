"""Cells in this process, and grids of which every cell is a process of its own."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from filelock import FileLock

from ranat.errors import UserError
from ranat.experiments.cards import Card, read_all
from ranat.experiments.grid.cell import Job, run
from ranat.experiments.grid.cells import Cell, expand
from ranat.experiments.grid.processes import environment
from ranat.experiments.grid.runner import SPEC, run_grid, settle
from ranat.experiments.spec import read_spec

SpecFile = Callable[..., Path]
KILLS = int(os.environ.get("RANAT_KILLS", "3"))


def job(cell: Cell, results: Path, *, keep_models: bool = False) -> Job:
    return Job(cell.failed("it did not end"), str(results), None, keep_models, str(Path.cwd()))


def measured(results: Path) -> list[dict[str, Any]]:
    """The cards without what differs from one time to the next."""
    cards = [json.loads(file.read_text()) for file in sorted((results / "cards").glob("*.json"))]
    for card in cards:
        assert card.pop("seconds")["total"] > 0
        assert card["cost"].pop("train_seconds") > 0
        assert card["cost"].pop("processor_seconds") > 0
        card["cost"].pop("threads")
    return cards


def test_a_cell_leaves_a_card_of_its_run(tmp_path: Path, spec_file: SpecFile) -> None:
    cell = expand(read_spec(str(spec_file())))[1]
    (tmp_path / "runs" / cell.name).mkdir(parents=True)
    (tmp_path / "runs" / cell.name / ".config.yaml.part").touch()  # as a kill in the first moment leaves it
    card = run(job(cell, tmp_path))
    folder = tmp_path / "runs" / cell.name
    metrics = json.loads((folder / "metrics.json").read_text())
    assert (card.status, card.error, card.task) == ("done", None, "ner")
    assert (card.dev, card.test) == (metrics["dev"], metrics["test"])
    assert card.cost == json.loads((folder / "cost.json").read_text())
    assert card.counts is not None
    assert card.test is not None
    columns = list(zip(*card.counts["test"], strict=True))
    assert [sum(column) for column in columns] == [card.test[key] for key in ("true_positives", "predicted", "gold")]
    assert {"ranat", "python", "torch", "transformers", "accelerate"} == (card.versions or {}).keys()
    assert card.settings["attack"]["name"] == "pgd"
    assert not (folder / "model").exists()
    assert read_all(tmp_path) == [card]


def test_a_model_is_kept_if_asked_for(tmp_path: Path, spec_file: SpecFile) -> None:
    cell = expand(read_spec(str(spec_file())))[0]
    run(job(cell, tmp_path, keep_models=True))
    assert (tmp_path / "runs" / cell.name / "model" / "model.safetensors").is_file()


def test_a_cell_that_cannot_be_trained_says_why(tmp_path: Path, spec_file: SpecFile, diseases: Path) -> None:
    broken = shutil.copytree(diseases, tmp_path / "broken")
    (broken / "dev.tsv").write_text("no tag\n")
    cell = expand(read_spec(str(spec_file()), corpora=[str(broken)]))[0]
    card = run(job(cell, tmp_path / "results"))
    assert card.status == "failed"
    assert "dev.tsv:1: no column holds tags; the first line is 'no tag'" in str(card.error)
    assert card.dev is card.test is card.cost is None
    assert read_all(tmp_path / "results") == [card]


@pytest.fixture
def finished(tmp_path: Path, spec_file: SpecFile) -> tuple[Path, Path]:
    """A spec and a results folder in which every cell is done, without a process."""
    file, results = spec_file(), tmp_path / "results"
    for cell in expand(read_spec(str(file))):
        run(job(cell, results))
    (results / "spec.yaml").write_text(read_spec(str(file)).to_yaml())
    return file, results


def test_what_is_done_is_not_done_again(finished: tuple[Path, Path]) -> None:
    file, results = finished
    shutil.rmtree(results / "runs")  # cards suffice
    before = {card: card.stat().st_mtime_ns for card in (results / "cards").iterdir()}
    began = time.monotonic()
    cards = run_grid(read_spec(str(file)), results)
    assert time.monotonic() - began < 2
    assert [card.row for card in cards] == ["standard", "RAT PGD"]
    assert {card: card.stat().st_mtime_ns for card in (results / "cards").iterdir()} == before
    assert run_grid(read_spec(str(results / "spec.yaml")), results) == cards


def test_results_of_another_grid_are_refused(finished: tuple[Path, Path], spec_file: SpecFile) -> None:
    _, results = finished
    rows = [{"name": "standard"}, {"name": "RAT PGD", "attack": {"name": "pgd"}, "rat": {"p": 0.25}}]
    for changes, message in (
        ({"rows": rows}, r"rows.RAT PGD.rat.p: the results there are of 0.5, not 0.25 \(name another folder"),
        ({"train": {"max_steps": 3}}, "train.batch_size: the results there are of 4, not None"),
    ):
        with pytest.raises(UserError, match=message):
            run_grid(read_spec(str(spec_file(**changes))), results)


def test_a_folder_of_something_else_is_refused(tmp_path: Path, spec_file: SpecFile) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").touch()
    (tmp_path / "file").touch()
    for folder in (tmp_path / "mine", tmp_path / "file"):
        with pytest.raises(UserError, match=r"holds something else: no spec\.yaml"):
            run_grid(read_spec(str(spec_file())), folder)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["letter.txt"]


def test_one_runner_at_a_time(finished: tuple[Path, Path]) -> None:
    file, results = finished
    with FileLock(results / ".lock"), pytest.raises(UserError, match="another `ranat reproduce` is at work here"):
        run_grid(read_spec(str(file)), results)


def test_a_cluster_that_does_not_answer(tmp_path: Path, spec_file: SpecFile) -> None:
    with pytest.raises(
        UserError, match=r"--ray 127.0.0.1:1: no cluster can be reached: .* \(name its head as HOST:PORT"
    ):
        run_grid(read_spec(str(spec_file())), tmp_path / "results", ray="127.0.0.1:1")


def test_cells_share_processors_and_gpus() -> None:
    cores = os.cpu_count() or 1
    assert environment({}, 0, 1, 0) == {"OMP_NUM_THREADS": str(cores)}
    assert environment({}, 1, cores * 2, 1) == {"OMP_NUM_THREADS": "1"}
    assert environment({"OMP_NUM_THREADS": "7"}, 0, 2, 0) == {"OMP_NUM_THREADS": "7"}
    assert [environment({}, slot, 4, 2)["CUDA_VISIBLE_DEVICES"] for slot in range(4)] == ["0", "1", "0", "1"]
    assert environment({"CUDA_VISIBLE_DEVICES": "3,5"}, 1, 2, 2)["CUDA_VISIBLE_DEVICES"] == "5"


@pytest.mark.slow
def test_a_failed_cell_stops_nothing_and_is_tried_again(tmp_path: Path, spec_file: SpecFile, diseases: Path) -> None:
    late, results = shutil.copytree(diseases, tmp_path / "late"), tmp_path / "results"
    test = late / "test.tsv"
    whole = test.read_text()
    test.write_text("no tag\n")
    spec = read_spec(str(spec_file(corpora=[str(late), str(diseases)], rows=[{"name": "standard"}])))
    failed, done = run_grid(spec, results, jobs=2)
    assert (failed.status, done.status) == ("failed", "done")
    assert "no column holds tags; the first line is 'no tag'" in str(failed.error)
    stamp = (results / "cards" / f"{done.cell}.json").stat().st_mtime_ns
    test.write_text(whole)
    more = spec.model_copy(update={"seeds": [1]})  # another seed may be asked for, alone
    assert [card.status for card in run_grid(more, results, jobs=2)] == ["done", "done"]
    assert [card.status for card in run_grid(spec, results)] == ["done", "done"]
    assert (results / "cards" / f"{done.cell}.json").stat().st_mtime_ns == stamp
    assert read_spec(str(results / "spec.yaml")).seeds == [0, 1]
    assert len(read_all(results)) == 4


def command(file: Path, results: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "ranat.cli", "reproduce", str(file), "--out", str(results), *more]


def long_grid(spec_file: SpecFile) -> Path:
    train = {"epochs": 6, "batch_size": 2, "learning_rate": 0.01, "precision": "fp32", "save_steps": 7}
    return spec_file(seeds=[0, 1], train=train)


@pytest.mark.slow
def test_killed_at_random_moments_a_grid_ends_in_the_same_cards(tmp_path: Path, spec_file: SpecFile) -> None:
    """RANAT_KILLS says how many times."""
    file, whole, broken = long_grid(spec_file), tmp_path / "whole", tmp_path / "broken"
    subprocess.run(command(file, whole), check=True, capture_output=True)
    longest = max(float(card.seconds["total"]) for card in read_all(whole) if card.seconds)
    chooser = random.Random()  # other moments every time
    for _ in range(KILLS):
        runner = subprocess.Popen(command(file, broken), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        process = psutil.Process(runner.pid)
        while runner.poll() is None and not (cells := process.children()):
            time.sleep(0.01)
        assert runner.poll() is None, "the grid ended before it was killed often enough"
        time.sleep(chooser.uniform(0, 6 + longest))
        cells = process.children() if runner.poll() is None else []
        os.kill(runner.pid, signal.SIGKILL)
        runner.wait()
        if chooser.random() < 0.5:  # else the next runner starts while the cell may still be dying
            _, alive = psutil.wait_procs(cells, timeout=20)
            assert alive == []
    done = subprocess.run(command(file, broken), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert measured(broken) == measured(whole)
    assert len(measured(whole)) == 4


@pytest.mark.slow
@pytest.mark.parametrize("more", [(), ("--ray", "local")], ids=["processes", "ray"])
def test_an_interrupted_grid_leaves_no_process_and_no_failure(
    tmp_path: Path, spec_file: SpecFile, more: tuple[str, ...]
) -> None:
    results = tmp_path / "results"
    arguments = command(long_grid(spec_file), results, "--train.epochs", "500", *more)
    runner = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while not list((results / "runs").glob("*/log.jsonl")):
        assert runner.poll() is None
        time.sleep(0.05)
    started = psutil.Process(runner.pid).children(recursive=True)
    assert [process for process in started if "ranat.experiments.grid.cell" in process.cmdline()]
    runner.send_signal(signal.SIGINT)
    _, complaint = runner.communicate(timeout=60)
    assert runner.returncode == 130
    assert complaint.splitlines()[-1].startswith("ranat: interrupted; ")
    _, alive = psutil.wait_procs(started, timeout=20)
    assert alive == []
    assert not (results / "cards").exists()


@pytest.mark.slow
def test_a_process_that_dies_without_a_word_is_recorded(tmp_path: Path, spec_file: SpecFile) -> None:
    results = tmp_path / "results"
    runner = subprocess.Popen(
        command(long_grid(spec_file), results, "--seeds", "0"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (cells := psutil.Process(runner.pid).children()):
        time.sleep(0.01)
    cells[0].kill()
    out, complaint = runner.communicate(timeout=120)
    assert runner.returncode == 1
    first, second = read_all(results)[::-1]
    assert (first.status, second.status) == ("failed", "done")
    assert str(first.error).startswith("its process ended with exit code -9; see ")
    assert complaint.splitlines()[-1].startswith(f"ranat: {first.cell}: 1 of 2 cells failed; the first: ")
    assert [line.split() for line in out.splitlines()[:2]] == [["F1", "diseases"], ["standard", "failed"]]


@pytest.mark.slow
def test_two_ray_workers_measure_what_one_process_does(tmp_path: Path, spec_file: SpecFile) -> None:
    file = spec_file(rows=[{"name": "standard"}, {"name": "FGM", "attack": {"name": "fgm"}}])
    for folder, more in (("one", ()), ("ray", ("--ray", "local", "--jobs", "2"))):
        done = subprocess.run(
            command(file, tmp_path / folder, *more), capture_output=True, text=True, check=False, timeout=240
        )
        assert done.returncode == 0, done.stderr
    assert measured(tmp_path / "ray") == measured(tmp_path / "one")
    assert len(measured(tmp_path / "one")) == 2


def test_a_job_goes_through_a_pipe() -> None:
    cell = expand(read_spec("table2", seeds=[0]))[0]
    sent = Job(cell.failed("x"), "/r", None, False, "/")
    assert Job.from_json(sent.to_json()) == sent
    assert isinstance(sent.card, Card)


def test_a_corpus_that_is_added_brings_its_own_hyperparameters(tmp_path: Path) -> None:
    first = read_spec("table2", model="minilm", corpora=["ncbi-disease"])
    settle(first, tmp_path / SPEC)
    minilm = first.hyperparameters["minilm"]
    changed = minilm | {"corpora": minilm["corpora"] | {"chemprot": {"train": {"epochs": 1}}}}
    second = first.model_copy(update={"corpora": ["chemprot"], "hyperparameters": {"minilm": changed}})
    settle(second, tmp_path / SPEC)
    assert read_spec(str(tmp_path / SPEC)).corpora == ["ncbi-disease", "chemprot"]
    changed = changed | {"corpora": changed["corpora"] | {"ncbi-disease": {"train": {"epochs": 1}}}}
    with pytest.raises(UserError, match=r"corpora.ncbi-disease.train.epochs: the results there are of 6, not 1"):
        settle(second.model_copy(update={"hyperparameters": {"minilm": changed}}), tmp_path / SPEC)
