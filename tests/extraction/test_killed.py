"""Processes that die: ours by kill -9, and a worker of a Ray cluster."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from contents import contents
from ranat.extraction.job import Job
from ranat.extraction.run import extract_to
from ranat.extraction.verify import verify
from ranat.formats import How

KILLS = int(os.environ.get("RANAT_KILLS", "3"))
SENTENCES = [  # short ones: untrained models find something at every other word, and pairs are the square of that
    "Cisplatin induced nephrotoxicity in patients.",
    "BRCA1 mutations cause cancer (HBC).",
    "Survival with cisplatin was not longer.",
    "No patients had cancer.",
]


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """A file of 600 documents, every hundredth of which cannot be read."""
    chooser = random.Random(0)
    file = tmp_path / "many.jsonl"
    with file.open("w") as stream:
        for number in range(600):
            text = " ".join(chooser.choices(SENTENCES, k=chooser.randint(1, 20)))
            line = json.dumps({"id": str(number), "text": text})
            stream.write((line[:20] if number % 100 == 50 else line) + "\n")
    return file


def command(job: Job, out: Path, *more: str) -> list[str]:
    models = [part for name in job.ner for part in ("--ner", name)] + ["--re", str(job.re)]
    size = ["--shard-size", str(job.shard_size), "--precision", job.precision]
    return [sys.executable, "-m", "ranat.cli", "extract", *job.inputs, *models, *size, "--out", str(out), *more]


@pytest.fixture
def job(models: dict[str, str], many: Path) -> Job:
    ner = (models["chemical"], models["gene"])
    lenient = How(lenient=True)  # as on the command line
    return Job((str(many),), ner=ner, re=models["relation"], how=lenient, shard_size=20, precision="fp32")


@pytest.mark.slow
def test_killed_at_random_moments_it_ends_with_the_same_bytes(job: Job, tmp_path: Path) -> None:
    """RANAT_KILLS says how many times."""
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    began = time.monotonic()
    done = subprocess.run(command(job, whole), capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr  # six documents could not be read
    seconds = time.monotonic() - began
    chooser = random.Random()  # other moments every time
    for _ in range(KILLS):
        process = subprocess.Popen(command(job, broken, "--resume"), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        while process.poll() is None and not (broken / "manifest.jsonl").exists():
            time.sleep(0.01)
        time.sleep(chooser.uniform(0, seconds / 2))
        process.send_signal(signal.SIGKILL)
        process.wait()
    done = subprocess.run(command(job, broken, "--resume"), capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert contents(broken) == contents(whole)
    assert verify(broken)["problems"] == []
    assert verify(broken)["documents"] == 594


@pytest.mark.slow
def test_on_ray_the_output_is_the_same_also_when_a_worker_is_killed(job: Job, tmp_path: Path) -> None:
    whole, out = tmp_path / "whole", tmp_path / "ray"
    extract_to(job, whole)
    arguments = command(job, out, "--ray", "local", "--workers", "2")
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while not list(out.glob("shard-*")):
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)
    workers = [
        child
        for child in psutil.Process(process.pid).children(recursive=True)
        if any("MapWorker" in part for part in child.cmdline())
    ]
    assert len(workers) == 2
    workers[0].kill()
    _, complaint = process.communicate(timeout=300)
    assert process.returncode == 1, complaint
    assert contents(out) == contents(whole)
    assert verify(out)["problems"] == []
