"""kill -9 at random moments, then resume: the weights of an uninterrupted run to the bit, its log and its scores."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import small_runs
from ranat.runs import folder as folder_module
from ranat.runs.checkpoints import Checkpoints
from ranat.runs.folder import RunFolder
from ranat.runs.seal import seal
from ranat.runs.settings import Settings
from ranat.training.run import train
from small_runs import Killed, assert_alike

KILLS = int(os.environ.get("RANAT_KILLS", "5"))
SEED = int(os.environ.get("RANAT_SEED", random.randrange(2**32)))


def steps_logged(run: Path) -> int:
    try:
        return max((json.loads(line)["step"] for line in (run / "log.jsonl").read_text().splitlines()), default=0)
    except (OSError, ValueError):
        return 0


@pytest.mark.slow
@pytest.mark.parametrize("attack", ["pgd", "carry"])  # carry keeps directions of examples in checkpoints
def test_killed_at_random_moments_and_resumed_nothing_differs(
    attack: str, tmp_path: Path, backbone: Path, corpus: Path
) -> None:
    print(f"RANAT_SEED={SEED} RANAT_KILLS={KILLS}")
    chooser = random.Random(SEED)
    chosen = small_runs.settings(
        corpus,
        backbone,
        attack={"name": attack, "epsilon": 0.5},
        train={"epochs": 8, "batch_size": 2, "save_steps": 3, "gradient_accumulation": 2},
    )
    whole, broken, config = tmp_path / "whole", tmp_path / "broken", tmp_path / "config.yaml"
    config.write_text(chosen.to_yaml())
    command = [sys.executable, "-m", "ranat.cli", "train", str(config), "--out", str(broken), "--resume"]
    train(chosen, whole)
    last = steps_logged(whole)
    kills, moments = 0, []
    while kills < KILLS:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # Some die before they have begun, most somewhere in training, some at the very end.
        aim = min(steps_logged(broken) + chooser.choice([0, 0, 5, last // KILLS]), last)
        if chooser.random() < 0.1:
            aim = 0
        deadline = time.monotonic() + 120
        while process.poll() is None and steps_logged(broken) < aim:
            assert time.monotonic() < deadline
            time.sleep(0.002)
        time.sleep(chooser.uniform(0, 0.4) if aim else chooser.uniform(0, 6))
        if process.poll() is not None:  # done: from its beginning again
            assert process.returncode == 0
            assert_alike(whole, broken)
            subprocess.run(["rm", "-r", str(broken)], check=True)
            continue
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        kills += 1
        moments.append(steps_logged(broken))
    print(f"killed after the steps {moments} of {last}")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert_alike(whole, broken)
    f1 = [line["eval_f1"] for line in small_runs.log(whole) if "eval_f1" in line]
    assert attack != "pgd" or max(f1) > f1[0]  # the best epoch is not the first: choosing it was tested


ENDS = ["_save_model", "clean", "_mark"]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("moment", ENDS)
def test_a_kill_at_the_very_end_leaves_nothing_after_the_next_command(
    moment: str, when: str, tmp_path: Path, chosen: Settings, whole: Path
) -> None:
    run, calls = tmp_path / "run", []
    original = getattr(RunFolder, moment)
    fatal = {"_save_model": 1, "clean": 2, "_mark": 3}[moment]

    def dies(self: RunFolder, *args: object, **kwargs: object) -> None:
        calls.append(1)
        if len(calls) < fatal:
            return original(self, *args, **kwargs)
        if when == "after":
            original(self, *args, **kwargs)
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunFolder, moment, dies)
        with pytest.raises(Killed):
            train(chosen, run)
    (run / ".model.part").mkdir(exist_ok=True)  # what a kill leaves that is no exception
    (run / ".model.part" / "model.safetensors").write_bytes(b"half")
    (run / ".metrics.json.part").write_text("half")
    (run / "predictions" / ".dev.jsonl.part").write_text("half")
    if RunFolder(run).finished:
        assert RunFolder(run).verify() == []
    else:
        train(chosen, run, resume=True)
    assert_alike(whole, run)


def test_a_kill_while_a_run_is_overwritten_leaves_one_that_can_begin(
    copied: Callable[[Path], Path], whole: Path, chosen: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = copied(whole)
    original, left = folder_module.remove_inside, [11]  # 8 are drafts of the old run

    def dies(folder: Path, name: str) -> None:
        left[0] -= 1
        if not left[0]:
            raise Killed
        original(folder, name)

    monkeypatch.setattr(folder_module, "remove_inside", dies)
    with pytest.raises(Killed):
        train(chosen, run, overwrite=True)
    monkeypatch.undo()
    train(chosen, run)  # without a flag: nothing has begun there
    assert_alike(whole, run)


def written(folder: Checkpoints, step: int, best: int | None = None) -> None:
    checkpoint = folder.aside / f"checkpoint-{step}"
    checkpoint.mkdir(parents=True)
    (checkpoint / "model.safetensors").write_bytes(b"x" * step)
    (checkpoint / "trainer_state.json").write_text(json.dumps({"best_global_step": best}))


def published(folder: Checkpoints, step: int, best: int | None = None) -> None:
    written(folder, step, best)
    folder.publish(step)


def test_a_checkpoint_that_was_being_written_or_deleted_is_not_taken(tmp_path: Path) -> None:
    folder = Checkpoints(tmp_path)
    published(folder, 100)
    written(folder, 200)
    assert folder.newest_usable() == (100, [])
    seal(folder.aside / "checkpoint-200")
    assert folder.newest_usable() == (100, [])
    folder.clean()
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-100"]


def test_steps_are_ordered_as_numbers(tmp_path: Path) -> None:
    folder = Checkpoints(tmp_path)
    for step in (9, 100, 20):
        published(folder, step)
    assert folder.steps() == [100, 20, 9]
    assert folder.newest_usable() == (100, [])


def test_what_is_kept_is_the_newest_the_best_and_one_that_needs_neither(tmp_path: Path) -> None:
    folder = Checkpoints(tmp_path)
    kept = []
    for step, best in ((5, None), (10, 10), (15, 10), (20, 20), (25, 20), (30, 20), (40, 40), (45, 40)):
        published(folder, step, best)
        folder.keep(step)
        kept.append(folder.steps())
    assert kept == [[5], [10, 5], [15, 10, 5], [20, 10], [25, 20, 10], [30, 20, 10], [40, 20], [45, 40, 20]]


def test_a_checkpoint_whose_best_is_damaged_is_of_no_use(tmp_path: Path) -> None:
    folder = Checkpoints(tmp_path)
    for step, best in ((10, 10), (20, 20), (25, 20)):
        published(folder, step, best)
    (folder.path(20) / "model.safetensors").write_bytes(b"y" * 20)
    finding = "checkpoint-20: model.safetensors: its SHA-256 is not what it was when it was written"
    assert folder.newest_usable() == (10, [finding])
    folder.go_back_to(10)
    assert folder.steps() == [10]
