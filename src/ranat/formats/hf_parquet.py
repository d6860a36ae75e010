"""Hugging Face `datasets` in a Parquet or Arrow file; see `hf` for what the rows are.

The names of tags that are numbers are in the file's schema, where `datasets` puts them. Needs pyarrow, which is the
extra `parquet`; `datasets` itself is not needed, and reads what is written.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from ranat.documents.document import Document
from ranat.errors import UserError
from ranat.formats import hf
from ranat.formats.base import Sure, reader, writer
from ranat.formats.json_documents import tell
from ranat.formats.json_records import MalformedError
from ranat.formats.parquet import pyarrow_of, readable
from ranat.formats.sample import Sample
from ranat.formats.source import Source

_ARROW = ("ARROW1", "\ufffd\ufffd\ufffd\ufffd")
"""How Arrow's files and its streams begin, bytes that are no text replaced."""

_BATCH = 1024


def _sure(sample: Sample) -> Sure:
    return Sure.LIKELY if sample.head.startswith(("PAR1", *_ARROW)) else Sure.NO


@reader("hf-parquet", suffixes=(".parquet", ".arrow"), sure=_sure, columns=("token", "tag"), binary=True)
def read(source: Source) -> Iterator[Document]:
    """Documents of a file; columns that are not read are counted.

    Raises:
        UserError: it is damaged, has no columns of tokens and tags, or a row is wrong; or pyarrow is not installed.
    """
    pyarrow = pyarrow_of(source.name)
    left_out: Counter[str] = Counter()
    with tempfile.NamedTemporaryFile() as file:
        shutil.copyfileobj(source.stream, file)  # Parquet is read from its end
        file.flush()
        with readable(pyarrow, source.name):
            schema, batches = _opened(pyarrow, pyarrow.memory_map(file.name))
            features, columns = _features(schema), schema.names
        _check(source, columns)
        features = features or hf.features_beside(source.name)

        def rows() -> Iterator[dict[str, Any]]:
            with readable(pyarrow, source.name):
                for batch in batches:
                    yield from _rows(batch)

        def parse(item: tuple[int, dict[str, Any]]) -> Document:
            number, row = item
            try:
                return hf.document(source, number, row, features, left_out)
            except MalformedError as error:
                raise source.error(number, str(error)) from None

        yield from source.each(enumerate(rows(), 1), parse)
    tell(source, left_out)


def _opened(pyarrow: Any, file: Any) -> tuple[Any, Iterator[Any]]:
    """The schema of a file and its rows, some at a time."""
    start = file.read(6)
    file.seek(0)
    if start.startswith(b"PAR1"):
        parquet = pyarrow.parquet.ParquetFile(file)
        return parquet.schema_arrow, parquet.iter_batches(_BATCH)
    if start == b"ARROW1":
        arrow = pyarrow.ipc.open_file(file)
        return arrow.schema, (arrow.get_batch(number) for number in range(arrow.num_record_batches))
    stream = pyarrow.ipc.open_stream(file)
    return stream.schema, iter(stream)


def _rows(batch: Any) -> Iterator[dict[str, Any]]:
    batch.validate(full=True)  # what is damaged would otherwise be read from wherever it points
    for start in range(0, batch.num_rows, _BATCH):
        yield from batch.slice(start, _BATCH).to_pylist()


def _features(schema: Any) -> Any:
    """What `datasets` says of the columns."""
    try:
        return json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return None


def _check(source: Source, columns: list[str]) -> None:
    """Check that there are tokens and tags.

    Raises:
        UserError: there are not.
    """
    wanted = source.reading.columns.get("token", "tokens")
    if wanted not in columns:
        what = f"there is no column {wanted!r}; the columns are {', '.join(map(repr, columns[:20])) or 'none'}"
        raise UserError(what, where=source.name, remedy="name one by --columns token=NAME")
    try:
        hf.tag_column(source, columns)
    except MalformedError as error:
        raise UserError(str(error), where=source.name) from None


@writer("hf-parquet", fit=hf.fit, suffix=".parquet")
def write(given: Iterable[Document], out: Path) -> None:
    """Write a Parquet file, its tags as strings.

    Raises:
        UserError: pyarrow is not installed.
    """
    pyarrow = pyarrow_of(str(out))
    words = pyarrow.list_(pyarrow.string())
    columns = {"id": pyarrow.string(), "text": pyarrow.string(), "tokens": words, "ner_tags": words}
    schema = pyarrow.schema(list(columns.items()))
    with out.open("xb") as stream, pyarrow.parquet.ParquetWriter(stream, schema, compression="zstd") as to:
        rows = map(hf.row, given)
        while some := list(islice(rows, _BATCH)):
            to.write_table(pyarrow.Table.from_pylist(some, schema=schema))
