"""kill -9 at random moments, then resume: the weights of an uninterrupted run, to the bit."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ranat.training.checkpoints import is_whole, last_whole, remove_incomplete, seal


def command(backbone: Path, corpus: Path, out: Path, *more: str) -> list[str]:
    settings = {
        "attack.name": "pgd", "attack.epsilon": "0.5", "rat.p": "0.5", "train.epochs": "8", "train.batch_size": "2",
        "train.learning_rate": "0.01", "train.save_steps": "3", "train.gradient_accumulation": "2",
    }  # fmt: skip
    flags = [part for key, value in settings.items() for part in (f"--{key}", value)]
    place = ["--corpus", str(corpus), "--model", str(backbone), "--out", str(out)]
    return [sys.executable, "-m", "ranat.cli", "train", *place, *flags, *more]


def logged_steps(out: Path) -> int:
    try:
        lines = (out / "log.jsonl").read_text().splitlines()
        return max((json.loads(line)["step"] for line in lines), default=0)
    except (OSError, ValueError):
        return 0


@pytest.mark.slow
def test_killed_five_times_and_resumed_the_weights_are_the_same(tmp_path: Path, backbone: Path, corpus: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    subprocess.run(command(backbone, corpus, whole), check=True, capture_output=True)
    chooser = random.Random()  # other moments every time
    kills = 0
    deadline = time.monotonic() + 300
    while kills < 5:
        assert time.monotonic() < deadline
        process = subprocess.Popen(
            command(backbone, corpus, broken, "--resume"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        aim = logged_steps(broken) + chooser.choice([0, 0, 10])
        while process.poll() is None and not (broken / "log.jsonl").exists():
            time.sleep(0.01)
        while process.poll() is None and logged_steps(broken) < aim:
            time.sleep(0.005)
        time.sleep(chooser.uniform(0, 0.5))
        if process.poll() is not None:
            break
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        kills += 1
    done = subprocess.run(command(backbone, corpus, broken, "--resume"), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert kills == 5
    for name in ("model/model.safetensors", "metrics.json", "predictions/test.jsonl"):
        assert (whole / name).read_bytes() == (broken / name).read_bytes(), name
    costs = [json.loads((run / "cost.json").read_text()) for run in (whole, broken)]
    for name in ("train_seconds", "processor_seconds"):
        assert costs[0].pop(name) > 0
        costs[1].pop(name)
    assert costs[0] == costs[1]
    logs = [[json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()] for run in (whole, broken)]
    # Not the loss: Trainer averages it since the last log or resume, so the first line after a resume averages less.
    scores = [[(e["step"], e["eval_f1"]) for e in log if "eval_f1" in e] for log in logs]
    assert scores[0] == scores[1]
    assert max(f1 for _, f1 in scores[0]) > scores[0][0][1]  # the best epoch is not the first: choosing it was tested


def written(folder: Path, step: int) -> Path:
    checkpoint = folder / f"checkpoint-{step}"
    checkpoint.mkdir(parents=True)
    for name in ("model.safetensors", "optimizer.pt", "trainer_state.json"):
        (checkpoint / name).write_bytes(b"x" * 10 * step)
    return checkpoint


def test_a_checkpoint_that_was_being_written_is_not_taken(tmp_path: Path) -> None:
    seal(written(tmp_path, 100))
    newest = written(tmp_path, 200)
    assert last_whole(tmp_path) == tmp_path / "checkpoint-100"
    remove_incomplete(tmp_path)
    assert not newest.exists()
    assert last_whole(tmp_path) == tmp_path / "checkpoint-100"


@pytest.mark.parametrize("damage", ["missing", "short", "seal"])
def test_a_checkpoint_that_was_being_deleted_is_not_taken(tmp_path: Path, damage: str) -> None:
    checkpoint = written(tmp_path, 100)
    seal(checkpoint)
    assert is_whole(checkpoint)
    if damage == "missing":
        (checkpoint / "optimizer.pt").unlink()
    elif damage == "short":
        (checkpoint / "optimizer.pt").write_bytes(b"x")
    else:
        (checkpoint / "complete.json").write_text('{"optim')
    assert last_whole(tmp_path) is None


def test_steps_are_ordered_as_numbers(tmp_path: Path) -> None:
    for step in (9, 100, 20):
        seal(written(tmp_path, step))
    assert last_whole(tmp_path) == tmp_path / "checkpoint-100"
