"""A page of the docs as a reader follows it: its files are written, its commands run, their output compared.

In a page

- a block with a title is a file of that name; a line `--8<-- "PATH"` stands for a file of the repository;
- a block of the language console is run: each line that begins with "$ " is a command (with those after it, while they
  end with a backslash), the lines below it are output. Each line of output must come, in this order, among what the
  command prints; "…" stands for lines left out. Numbers and white space are not compared, as they differ between
  machines.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
SNIPPET = re.compile(r'^--8<-- "([^"]+)"$', re.MULTILINE)
NUMBER = re.compile(r"[-+−]?\d[\d.,]*(e[-+]?\d+)?")


def follow(text: str, folder: Path) -> list[str]:
    """Do in a folder what a page says; the commands that were run.

    Raises:
        AssertionError: a command fails, or prints something else.
    """
    done = []
    for language, title, body in BLOCK.findall(text):
        if title:
            file = folder / title
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(SNIPPET.sub(lambda found: (ROOT / found[1]).read_text(encoding="utf-8"), body))
        elif language == "console":
            for command, expected in commands(body):
                printed = run(command, folder)
                _assert_printed(expected, printed, command)
                done.append(command)
    return done


def commands(body: str) -> list[tuple[str, list[str]]]:
    """Each command of a console block with the output below it."""
    found: list[tuple[str, list[str]]] = []
    goes_on = False
    for line in body.splitlines():
        if goes_on:
            command, output = found.pop()
            found.append((f"{command}\n{line}", output))
        elif line.startswith("$ "):
            found.append((line[2:], []))
        elif line:
            found[-1][1].append(line)
        goes_on = line.endswith("\\")
    return found


def run(command: str, folder: Path) -> str:
    """What a command prints, run by a shell that knows `ranat` and `python` as those of the tests."""
    programs = folder / ".programs"
    if not programs.is_dir():
        programs.mkdir()
        for name, arguments in (("ranat", "-m ranat.cli"), ("python", "")):
            (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
            (programs / name).chmod(0o755)
    paths = [str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(paths),
        "HF_HUB_OFFLINE": "1",
        "COLUMNS": "200",
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, f"$ {command}\n{done.stdout}"
    return done.stdout


def _assert_printed(expected: list[str], printed: str, command: str) -> None:
    lines = iter(map(_alike, printed.splitlines()))
    for line in expected:
        if line != "…":
            assert any(_alike(line) == other for other in lines), f"$ {command}\nno line: {line}\n{printed}"


def _alike(line: str) -> str:
    return " ".join(NUMBER.sub("0", line).split())
