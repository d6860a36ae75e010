"""Documents as the rows of three tables, for data frames and databases; `csv_tables` and `parquet` store them.

| table     | columns                                                               |
| --------- | --------------------------------------------------------------------- |
| documents | id, text                                                              |
| entities  | document, id, type, spans, start, end, text, concept, score           |
| relations | document, type, head, tail, head_text, tail_text, score               |

`document` is a document's id. `start` and `end` are those of all spans together, `text` is the mention; `head_text` is
the head's mention, or the first of that concept; likewise `tail_text`. Of these only `text` is read, and must match.

The rows of entities and relations are in the order of the documents, so that each table is read once, side by side.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ranat.documents.document import Document, Entity, Relation
from ranat.errors import UserError
from ranat.formats.csv import left_out
from ranat.formats.fitting.steps import in_text_order, without_layout
from ranat.formats.notice import Notice
from ranat.formats.source import Found, Reading, Source

COLUMNS = {
    "documents": ("id", "text"),
    "entities": ("document", "id", "type", "spans", "start", "end", "text", "concept", "score"),
    "relations": ("document", "type", "head", "tail", "head_text", "tail_text", "score"),
}
REQUIRED = {
    "documents": ("id", "text"),
    "entities": ("document", "id", "type", "spans"),
    "relations": ("document", "type", "head", "tail"),
}
"""The others may be missing; the first is the document's id."""


def fit(document: Document, lost: Counter[str]) -> Document:
    """No sentences and words, and the mentions in the order in which they are read again, that of the text."""
    return in_text_order(without_layout(document, lost), lost)


def rows(document: Document) -> dict[str, list[tuple[Any, ...]]]:
    """The document's rows in each table; what is not known is None."""
    mentions = {entity.id: document.mention(entity) for entity in document.entities}
    texts = {entity.concept: mentions[entity.id] for entity in reversed(document.entities)} | mentions
    return {
        "documents": [(document.id, document.text)],
        "entities": [
            (document.id, e.id, e.type, e.spans, e.start, e.end, mentions[e.id], e.concept, e.score)
            for e in document.entities
        ],
        "relations": [
            (document.id, r.type, r.head, r.tail, texts.get(r.head), texts.get(r.tail), r.score)
            for r in document.relations
        ],
    }


def each(documents: Iterable[Document], out: Path) -> Iterator[dict[str, list[tuple[Any, ...]]]]:
    """The rows of each document.

    Raises:
        UserError: an id is there twice in a row, so that the rows of the two could not be told apart.
    """
    before = None
    for document in documents:
        if document.id == before:
            remedy = "give each document an id of its own"
            raise UserError(f"document {document.id!r} is there twice", where=str(out), remedy=remedy)
        before = document.id
        yield rows(document)


class Row(NamedTuple):
    """A row as a file gives it.

    Args:
        place: its line, or its number, from 1.
        document: the id of its document.
        raw: its cells, still to be understood.
    """

    place: int
    document: str
    raw: Any


@dataclass
class Table:
    """A table that is read document by document.

    Args:
        name: of its file.
        rows: of the file.
        cells: what a row holds, by column: spans as tuples, None for what is not known.
            Raises ValueError if it is wrong.
    """

    name: str
    rows: Iterator[Row]
    cells: Callable[[Row], Mapping[str, Any]]
    _next: Row | None = None

    def of(self, document: str) -> list[Row]:
        """The rows that come next and are the document's."""
        found = []
        while (row := self._peek()) and row.document == document:
            found.append(row)
            self._next = None
        return found

    def end(self) -> None:
        """Check that no row is left.

        Raises:
            UserError: one is.
        """
        if row := self._peek():
            what = f"a row of document {row.document!r}, which is not among the documents or not in their order"
            remedy = "sort the rows as the documents are, or remove it"
            raise UserError(what, where=f"{self.name}:{row.place}", remedy=remedy)

    def error(self, row: Row, what: str) -> UserError:
        """An error in a row, to be raised."""
        return UserError(what, where=f"{self.name}:{row.place}")

    def _peek(self) -> Row | None:
        if self._next is None:
            self._next = next(self.rows, None)
        return self._next


def join(source: Source, documents: Table, entities: Table, relations: Table) -> Iterator[Document]:
    """The documents of three tables, whose rows are in the order of the documents.

    Args:
        source: the file of the documents.
        documents: their table.
        entities: theirs.
        relations: theirs.
    Raises:
        UserError: a row is wrong, out of order, or of a document that is not there. This last is known at the end only.
    """

    def parse(record: tuple[Row, list[Row], list[Row]]) -> Document:
        row, marked, related = record
        text = documents.cells(row)["text"]
        found = [one for item in marked for one in _entity(source, entities, item, row.place)]
        return source.document(
            row.place,
            row.document,
            text,
            found,
            relations=[one for item in related for one in _relation(source, relations, item)],
        )

    records = ((row, entities.of(row.document), relations.of(row.document)) for row in documents.rows)
    yield from source.each(records, parse)
    entities.end()
    relations.end()


def check_columns(source: Source, table: str, columns: Sequence[str]) -> None:
    """Check that a file has the columns of its table; those that are not read are noted.

    Raises:
        UserError: it lacks one.
    """
    for column in REQUIRED[table]:
        if column not in columns:
            remedy = f"the columns of {table} are {', '.join(COLUMNS[table])}"
            raise UserError(f"there is no column {column!r}", where=source.name, remedy=remedy)
    left_out(source, [column for column in columns if column not in COLUMNS[table]])


@contextmanager
def opened(folder: Path, suffix: str, notices: list[Notice], reading: Reading) -> Iterator[dict[str, Source]]:
    """The file of each table.

    Raises:
        UserError: one cannot be read.
    """
    with ExitStack() as files:
        sources = {}
        for table in COLUMNS:
            path = folder / f"{table}{suffix}"
            try:
                stream = files.enter_context(path.open("rb"))
            except OSError as error:
                raise UserError(f"cannot read: {error.strerror or error}", where=str(path)) from None
            sources[table] = Source(stream, str(path), notices, reading)
        yield sources


def _entity(source: Source, table: Table, row: Row, line: int) -> list[Found]:
    try:
        cells = table.cells(row)
        entity = Entity(cells["id"], cells["type"], cells["spans"], cells.get("concept"), _score(cells))
    except ValueError as error:
        _odd(source, table, row, str(error))
        return []
    return [Found(line, entity, cells.get("text") or None)]


def _odd(source: Source, table: Table, row: Row, what: str) -> None:
    """As `Source.odd`, in another file than that of the documents."""
    if not source.reading.lenient:
        raise table.error(row, what)
    source.notices.append(Notice("left out", what, f"{table.name}:{row.place}", is_error=True))


def _relation(source: Source, table: Table, row: Row) -> list[Relation]:
    try:
        cells = table.cells(row)
        return [Relation(cells["type"], cells["head"], cells["tail"], _score(cells))]
    except ValueError as error:
        _odd(source, table, row, str(error))
        return []


def _score(cells: Mapping[str, Any]) -> float | None:
    score: float | None = cells.get("score")
    if score is not None and not 0 <= score <= 1:
        raise ValueError(f"the score {score} is not from 0 to 1")
    return score
