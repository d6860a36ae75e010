"""A folder of Parquet files, for data frames: `documents.parquet`, `entities.parquet`, `relations.parquet`.

The columns are those of `tables`. Spans are a list of structs with start and end, in characters of the text, the end
exclusive; what is not known is null. Sentences and words are left out. Needs pyarrow, which is the extra `parquet`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from ranat.documents.document import Document
from ranat.errors import UserError
from ranat.formats import tables
from ranat.formats.base import Sure, folder_reader, writer
from ranat.formats.notice import Notice
from ranat.formats.source import Reading, Source

GROUP_CHARACTERS, GROUP_ROWS = 1 << 23, 1 << 14
"""A row group is written as soon as it holds so much, so that memory stays flat."""

_BATCH = 1024
"""Rows that are read at a time."""


class _File:
    """A file being written.

    Args:
        writer: pyarrow's.
        as_table: pyarrow's table of rows.
    """

    def __init__(self, writer: Any, as_table: Callable[..., Any]) -> None:
        self._writer, self._as_table = writer, as_table
        self._rows: list[dict[str, Any]] = []
        self._characters = 0

    def add(self, row: tuple[Any, ...]) -> None:
        """Take a row, and write a row group if that fills it."""
        cells = dict(zip(self._writer.schema.names, row, strict=True))
        if "spans" in cells:
            cells["spans"] = [{"start": start, "end": end} for start, end in cells["spans"]]
        self._rows.append(cells)
        self._characters += sum(len(cell) for cell in row if isinstance(cell, str))
        if self._characters >= GROUP_CHARACTERS or len(self._rows) >= GROUP_ROWS:
            self.flush()

    def flush(self) -> None:
        """Write what was taken as a row group."""
        self._writer.write_table(self._as_table(self._rows, schema=self._writer.schema))
        self._rows, self._characters = [], 0


@writer("parquet", fit=tables.fit)
def write(documents: Iterable[Document], out: Path) -> None:
    """Write documents into a new folder.

    Raises:
        UserError: an id is there twice in a row, or pyarrow is not installed.
    """
    pyarrow = pyarrow_of(out)
    out.mkdir()
    with ExitStack() as opened:
        files = {}
        for table, schema in _schemas(pyarrow).items():
            stream = opened.enter_context((out / f"{table}.parquet").open("xb"))
            to = opened.enter_context(pyarrow.parquet.ParquetWriter(stream, schema, compression="zstd"))
            files[table] = _File(to, pyarrow.Table.from_pylist)
        for found in tables.each(documents, out):
            for table, rows in found.items():
                for row in rows:
                    files[table].add(row)
        for file in files.values():
            file.flush()


def _sure(folder: Path) -> Sure:
    return Sure.CERTAIN if (folder / "documents.parquet").is_file() else Sure.NO


@folder_reader("parquet", sure=_sure)
def read(folder: Path, notices: list[Notice], reading: Reading) -> Iterator[Document]:
    """The documents of a folder; columns that are not read are noted.

    Raises:
        UserError: a file or column is missing, a file is damaged, or a row is wrong or out of order; with file and
            number of the row; or pyarrow is not installed.
    """
    pyarrow = pyarrow_of(folder)
    with tables.opened(folder, ".parquet", notices, reading) as sources:
        found = [_table(pyarrow, sources[table], table, schema) for table, schema in _schemas(pyarrow).items()]
        yield from tables.join(sources["documents"], *found)


def pyarrow_of(where: Path | str) -> Any:
    """The module.

    Raises:
        UserError: it is not installed.
    """
    try:
        import pyarrow.parquet
    except ModuleNotFoundError:
        raise UserError("pyarrow is not installed", where=str(where), remedy="pip install 'ranat[parquet]'") from None
    return pyarrow


def _schemas(pyarrow: Any) -> dict[str, Any]:
    offset = pyarrow.int64()
    span = pyarrow.struct([pyarrow.field(name, offset, nullable=False) for name in ("start", "end")])
    types = {"spans": pyarrow.list_(span), "start": offset, "end": offset, "score": pyarrow.float64()}
    return {
        table: pyarrow.schema(
            pyarrow.field(column, types.get(column, pyarrow.string()), nullable=column not in tables.REQUIRED[table])
            for column in columns
        )
        for table, columns in tables.COLUMNS.items()
    }


def _table(pyarrow: Any, source: Source, table: str, schema: Any) -> tables.Table:
    with readable(pyarrow, source.name):
        file = pyarrow.parquet.ParquetFile(source.stream)
        columns = file.schema_arrow.names
    tables.check_columns(source, table, columns)
    wanted = pyarrow.schema(column for column in schema if column.name in columns)

    def rows() -> Iterator[dict[str, Any]]:
        with readable(pyarrow, source.name):
            for batch in file.iter_batches(_BATCH, columns=wanted.names):
                yield from pyarrow.Table.from_batches([batch]).select(wanted.names).cast(wanted).to_pylist()

    id_column = wanted.names[0]
    numbered = (tables.Row(number, cells[id_column], cells) for number, cells in enumerate(rows(), 1))
    return tables.Table(source.name, numbered, _cells)


def _cells(row: tables.Row) -> Mapping[str, Any]:
    cells: dict[str, Any] = row.raw
    if "spans" not in cells:
        return cells
    if None in cells["spans"]:
        raise ValueError("a span is null")
    return cells | {"spans": tuple((span["start"], span["end"]) for span in cells["spans"])}


@contextmanager
def readable(pyarrow: Any, name: str) -> Iterator[None]:
    """What pyarrow says about a file becomes an error of the user's."""
    try:
        yield
    except (pyarrow.ArrowException, OSError, ValueError, KeyError, MemoryError) as error:
        what = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(f"cannot be read: {what}", where=name) from None
