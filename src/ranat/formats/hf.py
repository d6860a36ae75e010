"""Rows of Hugging Face `datasets` for token classification, which `hf_json`, `hf_parquet` and `hf_dataset` read.

    {"id": "0", "tokens": ["Fever", "and", "cough"], "ner_tags": ["B-Disease", "O", "O"]}

The tags may be called "tags" or "labels", or as `--columns token=NAME,tag=NAME` says. They may be numbers, if the names
of a ClassLabel are known: from the schema of an Arrow or Parquet file, or from a `dataset_info.json` beside the file. A
tag of -100, which training passes over, is read as O. They are of any scheme that `bio` knows.

The text is the tokens joined by spaces, unless there is one under "text" in which they are found one after the other;
what is written has that. Each row is a document; without "id" it is called by its line or the number of its row.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ranat.documents.document import Document
from ranat.formats.fitting import tagged
from ranat.formats.fitting.names import renamed
from ranat.formats.fitting.spelling import not_empty
from ranat.formats.fitting.steps import contiguous, renumbered, without_concepts, without_relations, without_scores
from ranat.formats.json_documents import count_unread, id_of
from ranat.formats.json_records import MalformedError
from ranat.formats.source import Found, Source
from ranat.formats.values import listed
from ranat.formats.words import decoded, placed, words_of

TAGS = ("ner_tags", "tags", "labels")
INFO = "dataset_info.json"

_PASSED_OVER = -100


def names_of(features: Any, column: str) -> list[str] | None:
    """The names that the numbers of a column stand for, from `features` as `datasets` stores them; None: not known."""
    feature = features.get(column) if isinstance(features, dict) else None
    while isinstance(feature, dict | list):
        if isinstance(feature, list):
            feature = feature[0] if feature else None
        elif isinstance(names := feature.get("names"), list) and all(isinstance(name, str) for name in names):
            return names
        else:
            feature = feature.get("feature")
    return None


def features_beside(name: str) -> Any:
    """The `features` in a `dataset_info.json` in a file's folder; None if there is none that can be read."""
    path = Path(name).parent / INFO
    try:
        return json.loads(path.read_bytes()).get("features")
    except (OSError, ValueError, RecursionError, AttributeError):
        return None


def tag_column(source: Source, columns: Sequence[str]) -> str:
    """Which of the columns has the tags.

    Raises:
        MalformedError: none has.
    """
    wanted = (source.reading.columns["tag"],) if "tag" in source.reading.columns else TAGS
    for column in wanted:
        if column in columns:
            return column
    known = ", ".join(map(repr, columns[:20]))
    raise MalformedError(
        f"there is no column {' or '.join(map(repr, wanted))}; name one of {known} by --columns tag=NAME"
    )


def document(source: Source, line: int, value: dict[str, Any], features: Any, left_out: Counter[str]) -> Document:
    """A row as a document.

    Args:
        source: the file.
        line: where the row stands.
        value: its cells.
        features: as `datasets` stores them, for the names of tags.
        left_out: what is not read is counted.
    Raises:
        MalformedError: it has no words or not as many tags.
    """
    words_at, tags_at = source.reading.columns.get("token", "tokens"), tag_column(source, [*value])
    words = words_of(value.get(words_at), words_at)
    tags = _tags(listed(value[tags_at], tags_at), tags_at, features)
    if len(tags) != len(words):
        raise MalformedError(f"{len(words)} tokens but {len(tags)} tags")
    text, tokens = placed(source, line, value, words)
    mentions, repaired = decoded(tags)
    source.note("illegal tag", f"{repaired} illegal tags, as conlleval does", line, repaired)
    found: list[Found] = []
    for number, (i, j, kind) in enumerate(mentions, 1):
        found += source.found(line, f"T{number}", kind, [(tokens[i][0], tokens[j - 1][1])])
    count_unread(value, {"id", "text", words_at, tags_at}, left_out)
    id = id_of(source, line, value)
    return source.document(line, id, text, found, tokens=tokens)


def _tags(tags: list[Any], column: str, features: Any) -> list[str]:
    numbers = [tag for tag in tags if type(tag) is int]
    if not numbers:
        if not all(isinstance(tag, str) for tag in tags):
            raise MalformedError(f"{column!r} must be strings or whole numbers")
        return tags
    names = names_of(features, column)
    if names is None:
        raise MalformedError(
            f"{column!r} are numbers whose names are not known: put the dataset's {INFO} beside the file"
        )
    if len(numbers) < len(tags) or not all(-1 < tag < len(names) or tag == _PASSED_OVER for tag in numbers):
        raise MalformedError(f"{column!r} must be numbers from 0 to {len(names) - 1}, or {_PASSED_OVER}")
    return ["O" if tag == _PASSED_OVER else names[tag] for tag in tags]


def fit(document: Document, lost: Counter[str]) -> Document:
    """What tags of words can hold, in words that are all of the text but white space."""
    document = without_concepts(without_scores(without_relations(document, lost), lost), lost)
    document = tagged.flat(tagged.trimmed(contiguous(document, lost), lost), lost)
    document = renamed(renumbered(document, lost), not_empty, lost)
    return replace(tagged.with_words(document), sentences=())


def row(document: Document) -> dict[str, Any]:
    """The row of a document that fits."""
    words, tags = [], list[str]()
    for spans, found in tagged.tags(replace(document, sentences=((0, len(document.text)),))):
        words += [document.text[start:end] for start, end in spans]
        tags += found
    return {"id": document.id, "text": document.text, "tokens": words, "ner_tags": tags}
