"""What those who carry on rely on says what is so."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]


def test_the_version_to_cite_is_the_version() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert cited["version"] == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert {"cff-version", "message", "title", "authors"} <= cited.keys()


def test_a_commit_is_checked_by_what_make_lint_runs() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    (recipe,) = re.findall(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    tools = re.findall(r"\$\(BIN\)/(ruff check|ruff format|mypy|lint-imports)", recipe)
    assert [hook["entry"].removeprefix(".venv/bin/").removesuffix(" --force-exclude") for hook in hooks] == tools


def test_forms_of_issues_ask_for_something() -> None:
    for file in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"):
        form = yaml.safe_load(file.read_text())
        assert {"name", "description", "body"} <= form.keys(), file.name
        assert all({"type", "id", "attributes"} <= part.keys() for part in form["body"]), file.name


def test_every_command_of_the_guide_for_contributors_is_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"make (\w+)", text)) <= set(targets)
    for place in re.findall(r"`((?:src|tests|docs|benchmarks)/[\w/.]+)`", text):
        assert (ROOT / place).exists(), place
