"""Which shards of an output are still to be made, and what lies there that is not of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from ranat.disk import remove, sha256
from ranat.errors import UserError
from ranat.extraction import inputs
from ranat.extraction.job import Job
from ranat.extraction.manifest import PARTS, Shard
from ranat.extraction.parts import Part
from ranat.extraction.plan import Planned, plan
from ranat.extraction.record import ANEW, Record


class Todo:
    """The shards that are not there as the manifest says, each time they are asked for.

    Inputs whose shards are all there are not read again but for their hashes, as long as no shard before is missing.

    Args:
        job: what from what.
        record: what was made.
        part: the shards of the others are none to be made; None: there are no others.
    """

    def __init__(self, job: Job, record: Record, part: Part | None) -> None:
        self._job, self._record, self._part = job, record, part
        self._sound = {shard.number for shard in record if is_there(shard, record.out, job.format)}
        # The shards of parts may be of different inputs: then each is compared with what it would be made of now.
        self._is_one = part is not None or not any(record.out.glob(PARTS))
        self.planned = 0
        """How many shards the inputs are cut into, once all were asked for."""
        self.plan = ""
        """The sha256 of what they are made of, once all were asked for."""

    def __iter__(self) -> Iterator[Planned]:
        """Plan them.

        Raises:
            UserError: the inputs are not what they were, or others came after the output was complete.
        """
        job, record = self._job, self._record
        first = next(number for number in count() if number not in self._sound) if self._is_one else 0
        self.planned = first
        told = hashlib.sha256()
        for number in range(first):
            told.update(f"{record[number].made_of()}\n".encode())
        for planned in plan(
            inputs.expand(job.inputs, record.out, format=job.how.format),
            job.how,
            job.shard_size,
            job.max_characters,
            done=lambda: (record[number] for number in range(first)),
        ):
            self.planned = planned.number + 1
            told.update(f"{planned.shard().made_of()}\n".encode())
            if record.done is not None and planned.number >= max(len(record), record.planned):
                new = planned.parts[0][0] if planned.parts else planned.ended[0]["input"]
                raise UserError(f"came after {record.out} was complete", where=new, remedy=ANEW)
            if planned.number in record and not record[planned.number].is_made_of(planned.shard()):
                raise self._changed(planned.number)
            if planned.number not in self._sound and (self._part is None or self._part.has(planned.number)):
                yield planned
        self.plan = told.hexdigest()
        if any(shard.number >= self.planned for shard in record):
            raise self._changed(self.planned)

    def _changed(self, number: int) -> UserError:
        shard = self._record[number]
        names = [name for name, _, _ in shard.parts] or [end["input"] for end in shard.ended]
        return UserError(f"has changed since shard {number} was made", where=", ".join(names[:5]), remedy=ANEW)


def is_there(shard: Shard, out: Path, format: str) -> bool:
    """Whether its file is as it was written."""
    path = shard.path(out, format)
    if not shard.ids:
        return True
    try:
        return not has_link(path) and path.exists() and sha256(path) == shard.sha256
    except OSError:
        return False


def has_link(path: Path) -> bool:
    """Whether a file or folder is or has a link, which nothing that is written here has."""
    return path.is_symlink() or (path.is_dir() and any(inside.is_symlink() for inside in path.rglob("*")))


def strays(record: Record, format: str) -> list[Path]:
    """What is called as shards are, and is none of this output."""
    expected = {shard.path(record.out, format).name for shard in record if shard.ids}
    return [path for path in sorted(record.out.glob("shard-*")) if path.name not in expected]


def clean(out: Path, part: Part | None) -> None:
    """Delete what a killed process left before it was in its place; of others' parts nothing."""
    for path in out.glob(".shard-*"):
        number = path.name.removeprefix(".shard-").partition(".")[0]
        if part is None or (number.isdecimal() and part.has(int(number))):
            remove(path)
    for pattern in (".manifest*.part", ".errors.jsonl.part", ".trial*") if part is None else ():
        for path in out.glob(pattern):
            remove(path)
