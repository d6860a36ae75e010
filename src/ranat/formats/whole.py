"""Streams whose bytes come in pieces of any size."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any


class Whole(io.RawIOBase):
    """Bytes in whole blocks, however small the pieces that they come in: what is recognised must not depend on them.

    Args:
        read: gives at most so many bytes.
        closes: what is closed with it.
    """

    def __init__(self, read: Callable[[int], bytes | None], *closes: Any) -> None:
        self._read, self._closes = read, closes

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer, unless the bytes end."""
        filled = 0
        while filled < len(buffer) and (data := self._read(len(buffer) - filled)):
            buffer[filled : filled + len(data)] = data
            filled += len(data)
        return filled

    def close(self) -> None:
        """Close what is below it, too."""
        for one in self._closes:
            one.close()
        super().close()
