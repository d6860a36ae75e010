"""Extraction into a folder of shards with a manifest: nothing lost, nothing doubled, and resumable at any moment."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal

from rich.console import Console

from ranat.disk import claimed, remove, sha256, sync
from ranat.documents import Document
from ranat.documents.formats import FOLDERS, READERS, WRITERS, Read, jsonl
from ranat.documents.formats.csv import columns_reader
from ranat.errors import UsageError, UserError
from ranat.extraction import inputs
from ranat.extraction.ahead import ahead
from ranat.extraction.extractor import Extractor, chunks
from ranat.extraction.manifest import NAME, Manifest, Shard
from ranat.extraction.plan import Planned, plan
from ranat.extraction.progress import Rate
from ranat.models.precision import resolve_precision

ERRORS = "errors.jsonl"
MOST_NOTICES = 20
ANEW = "begin anew in another folder"


@dataclass(frozen=True)
class Job:
    """What is extracted from what; equal jobs make equal bytes.

    Args:
        inputs: files, folders, globs, or "-" for standard input.
        ner: models that find entities: run folders, model folders or hub ids.
        re: one that finds relations.
        format: of the output, one of `WRITERS`.
        input_format: of the inputs; None: found by content and name.
        column: of a CSV or TSV file, the one with the texts; None: "text".
        id_column: the one with the ids.
        min_score: what scores less is left out.
        precision: "auto", "fp32", "bf16" or "fp16".
        shard_size: documents in a shard, ≥ 1.
        max_characters: a longer document is not read, ≥ 1.
    Raises:
        UsageError: a number is too small.
    """

    inputs: tuple[str, ...]
    ner: tuple[str, ...] = ()
    re: str | None = None
    format: str = "jsonl"
    input_format: str | None = None
    column: str | None = None
    id_column: str | None = None
    min_score: float = 0.0
    precision: str = "auto"
    shard_size: int = 1000
    max_characters: int = 1_000_000

    def __post_init__(self) -> None:
        for flag, value in (("--shard-size", self.shard_size), ("--max-characters", self.max_characters)):
            if value < 1:
                raise UsageError(f"must be at least 1, not {value}", where=flag)

    def made(self, extractor: Extractor) -> dict[str, Any]:
        """The first line of the manifest."""
        precision = resolve_precision(self.precision)
        settings = asdict(self) | {"inputs": [*self.inputs], "ner": [*self.ner], "precision": precision}
        hashes = {
            "ner": [loaded.sha256 for loaded in extractor.ner],
            "re": extractor.relation.sha256 if extractor.relation else None,
        }
        return {"ranat": metadata.version("ranat"), **settings, "sha256": hashes}


def how_read(format: str | None, column: str | None, id_column: str | None) -> str | Read | None:
    """How inputs are read: a format's name, a reader of CSV columns, or None where each tells its own.

    Raises:
        UsageError: there is no such format, or a column is named but the inputs are said to be no CSV.
    """
    if format is not None and format not in FOLDERS.names():
        READERS.get(format)
    if column is None and id_column is None:
        return format
    if format not in (None, "csv"):
        raise UsageError("is for CSV and TSV files", where="--column", remedy="leave it out, or --from csv")
    return columns_reader(column or "text", id_column)


def extract_lines(job: Job) -> Iterator[tuple[Literal["document", "failure", "note"], str]]:
    """The documents as lines of JSON, what could not be read, and what was odd.

    Raises:
        UserError: an input is not there, or a model cannot be loaded.
    """
    planned = plan(
        inputs.expand(job.inputs),
        how_read(job.input_format, job.column, job.id_column),
        job.shard_size,
        job.max_characters,
    )
    extractor = Extractor.load(job.ner, job.re, min_score=job.min_score, precision=job.precision)
    counts = Counter[str]()
    for shard, chunk in extractor.extract_chunks(ahead(_cut(planned))):
        yield from (("document", jsonl.dumped(document)) for document in chunk)
        for one in shard.failures:
            yield "failure", str(UserError(one["what"], where=one["where"], remedy=one["remedy"]))
        yield from (("note", notice) for end in shard.ended for notice in end["notices"])
        counts.update(replaced(extractor, shard.documents))
        for told in (shard.failures, shard.ended, shard.documents):
            told.clear()  # its other chunks come with them, too
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
    how = how_read(job.input_format, job.column, job.id_column)
    if workers is not None and (ray is None or workers < 1):
        raise UsageError("is for --ray, and at least 1", where="--workers")
    sizes = [inputs.size(name) for name in inputs.expand(job.inputs, besides=out)]
    manifest = Manifest(out)
    if not resume and manifest.path.is_file():
        raise UserError("an output is here already", where=str(out), remedy="--resume goes on with it; or name another")

    total = sum(size or 0 for size in sizes) if None not in sizes else None
    with claimed(out, NAME, "ranat extract"), Rate(total, console or Console(quiet=True)) as rate:
        extractor = Extractor.load(job.ner, job.re, min_score=job.min_score, precision=job.precision)
        begin(manifest, job.made(extractor))
        first = sum(1 for _ in manifest.shards())

        def planned() -> Iterator[Planned]:
            names = inputs.expand(job.inputs, besides=out)
            # The first ones only: Ray may call it again when there are more.
            done = lambda: islice(manifest.shards(), first)  # noqa: E731
            return plan(names, how, job.shard_size, job.max_characters, done=done)

        if manifest.done() is not None:
            if next(planned(), None) is not None:
                raise UserError("the inputs have more than this output was made of", where=str(out), remedy=ANEW)
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


def shards(
    extractor: Extractor, planned: Iterable[Planned], format: str, out: Path, rate: Rate | None = None
) -> Iterator[Shard]:
    """Make shards; while one is at the model, the next is read and tokenized."""

    def shown() -> Iterator[tuple[Planned, list[Document]]]:
        for shard, chunk in extractor.extract_chunks(ahead(_cut(planned))):
            yield shard, chunk
            if rate:
                rate.show(len(chunk), shard.read)

    for shard, group in groupby(shown(), key=itemgetter(0)):
        found = (document for _, chunk in group for document in chunk)
        yield write_shard(shard, found, format, out, replaced(extractor, shard.documents))


def _shown(made: Iterable[Shard], rate: Rate) -> Iterator[Shard]:
    read = 0
    for shard in made:
        read += sum(end["size"] for end in shard.ended)
        rate.show(len(shard.ids), read)
        yield shard


def _cut(planned: Iterable[Planned]) -> Iterator[tuple[Planned, list[Document]]]:
    for shard in planned:
        if not shard.documents:
            yield shard, []
        yield from ((shard, chunk) for chunk in chunks(shard.documents))


def replaced(extractor: Extractor, documents: Iterable[Document]) -> Counter[str]:
    """How many annotations of the input what is found takes the place of."""
    counts = Counter[str]()
    for document in documents:
        counts["relations of the input replaced"] += len(document.relations)
        if extractor.ner:
            counts["entities of the input replaced"] += len(document.entities)
    return +counts


def write_shard(
    planned: Planned, found: Iterable[Document], format: str, out: Path, counted: Mapping[str, int] | None = None
) -> Shard:
    """Write a shard so that it is there in full or not at all; one without documents has no file.

    Args:
        planned: what it is made of.
        found: its documents.
        format: of the file.
        out: the folder that it goes into.
        counted: what stands in the manifest beside what is counted here.
    """
    writer = WRITERS.get(format)
    counts, lost = Counter[str](counted or {}), Counter[str]()
    spelled: dict[str, str] = {}

    def fitted() -> Iterator[Document]:
        for document in found:
            counts["entities"] += len(document.entities)
            counts["relations"] += len(document.relations)
            fit = writer.fit(document, lost)
            if fit.id != document.id:
                spelled[document.id] = fit.id
            yield fit

    shard = Shard(
        number=planned.number,
        sha256="",
        ids=[document.id for document in planned.documents],
        parts=planned.parts,
        failures=planned.failures,
        ended=planned.ended,
        so_far=planned.so_far,
    )
    if not shard.ids:
        return shard
    path = shard.path(out, format)
    part = path.with_name(f".{path.name}")
    remove(part)
    try:
        writer.write(fitted(), part)
        sync(part)
        remove(path)
        part.replace(path)
    except BaseException:  # whatever ends it, also an interruption
        remove(part)
        raise
    counts["renamed"] = planned.renamed
    return replace(shard, sha256=sha256(path), counts=dict(+counts), lost=dict(+lost), spelled=spelled)


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
