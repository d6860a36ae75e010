"""What a machine cannot do is one line and exit code 1, and the run goes on afterwards."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from ranat.errors import UserError
from ranat.runs.failures import explained
from ranat.runs.folder import RunFolder
from ranat.runs.settings import Settings
from ranat.training.run import train
from ranat.training.runtrainer import RunTrainer
from small_runs import assert_alike


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("only root can mount a small disk to fill")
    try:
        yield place
    finally:
        # Lazily: the traceback of a failed torch.save still has its file open.
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """As `ulimit -f` sets it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("kilobytes", [4, 60, 120, 200, 280, 360])
def test_a_full_disk(kilobytes: int, tmp_path: Path, chosen: Settings, whole: Path) -> None:
    """Wherever it fills: at the settings, the weights, the optimizer, the second checkpoint or the end."""
    with small_disk(tmp_path / "disk", f"{kilobytes}k") as disk:
        with pytest.raises(UserError) as caught:
            train(chosen, disk / "run")
        assert str(caught.value) == f"{disk / 'run'}: the disk is full (make room, then go on with --resume)"
        subprocess.run(["mount", "-o", "remount,size=50m", str(disk)], check=True)
        train(chosen, disk / "run", resume=True)
        assert_alike(whole, disk / "run")


@pytest.mark.parametrize("size", [100, 20_000, 45_000, 70_000])
def test_a_limit_on_the_size_of_files(size: int, tmp_path: Path, chosen: Settings, whole: Path) -> None:
    with largest_file(size), pytest.raises(UserError) as caught:
        train(chosen, tmp_path / "run")
    remedy = "raise the limit, then go on with --resume"
    assert str(caught.value) == f"{tmp_path / 'run'}: a file is larger than `ulimit -f` allows ({remedy})"
    train(chosen, tmp_path / "run", resume=True)
    assert_alike(whole, tmp_path / "run")


def test_a_disk_that_is_read_only(tmp_path: Path, chosen: Settings, whole: Path, interrupted: Path) -> None:
    with small_disk(tmp_path / "disk", "50m") as disk:
        run = Path(shutil.copytree(interrupted, disk / "run"))
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        with pytest.raises(UserError) as caught:
            train(chosen, run, resume=True)
        remedy = "make it writable, then go on with --resume"
        assert str(caught.value) == f"{run}: the file system is read-only ({remedy})"
        assert RunFolder(run).verify() == []  # reads only, if it must
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        train(chosen, run, resume=True)
        assert_alike(whole, run)


AS_NOBODY = """
import os, sys
from pathlib import Path
from ranat.runs.failures import explained
from ranat.runs.folder import RunFolder
if os.geteuid() == 0:  # who may write anywhere
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
with explained(Path(sys.argv[1])), RunFolder(Path(sys.argv[1])).held():
    pass
"""


def test_a_folder_that_may_not_be_written() -> None:
    with tempfile.TemporaryDirectory() as folder:  # where everybody can come
        os.chmod(folder, 0o555)
        done = subprocess.run([sys.executable, "-c", AS_NOBODY, folder], capture_output=True, text=True, check=False)
        os.chmod(folder, 0o755)
        assert list(Path(folder).iterdir()) == []
    remedy = "change its permissions, then go on with --resume"
    assert done.stderr.splitlines()[-1].endswith(f"UserError: {folder}: may not be written ({remedy})")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(12, "Cannot allocate memory"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB."),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you"),
        RuntimeError("std::bad_alloc"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_too_little_memory(
    error: Exception, tmp_path: Path, chosen: Settings, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, calls = RunTrainer.compute_loss, []

    def runs_out(self: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        if len(calls) == 50:
            raise error
        return original(self, *args, **kwargs)

    monkeypatch.setattr(RunTrainer, "compute_loss", runs_out)
    with pytest.raises(UserError) as caught:
        train(chosen, tmp_path / "run")
    assert str(caught.value) == (
        f"{tmp_path / 'run'}: out of memory (train with a smaller train.batch_size and as much more "
        "train.gradient_accumulation; or go on with --resume where there is more)"
    )
    train(chosen, tmp_path / "run", resume=True)
    assert_alike(whole, tmp_path / "run")


def test_memory_that_is_really_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="out of memory"), explained(tmp_path):
        torch.empty(2**60, dtype=torch.uint8)


def test_a_fault_of_ours_stays_one(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="shapes"), explained(tmp_path):
        raise RuntimeError("shapes do not fit")
    with pytest.raises(PermissionError), explained(tmp_path / "run"):
        raise PermissionError(13, "Permission denied", str(tmp_path / "corpus"))
