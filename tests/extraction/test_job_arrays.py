"""An output made in parts by several processes is what one process makes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from contents import contents
from ranat.disk import locked
from ranat.errors import UsageError, UserError
from ranat.extraction.job import Job
from ranat.extraction.parts import COMMAND, Part
from ranat.extraction.run import extract_to
from ranat.extraction.verify import verify
from ranat.formats import How


@pytest.fixture
def job(models: dict[str, str], texts: Path) -> Job:
    ner = (models["chemical"], models["gene"])
    lenient = How(lenient=True)  # as on the command line
    return Job((str(texts),), ner=ner, re=models["relation"], how=lenient, shard_size=2, precision="fp32")


@pytest.fixture
def whole(job: Job, tmp_path: Path) -> dict[str, bytes]:
    extract_to(job, tmp_path / "whole")
    return without_locks(tmp_path / "whole")


def without_locks(out: Path) -> dict[str, bytes]:
    return {name: data for name, data in contents(out).items() if not name.startswith(".lock")}


def make(job: Job, out: Path, parts: Iterable[str], *, resume: bool = False) -> int:
    """Make parts one after the other; the documents in them."""
    return sum(extract_to(job, out, part=Part.parsed(part), resume=resume)["documents"] for part in parts)


@pytest.mark.parametrize(
    "order", [["1/3", "2/3", "3/3"], ["3/3", "1/3", "2/3"], ["1/1"], [f"{n}/9" for n in range(1, 10)]]
)
def test_the_last_part_puts_it_together(order: list[str], job: Job, whole: dict[str, bytes], tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert make(job, out, order[:-1]) + make(job, out, order[-1:]) == verify(tmp_path / "whole")["documents"]
    assert without_locks(out) == whole
    assert verify(out)["problems"] == []
    assert make(job, out, order[:1], resume=True) == verify(out)["documents"]  # it is complete
    assert without_locks(out) == whole


def test_a_missing_part_is_told(job: Job, whole: dict[str, bytes], tmp_path: Path) -> None:
    out = tmp_path / "out"
    make(job, out, ["1/3", "3/3"])
    (problem,) = verify(out)["problems"]
    assert problem.startswith("part 2/3 is not done: run it again with --resume")
    make(job, out, ["2/3"], resume=True)
    assert without_locks(out) == whole


def test_resume_alone_makes_what_is_missing(job: Job, whole: dict[str, bytes], tmp_path: Path) -> None:
    out = tmp_path / "out"
    make(job, out, ["1/3", "3/3"])
    with pytest.raises(UserError, match="is made in parts"):
        extract_to(job, out)
    (out / "shard-000000.jsonl").write_text("damaged")
    extract_to(job, out, resume=True)
    assert without_locks(out) == whole


def test_a_part_goes_on_where_it_was_killed(job: Job, whole: dict[str, bytes], tmp_path: Path) -> None:
    out = tmp_path / "out"
    make(job, out, ["2/2", "1/2"][:1])
    manifest = out / "manifest.2-of-2.jsonl"
    data = manifest.read_bytes()
    manifest.write_bytes(data[: len(data) // 2])
    (out / ".shard-000001.jsonl").write_text("half a shard")
    with pytest.raises(UserError, match="an output is here already"):
        make(job, out, ["2/2"])
    make(job, out, ["2/2", "1/2"], resume=True)
    assert without_locks(out) == whole


def test_a_merge_that_was_killed_is_done_by_verify(
    job: Job, whole: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    make(job, out, ["1/2"])
    with monkeypatch.context() as patched:
        patched.setattr("ranat.extraction.run.put_together", lambda out: None)
        make(job, out, ["2/2"])
    assert not (out / "manifest.jsonl").exists()
    assert verify(out)["problems"] == []
    assert without_locks(out) == whole


def test_parts_of_other_numbers_and_the_same_part_twice_are_refused(job: Job, tmp_path: Path) -> None:
    out = tmp_path / "out"
    make(job, out, ["1/3"])
    with pytest.raises(UserError, match="--part 1/2: is not the number of parts"):
        make(job, out, ["1/2"])
    with locked(out, COMMAND, Part(2, 3).lock):
        with pytest.raises(UserError, match="another `ranat extract --part 2/3` is at work"):
            make(job, out, ["2/3"])
        with pytest.raises(UserError, match="another `ranat extract` is at work"):
            extract_to(job, out, resume=True)
        make(job, out, ["3/3"])


def test_parts_of_inputs_that_changed_between_them_are_told(job: Job, texts: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    make(job, out, ["1/2"])
    (texts / "deeper" / "zz.txt").write_text("One more, and then some.")
    (texts / "deeper" / "zzz.txt").write_text("One more, and then some.")
    make(job, out, ["2/2"])
    assert verify(out)["problems"]
    with pytest.raises(UserError, match="begin anew in another folder"):
        extract_to(job, out, resume=True)


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "a/b", "1/0", "-1/2", "1/2/3"])
def test_what_is_no_part(text: str) -> None:
    with pytest.raises(UsageError, match="--part"):
        Part.parsed(text)


def test_a_stream_cannot_be_read_by_every_part(job: Job, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="every part reads all inputs"):
        make(replace(job, inputs=("-",)), tmp_path / "out", ["1/2"])
    with pytest.raises(UsageError, match="leave out --part or --ray"):
        extract_to(job, tmp_path / "out", part=Part(1, 2), ray="local")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_parts_at_once(job: Job, whole: dict[str, bytes], tmp_path: Path) -> None:
    out = tmp_path / "out"

    def start(number: int) -> int:
        models = [part for name in job.ner for part in ("--ner", name)] + ["--re", str(job.re)]
        flags = ["--shard-size", "2", "--precision", "fp32", "-o", str(out), "--part", f"{number}/4"]
        command = [sys.executable, "-m", "ranat.cli", "extract", *job.inputs, *models, *flags]
        return subprocess.run(command, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"}).returncode

    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(start, range(1, 5))) <= {0, 1}
    assert without_locks(out) == whole


def test_parts_of_other_texts_of_the_same_number_are_not_one_output(job: Job, tmp_path: Path) -> None:
    """As many shards, and the last part has the hash of the inputs that it read: only what all are made of tells."""
    lines, out = tmp_path / "lines.txt", tmp_path / "out"
    how = How("lines", lenient=True)
    job = replace(job, inputs=(str(lines),), how=how, shard_size=5)
    lines.write_text("".join(f"Cisplatin text {n:02}\n" for n in range(20)))
    make(job, out, ["1/2"])
    lines.write_text("".join(f"Cisplatin text {n:02}\n" for n in (*range(5, 20), *range(95, 100))))
    make(job, out, ["2/2"])
    assert verify(out)["problems"]
    with pytest.raises(UserError, match=r"lines.txt: has changed since shard 0 was made"):
        extract_to(job, out, resume=True)


def test_a_part_of_a_finished_output_looks_after_its_shards(job: Job, whole: dict[str, bytes], tmp_path: Path) -> None:
    out = tmp_path / "out"
    make(job, out, ["1/2", "2/2"])
    (out / "shard-000001.jsonl").unlink()
    make(job, out, ["1/2"], resume=True)
    with pytest.raises(UserError, match="shard 1 is missing or damaged since"):
        make(job, out, ["2/2"], resume=True)
    extract_to(job, out, resume=True)
    assert without_locks(out) == whole
