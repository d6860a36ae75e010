"""Documents from the objects of a JSON file: what all such formats do alike."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from ranat.documents.document import Document
from ranat.formats.json_records import MalformedError, Record, parse
from ranat.formats.source import Source
from ranat.formats.values import listed, name

T = TypeVar("T")
Understood = Callable[[Source, int, dict[str, Any], Counter[str]], Document | None]
"""Makes an object that begins at a line a document, or None if it is to be left out, and counts what is left out."""

_NOTHING: tuple[Any, ...] = (None, "", [], {})


def documents(
    source: Source,
    found: Iterable[Record],
    understood: Understood,
    parse: Callable[[str], dict[str, Any]] = parse,
) -> Iterator[Document]:
    """Documents from records; what was left out of them is told at the end.

    Args:
        source: the file.
        found: its records.
        understood: makes one of them a document; it may raise MalformedError.
        parse: makes a record's text an object.
    Raises:
        UserError: a record is none; with its line.
    """
    left_out: Counter[str] = Counter()

    def document(record: Record) -> Document | None:
        line, text = record
        try:
            return understood(source, line, parse(text), left_out)
        except MalformedError as error:
            raise source.error(line, str(error)) from None

    yield from source.each(found, document)
    tell(source, left_out)


def id_of(source: Source, line: int, value: dict[str, Any]) -> str:
    """The document's id that an object states, else that of its line."""
    return source.numbered(line) if value.get("id") is None else name(value, "id")


def write_lines(values: Iterable[Any], out: Path) -> None:
    """Write values as JSON, one a line."""
    with out.open("x", encoding="utf-8", newline="\n") as stream:
        for value in values:
            stream.write(json.dumps(value, ensure_ascii=False) + "\n")


def write_list(values: Iterable[Any], out: Path) -> None:
    """Write values as a list in JSON, one a line."""
    with out.open("x", encoding="utf-8", newline="\n") as stream:
        stream.write("[")
        for number, value in enumerate(values):
            stream.write((",\n" if number else "\n") + json.dumps(value, ensure_ascii=False))
        stream.write("\n]\n")


def tell(source: Source, left_out: Counter[str]) -> None:
    """Note what was left out."""
    for what, count in left_out.items():
        source.note("left out", f"{what} ({count:,} times)", count=count)


def marks(
    source: Source, line: int, value: dict[str, Any], key: str, understood: Callable[[Any], Iterable[T]]
) -> Iterator[T]:
    """What can be understood of a list of mentions or relations; the others are odd.

    Raises:
        MalformedError: it is no list.
        UserError: one is odd, and reading is strict.
    """
    for item in [] if value.get(key) is None else listed(value[key], key):
        try:
            yield from understood(item)
        except MalformedError as error:
            source.odd(line, f"{key}: {error}")


def count_unread(value: dict[str, Any], known: Collection[str], left_out: Counter[str], of: str = "") -> None:
    """Count the keys of an object that hold something and are not read, such as "meta", or "spans.meta" `of` spans."""
    left_out.update(
        f"the key {of + key!r} is not read" for key in value if key not in known and value[key] not in _NOTHING
    )
