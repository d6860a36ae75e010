"""Corrections in a file of SQLite: one table, to which rows are added and in which none is ever changed.

A row is a revision of a document: who saved it, when, and all of the document. What `save` has returned for is on the
disk, whatever happens to the process or the machine after that.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, Self

from ranat.documents import Document
from ranat.documents.uncertainty import uncertainty
from ranat.errors import UserError
from ranat.web.changes import Change, changes, with_scores_of, with_statuses
from ranat.web.messages import DocumentBody

State = Literal["predicted", "open", "checked", "removed"]
"""Of a revision: as a model found it; corrected; corrected and said to be right; taken out of the list."""

_APPLICATION, _VERSION = 0x72414E41, 1  # "rANA": the file is a store of ours
_BUSY_SECONDS = 10
_SCHEMA = (
    """CREATE TABLE revisions (
      number INTEGER NOT NULL, revision INTEGER NOT NULL, who TEXT NOT NULL, at TEXT NOT NULL, state TEXT NOT NULL,
      id TEXT NOT NULL, uncertainty REAL NOT NULL, document TEXT NOT NULL,
      PRIMARY KEY (number, revision)
    ) STRICT""",
    "CREATE INDEX ids ON revisions (id)",
    "CREATE TRIGGER no_update BEFORE UPDATE ON revisions BEGIN SELECT RAISE(ABORT, 'revisions never change'); END",
    "CREATE TRIGGER no_delete BEFORE DELETE ON revisions BEGIN SELECT RAISE(ABORT, 'revisions never go'); END",
    f"PRAGMA application_id = {_APPLICATION}",
    f"PRAGMA user_version = {_VERSION}",
)
_LATEST = "revision = (SELECT max(revision) FROM revisions AS all_of_it WHERE all_of_it.number = revisions.number)"


class ConflictError(Exception):
    """Somebody else has saved another revision since."""


class MissingError(Exception):
    """There is no document of that number."""


@dataclass(frozen=True)
class Row:
    """A revision of a document, as the table has it; see `State`."""

    number: int
    revision: int
    who: str
    at: str
    state: State
    id: str
    uncertainty: float
    json: str

    @classmethod
    def of(cls, number: int, revision: int, who: str, state: State, document: Document) -> Self:
        """A revision that is made now."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        text = json.dumps(document.to_dict(), ensure_ascii=False)
        return cls(number, revision, who, at, state, document.id, uncertainty(document), text)

    @property
    def document(self) -> Document:
        """The document."""
        return DocumentBody.model_validate_json(self.json).document(self.id)

    @property
    def corrected(self) -> bool:
        """Whether somebody has saved it."""
        return self.state in ("open", "checked")


_COLUMNS = "number, revision, who, at, state, id, uncertainty, document"


class Store:
    """The documents and their revisions.

    Args:
        path: is made if it is not there, for its owner alone.
    Raises:
        UserError: it is something else, which stays as it is, or of a later version; or it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()  # one connection: who reads waits for who writes
        if path.is_dir():
            raise UserError("is a folder, not a store of corrections", where=str(path), remedy="name a file in it")
        path.parent.mkdir(parents=True, exist_ok=True)
        is_new = not path.exists()
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        self._rows = sqlite3.connect(path, timeout=_BUSY_SECONDS, check_same_thread=False, isolation_level=None)
        try:
            self._prepare()
        except sqlite3.DatabaseError as error:
            self._rows.close()
            if is_new and not path.stat().st_size:
                path.unlink()
            where, remedy = str(path), "name another with --store"
            if isinstance(error, sqlite3.OperationalError):  # the file is not at fault
                what, remedy = f"cannot be used for corrections: {error}", f"look after that, or {remedy}"
                raise UserError(what, where=where, remedy=remedy) from None
            raise UserError(f"is no store of corrections: {error}", where=where, remedy=remedy) from None

    def _prepare(self) -> None:
        """Nothing is written before it is known that the file is ours, or empty."""
        if self._is_empty():
            with self._writing():
                if self._is_empty():  # still, now that nobody else can write
                    for statement in _SCHEMA:
                        self._rows.execute(statement)
        if self._marks() != (_APPLICATION, _VERSION):
            raise sqlite3.DatabaseError("it belongs to something else, or to another version of ranat")
        self._rows.execute("PRAGMA journal_mode = WAL")
        self._rows.execute("PRAGMA synchronous = FULL")

    def _is_empty(self) -> bool:
        """Whether nobody has made anything of the file yet."""
        return self._marks() == (0, 0) and self._rows.execute("SELECT 1 FROM sqlite_master").fetchone() is None

    def _marks(self) -> tuple[int, int]:
        (application,), (version,) = (
            self._rows.execute(f"PRAGMA {name}").fetchone() for name in ("application_id", "user_version")
        )
        return application, version

    def close(self) -> None:
        """Let the file go."""
        with self._lock:
            self._rows.close()

    # Reading

    def all(self) -> list[Row]:
        """The latest revision of each document that was not removed, in the order in which they came."""
        found = self._select(f"{_LATEST} AND state != 'removed' ORDER BY number")
        return list(found)

    def get(self, number: int) -> Row:
        """The latest revision of a document.

        Raises:
            MissingError: there is none, or it was removed.
        """
        found = next(self._select(f"number = ? AND {_LATEST}", number), None)
        if found is None or found.state == "removed":
            raise MissingError
        return found

    def predicted(self, number: int) -> Document:
        """The document as a model found it last."""
        (found,) = self._select("number = ? AND state = 'predicted' ORDER BY revision DESC LIMIT 1", number)
        return found.document

    def since(self, number: int) -> str:
        """When a document came into the store."""
        with self._lock:
            found = self._rows.execute("SELECT at FROM revisions WHERE number = ? AND revision = 1", (number,))
            (at,) = found.fetchone()
        return str(at)

    def history(self, number: int) -> list[tuple[Row, list[Change]]]:
        """All revisions of a document with what was changed in each.

        Raises:
            MissingError: there is no such document.
        """
        rows = list(self._select("number = ? ORDER BY revision", number))
        if not rows:
            raise MissingError
        documents = [row.document for row in rows]
        steps = [changes(before, after) for before, after in pairwise(documents)]
        return list(zip(rows, [[], *steps], strict=True))

    def next(self, after: int | None = None) -> Row | None:
        """The most uncertain document that is not checked, another than `after` if there is one; None: all are."""
        order = "ORDER BY number = ?, uncertainty DESC, number LIMIT 1"
        return next(self._select(f"{_LATEST} AND state IN ('predicted', 'open') {order}", after or 0), None)

    def export(self, *, unchecked: bool = False) -> Iterator[dict[str, Any]]:
        """Checked documents as JSON can hold them, with statuses, and "corrections" that tells who, when and what.

        Args:
            unchecked: those, too, whose correction has only begun.
        """
        for row in self.all():
            if row.state == "checked" or (unchecked and row.state == "open"):
                steps = self.history(row.number)
                done = [
                    {"what": one.what, "who": step.who, "when": step.at, "before": one.before, "after": one.after}
                    for step, made in steps
                    if step.corrected
                    for one in made
                ]
                told = {"who": row.who, "when": row.at, "revision": row.revision, "checked": row.state == "checked"}
                yield self.shown(row) | {"corrections": told | {"changes": done}}

    def shown(self, row: Row) -> dict[str, Any]:
        """The document of a revision as JSON can hold it, with statuses."""
        document = row.document
        predicted = document if row.state == "predicted" else self.predicted(row.number)
        return with_statuses(predicted, document, checked=row.state == "checked")

    # Writing

    def add(self, documents: Sequence[Document], who: str) -> list[Row]:
        """Predictions; a document that is there already with corrections stays as it is.

        A document is there already if one has its id and its text; one that has its id alone becomes `ID#2`.

        Args:
            documents: with what was found in them.
            who: found it.
        Returns:
            What is in the store for each.
        """
        with self._writing():
            return [self._add(document, who) for document in documents]

    def save(self, number: int, revision: int, document: Document, who: str, *, checked: bool) -> Row:
        """A correction. When this returns it is on the disk.

        Args:
            number: of the document in the store.
            revision: which was corrected.
            document: as it became; scores are those of the prediction where nothing was changed.
            who: did it.
            checked: all of it is right now.
        Raises:
            MissingError: there is no such document.
            ConflictError: `revision` is not the latest.
            ValueError: it is another text, or has another id.
        """
        with self._writing():
            latest = self.get(number)
            if latest.revision != revision:
                raise ConflictError
            before = latest.document
            if (document.id, document.text) != (before.id, before.text):
                raise ValueError("a correction changes neither the id nor the text of a document")
            corrected = with_scores_of(self.predicted(number), document)
            return self._insert(Row.of(number, revision + 1, who, "checked" if checked else "open", corrected))

    def remove(self, number: int, who: str) -> None:
        """Take a document out of the list; its revisions stay in the file.

        Raises:
            MissingError: there is no such document.
        """
        with self._writing():
            latest = self.get(number)
            self._insert(Row.of(number, latest.revision + 1, who, "removed", latest.document))

    def _add(self, document: Document, who: str) -> Row:
        named, copy = document.id, 1
        while True:
            there = next(self._select(f"id = ? AND {_LATEST} LIMIT 1", document.id), None)
            if there is None:
                (last,) = self._rows.execute("SELECT coalesce(max(number), 0) FROM revisions").fetchone()
                return self._insert(Row.of(last + 1, 1, who, "predicted", document))
            if there.document.text == document.text:
                break
            copy += 1
            document = replace(document, id=f"{named}#{copy}")
        if there.corrected or (there.state == "predicted" and there.document == document):
            return there
        return self._insert(Row.of(there.number, there.revision + 1, who, "predicted", document))

    def _insert(self, row: Row) -> Row:
        values = (row.number, row.revision, row.who, row.at, row.state, row.id, row.uncertainty, row.json)
        self._rows.execute(f"INSERT INTO revisions ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)  # noqa: S608 - our own names
        return row

    def _select(self, where: str, *values: object) -> Iterator[Row]:
        with self._lock:
            rows = self._rows.execute(f"SELECT {_COLUMNS} FROM revisions WHERE {where}", values).fetchall()  # noqa: S608 - ours, too
        return (Row(*row) for row in rows)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """All of it or nothing, and nobody else meanwhile, be it in another process."""
        with self._lock:
            self._rows.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:  # whatever ends it, also an interruption
                self._rows.execute("ROLLBACK")
                raise
            self._rows.execute("COMMIT")
