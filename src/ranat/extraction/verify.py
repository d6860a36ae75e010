"""Proof from the manifest that every document of every input is in the output exactly once, with its text."""

from __future__ import annotations

import glob
import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from ranat import formats
from ranat.disk import sha256
from ranat.documents import Document
from ranat.errors import UserError
from ranat.extraction import inputs
from ranat.extraction.ids import UniqueIds
from ranat.extraction.inputs import End, Item
from ranat.extraction.job import Job
from ranat.extraction.manifest import ANY, NAME, Shard, digest, lines
from ranat.extraction.parts import put_together, unfinished
from ranat.extraction.plan import told
from ranat.extraction.record import ERRORS, Record, failure_line, totals
from ranat.extraction.todo import has_link, strays
from ranat.formats import FOLDERS, READERS
from ranat.runs.identity import identity

MOST = 100
"""Problems that are told; the others are counted."""


def verify(out: Path, *, inputs_gone: bool = False) -> dict[str, Any]:
    """Check an output folder; if it was made in parts that are all done, its manifest is put together first.

    Every line of the manifest must be as it was written. Every input that it names is read again: it must have the
    bytes, and give the documents, ids and texts that the manifest says, in shards that follow each other without a gap;
    no other input may have come. Every shard must have the bytes, and give the ids and texts that the manifest says. No
    id may be there twice; errors.jsonl must hold the failures of the manifest; the models must be those it was made by.

    Args:
        out: the folder.
        inputs_gone: inputs and models that are not there any more are no problem, but are not checked.
    Returns:
        {"documents", "failures", "inputs", "not_checked", "problems", "more"}: counts, inputs and models that are not
        there to be compared, what is wrong, and how many problems more there are.
    Raises:
        UserError: no manifest is there.
    """
    put_together(out)
    if not any(out.glob(ANY)):
        raise UserError(f"no {NAME} is here", where=str(out), remedy="name a folder that `ranat extract` wrote")
    found = _Verification(out, inputs_gone)
    problems: list[str] = []
    more = 0
    for problem in found.problems():
        if len(problems) < MOST:
            problems.append(problem)
        else:
            more += 1
    counts = {name: found.counts[name] for name in ("documents", "failures", "inputs")}
    return {**counts, "not_checked": found.not_checked, "problems": problems, "more": more}


class _Verification:
    """One verification.

    Args:
        out: the folder.
        inputs_gone: see `verify`.
    """

    def __init__(self, out: Path, inputs_gone: bool) -> None:
        self.out, self.inputs_gone = out, inputs_gone
        self.counts = Counter[str]()
        self.not_checked: list[str] = []

    def problems(self) -> Iterator[str]:
        """What is wrong, as it is found."""
        parts = unfinished(self.out)
        yield from parts
        if parts:
            return
        if (self.out / NAME).is_symlink():
            yield f"{NAME}: is a link, not what was written"
        first = next(lines(self.out / NAME), None)
        if first is None or first.values is None or "ranat" not in first.values:
            yield f"{NAME}:1: is not as it was written: --resume mends it"
            return
        try:
            job = Job.of(first.values)
        except ValueError as error:
            yield f"{NAME}:1: {error}"
            return
        record = Record(self.out, first.values)
        yield from self._lines(record)
        yield from self._models(job, first.values["sha256"])
        yield from self._shards(record, job)
        yield from (f"{path.name}: is not in the manifest" for path in strays(record, job.format))
        yield from self._errors(record)

    def _lines(self, record: Record) -> Iterator[str]:
        """The manifest's lines: none may be changed, missing, doubled or in another place."""
        expected, done = 0, None
        for line in islice(lines(self.out / NAME), 1, None):
            place, number = f"{NAME}:{line.number}", (line.values or {}).get("number")
            if done is not None:
                yield f"{place}: stands after the last line"
            elif line.values is not None and line.values.keys() == {"done"}:
                done = line.values["done"]
            elif not isinstance(number, int) or number not in record:
                yield f"{place}: is not as it was written: --resume mends it"
            elif number != expected:
                yield f"{place}: is of shard {number} where shard {expected} should be"
                expected = number + 1
            else:
                expected += 1
        if done is None:
            yield "the output is not complete: --resume goes on with it"
        elif done != totals(record):
            yield "the last line of the manifest is not the sum of its shards"

    def _shards(self, record: Record, job: Job) -> Iterator[str]:
        ids, names = UniqueIds(), UniqueIds()
        reading = _Reading("", job)
        for expected, shard in enumerate(record):
            if shard.number != expected and expected not in record:
                yield f"shard {expected} is missing from the manifest"
            yield from _file_problems(shard, self.out, job.format)
            yield from self._documents(shard, ids)
            ends = {end["input"]: end for end in shard.ended}
            place = 0
            for name, item, count in shard.parts:
                if name != reading.name:
                    if reading.name:
                        yield f"{reading.name}: was not read to its end"
                    reading = _Reading(name, job)
                if item != reading.items:
                    yield f"{name}: items {reading.items} to {item - 1} are in no shard"
                reading.take(shard, item, count, place)
                place += count - len(shard.failed(name))
                if name in ends:
                    yield from reading.end(ends[name])
                    reading = _Reading("", job)
            reading.goes_on(shard)
            self.counts["inputs"] += len(ends)
            names.add(map(ascii, ends))  # a name may be no Unicode
            for name in filter(_is_gone, ends):
                yield from self._gone(name)
            self.counts["documents"] += len(shard.ids)
            self.counts["failures"] += len(shard.failures)
        if reading.name:
            yield f"{reading.name}: was not read to its end"
        if record.done is not None:
            yield from (
                f"{name}: is not in the output" for name in _given(job, self.out) if not names.add([ascii(name)])
            )

    def _documents(self, shard: Shard, ids: UniqueIds) -> Iterator[str]:
        if len(shard.texts) != len(shard.ids) or sum(count for _, _, count in shard.parts) != len(shard.ids) + len(
            shard.failures
        ):
            yield f"shard {shard.number}: its items are not its documents and failures"
        yield from (f"document {id!r} is there twice" for id in ids.add(shard.ids))

    def _models(self, job: Job, said: dict[str, Any]) -> Iterator[str]:
        if said.keys() != set(job.models):
            yield f"{NAME}:1: has other hashes than those of its models"
            return
        for name in job.models:
            if not os.path.lexists(Path(name).expanduser()):
                yield from self._gone(name)
                continue
            try:
                if identity(name) != said[name]:
                    yield f"{name}: is another model than that which the output was made by"
            except UserError as error:
                yield str(error)

    def _gone(self, name: str) -> Iterator[str]:
        if self.inputs_gone:
            self.not_checked.append(name)
        else:
            yield (
                f"{name}: is not there to be compared (go to the folder where the extraction was started, as names are "
                "relative to it; if it is gone for good, --inputs-gone)"
            )

    def _errors(self, record: Record) -> Iterator[str]:
        path = self.out / ERRORS
        if path.is_symlink() or (path.exists() and not path.is_file()):
            yield f"{ERRORS}: is not the file that was written"
            return
        found = path.read_bytes().splitlines(keepends=True) if path.is_file() else []
        written = iter(found)
        for shard in record:
            for failure in shard.failures:
                if next(written, None) != failure_line(failure).encode():
                    yield f"{ERRORS}: lacks item {failure['item']} of {failure['input']}"
                    return
        if next(written, None) is not None:
            yield f"{ERRORS}: has lines that are not in the manifest"


class _Reading:
    """An input, read again beside what the manifest says of it.

    Args:
        name: of the input; empty: there is none.
        job: tells how it was read.
    """

    def __init__(self, name: str, job: Job) -> None:
        self.name, self.items = name, 0
        self._found: Iterator[Item | End] | None = None
        if name and not _is_gone(name):
            self._found = inputs.read(name, job.how, job.max_characters)
        self._wrong: str | None = None
        self._so_far = hashlib.sha256()

    def take(self, shard: Shard, first: int, count: int, place: int) -> None:
        """Compare so many items.

        Args:
            shard: that they are in.
            first: the number of the first of them.
            count: of them.
            place: of the first of their documents among those of the shard.
        """
        self.items = first + count
        if self._found is None or self._wrong:
            return
        failed = shard.failed(self.name)
        for item, found in zip(range(first, first + count), islice(self._found, count), strict=False):
            content = found.content if isinstance(found, Item) else None
            if content is None or isinstance(content, Document) == (item in failed):
                self._wrong = f"item {item} is not what shard {shard.number} says"
            elif isinstance(content, Document):
                id, text = shard.ids[place : place + 1], shard.texts[place : place + 1]
                place += 1
                if not id or not (id[0] == content.id or id[0].startswith(f"{content.id}#")):
                    self._wrong = f"item {item} is document {content.id!r}, which shard {shard.number} has not there"
                elif text != [digest(content.text)]:
                    self._wrong = f"document {id[0]!r} has another text than shard {shard.number} says"
            if self._wrong or not isinstance(found, Item):
                return
            self._so_far.update(told(found))

    def goes_on(self, shard: Shard) -> None:
        """It should go on in the next shard."""
        if self._found is not None and not self._wrong and self._so_far.hexdigest() != shard.so_far:
            self._wrong = f"what was read up to the end of shard {shard.number} is another than it says"

    def end(self, said: dict[str, Any]) -> Iterator[str]:
        """It should end here, and be as the manifest says."""
        if said["items"] != self.items:
            yield f"{self.name}: has {said['items']} items, but {self.items} are in the shards"
        if self._found is None:
            return
        end = None if self._wrong else next(self._found, None)
        now = end.sha256 if isinstance(end, End) else inputs.fingerprint(self.name)
        if now != said["sha256"]:
            yield f"{self.name}: has changed since"
        elif self._wrong or not isinstance(end, End):
            yield f"{self.name}: {self._wrong or 'has more items than are in the shards'}"
        elif end.size != said["size"]:
            yield f"{self.name}: has {end.size} bytes, not {said['size']}"


def _is_gone(name: str) -> bool:
    return inputs.is_stream(name) or not os.path.lexists(name)


def _given(job: Job, out: Path) -> Iterator[str]:
    """The inputs that are there now, of which some that were named may be gone."""
    there = [name for name in job.inputs if os.path.lexists(name) or glob.glob(name, recursive=True)]
    with suppress(UserError):  # a folder may be empty now
        yield from inputs.expand(there, out, format=job.how.format)


def _file_problems(shard: Shard, out: Path, format: str) -> Iterator[str]:
    if not shard.ids:
        return
    path = shard.path(out, format)
    if not path.exists() and not path.is_symlink():
        yield f"{path.name}: is not there"
        return
    try:
        if has_link(path):
            yield f"{path.name}: is or has a link, not what was written"
        if not (path.is_file() or path.is_dir()):
            yield f"{path.name}: is neither a file nor a folder"
            return
        if sha256(path) != shard.sha256:
            yield f"{path.name}: has changed since it was written"
        if format not in (*READERS.names(), *FOLDERS.names()):
            return
        found = Counter((document.id, digest(document.text)) for document in formats.read(path, format=format))
    except UserError as error:
        yield str(error)
        return
    except OSError as error:
        yield f"{path.name}: cannot read: {error.strerror}"
        return
    # counted, as BRAT's documents are files and come in the order of their names
    for id, text in zip(shard.ids, shard.texts, strict=False):
        found[shard.spelled.get(id, id), shard.rewritten.get(id, text)] -= 1
    if any(found.values()):
        yield f"{path.name}: holds other documents or texts than the manifest says"
