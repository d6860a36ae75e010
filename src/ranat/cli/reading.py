"""How files are read: the flags that every command which reads files has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from ranat.errors import UsageError

if TYPE_CHECKING:
    from ranat.formats import How

From = Annotated[
    str | None, Parameter(name="--from", help="Format of the input; default: told by name and content, file by file.")
]
Columns = Annotated[
    str | None,
    Parameter(
        help="What columns are for, by number or by the name in the first line: token=3,tag=1 in files of words, "
        "text=abstract,id=pmid in CSV, TSV and JSON Lines."
    ),
]
Lenient = Annotated[
    bool | None,
    Parameter(
        name="--lenient",
        negative="--strict",
        help="What is odd with a mark is told and left out or mended; --strict: it is an error, and the file refused.",
    ),
]


def columns_of(text: str | None) -> dict[str, str]:
    """The columns that a flag names.

    Raises:
        UsageError: a part of it is not NAME=COLUMN.
    """
    named = {}
    for part in text.split(",") if text else ():
        name, equals, column = part.partition("=")
        if not (name.strip() and equals and column.strip()):
            raise UsageError(f"{part!r} is not NAME=COLUMN", where="--columns", remedy="such as token=3,tag=1")
        named[name.strip()] = column.strip()
    return named


def how_of(from_: str | None, columns: str | None, lenient: bool | None) -> How:
    """What the flags say; strict, if they say nothing of it."""
    from ranat.formats import How

    return How(from_, bool(lenient), columns_of(columns))


def section_of(from_: str | None, columns: str | None, lenient: bool | None) -> dict[str, Any]:
    """What the flags say, as the section `read` of settings."""
    said = {"format": from_, "lenient": lenient, "columns": columns_of(columns) or None}
    return {key: value for key, value in said.items() if value is not None}
