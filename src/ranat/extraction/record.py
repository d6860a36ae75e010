"""The manifest of an output that is being made: which shards are there, in whatever order their lines came."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ranat.disk import remove, write_atomically
from ranat.errors import UserError
from ranat.extraction.manifest import NAME, PARTS, Shard, lines, parsed, seal_of, written

ERRORS = "errors.jsonl"
MOST_NOTICES = 20
SHARDS = "shards of all parts"
"""The key of the last line of a part's manifest that says how many there are."""
PLAN = "plan of all parts"
"""The key of the hash of what all shards are made of, those of other parts, too: parts of one output have the same."""
ANEW = "begin anew in another folder"


class Record:
    """The sound lines of an output's manifests; one of them in memory at a time.

    Args:
        out: the folder.
        made: the first line, which tells how the output is made.
        name: of the manifest that lines are added to; that of a part is read alone, `manifest.jsonl` with all parts'.
    Raises:
        UserError: what is there was made in another way.
    """

    def __init__(self, out: Path, made: dict[str, Any], name: str = NAME) -> None:
        self.out, self.made, self.path = out, made, out / name
        self.done: dict[str, Any] | None = None
        self._seal = seal_of(made)
        self._places: dict[int, tuple[Path, int]] = {}
        others: list[dict[str, Any]] = []
        for path in [*sorted(out.glob(PARTS)), self.path] if name == NAME else [self.path]:
            for line in lines(path, self._seal):
                values = line.values or {}
                if "ranat" in values and values != made:
                    others.append(values)
                elif isinstance(values.get("done"), dict) and path == self.path:
                    self.done = values["done"]
                elif (shard := _shard(values)) is not None:
                    self._places[shard.number] = (path, line.at)
        if others and not self._places:
            raise self._made_otherwise(others[0])
        if not self._places and any(_shard(line.values or {}) for line in lines(self.path)):
            what = f"was made in another way; how cannot be told, as the first line of {name} is damaged"
            raise UserError(what, where=str(out), remedy=ANEW)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, number: int) -> bool:
        return number in self._places

    def __iter__(self) -> Iterator[Shard]:
        return (self[number] for number in sorted(self._places))

    def __getitem__(self, number: int) -> Shard:
        path, at = self._places[number]
        with path.open("rb") as stream:
            stream.seek(at)
            return Shard.of(parsed(stream.readline(), self._seal) or {})

    @property
    def planned(self) -> int:
        """How many shards the inputs were cut into, as the last line says; 0: it does not say."""
        done = self.done or {}
        said = done.get(SHARDS, done.get("shards"))
        return said if isinstance(said, int) else 0

    @property
    def is_gapless(self) -> bool:
        """Whether the shards are numbered from 0 without a gap."""
        return all(number in self._places for number in range(len(self._places)))

    def begin(self) -> None:
        """Make the file ready for lines: it has its first line, and no line was cut off."""
        first = written(self.made)
        if not self.path.is_file() or not self.path.stat().st_size:
            self._append(first)
        with self.path.open("rb+") as stream:
            is_first = stream.readline() == first.encode()
            stream.seek(-1, os.SEEK_END)
            if stream.read() != b"\n":
                stream.write(b"\n")  # what was cut off is a line of its own, which does not count
        if not is_first:
            self.write()
        if self.path.name == NAME:
            self.write_errors()

    def add(self, shard: Shard) -> None:
        """A shard that is safe on the disk."""
        self._places[shard.number] = (self.path, self._append(written(asdict(shard), self._seal)))
        if shard.failures and self.path.name == NAME:  # parts may not write into one file
            with (self.out / ERRORS).open("a", encoding="utf-8") as stream:
                stream.writelines(map(failure_line, shard.failures))

    def write(self, done: dict[str, Any] | None = None) -> None:
        """Write the manifest anew: the first line, the shards in order, and what they sum up to if they are all."""
        places = {}

        def text() -> Iterator[str]:
            first = written(self.made)
            yield first
            at = len(first)  # JSON's characters are bytes
            for shard in self:
                line = written(asdict(shard), self._seal)
                places[shard.number] = (self.path, at)
                at += len(line)
                yield line
            if done is not None:
                yield written({"done": done}, self._seal)

        write_atomically(self.path, text())
        self._places, self.done = places, done

    def write_errors(self) -> None:
        """Write errors.jsonl anew, which is there only if a document could not be read."""
        if any(shard.failures for shard in self):
            write_atomically(self.out / ERRORS, (failure_line(one) for shard in self for one in shard.failures))
        else:
            remove(self.out / ERRORS)

    def _append(self, line: str) -> int:
        with self.path.open("ab") as stream:
            at = stream.tell()
            stream.write(line.encode())
            stream.flush()
            os.fsync(stream.fileno())
        return at

    def _made_otherwise(self, before: dict[str, Any]) -> UserError:
        key = next(key for key in {**before, **self.made} if before.get(key) != self.made.get(key))
        what = f"was made with {key} {before.get(key)!r}, which is {self.made.get(key)!r} now"
        return UserError(what, where=str(self.out), remedy=ANEW)


def failure_line(failure: dict[str, Any]) -> str:
    """A line of errors.jsonl."""
    return json.dumps(failure) + "\n"


def totals(shards: Iterable[Shard]) -> dict[str, Any]:
    """What all shards hold, and what was lost."""
    sums, lost = Counter[str](documents=0, failures=0, entities=0, relations=0), Counter[str]()
    notices: list[str] = []
    for shard in shards:
        notices += [notice for end in shard.ended for notice in end["notices"]][: MOST_NOTICES - len(notices)]
        sums.update({"documents": len(shard.ids), "failures": len(shard.failures), "shards": 1, **shard.counts})
        lost.update(shard.lost)
    return {**sums, "lost": dict(lost), "left_out": notices}


def _shard(values: dict[str, Any]) -> Shard | None:
    try:
        return Shard.of(values)
    except ValueError:
        return None
