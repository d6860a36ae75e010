"""Extraction into a folder of shards with a manifest: nothing lost, nothing doubled, and resumable at any moment."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from rich.console import Console

from ranat.disk import claimed
from ranat.errors import UsageError, UserError
from ranat.extraction import inputs
from ranat.extraction.ahead import ahead
from ranat.extraction.extractor import Extractor
from ranat.extraction.job import Job
from ranat.extraction.manifest import NAME, Manifest, Shard
from ranat.extraction.plan import Planned, plan
from ranat.extraction.progress import Rate
from ranat.extraction.shards import cut, replaced, shards
from ranat.formats import WRITERS, jsonl
from ranat.terminal import plain_console

ERRORS = "errors.jsonl"
MOST_NOTICES = 20
ANEW = "begin anew in another folder"


def extract_lines(job: Job) -> Iterator[tuple[Literal["document", "failure", "note"], str]]:
    """The documents as lines of JSON, what could not be read, and what was odd.

    Raises:
        UserError: an input is not there, or a model cannot be loaded.
    """
    planned = plan(
        inputs.expand(job.inputs),
        job.how,
        job.shard_size,
        job.max_characters,
    )
    extractor = Extractor.load(job.ner, job.re, min_score=job.min_score, precision=job.precision)
    counts, told = Counter[str](), None
    for shard, chunk in extractor.extract_chunks(ahead(cut(planned))):
        yield from (("document", jsonl.dumped(document)) for document in chunk)
        if shard is told:  # with a chunk before
            continue
        told = shard
        for one in shard.failures:
            yield "failure", str(UserError(one["what"], where=one["where"], remedy=one["remedy"]))
        yield from (("note", notice) for end in shard.ended for notice in end["notices"])
        counts.update(replaced(extractor, shard.documents))
    yield from (("note", f"{count:,} {what}") for what, count in counts.items())


def extract_to(
    job: Job,
    out: Path,
    *,
    resume: bool = False,
    ray: str | None = None,
    workers: int | None = None,
    console: Console | None = None,
) -> dict[str, Any]:
    """Extract into a folder.

    Args:
        job: what from what.
        out: holds shard-000000.jsonl, …, manifest.jsonl and, if a document could not be read, errors.jsonl.
        resume: go on with what is there.
        ray: the address of a Ray cluster that does the work; "local" starts one here.
        workers: how many load the models there; None: one for each processor, or GPU where there are any.
        console: where progress is shown.
    Returns:
        {"documents", "failures", "entities", "relations", …}, over all of the output.
    Raises:
        UserError: an input is not there, has changed since, or came later than the output; a model cannot be loaded; or
            the folder holds something else.
    """
    WRITERS.get(job.format)
    if workers is not None and (ray is None or workers < 1):
        raise UsageError("is for --ray, and at least 1", where="--workers")
    sizes = [inputs.size(name) for name in inputs.expand(job.inputs, besides=out)]
    manifest = Manifest(out)
    if not resume and manifest.path.is_file():
        raise UserError("an output is here already", where=str(out), remedy="--resume goes on with it; or name another")

    total = sum(size or 0 for size in sizes) if None not in sizes else None
    with claimed(out, NAME, "ranat extract"), Rate(total, plain_console(console)) as rate:
        extractor = Extractor.load(job.ner, job.re, min_score=job.min_score, precision=job.precision)
        begin(manifest, job.made(extractor))
        first = sum(1 for _ in manifest.shards())

        def done() -> Iterator[Shard]:
            return islice(manifest.shards(), first)  # these only: Ray may plan again when there are more

        def planned() -> Iterator[Planned]:
            names = inputs.expand(job.inputs, besides=out)
            return plan(names, job.how, job.shard_size, job.max_characters, done=done)

        if manifest.done() is not None:
            if more := next(planned(), None):
                new = more.parts[0][0] if more.parts else more.ended[0]["input"]
                raise UserError(f"came after {out} was complete", where=new, remedy=ANEW)
            return manifest.done() or {}
        if ray is None:
            made = shards(extractor, planned(), job.format, out, rate)
        else:
            from ranat.extraction.raydata import shards_on

            made = _shown(shards_on(ray, workers, job, out, planned, first), rate)
        for shard in made:
            manifest.add(shard)
            append_failures(out, shard.failures)
        if sum(len(shard.ended) for shard in manifest.shards()) != len(sizes):
            raise UserError("not all inputs were read", where=str(out), remedy="--resume goes on")
        manifest.close(totals(manifest.shards()))
    return manifest.done() or {}


def begin(manifest: Manifest, made: dict[str, Any]) -> None:
    """Write the first line, or make sure that what is there was made in the same way, and mend its end.

    Raises:
        UserError: it was made in another way.
    """
    manifest.cut()
    before = next(manifest.lines(), made)
    for key in {**before, **made}:
        if before.get(key) != made.get(key):
            what = f"was made with {key} {before.get(key)!r}, which is {made.get(key)!r} now"
            raise UserError(what, where=str(manifest.out), remedy=ANEW)
    if not manifest.path.is_file() or not manifest.path.stat().st_size:
        manifest.create(made)
    (manifest.out / ERRORS).unlink(missing_ok=True)
    for shard in manifest.shards():
        append_failures(manifest.out, shard.failures)


def _shown(made: Iterable[Shard], rate: Rate) -> Iterator[Shard]:
    read = 0
    for shard in made:
        read += sum(end["size"] for end in shard.ended)
        rate.show(len(shard.ids), read)
        yield shard


def totals(shards: Iterable[Shard]) -> dict[str, Any]:
    """What all shards hold, and what was lost."""
    sums, lost = Counter[str](documents=0, failures=0, entities=0, relations=0), Counter[str]()
    notices: list[str] = []
    for shard in shards:
        notices += [notice for end in shard.ended for notice in end["notices"]][: MOST_NOTICES - len(notices)]
        sums.update({"documents": len(shard.ids), "failures": len(shard.failures), "shards": 1, **shard.counts})
        lost.update(shard.lost)
    return {**sums, "lost": dict(lost), "left_out": notices}


def append_failures(out: Path, failures: list[dict[str, Any]]) -> None:
    """Add to errors.jsonl, which is there only if there are any."""
    if failures:
        with (out / ERRORS).open("a", encoding="utf-8") as stream:
            stream.writelines(json.dumps(failure) + "\n" for failure in failures)
