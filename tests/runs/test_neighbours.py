"""One process a run: whoever comes second is refused in one line, and the first ends as if it had been alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ranat.errors import UserError
from ranat.experiments.grid.cell import Job
from ranat.experiments.grid.cells import expand
from ranat.experiments.spec import read_spec
from ranat.experiments.tune import tune
from ranat.runs.folder import RunFolder
from ranat.runs.settings import Settings
from ranat.training.run import train
from ranat.training.runtrainer import RunTrainer
from small_runs import assert_alike

AT_WORK = "another `ranat train` is at work here (wait for it)"
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]


def command(chosen: Settings, out: Path, *flags: str, what: str = "train", launcher: tuple[str, ...] = ()) -> list[str]:
    config = out.with_name(f"{out.name}.yaml")
    config.write_text(chosen.to_yaml())
    return [sys.executable, *launcher, "-m", "ranat.cli", what, str(config), "--out", str(out), *flags]


def ended(process: list[str], given: str = "") -> tuple[int, str]:
    done = subprocess.run(process, capture_output=True, text=True, input=given, timeout=300, check=False)
    return done.returncode, done.stderr


def with_a_neighbour(chosen: Settings, out: Path, process: list[str], given: str = "") -> tuple[int, str]:
    """Train to the end; a process is started and ends while the second epoch is evaluated."""
    original, found = RunTrainer.evaluate, []

    def meets(self: Any, *args: Any, **kwargs: Any) -> Any:
        if len(found) == 1:
            found.append(ended(process, given))
        elif not found:
            found.append((0, ""))
        return original(self, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunTrainer, "evaluate", meets)
        train(chosen, out)
    return found[1]


def lines_of_ranat(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("ranat: ")]


@pytest.mark.slow
@pytest.mark.parametrize("second", ["train", "resume", "overwrite", "torchrun", "tune", "cell"])
def test_a_second_process_is_refused_and_the_first_ends_unharmed(
    second: str, tmp_path: Path, chosen: Settings, whole: Path
) -> None:
    out, given = tmp_path / "run", ""
    if second == "torchrun":
        process = command(chosen, out, "--resume", launcher=tuple(TORCHRUN))
    elif second == "tune":  # whose next trial would be in the folder of the first process
        study = tmp_path / "study"
        few = chosen.model_copy(update={"train": chosen.train.model_copy(update={"max_steps": 1})})
        tune(few, study, trials=1)
        out = study / "trials" / "001"
        process = command(few, study, "--trials", "2", what="tune")
    elif second == "cell":
        process, given, out = cell(tmp_path, chosen)
    else:
        process = command(chosen, out, *([] if second == "train" else [f"--{second}"]))
    code, said = with_a_neighbour(chosen, out, process, given)
    assert code == 1
    if second == "cell":
        (card,) = (tmp_path / "results" / "cards").glob("*.json")
        assert AT_WORK in json.loads(card.read_text())["error"]
    else:
        assert lines_of_ranat(said) == [f"ranat: {out}: {AT_WORK}"]
    assert_alike(whole, out)


def cell(folder: Path, chosen: Settings) -> tuple[list[str], str, Path]:
    """The process of a grid's cell, its job, and its run folder."""
    spec = folder / "spec.yaml"
    values = {"title": "A grid", "corpora": [chosen.corpus], "model": chosen.model, "seeds": [0],
              "rows": [{"name": "standard"}]}  # fmt: skip
    spec.write_text(yaml.safe_dump(values))
    (only,) = expand(read_spec(str(spec)))
    (folder / "results" / "logs").mkdir(parents=True)
    job = Job(only.failed("it did not end"), str(folder / "results"), None, False, str(Path.cwd()))
    process = [sys.executable, "-c", RUN_CELL]
    return process, job.to_json(), folder / "results" / "runs" / only.name


# The cell's own `main` ends when its standard input does, which here is at once.
RUN_CELL = """
import sys
from ranat.experiments.grid.cell import Job, run
sys.exit(run(Job.from_json(sys.stdin.readline())).status != "done")
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("one", "other"), [([], []), (["--resume"], ["--resume"]), (["--resume"], ["--overwrite"])], ids=str
)
def test_of_two_started_at_once_one_trains(
    one: list[str], other: list[str], tmp_path: Path, chosen: Settings, whole: Path, interrupted: Path, copied: Any
) -> None:
    out = copied(interrupted) if one else tmp_path / "run"
    processes = [
        subprocess.Popen(
            command(chosen, out, *flags), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=os.environ
        )
        for flags in (one, other)
    ]
    said = [process.communicate(timeout=300)[1] for process in processes]
    codes = [process.returncode for process in processes]
    refused = [lines for code, text in zip(codes, said, strict=True) if code for lines in [lines_of_ranat(text)]]
    assert set(codes) <= {0, 1}
    assert 0 in codes
    for lines in refused:  # the second may also have come when the first was done
        assert len(lines) == 1
        assert AT_WORK in lines[0] or "the folder holds a run already" in lines[0]
    assert_alike(whole, out)


def test_a_lock_that_a_killed_process_left_blocks_nobody(copied: Any, interrupted: Path, chosen: Settings) -> None:
    run = copied(interrupted)
    assert (run / ".lock").is_file()
    train(chosen, run, resume=True)
    assert RunFolder(run).verify() == []


def test_reading_needs_no_lock_and_verifying_waits(copied: Any, whole: Path) -> None:
    folder = RunFolder(copied(whole))
    with folder.held():
        assert folder.metrics()["dev"]["f1"] > 0
        assert folder.model().is_dir()
        with pytest.raises(UserError, match="another `ranat train` is at work here"):
            RunFolder(folder.path).verify()
