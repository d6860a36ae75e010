"""What an output folder holds, in `manifest.jsonl`: how it was made, and a line of JSON for every shard.

    {"ranat": "1.0", "inputs": [...], …, "check": "…"}          the settings and the hashes of the models
    {"number": 0, "sha256": "…", "ids": [...], …, "check": "…"}  a shard, see `Shard`
    {"done": {"documents": …}, "check": "…"}                     all inputs were read, and the sums over the shards

`check` is the beginning (64 bits) of the SHA-256 of the line before it, in all lines but the first after the check of
the first; so no line can be changed, and none of another output, other settings or other models can stand here. A line
is written when its shard is safe on the disk. While an output is being made its lines are in the order in which that
happened, and the last line of a shard holds; in the end each shard has one line, in order.

Of an output that is made in parts, part i of n has its own such file, `manifest.i-of-n.jsonl`, with the same first line
and the lines of its shards; when all parts are done, `manifest.jsonl` is made of them, as if there had been no parts.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from ranat.formats import WRITERS

NAME = "manifest.jsonl"
PARTS = "manifest.*-of-*.jsonl"
ANY = "manifest*.jsonl"
CHECK_DIGITS = 16
"""Of a check and of the digest of a text, in hexadecimal: 64 bits."""

_LINE = re.compile(rb'(\{.*), "check": "([0-9a-f]{16})"\}\n', re.DOTALL)


@dataclass(frozen=True)
class Shard:
    """A file or folder of the output.

    Args:
        number: from 0.
        sha256: of the file, or of the paths and hashes of the folder's files; empty if there is none, as no document is
            in it.
        ids: of its documents, in order.
        texts: the digests of their texts, see `digest`.
        parts: (input, first item, items) in order; an item is a document or one that could not be read.
        failures: {"input", "item", "where", "what", "remedy"} of those that could not be read.
        ended: {"input", "items", "size", "sha256", "notices"} of the inputs that end here.
        so_far: sha256 of what was read, up to here, of the input that does not end here; empty if it does.
        counts: entities, relations, and what else was counted, in words.
        lost: what the format could not hold, counted.
        spelled: id → what stands for it where the format could not hold it.
        rewritten: id → the digest of its text as the format holds it, where that is another text.
    """

    number: int
    sha256: str
    ids: list[str]
    texts: list[str]
    parts: list[tuple[str, int, int]]
    failures: list[dict[str, Any]]
    ended: list[dict[str, Any]]
    so_far: str
    counts: dict[str, int] = field(default_factory=dict)
    lost: dict[str, int] = field(default_factory=dict)
    spelled: dict[str, str] = field(default_factory=dict)
    rewritten: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, values: dict[str, Any]) -> Self:
        """The shard of a line.

        Raises:
            ValueError: it is none.
        """
        if values.keys() != _FIELDS.keys() or not all(_FIELDS[name](value) for name, value in values.items()):
            raise ValueError("is not the line of a shard")
        return cls(**values | {"parts": [(name, first, count) for name, first, count in values["parts"]]})

    def path(self, out: Path, format: str) -> Path:
        """Where it is."""
        return out / f"shard-{self.number:06d}{WRITERS.get(format).suffix}"

    def failed(self, name: str) -> set[int]:
        """The items of an input that could not be read."""
        return {failure["item"] for failure in self.failures if failure["input"] == name}

    def is_made_of(self, other: Shard) -> bool:
        """Whether both are of the same documents of the same inputs."""
        return self.made_of() == other.made_of()

    def made_of(self) -> str:
        """Its documents and where they come from, as a line of JSON."""
        return json.dumps((self.ids, self.texts, self.parts, self.so_far, _facts(self.ended), _facts(self.failures)))


@dataclass(frozen=True)
class Line:
    """A line of a manifest.

    Args:
        number: from 1.
        at: where it begins, in bytes.
        values: what is in it, without the check; None: it is not as it was written.
    """

    number: int
    at: int
    values: dict[str, Any] | None


def digest(text: str) -> str:
    """The beginning (64 bits) of the SHA-256 of a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:CHECK_DIGITS]


def written(values: dict[str, Any], seal: str = "") -> str:
    """A line of a manifest.

    Args:
        values: what is in it.
        seal: the check of the first line; empty for that line itself.
    """
    text = json.dumps(values)
    return f'{text[:-1]}, "check": "{digest(seal + text)}"}}\n'


def seal_of(made: dict[str, Any]) -> str:
    """The check of the first line."""
    return digest(json.dumps(made))


def parsed(line: bytes, seal: str = "") -> dict[str, Any] | None:
    """The values of a line; None: it is not as it was written."""
    match = _LINE.fullmatch(line)
    if match is None:
        return None
    body = match[1] + b"}"
    if hashlib.sha256(seal.encode() + body).hexdigest()[:CHECK_DIGITS] != match[2].decode():
        return None
    try:
        values = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None


def lines(path: Path, seal: str | None = None) -> Iterator[Line]:
    """All lines of a manifest.

    Args:
        path: it may be missing.
        seal: the check of the first line; None: that which stands in it.
    """
    if not path.is_file():
        return
    at = 0
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            if number == 1:
                match = _LINE.fullmatch(line)
                seal = seal or (match[2].decode() if match else "")
            values = parsed(line) if number == 1 else None
            yield Line(number, at, values or parsed(line, seal or ""))
            at += len(line)


def is_output(folder: Path) -> bool:
    """Whether an extraction was written there."""
    return any(b'"ranat"' in _beginning(path) for path in sorted(folder.glob(ANY)))


def _beginning(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(10)
    except OSError:
        return b""


def _facts(found: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """What a file holds, not what is said of it, which another version may say in other words."""
    return [tuple(one.get(key) for key in ("input", "item", "items", "size", "sha256")) for one in found]


def _list_of(test: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(map(test, value))


def _map_of(test: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, dict) and all(map(test, value.values()))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 63


def _is_part(value: Any) -> bool:
    return isinstance(value, list) and [*map(type, value)] == [str, int, int] and all(map(_is_count, value[1:]))


def _is_failure(value: Any) -> bool:
    keys = {"input", "item", "where", "what", "remedy"}
    return isinstance(value, dict) and value.keys() == keys and _is_text(value["input"]) and _is_count(value["item"])


def _is_end(value: Any) -> bool:
    if not isinstance(value, dict) or value.keys() != {"input", "items", "size", "sha256", "notices"}:
        return False
    return (
        all(_is_text(value[key]) for key in ("input", "sha256"))
        and all(_is_count(value[key]) for key in ("items", "size"))
        and _list_of(_is_text)(value["notices"])
    )


_FIELDS: dict[str, Callable[[Any], bool]] = {
    "number": _is_count,
    "sha256": _is_text,
    "ids": _list_of(_is_text),
    "texts": _list_of(_is_text),
    "parts": _list_of(_is_part),
    "failures": _list_of(_is_failure),
    "ended": _list_of(_is_end),
    "so_far": _is_text,
    "counts": _map_of(_is_count),
    "lost": _map_of(_is_count),
    "spelled": _map_of(_is_text),
    "rewritten": _map_of(_is_text),
}
