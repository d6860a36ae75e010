"""Errors that a person can mend: one line that says what, where and how."""

import errno
import re

_NUMBER = re.compile(r"\(os error (\d+)\)")
_NO_MEMORY = re.compile(r"out of memory|can't allocate memory|not enough memory|bad_?alloc|ALLOC_FAILED", re.IGNORECASE)


class UserError(Exception):
    """Something the caller can mend; the command line prints it as one line and exits with code 1.

    Args:
        what: what went wrong.
        where: the file and line, or the config key; left out when there is no such place.
        remedy: how to mend it.
    """

    details: tuple[str, ...] = ()
    """Lines below it, where there are several things to mend."""

    def __init__(self, what: str, *, where: str | None = None, remedy: str | None = None) -> None:
        self.what, self.where, self.remedy = what, where, remedy
        super().__init__(str(self))

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        remedy = f" ({self.remedy})" if self.remedy else ""
        return "\n  ".join([f"{place}{self.what}{remedy}", *self.details])


class UsageError(UserError):
    """The command or a setting itself is wrong; the command line exits with code 2."""


def errno_of(error: Exception) -> int | None:
    """What the operating system said, however a library passes it on; None: the error is of another kind.

    PyTorch tells in the text of a RuntimeError that there is no memory; libraries written in Rust (safetensors,
    tokenizers) write the number into a text.
    """
    said = str(error)
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and _NO_MEMORY.search(said)):
        return errno.ENOMEM
    if isinstance(error, OSError) and error.errno:
        return error.errno
    found = _NUMBER.search(said)
    return int(found[1]) if found else None
