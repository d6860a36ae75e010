"""What an output folder holds, a line of JSON a shard: which documents of which inputs, and the hash of every file.

The first line says how the output was made, then comes a line for each shard in order, and a last one, `{"done": …}`,
when all inputs were read. A line is written when its shard is safe on the disk, so the lines tell what is done; a line
that was cut off by the end of the process is none.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from ranat.errors import UserError
from ranat.formats import WRITERS

NAME = "manifest.jsonl"


@dataclass(frozen=True)
class Shard:
    """A file or folder of the output.

    Args:
        number: from 0.
        sha256: of the file, or of the paths and hashes of the folder's files.
        ids: of its documents, in order.
        parts: [input, first item, items] in order; an item is a document or one that could not be read.
        failures: {"input", "item", "where", "what", "remedy"} of those that could not be read.
        ended: {"input", "items", "size", "sha256", "notices"} of the inputs that end here.
        so_far: sha256 of what was read, up to here, of the input that does not end here; empty if it does.
        counts: entities, relations, and what else was counted, in words.
        lost: what the format could not hold, counted.
        spelled: id → what stands for it where the format could not hold it.
    """

    number: int
    sha256: str
    ids: list[str]
    parts: list[tuple[str, int, int]]
    failures: list[dict[str, Any]]
    ended: list[dict[str, Any]]
    so_far: str
    counts: dict[str, int] = field(default_factory=dict)
    lost: dict[str, int] = field(default_factory=dict)
    spelled: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, values: dict[str, Any]) -> Self:
        """The shard of a line."""
        return cls(**values | {"parts": [(name, first, count) for name, first, count in values["parts"]]})

    def path(self, out: Path, format: str) -> Path:
        """Where it is."""
        return out / f"shard-{self.number:06d}{WRITERS.get(format).suffix}"


def is_output(folder: Path) -> bool:
    """Whether an extraction was written there."""
    try:
        return "ranat" in next(Manifest(folder).lines(), {})
    except UserError:
        return False


class Manifest:
    """The manifest of an output folder, one line in memory at a time."""

    def __init__(self, out: Path) -> None:
        self.out, self.path = out, out / NAME

    def create(self, made: dict[str, Any]) -> None:
        """The first line: settings and models."""
        self._append(made)

    def add(self, shard: Shard) -> None:
        """A shard that is safe on the disk."""
        self._append(asdict(shard))

    def close(self, totals: dict[str, Any]) -> None:
        """The last line."""
        self._append({"done": totals})

    def made(self) -> dict[str, Any]:
        """The first line.

        Raises:
            UserError: there is none, so this is no output of `ranat extract`.
        """
        for line in self.lines():
            return line
        raise UserError(f"no {NAME} is here", where=str(self.out), remedy="name a folder that `ranat extract` wrote")

    def shards(self) -> Iterator[Shard]:
        """The shards, in order."""
        for line in self.lines():
            if "number" in line:
                yield Shard.of(line)

    def done(self) -> dict[str, Any] | None:
        """The totals of an output that is complete."""
        for line in self.lines():
            if "done" in line:
                return dict(line["done"])
        return None

    def cut(self) -> None:
        """Take off a line that was not written to its end."""
        if not self.path.is_file():
            return
        with self.path.open("rb+") as stream:
            whole = 0
            for line in stream:
                whole += len(line) if line.endswith(b"\n") else 0
            stream.truncate(whole)

    def lines(self) -> Iterator[dict[str, Any]]:
        """All whole lines."""
        if not self.path.is_file():
            return
        with self.path.open(encoding="utf-8") as stream:
            for number, line in enumerate(stream, 1):
                if not line.endswith("\n"):
                    return
                try:
                    yield dict(json.loads(line))
                except ValueError:
                    raise UserError("not a line of a manifest", where=f"{self.path}:{number}") from None

    def _append(self, value: dict[str, Any]) -> None:
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(value) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
