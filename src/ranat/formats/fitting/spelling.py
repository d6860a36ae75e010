"""Ids and types spelled so that file names and columns can hold them."""

from __future__ import annotations

import re
from hashlib import sha256

_UNSAFE = re.compile(r"[^\w.+=@,~#()% -]|^[. ]|[. ]\Z")
_LONGEST_NAME, _LONGEST_PATH = 200, 1000
"""In bytes. Common systems take 255 and 4,096, and the path of the folder and a suffix are to be added."""


def as_path(id: str) -> str:
    """A document's id as a path that is safe within a folder, with "/"; most ids are one already.

    Characters that some system refuses are written as %3A and the like, and so are dots and spaces that begin or end a
    name and the dot of a folder that is called like a text. A name that is empty becomes %2F. What is too long is cut,
    and ends in a hash of all of it. So paths differ as the ids do, but for ids that are written so already.
    """
    *folders, name = map(_as_name, id.split("/"))
    folders = [re.sub(r"\.(?=(txt|ann)\Z)", "%2E", folder, flags=re.IGNORECASE) for folder in folders]
    path = "/".join((*folders, name))
    return path if len(path.encode()) <= _LONGEST_PATH else _cut(path.replace("/", "%2F"))


def as_word(name: str) -> str:
    """A name without white space, which is not empty."""
    return re.sub(r"\s", "_", name) or "_"


def not_empty(name: str) -> str:
    """A name where none means something else."""
    return name or "_"


def _as_name(part: str) -> str:
    return _cut(_UNSAFE.sub(lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode()), part) or "%2F")


def _cut(name: str) -> str:
    whole = name.encode()
    if len(whole) <= _LONGEST_NAME:
        return name
    mark = f"~{sha256(whole).hexdigest()[:16]}"
    return whole[: _LONGEST_NAME - len(mark)].decode(errors="ignore") + mark
