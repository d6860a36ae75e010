"""What a disk, a machine and a closed stream can do: one line, and never a fault of ranat."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from commandline import corpus
from ranat.cli.failures import explained

KINDS = ("EACCES", "EROFS", "ENOSPC", "EDQUOT", "EFBIG", "EMFILE", "ENAMETOOLONG", "ELOOP", "ENOENT", "EISDIR", "EIO")


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_of_the_disk_has_its_file_and_a_remedy(kind: str) -> None:
    number = getattr(errno, kind)
    line, code = explained(OSError(number, os.strerror(number), "a/b"))
    assert code == 1
    assert line.startswith(f"a/b: {os.strerror(number)} (")


def nested(depth: int) -> None:
    json.loads("[" * depth)


def no_such_memory() -> None:
    torch.zeros(10**14)


def no_memory_of_a_gpu() -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nGPU 0 has")


def too_much() -> None:
    bytearray(10**18)


def not_utf_8() -> None:
    b"\xff".decode()


def no_name() -> None:
    "caf\udce9".encode()


CAUSES: dict[Callable[[], None], str] = {
    lambda: nested(100_000): "the input is nested too deeply to be read",
    no_such_memory: "out of memory (a smaller --train.batch_size or model needs less)",
    no_memory_of_a_gpu: "out of memory (",
    too_much: "out of memory (",
    no_name: "caf\udce9 has bytes that are not UTF-8 (rename",
    not_utf_8: "text that is not in the encoding expected: ",
}


@pytest.mark.parametrize("cause", CAUSES)
def test_what_is_no_fault_of_ours_is_not_called_one(cause: Callable[[], None]) -> None:
    with pytest.raises(Exception) as raised:  # noqa: PT011  (each its own)
        cause()
    line, code = explained(raised.value)
    assert (line.startswith(CAUSES[cause]), code) == (True, 1)
    assert "fault of ranat" not in line
    assert "\n" not in line


def test_what_is_a_fault_of_ours_is_called_one() -> None:
    assert explained(KeyError("x"))[0] == "KeyError: 'x' (a fault of ranat; --debug shows where)"


LIMITED = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
"""


def started(
    *arguments: object, before: str = "", shell: str = "", cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own, whose streams a shell has redirected."""
    code = f"{before}import sys; sys.argv[0] = 'ranat'; from ranat.cli import main; main()"
    return subprocess.run(
        [
            "bash",
            "-c",
            f'"$@" {shell}; exit ${{PIPESTATUS[0]}}',
            "bash",
            sys.executable,
            "-c",
            code,
            *map(str, arguments),
        ],
        capture_output=True,
        encoding=environment.get("PYTHONIOENCODING", "utf-8"),
        env=os.environ | environment,
        cwd=cwd,
        check=False,
    )


LIST = ("corpora", "list", "--json")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_has_seen_enough(unbuffered: str) -> None:
    done = started(*LIST, shell="| true", PYTHONUNBUFFERED=unbuffered)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_closed_streams(closed: str) -> None:
    done = started(*LIST, shell=closed)
    assert (done.returncode, done.stderr) == (0, "")
    if ">&-" not in closed.replace("2>&-", ""):
        assert json.loads(done.stdout)


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_standard_output_that_cannot_be_written(tmp_path: Path, unbuffered: str) -> None:
    out, errors = tmp_path / "out", tmp_path / "errors"
    done = started(*LIST, before=LIMITED, shell=f"> {out}", PYTHONUNBUFFERED=unbuffered)
    assert done.returncode == 1
    assert done.stderr == "ranat: File too large (raise the limit on the size of files, `ulimit -f`)\n"
    done = started("train", "--modle", "x", before=LIMITED, shell=f"> {out} 2> {errors}", PYTHONUNBUFFERED=unbuffered)
    assert (done.returncode, errors.read_text()) == (2, "")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_what_is_json_remains_json_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    name = "αé😀" + os.fsdecode(b"\xe9") + "x"
    corpus(tmp_path / name)
    done = started("corpora", "check", name, "--json", cwd=tmp_path, PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["rows"][0]["corpus"] == name
    assert started("corpora", "check", name, cwd=tmp_path, PYTHONIOENCODING=encoding).returncode == 0


def test_weights_that_cannot_be_written(tmp_path: Path) -> None:
    code = f"""
from ranat.cli.failures import explained
from safetensors.torch import save_file
import torch
{LIMITED}
try:
    save_file({{"x": torch.zeros(9)}}, {str(tmp_path / "x.safetensors")!r})
except Exception as error:
    print(explained(error))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "File too large (os error 27) (raise the limit on the size of files, `ulimit -f`)', 1)" in done.stdout
