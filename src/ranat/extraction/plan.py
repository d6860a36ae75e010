"""The documents of all inputs cut into shards, always in the same way."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Self

from ranat import formats
from ranat.documents import Document
from ranat.errors import UserError
from ranat.extraction import inputs
from ranat.extraction.ids import UniqueIds
from ranat.extraction.inputs import End, Item
from ranat.extraction.manifest import Shard, digest
from ranat.formats import How, jsonl


@dataclass
class Planned:
    """What a shard is made of; see `Shard` for the fields of that name."""

    number: int
    documents: list[Document] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    parts: list[tuple[str, int, int]] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)
    ended: list[dict[str, Any]] = field(default_factory=list)
    so_far: str = ""
    renamed: int = 0
    read: int = 0
    """Bytes of the inputs that were read up to its end."""

    @property
    def items(self) -> int:
        """Documents and failures."""
        return len(self.documents) + len(self.failures)

    def add(self, item: Item, ids: UniqueIds) -> None:
        """One item more."""
        last = self.parts[-1] if self.parts else None
        if last and last[0] == item.input and last[1] + last[2] == item.number:
            self.parts[-1] = (*last[:2], last[2] + 1)
        else:
            self.parts.append((item.input, item.number, 1))
        if isinstance(item.content, Document):
            id = ids.unique(item.content.id)
            self.renamed += id != item.content.id
            self.documents.append(replace(item.content, id=id))
            self.texts.append(digest(item.content.text))
        else:
            error = item.content
            self.failures.append(
                {
                    "input": item.input,
                    "item": item.number,
                    "where": error.where,
                    "what": error.what,
                    "remedy": error.remedy,
                }
            )

    def end(self, end: End) -> None:
        """An input has ended."""
        facts = {"input": end.input, "items": end.items, "size": end.size, "sha256": end.sha256}
        self.ended.append({**facts, "notices": [str(notice) for notice in end.notices]})

    def shard(self) -> Shard:
        """The shard that is to be made of it, as far as that is known before."""
        return Shard(
            number=self.number,
            sha256="",
            ids=[document.id for document in self.documents],
            texts=self.texts,
            parts=self.parts,
            failures=self.failures,
            ended=self.ended,
            so_far=self.so_far,
        )

    def to_json(self) -> str:
        """As one line."""
        documents = [document.to_dict() for document in self.documents]
        return json.dumps({**vars(self), "documents": documents})

    @classmethod
    def from_json(cls, line: str) -> Self:
        """The inverse of `to_json`."""
        values = json.loads(line)
        lines = "\n".join(map(json.dumps, values["documents"]))
        documents = list(formats.read(io.StringIO(lines), "shard", "jsonl")) if lines else []
        return cls(**values | {"documents": documents})


def plan(
    names: Iterable[str],
    how: How,
    shard_size: int,
    most_characters: int,
    *,
    done: Callable[[], Iterator[Shard]] = lambda: iter(()),
) -> Iterator[Planned]:
    """The shards that are still to be made, each complete when the next begins.

    Args:
        names: of the inputs, as `inputs.expand` gives them.
        how: they are read.
        shard_size: items in a shard; the last one may have fewer.
        most_characters: of a document.
        done: gives the shards that are there already, in order.
    Raises:
        UserError: an input that the done shards were made of has changed or is not there, or another stands before it.
    """
    ids = UniqueIds()
    shard, partly, items, so_far = Planned(0), "", 0, ""
    for old in done():
        ids.add(old.ids)
        shard = Planned(old.number + 1)
        partly, items, so_far = "", 0, old.so_far
        if so_far:
            partly, first, count = old.parts[-1]
            items = first + count
    ended = (end for old in done() for end in old.ended)
    read = 0
    for name in names:
        if (end := next(ended, None)) is not None:
            _check(name, end["input"])
            if _sha256(name, how, most_characters) != end["sha256"]:
                raise _changed(name)
            read += end["size"]
            continue
        if partly:
            _check(name, partly)
        skipped, partly = (items, "") if partly else (0, "")
        so_far_now = hashlib.sha256()
        for found in inputs.read(name, how, most_characters):
            if isinstance(found, End):
                if skipped and found.items <= skipped:  # something came after these
                    raise _changed(name)
                shard.end(found)
                read += found.size
                break
            if found.number == skipped and skipped and so_far_now.hexdigest() != so_far:
                raise _changed(name)
            if found.number >= skipped:
                if shard.items == shard_size:
                    shard.so_far = so_far_now.hexdigest() if found.number else ""
                    yield shard
                    shard = Planned(shard.number + 1)
                shard.add(found, ids)
                shard.read = read + found.read
            so_far_now.update(told(found))
    for end in ended:
        _check(None, end["input"])
    if partly:
        _check(None, partly)
    shard.read = read
    if shard.items or shard.ended:
        yield shard


def told(item: Item) -> bytes:
    """All that is in an item, as a line; `Shard.so_far` is the hash of these."""
    line = jsonl.dumped(item.content) if isinstance(item.content, Document) else str(item.content)
    return f"{line}\n".encode("utf-8", "surrogatepass")


def _check(name: str | None, before: str) -> None:
    if name != before:
        now = "is none" if name is None else f"is {name!r}"
        what = f"the output so far was made of {before!r} where there {now} now"
        raise UserError(what, remedy="give the same inputs, or begin anew in another folder")


def _sha256(name: str, how: How, most_characters: int) -> str:
    if not inputs.is_stream(name):
        return inputs.fingerprint(name)
    return next(found.sha256 for found in inputs.read(name, how, most_characters) if isinstance(found, End))


def _changed(name: str) -> UserError:
    return UserError("has changed since", where=name, remedy="begin anew in another folder")
