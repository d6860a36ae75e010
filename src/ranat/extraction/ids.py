"""Ids of documents, each once; memory stays flat, as SQLite moves them to a temporary file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

COPY = "#"


class UniqueIds:
    """The ids that were given out."""

    def __init__(self) -> None:
        self._rows = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._rows.execute("PRAGMA journal_mode = OFF")
        self._rows.execute("CREATE TABLE ids (id TEXT PRIMARY KEY, given INTEGER) WITHOUT ROWID")
        self._rows.execute("BEGIN")

    def add(self, ids: Iterable[str]) -> list[str]:
        """Take ids as they are; returns those that were taken already."""
        return [id for id in ids if not self._take(id)]

    def unique(self, id: str) -> str:
        """The id, or, if it was given out before, the id with #2, #3, …"""
        name = id
        while not self._take(name):
            ((given,),) = self._rows.execute("UPDATE ids SET given = given + 1 WHERE id = ? RETURNING given", (id,))
            name = f"{id}{COPY}{given}"
        return name

    def _take(self, id: str) -> bool:
        return self._rows.execute("INSERT OR IGNORE INTO ids VALUES (?, 1)", (id,)).rowcount == 1
