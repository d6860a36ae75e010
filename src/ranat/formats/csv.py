"""Raw texts in one CSV or TSV file: a text a row after a row of the columns' names.

    id,title,text
    1,"Naloxone, again","Naloxone reverses the antihypertensive effect of clonidine."

The columns are separated by commas, semicolons or tabs, which the first line tells. An empty text is an empty document;
a document without id is called by the line where its row starts, "abstracts:17". Other columns are left out, noted.

Between commas and semicolons, rows are quoted as RFC 4180 says. Between tabs, a line is a row, and a cell that is
quoted so as a whole is unquoted; any other stands as it is, as many such files quote nothing.

A file that is called .tsv is known by its column "text" alone, as files of words and tags are called so too.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import IO, NamedTuple

from ranat.documents.document import Document
from ranat.errors import UserError
from ranat.formats.base import Sure, reader
from ranat.formats.sample import Sample
from ranat.formats.source import Source

LONGEST = 1 << 26
"""Characters of the longest cell that is read, 67 million: a quote that is never closed must not fill the memory."""

_DELIMITERS = ",\t;"
_QUOTED = re.compile(r'"(?:[^"]|"")*+"')
_NOT_UTF8 = re.compile("[\udc80-\udcff]")


class Row(NamedTuple):
    """A row of a file.

    Args:
        line: where it starts, from 1.
        cells: of it; where they cannot be told apart, none.
        error: why they cannot.
    """

    line: int
    cells: list[str]
    error: str = ""


def rows(lines: Iterable[str], delimiter: str = ",") -> Iterator[Row]:
    """The rows of a file that are not blank; what is no CSV is one, too, and the next begins with the line after it.

    The longest cell that the `csv` module takes is a setting of the whole process; it is raised to `LONGEST`.
    """
    if delimiter == "\t":
        for number, text in enumerate(lines, 1):
            if cells := text.rstrip("\r\n"):
                yield Row(number, [*map(_unquoted, cells.split("\t"))])
        return
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST))
    found = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        line = found.line_num + 1
        try:
            row = Row(line, next(found))
        except StopIteration:
            return
        except csv.Error as error:
            row = Row(line, [], str(error))
        if row.cells or row.error:
            yield row


def _unquoted(cell: str) -> str:
    return cell[1:-1].replace('""', '"') if _QUOTED.fullmatch(cell) else cell


def checked(row: Row, n_columns: int, name: str) -> list[str]:
    """The row's cells.

    Raises:
        UserError: they cannot be told apart, are not as many as the columns, or have bytes that are not UTF-8.
    """
    where = f"{name}:{row.line}"
    if row.error:
        raise UserError(f"no row of CSV: {row.error}", where=where, remedy='quote cells as "…", a quote in them as ""')
    for cell in row.cells:
        if bad := _NOT_UTF8.search(cell):
            what = f"invalid UTF-8: byte 0x{ord(bad[0]) - 0xDC00:02x}"
            raise UserError(what, where=where, remedy="save the file as UTF-8")
    if len(row.cells) != n_columns:
        remedy = "quote cells that hold the character between columns"
        raise UserError(f"{len(row.cells)} cells, but {n_columns} columns are named", where=where, remedy=remedy)
    return row.cells


def left_out(source: Source, columns: Sequence[str]) -> None:
    """Note the columns that are not read."""
    source.note("left out", f"columns that are not read: {_listed(columns)}", count=len(columns))


def opened(stream: IO[bytes]) -> IO[str]:
    """The text of a file, its line ends as they are; bytes that are not UTF-8 are half surrogate pairs."""
    return io.TextIOWrapper(stream, "utf-8-sig", errors="surrogateescape", newline="")


def _bounded(source: Source) -> Iterator[str]:
    """The lines of a file.

    Raises:
        UserError: one is too long.
    """
    stream = opened(source.stream)
    for number, line in enumerate(iter(partial(stream.readline, source.longest + 1), ""), 1):
        if len(line) > source.longest:
            raise source.too_long(number)
        yield line


def _sure(sample: Sample) -> Sure:
    header = _header(sample.head.partition("\n")[0], "text")[0]
    return Sure.LIKELY if len(header) > 1 and _index(header, "text") is not None else Sure.NO


@reader("csv", suffixes=(".csv",), sure=_sure, raw=True, columns=("text", "id"))
def read(source: Source) -> Iterator[Document]:
    """Documents of a file whose columns are "text" and, if ids are given, "id", or as `Reading.columns` names them.

    Whether letters are capital does not matter.

    Raises:
        UserError: there is no such column, or a row is no CSV, not UTF-8 or of another number of cells.
    """
    text, id = source.reading.columns.get("text", "text"), source.reading.columns.get("id")
    lines = _bounded(source)
    first = next(lines, "")
    _, delimiter = _header(first, text)
    found = rows(chain([first], lines), delimiter)
    top = next(found, Row(1, []))
    header = checked(top, len(top.cells), source.name)
    text_at = _required(source, header, text, "--columns text=NAME")
    id_at = _index(header, "id") if id is None else _required(source, header, id, "--columns id=NAME")
    left_out(source, [column for index, column in enumerate(header) if index not in (text_at, id_at)])

    def parse(row: Row) -> Document:
        cells = checked(row, len(header), source.name)
        named = "" if id_at is None else cells[id_at]
        return source.document(row.line, named if named.strip() else source.numbered(row.line), cells[text_at])

    yield from source.each(found, parse)


def _header(line: str, text: str) -> tuple[list[str], str]:
    """The names of the columns and what separates them: what finds the column of the texts, then the most columns."""
    read = {delimiter: next(rows([line], delimiter), Row(1, [])).cells for delimiter in _DELIMITERS}
    best = max(_DELIMITERS, key=lambda delimiter: (_index(read[delimiter], text) is not None, len(read[delimiter])))
    return read[best], best


def _index(header: list[str], name: str) -> int | None:
    """Where a column is: by its very name, else by its name in other letters."""
    for same in (str, str.casefold):
        for index, column in enumerate(header):
            if same(column) == same(name):
                return index
    return None


def _required(source: Source, header: list[str], name: str, option: str) -> int:
    index = _index(header, name)
    if index is None:
        raise source.error(
            1, f"there is no column {name!r}", f"the columns are {_listed(header)}; name one by {option}"
        )
    return index


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(map(repr, columns[:20])) + (", …" if len(columns) > 20 else "")
