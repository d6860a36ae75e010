"""Documents from one format to another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from ranat import formats
from ranat.disk import drafted
from ranat.documents import Document
from ranat.errors import UserError
from ranat.extraction import inputs
from ranat.extraction.checks import try_writing
from ranat.extraction.ids import UniqueIds
from ranat.extraction.inputs import End
from ranat.extraction.progress import Rate
from ranat.formats import How
from ranat.terminal import counted, plain_console


def convert(
    given: Sequence[str],
    out: Path,
    format: str,
    *,
    how: How = How(),
    max_characters: int = 5_000_000,
    console: Console | None = None,
) -> dict[str, Any]:
    """Read documents and write them to one file or folder.

    Args:
        given: files, folders, globs, or "-" for standard input.
        out: must not be there.
        format: of the output.
        how: the inputs are read.
        max_characters: a longer document is not read, so that none fills the memory, whatever a packed file unpacks to.
        console: where progress and what cannot be read is shown.
    Returns:
        {"documents", "failures": how many could not be read, "renamed": had an id that was there already, "left_out":
        what was odd in the inputs, counted, "lost": what the format cannot hold, counted}
    Raises:
        UserError: nothing is there to read, `out` is there already, or no document could be read.
    """
    console = plain_console(console)
    sizes = [inputs.size(name) for name in inputs.expand(given, out, console.print, format=how.format)]
    ids = UniqueIds()
    result: dict[str, Any] = {"documents": 0, "failures": 0, "renamed": 0}
    notices = []
    changed = Counter[str]()

    def documents() -> Iterator[Document]:
        before = 0
        for name in inputs.expand(given, out, format=how.format):
            for found in inputs.read(name, how, max_characters):
                if isinstance(found, End):
                    before += found.size
                    notices.extend(found.notices)
                elif isinstance(found.content, Document):
                    id = ids.unique(found.content.id)
                    result["renamed"] += id != found.content.id
                    result["documents"] += 1
                    rate.show(1, before + found.read)
                    yield replace(found.content, id=id)
                else:
                    result["failures"] += 1
                    console.print(f"not read: {found.content}")

    with drafted(out, "ranat convert") as draft:
        with Rate(sum(filter(None, sizes)) if None not in sizes else None, console) as rate:
            try_writing(draft.parent, format)
            lost = formats.write(documents(), draft, format, changed)
        if not result["documents"]:
            raise UserError("no document could be read", where=", ".join(given))
    return {**result, **changed, "left_out": [str(notice) for notice in notices], "lost": dict(lost)}


def one(given: Sequence[str], id: str | None = None, *, how: How = How(), max_characters: int = 5_000_000) -> Document:
    """One document of the inputs.

    Args:
        given: files, folders, globs, or "-" for standard input.
        id: the document's; None: the first.
        how: the inputs are read.
        max_characters: a longer document is not read.
    Raises:
        UserError: it is not there, or the first cannot be read.
    """
    failures: list[UserError] = []
    documents = 0
    ids = UniqueIds()
    for name in inputs.expand(given, format=how.format):
        for found in inputs.read(name, how, max_characters):
            if isinstance(found, End):
                continue
            if isinstance(found.content, UserError):
                if id is None:
                    raise found.content
                failures.append(found.content)
                continue
            documents += 1
            name_of = ids.unique(found.content.id)
            if id in (None, name_of):
                return replace(found.content, id=name_of)
    if failures:
        raise failures[0]
    raise UserError(f"none of {counted(documents, 'documents')} has the id {id!r}", where="--document")
