"""An output made in parts by several processes at once, such as the tasks of a job array.

All parts cut the inputs into the same shards, and part i of n makes every n-th of them, with a manifest of its own.
Whoever finishes last makes the manifest of the whole of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Self

from ranat.disk import claimed, locked, remove
from ranat.errors import UsageError, UserError
from ranat.extraction.manifest import ANY, PARTS, lines
from ranat.extraction.record import PLAN, Record, totals

COMMAND = "ranat extract"
_SECONDS = 60
"""Another part holds the whole folder for moments only, or until it has put the manifest together."""


@dataclass(frozen=True)
class Part:
    """A part of an output.

    Args:
        number: from 1.
        of: how many there are.
    Raises:
        UsageError: it is none of them.
    """

    number: int
    of: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of:
            raise UsageError(f"is none of 1/{self.of} to {self.of}/{self.of}: {self}", where="--part")

    @classmethod
    def parsed(cls, text: str) -> Self:
        """The part of a text such as "3/8".

        Raises:
            UsageError: it is none.
        """
        number, _, of = text.partition("/")
        if not (number.isdecimal() and of.isdecimal()):
            raise UsageError(f"is not PART/PARTS: {text!r}", where="--part", remedy="such as 1/8")
        return cls(int(number), int(of))

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    @property
    def manifest(self) -> str:
        """The name of its manifest."""
        return PARTS.replace("*", "{}").format(self.number, self.of)

    @property
    def lock(self) -> str:
        """The name of its lock."""
        return f".lock.{self.number}-of-{self.of}"

    def has(self, shard: int) -> bool:
        """Whether it makes a shard."""
        return shard % self.of == self.number - 1


@contextmanager
def held(out: Path, part: Part | None, resume: bool) -> Iterator[None]:
    """Hold an output folder, or a part of it beside other parts.

    Args:
        out: the folder.
        part: of it; None: all.
        resume: it may have lost its manifest.
    Raises:
        UserError: it holds something else, or another process holds it.
    """
    marker = "shard-*" if resume and not any(out.glob(ANY)) else ANY
    if part is None:
        with claimed(out, marker, COMMAND), ExitStack() as others:
            for lock in out.glob(".lock.*"):
                others.enter_context(locked(out, COMMAND, lock.name))
            yield
        return
    with claimed(out, marker, f"{COMMAND} --part {part}", part.lock):
        with locked(out, COMMAND, wait=_SECONDS):
            others_of = {path.name for path in out.glob(PARTS)} - {each.manifest for each in siblings(part)}
        if others_of:
            what = f"is not the number of parts that is made here: see {min(others_of)}"
            raise UserError(what, where=f"--part {part}", remedy="--resume without --part makes what is missing")
        yield


def siblings(part: Part) -> Iterator[Part]:
    """All parts."""
    return (Part(number, part.of) for number in range(1, part.of + 1))


def put_together(out: Path) -> None:
    """Make the manifest of the whole, if all parts are done.

    Args:
        out: the folder, which nobody holds but the part that calls.
    """
    if not any(out.glob(PARTS)):
        return
    with locked(out, COMMAND, wait=_SECONDS):
        made = [line.values for path in out.glob(PARTS) for line in islice(lines(path), 1)]
        if not made or made[0] is None or any(other != made[0] for other in made) or any(_missing(out)):
            return
        whole = Record(out, made[0])
        parts = [Record(out, made[0], path.name) for path in out.glob(PARTS)]
        plans = {(part.planned, (part.done or {}).get(PLAN)) for part in parts}
        if len(plans) == 1 and parts[0].planned == len(whole) and whole.is_gapless:
            finish(whole)


def finish(record: Record) -> dict[str, Any]:
    """All shards are there: write the manifest of the whole and what could not be read; the parts' go."""
    done = totals(record)
    record.write(done)
    record.write_errors()
    for path in (*record.out.glob(PARTS), *record.out.glob(".lock.*")):
        remove(path)
    return done


def unfinished(out: Path) -> list[str]:
    """What is to be said of an output whose parts are not put together."""
    if not any(out.glob(PARTS)):
        return []
    missing = next(_missing(out), None)
    if missing is None:
        return ["the parts are not of the same inputs and settings: --resume without --part makes what is missing"]
    return [f"part {missing} is not done: run it again with --resume, or all that is missing with --resume alone"]


def _missing(out: Path) -> Iterator[Part]:
    """The parts that are not done."""
    there = [*_there(out)]
    done = {part for part in there if _is_done(out / part.manifest)}
    for of in sorted({part.of for part in there}):
        yield from (part for part in siblings(Part(1, of)) if part not in done)


def _there(out: Path) -> Iterator[Part]:
    for path in sorted(out.glob(PARTS)):
        if found := re.fullmatch(r"manifest\.([0-9]{1,9})-of-([0-9]{1,9})\.jsonl", path.name):
            with suppress(UsageError):
                yield Part(int(found[1]), int(found[2]))


def _is_done(path: Path) -> bool:
    return any("done" in (line.values or {}) for line in lines(path))
