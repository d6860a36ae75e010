"""Something odd in a file, which reading went on from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

from ranat.errors import UserError

Kind = Literal["illegal tag", "mismatch", "repeat", "mended", "left out", "note", "error"]

_DONE = {"illegal tag": "mended", "mismatch": "kept as it stands", "repeat": "kept"}


@dataclass(frozen=True, slots=True)
class Notice:
    """Something odd that reading went on from.

    Args:
        kind: what was done: "left out": the documents do not have it; "mended": by the rule that `what` states;
            "note": nothing. Three are counted by themselves: "illegal tag", mended as conlleval does; "mismatch": a
            mention whose text is not what stands at its offsets, kept; "repeat": a document that is there again, kept.
            "error": a document, or all of the file, cannot be read.
        what: in words.
        where: "file:line", or the file alone.
        count: how many of them this notice stands for.
        is_error: strict reading refuses the document for it.
        remedy: how it could be put right in the file.
    """

    kind: Kind
    what: str
    where: str
    count: int = 1
    is_error: bool = False
    remedy: str | None = None

    def __str__(self) -> str:
        if self.kind == "error":
            return str(self.as_error())
        return f"{self.where}: {_DONE.get(self.kind, self.kind)}: {self.what}"

    @classmethod
    def of(cls, error: UserError) -> Self:
        """What cannot be read, as a notice."""
        return cls("error", error.what, error.where or "", is_error=True, remedy=error.remedy)

    def as_error(self) -> UserError:
        """What strict reading says of it."""
        return UserError(self.what, where=self.where or None, remedy=self.remedy)
