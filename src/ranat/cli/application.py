"""The application, what its commands share, and `main`."""

from __future__ import annotations

import atexit
import gc
import sys
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, TypeVar

from cyclopts import App, Group, Parameter

from ranat import plugins
from ranat.cli import streams
from ranat.cli.failures import explained
from ranat.errors import UsageError
from ranat.plainyaml import yaml_value
from ranat.terminal import Console

EPILOGUE = """\
Data go to standard output, progress and messages to standard error.
Exit codes: 0 done, 1 could not do it, 2 wrong usage. `--debug` shows the traceback of an error.
`--plugin FILE_OR_MODULE` adds one's own attacks, gates, tasks, formats and corpora to any command; it may be repeated.
So does the environment variable RANAT_PLUGINS, with names that are separated as in PATH.
"""

START = Group("Start", sort_key=0)
TRAIN = Group("Train and judge a model", sort_key=1)
EXTRACT = Group("Extract", sort_key=2)
CORRECT = Group("See and correct", sort_key=3)
STUDY = Group("Study the method", sort_key=4)
SHARE = Group("Share a model", sort_key=5)
REST = Group("Besides", sort_key=6)

app = App(
    name="ranat",
    version=metadata.version("ranat"),
    help="Fine-tune encoders for biomedical information extraction with (random) adversarial training.",
    help_epilogue=EPILOGUE,
    help_format="plaintext",
    group_commands=REST,
    default_parameter=Parameter(negative=""),
    suppress_keyboard_interrupt=False,  # `main` says how to go on
)

err = Console(stderr=True)

Json = Annotated[bool, Parameter(help="Print the result as JSON.", negative="")]
Data = Annotated[Path | None, Parameter(help="The folder of corpora; default: RANAT_DATA, else the cache folder.")]
Section = dict[str, str] | None
Sections = Annotated[dict[str, str], Parameter(show=False)]
"""The options of a task, in a section that is called as the task."""
Command = TypeVar("Command", bound=Callable[..., None])

_HELP = {"--help", "-h"}
_LISTS: dict[Any, tuple[Callable[[], str], ...]] = {}


def examples(*lines: str) -> str:
    """The end of a command's help."""
    return "\n".join(["Examples:", *(f"  {line}" for line in lines)])


def lists(*parts: Callable[[], str]) -> Callable[[Command], Command]:
    """Decorate a command whose help ends with what registries hold: the functions give it when it is asked for."""

    def add(command: Command) -> Command:
        _LISTS[command] = parts
        return command

    return add


def values(section: str, flags: Mapping[str, str]) -> dict[str, Any]:
    """Flags as YAML reads them, so that null, 2 and inf mean what they mean in a file."""
    return {key: yaml_value(text, f"--{section}.{key}") for key, text in flags.items()}


def main() -> None:
    """Run the command line; errors that a person can mend are one line."""
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    code: Any = 0
    streams.make_sound()
    atexit.register(gc.freeze)  # or all that was imported is searched for garbage once more, which takes a second
    try:
        try:
            _run(arguments)
        except SystemExit as end:  # so ends every command
            code = end.code
        sys.stdout.flush()
    except KeyboardInterrupt:
        streams.complain("interrupted; `--resume` goes on with a run, the same command with a grid")
        code = 130
    except Exception as error:  # every failure is one line unless asked for more
        # Who reads standard output, such as `head`, may have seen enough: that is no failure.
        if not (isinstance(error, BrokenPipeError) and streams.is_unread(sys.stdout)):
            if debug:
                raise
            line, code = explained(error)
            streams.complain(line)
    finally:
        streams.let_go()
    sys.exit(code)


def _run(arguments: list[str]) -> None:
    plugins.add(_take(arguments, "--plugin"))
    if not _HELP.isdisjoint(arguments):
        _complete_help(arguments)
    app(arguments, exit_on_error=False, print_error=False)


def _complete_help(arguments: list[str]) -> None:
    """Put the lists of a command before its examples; only now, as attacks and tasks need torch."""
    _, apps, _ = app.parse_commands([argument for argument in arguments if argument not in _HELP])
    command = apps[-1]
    if parts := _LISTS.get(command.default_command):
        command.help_epilogue = "\n".join([*(part() for part in parts), command.help_epilogue or ""])


def _take(arguments: list[str], flag: str) -> list[str]:
    """Take a flag that every command has out of the arguments; its values."""
    taken = []
    for number in reversed(range(len(arguments))):
        name, equals, value = arguments[number].partition("=")
        if name == flag:
            if not equals and number + 1 == len(arguments):
                raise UsageError("needs a file or a module", where=flag)
            taken.append(value if equals else arguments.pop(number + 1))
            del arguments[number]
    return taken[::-1]
