"""A seal: the SHA-256 of every file of a folder, in a file of that folder.

A folder without a seal was never complete. One whose files differ from its seal was damaged since.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from ranat.disk import files, sha256, sync, write_atomically

SEAL = "sha256.json"


def seal(folder: Path) -> None:
    """Write the seal; every file is safe on the disk before it appears."""
    names = [file.relative_to(folder).as_posix() for file in files(folder) if file != folder / SEAL]
    sync(folder)
    write_atomically(folder / SEAL, json.dumps({name: sha256(folder / name) for name in names}, indent=2) + "\n")


def sealed(folder: Path) -> dict[str, str] | None:
    """File → SHA-256, as the seal says; None: there is no seal that can be read."""
    try:
        said = json.loads((folder / SEAL).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(said, dict) or not all(isinstance(value, str) for value in said.values()):
        return None
    return said


def damage(folder: Path) -> list[str]:
    """What is not as it was sealed, a line each; none: the folder is whole."""
    said = sealed(folder)
    if said is None:
        return [f"{SEAL}: cannot be read"] if folder.is_dir() else ["is missing"]
    return changed(folder, said)


def changed(folder: Path, said: Mapping[str, str]) -> list[str]:
    """The files that do not have the SHA-256 that is said of them, a line each."""
    findings = []
    for name, digest in said.items():
        try:
            if not (folder / name).is_file():
                findings.append(f"{name}: is missing")
            elif sha256(folder / name) != digest:
                findings.append(f"{name}: its SHA-256 is not what it was when it was written")
        except OSError as error:
            findings.append(f"{name}: cannot read: {error.strerror}")
    return findings


def remove_sealed(folder: Path) -> None:
    """Delete the files that the seal names, and the folder if nothing else is in it."""
    for name in [*(sealed(folder) or {}), SEAL]:
        remove_inside(folder, name)
    with suppress(OSError):
        folder.rmdir()


def remove_inside(folder: Path, name: str) -> None:
    """Delete a file of a folder, and the folders on the way that are empty then; nothing is deleted through a link."""
    parts = Path(name).parts
    on_the_way = [folder.joinpath(*parts[:depth]) for depth in range(len(parts))]
    if Path(name).is_absolute() or ".." in parts or any(one.is_symlink() for one in on_the_way[1:]):
        return
    with suppress(OSError):  # it is not there, or is a folder
        (folder / name).unlink()
    for parent in reversed(on_the_way[1:]):
        with suppress(OSError):  # others have files in it
            parent.rmdir()
