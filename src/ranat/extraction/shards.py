"""Planned shards, extracted and written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from ranat.disk import remove, sha256, sync
from ranat.documents import Document
from ranat.extraction.ahead import ahead
from ranat.extraction.extractor import Extractor, chunks
from ranat.extraction.manifest import Shard, digest
from ranat.extraction.plan import Planned
from ranat.extraction.progress import Rate
from ranat.formats import WRITERS


def shards(
    extractor: Extractor, planned: Iterable[Planned], format: str, out: Path, rate: Rate | None = None
) -> Iterator[Shard]:
    """Make shards; while one is at the model, the next is read and tokenized."""

    def shown() -> Iterator[tuple[Planned, list[Document]]]:
        for shard, chunk in extractor.extract_chunks(ahead(cut(planned))):
            yield shard, chunk
            if rate:
                rate.show(len(chunk), shard.read)

    for shard, group in groupby(shown(), key=itemgetter(0)):
        found = (document for _, chunk in group for document in chunk)
        yield write_shard(shard, found, format, out, replaced(extractor.ner, shard.documents))


def cut(planned: Iterable[Planned]) -> Iterator[tuple[Planned, list[Document]]]:
    """Chunks of the documents of shards, each with its shard."""
    for shard in planned:
        if not shard.documents:
            yield shard, []
        yield from ((shard, chunk) for chunk in chunks(shard.documents))


def replaced(ner: Sequence[Any], documents: Iterable[Document]) -> Counter[str]:
    """How many annotations of the input what is found takes the place of; of entities only if a model finds them."""
    counts = Counter[str]()
    for document in documents:
        counts["relations of the input replaced"] += len(document.relations)
        if ner:
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
    rewritten: dict[str, str] = {}

    def fitted() -> Iterator[Document]:
        for document in found:
            counts["entities"] += len(document.entities)
            counts["relations"] += len(document.relations)
            fit = writer.fit(document, lost)
            if fit.id != document.id:
                spelled[document.id] = fit.id
            if fit.text != document.text:
                rewritten[document.id] = digest(fit.text)
            yield fit

    shard = planned.shard()
    if not shard.ids:
        return shard
    path = shard.path(out, format)
    part = path.with_name(f".{path.name}")
    remove(part)
    try:
        counts.update(writer.write(fitted(), part) or {})
        sync(part)
        remove(path)
        part.replace(path)
    except BaseException:  # whatever ends it, also an interruption
        remove(part)
        raise
    counts["renamed"] = planned.renamed
    return replace(
        shard, sha256=sha256(path), counts=dict(+counts), lost=dict(+lost), spelled=spelled, rewritten=rewritten
    )
