"""Proof from the manifest that every document of every input is in the output exactly once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ranat import formats
from ranat.disk import sha256
from ranat.errors import UserError
from ranat.extraction import inputs
from ranat.extraction.ids import UniqueIds
from ranat.extraction.manifest import Manifest, Shard
from ranat.extraction.run import ERRORS, totals

MOST = 100
"""Problems that are told; the others are counted."""


def verify(out: Path) -> dict[str, Any]:
    """Check an output folder.

    The inputs that the manifest names must be as they were and no others must have come; each must have ended, and its
    items, numbered from 0, must be in the shards one after the other without a gap; a shard must have the hash that the
    manifest says and hold the documents that it says; no id may be there twice; and errors.jsonl must hold the failures
    of the manifest.

    Returns:
        {"documents", "failures", "inputs", "not_checked", "problems", "more"}: counts, inputs that are not there to be
        compared, what is wrong, and how many problems more there are.
    Raises:
        UserError: no manifest is there.
    """
    manifest = Manifest(out)
    made = manifest.made()
    counts = {"documents": 0, "failures": 0, "inputs": 0}
    not_checked: list[str] = []
    problems: list[str] = []
    more = 0
    for problem in _problems(manifest, made, counts, not_checked):
        if len(problems) < MOST:
            problems.append(problem)
        else:
            more += 1
    return {**counts, "not_checked": not_checked, "problems": problems, "more": more}


def _problems(
    manifest: Manifest, made: dict[str, Any], counts: dict[str, int], not_checked: list[str]
) -> Iterator[str]:
    ids = UniqueIds()
    expected = set[Path]()
    reading, item, number = "", 0, 0
    names = UniqueIds()
    for number, shard in enumerate(manifest.shards(), 1):
        if shard.number != number - 1:
            yield f"shard {number - 1} is missing from the manifest"
        if shard.ids:
            expected.add(shard.path(manifest.out, made["format"]))
        yield from _shard_problems(shard, manifest.out, made["format"])
        yield from (f"document {id!r} is there twice" for id in ids.add(shard.ids))
        ends = {end["input"]: end for end in shard.ended}
        for name, first, count in shard.parts:
            if name != reading:
                if reading:
                    yield f"{reading}: was not read to its end"
                reading, item = name, 0
            if first != item:
                yield f"{name}: items {item} to {first - 1} are in no shard"
            item = first + count
            if name in ends:
                if ends[name]["items"] != item:
                    yield f"{name}: has {ends[name]['items']} items, but {item} are in the shards"
                reading = ""
        names.add(map(ascii, ends))  # a name may be no Unicode
        for name, end in ends.items():
            counts["inputs"] += 1
            if inputs.is_stream(name) or not Path(name).exists():
                not_checked.append(name)
            elif inputs.fingerprint(name) != end["sha256"]:
                yield f"{name}: has changed since"
        counts["documents"] += len(shard.ids)
        counts["failures"] += len(shard.failures)
    done = manifest.done()
    if done is None:
        yield "the output is not complete: --resume goes on with it"
    elif done != totals(manifest.shards()):
        yield "the last line of the manifest is not the sum of its shards"
    elif reading:
        yield f"{reading}: was not read to its end"
    else:
        yield from (
            f"{name}: is not in the output" for name in _given(made, manifest.out) if not names.add([ascii(name)])
        )
    found = set(manifest.out.glob("shard-*"))
    yield from (f"{path.name}: is not in the manifest" for path in sorted(found - expected))
    yield from _failure_problems(manifest)


def _given(made: dict[str, Any], out: Path) -> Iterator[str]:
    """The inputs that are there now."""
    try:
        yield from inputs.expand(made["inputs"], besides=out)
    except UserError:  # gone, as some may be
        return


def _shard_problems(shard: Shard, out: Path, format: str) -> Iterator[str]:
    if sum(count for _, _, count in shard.parts) != len(shard.ids) + len(shard.failures):
        yield f"shard {shard.number}: its items are not its documents and failures"
    if not shard.ids:
        return
    path = shard.path(out, format)
    if not path.exists():
        yield f"{path.name}: is not there"
        return
    if sha256(path) != shard.sha256:
        yield f"{path.name}: has changed since it was written"
    try:
        found = [document.id for document in formats.read(path, format=format)]
    except UserError as error:
        yield str(error)
        return
    # sorted, as BRAT's documents are files and come in the order of their names
    if sorted(found) != sorted(shard.spelled.get(id, id) for id in shard.ids):
        yield f"{path.name}: holds other documents than the manifest says"


def _failure_problems(manifest: Manifest) -> Iterator[str]:
    path = manifest.out / ERRORS
    lines = path.open(encoding="utf-8") if path.is_file() else iter(())
    for shard in manifest.shards():
        for failure in shard.failures:
            if next(lines, None) != json.dumps(failure) + "\n":
                yield f"{ERRORS}: lacks item {failure['item']} of {failure['input']}"
                return
    if next(lines, None) is not None:
        yield f"{ERRORS}: has lines that are not in the manifest"
