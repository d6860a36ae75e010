"""A folder of Hugging Face `datasets`, as `save_to_disk` writes it and `load_from_disk` reads it.

A dataset has `state.json`, which names its Arrow files, and `dataset_info.json`; a `DatasetDict` has
`dataset_dict.json`, which names its splits, a folder each: their documents come one split after the other. The rows are
those of `hf`, the files those of `hf_parquet`. Needs pyarrow, which is the extra `parquet`, and no `datasets`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ranat.documents.document import Document
from ranat.errors import UserError
from ranat.formats import hf_parquet
from ranat.formats.base import Sure, folder_reader
from ranat.formats.notice import Notice
from ranat.formats.source import Reading, Source

STATE, SPLITS = "state.json", "dataset_dict.json"


def _sure(folder: Path) -> Sure:
    return Sure.CERTAIN if (folder / STATE).is_file() or (folder / SPLITS).is_file() else Sure.NO


@folder_reader("hf-dataset", sure=_sure)
def read(folder: Path, notices: list[Notice], reading: Reading) -> Iterator[Document]:
    """The documents of a folder.

    Raises:
        UserError: a file is missing or damaged, or a row is wrong.
    """
    if (folder / SPLITS).is_file():
        for split in _strings(folder / SPLITS, lambda value: value["splits"]):
            yield from read(folder / split, notices, reading)
        return
    for name in _strings(folder / STATE, lambda value: [file["filename"] for file in value["_data_files"]]):
        path = folder / name
        try:
            stream = path.open("rb")
        except OSError as error:
            raise UserError(f"cannot read: {error.strerror or error}", where=str(path)) from None
        with stream:
            yield from hf_parquet.read(Source(stream, str(path), notices, reading))


def _strings(path: Path, of: Any) -> list[str]:
    """Names of files or folders that a JSON file has, each within its own folder.

    Raises:
        UserError: it is no such file.
    """
    try:
        found = of(json.loads(path.read_bytes()))
    except OSError as error:
        raise UserError(f"cannot read: {error.strerror or error}", where=str(path)) from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UserError("is not as datasets writes it", where=str(path), remedy="save the dataset again") from None
    if not (isinstance(found, list) and all(isinstance(name, str) and name == Path(name).name for name in found)):
        raise UserError("names no files of this folder", where=str(path), remedy="save the dataset again")
    return found
