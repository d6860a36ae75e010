"""Standard input, output and error as whoever started us left them: closed, full, read no more, in any encoding."""

from __future__ import annotations

import codecs
import io
import json
import os
import select
import sys
from contextlib import suppress
from typing import TextIO

from ranat.terminal import plain


def make_sound() -> None:
    """Let no stream be closed, and none fail at a character that its encoding lacks."""
    codecs.register_error("as JSON", _as_json)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed: a file opened next would take its number
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115  (it stays open as the stream)
    for stream, errors in ((sys.stdout, "as JSON"), (sys.stderr, "backslashreplace")):
        if isinstance(stream, io.TextIOWrapper):  # unless somebody has replaced it
            stream.reconfigure(errors=errors)


def _as_json(error: UnicodeError) -> tuple[str, int]:
    r"""Characters as JSON escapes them, \u00e9, so that what is JSON remains JSON in any encoding."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


def complain(line: str) -> None:
    """Say it on standard error, if that can be written."""
    with suppress(OSError):
        print(f"ranat: {plain(line)}", file=sys.stderr)


def is_unread(stream: TextIO) -> bool:
    """Whether it is a pipe whose reader has gone."""
    poll = select.poll()
    poll.register(stream, 0)
    return bool(poll.poll(0))  # asked for nothing, it tells of failures alone


def let_go() -> None:
    """Write what is left, or give it up: the interpreter would try again at its end, and complain."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
