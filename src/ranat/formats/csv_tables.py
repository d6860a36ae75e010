"""A folder of CSV files as RFC 4180 has them, in UTF-8: `documents.csv`, `entities.csv`, `relations.csv`.

    document,id,type,spans,start,end,text,concept,score
    227508,T1,Chemical,0-8,0,8,Naloxone,D009270,0.97
    227508,T2,Disease,0-6;20-28,0,28,Ocular toxicity,,

The columns are those of `tables`. Spans count characters of the text, the end exclusive. An empty cell is an empty
string, but in the columns concept and score it means that none is known; a concept that is an empty string or nothing
but quotes has two quotes more. No cell may be longer than `csv.LONGEST`. Sentences and words are left out.

A spreadsheet takes a cell for a formula that begins with one of = + - @, a tab or a line end, and may run it. So such a
cell, and one that begins so after quotation marks ', is written with a ' before it, as OWASP advises
(https://owasp.org/www-community/attacks/CSV_Injection), and read without it. `raw-csv` writes all of them as they are,
but for those with such marks, which would be read without one.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ranat.documents.document import Document, Span
from ranat.formats import tables
from ranat.formats.base import Sure, folder_reader, writer
from ranat.formats.csv import Row, checked, opened, rows
from ranat.formats.notice import Notice
from ranat.formats.source import Reading, Source

_SPANS = re.compile(r"\d+-\d+(;\d+-\d+)*")
_FORMULA = re.compile(r"'*+[=+\-@\t\r\n]")
_QUOTES = re.compile('"*')


@writer("csv", fit=tables.fit)
def write(documents: Iterable[Document], out: Path) -> Counter[str]:
    """Write documents into a new folder, no cell of which a spreadsheet takes for a formula.

    Returns:
        how many cells were changed for that.
    Raises:
        UserError: an id is there twice in a row.
    """
    changed = Counter[str]()

    def safe(cell: Any) -> Any:
        if isinstance(cell, str) and _FORMULA.match(cell):
            changed["cells like formulas, written with a ' before them"] += 1
            return f"'{cell}"
        return cell

    _write(documents, out, safe)
    return changed


@writer("raw-csv", fit=tables.fit)
def write_raw(documents: Iterable[Document], out: Path) -> None:
    """Write documents into a new folder, its cells as they are.

    Raises:
        UserError: an id is there twice in a row.
    """
    _write(documents, out, lambda cell: f"'{cell}" if isinstance(cell, str) and _as_it_was(cell) != cell else cell)


def _write(documents: Iterable[Document], out: Path, as_cell: Callable[[Any], Any]) -> None:
    out.mkdir()
    with ExitStack() as files:
        to = {}
        for table, columns in tables.COLUMNS.items():
            file = (out / f"{table}.csv").open("x", encoding="utf-8", newline="")
            to[table] = csv.writer(files.enter_context(file))
            to[table].writerow(columns)
        for found in tables.each(documents, out):
            for table, rows_ in found.items():
                for row in rows_:
                    to[table].writerow(map(as_cell, _written(tables.COLUMNS[table], row)))


def _sure(folder: Path) -> Sure:
    return Sure.CERTAIN if (folder / "documents.csv").is_file() else Sure.NO


@folder_reader("csv", sure=_sure)
def read(folder: Path, notices: list[Notice], reading: Reading) -> Iterator[Document]:
    """The documents of a folder; columns that are not read are noted.

    Raises:
        UserError: a file or column is missing, or a row is wrong or out of order; with file and line.
    """
    with tables.opened(folder, ".csv", notices, reading) as sources:
        found = [_table(source, table) for table, source in sources.items()]
        yield from tables.join(sources["documents"], *found)


def _table(source: Source, table: str) -> tables.Table:
    found = rows(opened(source.stream))
    top = next(found, Row(1, []))
    header = checked(top, len(top.cells), source.name)
    tables.check_columns(source, table, header)
    id_at = header.index(tables.COLUMNS[table][0])

    def keyed() -> Iterator[tables.Row]:
        for row in found:
            if len(row.cells) <= id_at:  # nobody knows whose it is
                checked(row, len(header), source.name)
            yield tables.Row(row.line, _as_it_was(row.cells[id_at]), row)

    def cells(row: tables.Row) -> Mapping[str, Any]:
        return {
            column: _READ.get(column, str)(_as_it_was(cell))
            for column, cell in zip(header, checked(row.raw, len(header), source.name), strict=True)
            if column in tables.COLUMNS[table]
        }

    return tables.Table(source.name, keyed(), cells)


def _written(columns: Iterable[str], cells: Iterable[Any]) -> list[Any]:
    return [_WRITTEN.get(column, _same)(cell) for column, cell in zip(columns, cells, strict=True)]


def _as_it_was(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def _same(cell: Any) -> Any:
    return cell


def _written_spans(spans: tuple[Span, ...]) -> str:
    return ";".join(f"{start}-{end}" for start, end in spans)


def _spans(cell: str) -> tuple[Span, ...]:
    if not _SPANS.fullmatch(cell):
        raise ValueError(f"{cell[:40]!r} are no spans, such as 0-4 or 0-4;6-8")
    starts_and_ends = [span.split("-") for span in cell.split(";")]
    return tuple((int(start), int(end)) for start, end in starts_and_ends)


def _written_concept(concept: str | None) -> str | None:
    return concept if concept is None or not _QUOTES.fullmatch(concept) else f'{concept}""'


def _concept(cell: str) -> str | None:
    return None if not cell else cell.removesuffix('""') if _QUOTES.fullmatch(cell) else cell


def _score(cell: str) -> float | None:
    return float(cell) if cell else None


_WRITTEN: Mapping[str, Callable[[Any], Any]] = {"spans": _written_spans, "concept": _written_concept}
_READ: Mapping[str, Callable[[str], Any]] = {"spans": _spans, "concept": _concept, "score": _score}
