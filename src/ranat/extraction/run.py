"""Extraction into a folder of shards with a manifest: nothing lost, nothing doubled, and resumable at any moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from rich.console import Console

from ranat import formats
from ranat.disk import drafted, remove
from ranat.documents import Document
from ranat.errors import UsageError, UserError
from ranat.extraction import inputs
from ranat.extraction.ahead import ahead
from ranat.extraction.checks import check_room, try_writing
from ranat.extraction.job import Job
from ranat.extraction.manifest import NAME, PARTS, Shard
from ranat.extraction.parts import COMMAND, Part, finish, held, put_together
from ranat.extraction.plan import plan
from ranat.extraction.progress import Rate
from ranat.extraction.record import MOST_NOTICES, PLAN, SHARDS, Record, totals
from ranat.extraction.shards import cut, replaced, shards
from ranat.extraction.todo import Todo, clean, strays
from ranat.terminal import counted, plain_console

Found = tuple[Literal["document"], Document] | tuple[Literal["failure", "note"], str]


def extract_all(job: Job, console: Console | None = None, besides: Path | None = None) -> Iterator[Found]:
    """The documents, what could not be read, and what was odd.

    Args:
        job: what from what.
        console: where it is told what is passed over.
        besides: see `inputs.expand`.
    Raises:
        UserError: an input is not there, or a model cannot be loaded.
    """
    names = inputs.expand(job.inputs, besides, plain_console(console).print, format=job.how.format)
    planned = plan(names, job.how, job.shard_size, job.max_characters)
    counts, told = Counter[str](), None
    for shard, chunk in job.load().extract_chunks(ahead(cut(planned))):
        yield from (("document", document) for document in chunk)
        if shard is told:  # with a chunk before
            continue
        told = shard
        for one in shard.failures:
            yield "failure", str(UserError(one["what"], where=one["where"], remedy=one["remedy"]))
        yield from (("note", notice) for end in shard.ended for notice in end["notices"])
        counts.update(replaced(job.ner, shard.documents))
    yield from (("note", counted(count, what)) for what, count in counts.items())


def extract_to_file(job: Job, out: Path, *, console: Console | None = None) -> dict[str, Any]:
    """Extract into one file, which is there when all is done; what cannot be read is told.

    Args:
        job: what from what.
        out: must not be there.
        console: where it is told.
    Returns:
        What `extract_to` returns.
    Raises:
        UserError: as `extract_to`; or the file is there already, or no document could be read.
    """
    console = plain_console(console)
    counts, notes = Counter[str](documents=0, failures=0, entities=0, relations=0), list[str]()

    def documents() -> Iterator[Document]:
        for kind, found in extract_all(job, console, besides=out):
            if isinstance(found, Document):
                counts.update(documents=1, entities=len(found.entities), relations=len(found.relations))
                yield found
            elif kind == "failure":
                counts["failures"] += 1
                console.print(f"not read: {found}")
            elif len(notes) < MOST_NOTICES:
                notes.append(found)

    size = sum(inputs.size(name) or 0 for name in inputs.expand(job.inputs, out, format=job.how.format))
    with drafted(out, COMMAND) as draft:
        try_writing(draft.parent, job.format)
        check_room(draft.parent, size)
        lost = formats.write(documents(), draft, job.format)
        if not counts["documents"]:
            raise UserError("no document could be read", where=", ".join(job.inputs))
    return {**counts, "lost": dict(lost), "left_out": notes}


def extract_to(
    job: Job,
    out: Path,
    *,
    resume: bool = False,
    part: Part | None = None,
    ray: str | None = None,
    workers: int | None = None,
    console: Console | None = None,
) -> dict[str, Any]:
    """Extract into a folder.

    Args:
        job: what from what.
        out: holds shard-000000.jsonl, …, manifest.jsonl and, if a document could not be read, errors.jsonl.
        resume: go on with what is there; shards that are gone or changed are made again.
        part: make only its shards, beside other processes that make the others; None: make all.
        ray: the address of a Ray cluster that does the work; "local" starts one here.
        workers: how many load the models there; None: one for each processor, or GPU where there are any.
        console: where progress is shown.
    Returns:
        {"documents", "failures", "entities", "relations", …}, over all of the output, or of the part.
    Raises:
        UserError: an input is not there, has changed since, or came later than the output; a model cannot be loaded; or
            the folder holds something else.
    """
    formats.WRITERS.get(job.format)
    if workers is not None and (ray is None or workers < 1):
        raise UsageError("is for --ray, and at least 1", where="--workers")
    if part and ray is not None:
        raise UsageError("is for machines without Ray", where="--part", remedy="leave out --part or --ray")
    if part and any(map(inputs.is_stream, job.inputs)):
        raise UsageError("every part reads all inputs, and a stream is read once", where="--part", remedy="save it")
    console = plain_console(console)
    sizes = [inputs.size(name) for name in inputs.expand(job.inputs, out, console.print, format=job.how.format)]
    name = part.manifest if part else NAME
    if not resume and any((out / one).is_file() for one in (NAME, name)):
        raise UserError("an output is here already", where=str(out), remedy="--resume goes on with it; or name another")
    if not resume and not part and any(out.glob(PARTS)):
        raise UserError("is made in parts", where=str(out), remedy="--resume makes what is missing; or name another")

    total = sum(size or 0 for size in sizes) if None not in sizes else None
    with held(out, part, resume), Rate(total, console) as rate:
        if part and (out / NAME).is_file():
            return _of_whole(out, job, part)
        clean(out, part)
        record = Record(out, job.made(), name)
        todo = Todo(job, record, part)
        waiting = iter(todo)
        first = next(waiting, None) if len(record) else None
        if first or not len(record):
            try_writing(out, job.format)
            check_room(out, total or 0)
            extractor = job.load()
            record.begin()
            planned = chain(filter(None, [first]), waiting)
            if ray is None:
                made = shards(extractor, planned, job.format, out, rate)
            else:
                from ranat.extraction.raydata import shards_on

                made = _shown(shards_on(ray, workers, job, out, todo), rate)
            for shard in made:
                record.add(shard)
        if part:
            done = totals(record)
            record.write(done | {SHARDS: todo.planned, PLAN: todo.plan})
            put_together(out)
            return done
        if not record.is_gapless or sum(len(shard.ended) for shard in record) != len(sizes):
            raise UserError("not all inputs were read", where=str(out), remedy="--resume goes on")
        for path in strays(record, job.format):
            console.print(f"removed, as it is not of this output: {path}")
            remove(path)
        return finish(record)


def _of_whole(out: Path, job: Job, part: Part) -> dict[str, Any]:
    """What is in an output that all its parts were put together in, if the shards of this one are there."""
    whole = Record(out, job.made())
    if whole.done is None:
        raise UserError("is not made in parts", where=str(out), remedy="--resume without --part goes on with it")
    if missing := next(iter(Todo(job, whole, part)), None):
        what = f"the parts were put together, and shard {missing.number} is missing or damaged since"
        raise UserError(what, where=str(out), remedy="--resume without --part makes it again")
    return whole.done


def _shown(made: Iterable[Shard], rate: Rate) -> Iterator[Shard]:
    read = 0
    for shard in made:
        read += sum(end["size"] for end in shard.ended)
        rate.show(len(shard.ids), read)
        yield shard
