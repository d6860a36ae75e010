"""The specs that the package brings: the paper's tables and ablations, a file each."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent


def titles() -> dict[str, str]:
    """Name → title, which is the file's first line: no YAML library is needed to show the help."""
    return {file.stem: _first_line(file).removeprefix("title: ") for file in sorted(_FOLDER.glob("*.yaml"))}


def path(name: str) -> Path:
    """The file of a spec."""
    return _FOLDER / f"{name}.yaml"


def _first_line(file: Path) -> str:
    with file.open(encoding="utf-8") as stream:
        return stream.readline().strip()
