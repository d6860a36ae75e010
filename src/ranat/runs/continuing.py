"""What a run that goes on from another takes over, and the files of documents that it adds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ranat.attacks import STANDARD
from ranat.disk import sha256
from ranat.errors import UsageError


def added(files: str | Sequence[str] | Mapping[str, str]) -> Mapping[str, str]:
    """Path → SHA-256 of files or folders of documents.

    Args:
        files: one or more paths; a mapping, which config.yaml has, stays as it is.
    Raises:
        ValueError: it is none of these.
        UsageError: one is not there.
    """
    if isinstance(files, Mapping):
        return files
    names = [files] if isinstance(files, str) else files
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise ValueError("must be one or more paths")
    for name in names:
        if not Path(name).expanduser().exists():
            raise UsageError("is not there", where=name, remedy="name a file of annotated documents with --add")
    return {name: sha256(Path(name).expanduser()) for name in names}


def defaults_from(base: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a run that hold where nothing else is given.

    The options of an attack or a gate, and how files are read, are left out where another attack, gate or corpus is
    given.
    """
    taken = dict(base)
    if taken["attack"]["name"] == STANDARD:
        del taken["attack"], taken["rat"]
    for section, key in (("attack", "name"), ("rat", "gate")):
        if section in taken and (given.get(section) or {}).get(key) not in (None, taken[section][key]):
            del taken[section]
    if given.get("corpus") not in (None, taken["corpus"]):
        taken.pop("read", None)
    return taken
