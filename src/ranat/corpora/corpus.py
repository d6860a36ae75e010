"""A corpus in memory: its splits, and what was odd in its files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ranat.documents.document import Document
from ranat.documents.pairs import PairTypes
from ranat.formats.notice import Notice

Splits = dict[str, tuple[Document, ...]]


@dataclass(frozen=True, slots=True)
class Corpus:
    """Documents to train on, to choose with and to report on.

    Args:
        name: what it is asked for by: "bc2gm", or the path of one's own.
        form: which release was read: "iob", "original", "bioc", "packaged" or "own".
        task: the name of the task that it is for.
        splits: "train", "dev" and, unless a corpus of one's own has none, "test".
        notices: what was odd, with file and line.
        source: the folder and archives it was read from.
        files: the files that were read, as messages name them.
        pairs: which entities are candidates for a relation; None: those of types that are related in train.
    """

    name: str
    form: str
    task: str
    splits: Mapping[str, tuple[Document, ...]]
    notices: tuple[Notice, ...]
    source: str
    files: tuple[str, ...]
    pairs: PairTypes | None = None

    @property
    def pair_types(self) -> PairTypes:
        """Which entities are candidates for a relation, and at which level relations are scored."""
        return self.pairs or PairTypes.of(self.splits["train"])
