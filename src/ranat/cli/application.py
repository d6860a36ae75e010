"""The application, what its commands share, and `main`."""

from __future__ import annotations

import codecs
import io
import json
import os
import select
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, TextIO

from cyclopts import App, Parameter

from ranat.cli.failures import explained
from ranat.plainyaml import yaml_value
from ranat.terminal import Console, plain

EPILOGUE = """\
Data go to standard output, progress and messages to standard error.
Exit codes: 0 done, 1 could not do it, 2 wrong usage. `--debug` shows the traceback of an error.
"""

app = App(
    name="ranat",
    version=metadata.version("ranat"),
    help="Fine-tune encoders for biomedical information extraction with (random) adversarial training.",
    help_epilogue=EPILOGUE,
    help_format="plaintext",
    default_parameter=Parameter(negative=""),
    suppress_keyboard_interrupt=False,  # `main` says how to go on
)

err = Console(stderr=True)

Json = Annotated[bool, Parameter(help="Print the result as JSON.", negative="")]
Data = Annotated[Path | None, Parameter(help="The folder of corpora; default: RANAT_DATA, else the cache folder.")]
Section = dict[str, str] | None


def examples(*lines: str) -> str:
    """The end of a command's help."""
    return "\n".join(["Examples:", *(f"  {line}" for line in lines)])


def values(section: str, flags: Mapping[str, str]) -> dict[str, Any]:
    """Flags as YAML reads them, so that null, 2 and inf mean what they mean in a file."""
    return {key: yaml_value(text, f"--{section}.{key}") for key, text in flags.items()}


def main() -> None:
    """Run the command line; errors that a person can mend are one line."""
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    code: Any = 0
    _make_streams_sound()
    try:
        try:
            app(arguments, exit_on_error=False, print_error=False)
        except SystemExit as end:  # so ends every command
            code = end.code
        sys.stdout.flush()
    except KeyboardInterrupt:
        _complain("interrupted; `--resume` goes on with a run, the same command with a grid")
        code = 130
    except Exception as error:  # every failure is one line unless asked for more
        # Who reads standard output, such as `head`, may have seen enough: that is no failure.
        if not (isinstance(error, BrokenPipeError) and _is_unread(sys.stdout)):
            if debug:
                raise
            line, code = explained(error)
            _complain(line)
    finally:  # what cannot be written is given up here, or the interpreter would try again and complain
        _flush(sys.stdout)
        _flush(sys.stderr)
    sys.exit(code)


def _make_streams_sound() -> None:
    """No stream is closed, and none fails at a character that its encoding lacks."""
    codecs.register_error("as JSON", _as_json)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by who started us: a file opened next would take its number
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115
    for stream, errors in ((sys.stdout, "as JSON"), (sys.stderr, "backslashreplace")):
        if isinstance(stream, io.TextIOWrapper):  # unless somebody has replaced it
            stream.reconfigure(errors=errors)


def _as_json(error: UnicodeError) -> tuple[str, int]:
    r"""Characters as JSON escapes them, \\u00e9, so that what is JSON remains JSON in any encoding."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


def _complain(line: str) -> None:
    with suppress(OSError):
        print(f"ranat: {plain(' '.join(line.split()))}", file=sys.stderr)


def _is_unread(stream: TextIO) -> bool:
    """Whether it is a pipe whose reader has gone."""
    poll = select.poll()
    poll.register(stream, 0)
    return bool(poll.poll(0))  # asked for nothing, it tells of failures alone


def _flush(stream: TextIO) -> None:
    """Write what is left; if it cannot be written, it goes nowhere."""
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
