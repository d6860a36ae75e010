"""How much a server takes on."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ranat.errors import UsageError


@dataclass(frozen=True)
class Limits:
    """What a request may ask for, and how many may wait.

    Args:
        characters: of one text; a longer one is refused (413).
        total: characters of all texts of a request, and of an upload (413).
        body: bytes of a request, and of what an archive unpacks to (413).
        waiting: requests that wait for the model; one more is told to come back later (503).
        seconds: until a request that waits for the model is given up (504).
        batch: characters that the model is given at once; whole documents, so the last one may exceed it.
    Raises:
        UsageError: one is below 1, or not finite.
    """

    characters: int = 100_000
    total: int = 2_000_000
    body: int = 16 << 20
    waiting: int = 64
    seconds: float = 60.0
    batch: int = 50_000

    def __post_init__(self) -> None:
        for name, flag in (("characters", "--max-characters"), ("waiting", "--queue"), ("seconds", "--timeout")):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 1):
                raise UsageError(f"must be at least 1, and a finite number, not {value}", where=flag)
