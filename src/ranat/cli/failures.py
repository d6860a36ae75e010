"""What went wrong as one line with a remedy, and the exit code."""

from __future__ import annotations

import errno
import inspect
import re
from typing import get_args

from cyclopts import CycloptsError

from ranat import plugins
from ranat.errors import UsageError, UserError, errno_of
from ranat.registry import nearest

_REMEDIES = {
    errno.EACCES: "change its permissions, or name another place",
    errno.EPERM: "change its permissions, or name another place",
    errno.EROFS: "its file system is read-only; name another place",
    errno.ENOSPC: "make room, or name another place",
    errno.EDQUOT: "make room, or name another place",
    errno.EFBIG: "raise the limit on the size of files, `ulimit -f`",
    errno.EMFILE: "raise the limit on open files, `ulimit -n`",
    errno.ENFILE: "close other programs, which have too many files open",
    errno.ENAMETOOLONG: "name a shorter one",
    errno.ELOOP: "its symbolic links lead back to themselves; name the file itself",
    errno.ENOENT: "check the path",
    errno.ENOTDIR: "part of the path is a file; check it",
    errno.EISDIR: "name a file",
    errno.EIO: "the disk, or the way to it, fails",
    errno.EBUSY: "another program uses it; try again later",
    errno.ETXTBSY: "another program uses it; try again later",
    errno.ESTALE: "the network disk was mounted anew; try again",
}
_LONGEST_NAME = 4096
_NOT_WRITTEN = re.compile(r"PytorchStreamWriter|inline_container|disk I/O error|database or disk is full")
"""How PyTorch and SQLite tell that a file could not be written, without saying why."""


def explained(error: Exception) -> tuple[str, int]:
    """The line, lines below it where there are several things to mend, and the exit code: 2 for wrong usage, else 1."""
    said = " ".join(str(error).split())
    if isinstance(error, CycloptsError):
        return _unknown_option(error) or _bare_section(error) or str(error).strip().partition("\n")[0], 2
    if isinstance(error, UserError):
        head = str(error).removesuffix("".join(f"\n  {line}" for line in error.details))
        lines = [" ".join(line.split()) for line in (head, *error.details)]
        return "\n  ".join(lines), 2 if isinstance(error, UsageError) else 1
    number = errno_of(error)
    if number == errno.ENOMEM:
        return "out of memory (a smaller --train.batch_size or model needs less)", 1
    if number is not None or isinstance(error, OSError):
        if isinstance(error, OSError) and error.strerror:
            said = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
        return f"{said} ({_REMEDIES[number]})" if number in _REMEDIES else said, 1
    if isinstance(error, RecursionError):
        return "the input is nested too deeply to be read", 1
    if isinstance(error, UnicodeEncodeError):
        what = error.object if len(error.object) <= _LONGEST_NAME else "a text"
        return f"{what} has bytes that are not UTF-8 (rename what is so called, or save it as UTF-8)", 1
    if isinstance(error, UnicodeError):
        return f"text that is not in the encoding expected: {said} (save it as UTF-8)", 1
    if _NOT_WRITTEN.search(said):
        return f"a file could not be written: {said} (look for a full disk, a quota or a limit, `ulimit -f`)", 1
    place = plugins.place(error)
    fault = f"raised by a plug-in, {place}; --debug shows all" if place else "a fault of ranat; --debug shows where"
    return f"{type(error).__name__}: {said} ({fault})", 1


def _unknown_option(error: CycloptsError) -> str | None:
    """What to say of a flag that is none: a command with `**sections` takes it for a section without a key."""
    argument, target = error.argument, error.target
    if argument is None or target is None or argument.field_info.kind is not inspect.Parameter.VAR_KEYWORD:
        return None
    flag = getattr(error, "keyword", None) or next(str(token.keyword) for token in argument.tokens)
    names = [name for name in inspect.signature(target).parameters if name != "sections"]
    known = [f"--{name.rstrip('_').replace('_', '-')}" for name in names]
    return f"unknown option {flag} ({nearest(flag, known)})"


def _bare_section(error: CycloptsError) -> str | None:
    """What to say of `--attack fgm`: such a flag has options instead of a value."""
    argument, token = error.argument, getattr(error, "token", None)
    if argument is None or token is None or token.keys or dict[str, str] not in get_args(argument.hint):
        return None
    flag, value = str(token.keyword), token.value
    options = {"--attack": "name", "--rat": "p" if value[:1].isdigit() else "gate"}
    remedy = f"{flag}.{options[flag]} {value}" if flag in options else f"{flag}.OPTION VALUE; --help lists them"
    return f"{flag} takes options, not a value (write {remedy})"
