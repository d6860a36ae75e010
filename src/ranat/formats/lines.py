"""Bytes for a parser that asks for them, a line at a time."""

from __future__ import annotations

from typing import IO


class Lines:
    """Gives a parser a line at a time, so that the line of whatever it reports is known.

    Args:
        stream: what is read.
        longest: bytes given at once; a line may be longer.
        first: the number of the first line.
    """

    def __init__(self, stream: IO[bytes], longest: int = 1 << 16, first: int = 1) -> None:
        self.stream, self.longest = stream, longest
        self.number, self._ended = first - 1, True
        self.count = 0  # bytes so far

    def read(self, size: int = -1, /) -> bytes:
        """The next line or part of one, whatever size but 0 is asked for; `number` is its number."""
        if not size:
            return b""
        chunk = self.stream.readline(self.longest)
        self.number += self._ended
        self.count += len(chunk)
        self._ended = chunk.endswith(b"\n")
        return chunk
