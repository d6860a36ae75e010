"""Hugging Face `datasets` in JSON: a row a line, or a list of rows; see `hf` for what they are.

`datasets.load_dataset("json", data_files=…)` reads what is written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ranat.documents.document import Document
from ranat.formats import hf
from ranat.formats.base import Sure, reader, writer
from ranat.formats.json_documents import documents, write_lines
from ranat.formats.json_records import records
from ranat.formats.sample import Sample
from ranat.formats.source import Source

SUFFIX = ".hf.jsonl"


def _sure(sample: Sample) -> Sure:
    value = sample.record
    has_tags = any(isinstance(value.get(key), list) for key in hf.TAGS)
    return Sure.CERTAIN if isinstance(value.get("tokens"), list) and has_tags else Sure.NO


@reader("hf-json", suffixes=(SUFFIX,), sure=_sure, columns=("token", "tag"))
def read(source: Source) -> Iterator[Document]:
    """Documents of a JSON or JSON Lines file.

    Raises:
        UserError: a record is no row of tokens and tags.
    """
    features = hf.features_beside(source.name)

    def understood(source: Source, line: int, value: dict[str, Any], left_out: Counter[str]) -> Document:
        return hf.document(source, line, value, features, left_out)

    yield from documents(source, records(source), understood)


@writer("hf-json", fit=hf.fit, suffix=SUFFIX)
def write(given: Iterable[Document], out: Path) -> None:
    """Write a row a line, its tags as strings."""
    write_lines(map(hf.row, given), out)
