"""Text from outside, such as file names, on a terminal: neither markup nor escape sequences, whatever it holds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import rich.console
from rich.console import ConsoleOptions, RenderableType
from rich.progress import BarColumn, Progress, ProgressColumn, Task
from rich.segment import Segment
from rich.status import Status
from rich.text import Text

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters but tab and newline
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # what changes the direction of the text after it
    "\u2028\u2029"  # further ends of lines
    "\ud800-\udfff]"  # bytes of file names that are not UTF-8
)


def plain(text: object) -> str:
    r"""The text with characters that a terminal would obey, or that cannot be written, as escapes such as \x1b."""
    return _UNSEEN.sub(lambda match: match[0].encode("unicode_escape").decode(), str(text))


def plain_json(text: str) -> str:
    r"""JSON with the same characters as JSON escapes them, \u009b, so that it remains the same JSON."""
    return _UNSEEN.sub(lambda match: json.dumps(match[0])[1:-1], text)


_PLURAL = re.compile(r"\b(?!\w+(?:ou|s)s\b)(\w+?)(ies|s)\b( that are| that have)?")
_VERBS = {" that are": " that is", " that have": " that has", None: ""}


def counted(count: int, what: str) -> str:
    """A count of what is named in the plural: "1,234 documents", "1 entity", "1 relation that is no pair"."""
    return f"{count:,} {_PLURAL.sub(_singular, what, count=1) if count == 1 else what}"


def _singular(found: re.Match[str]) -> str:
    return found[1] + ("y" if found[2] == "ies" else "") + _VERBS[found[3]]


class Console(rich.console.Console):
    """A console of Rich that shows every text as it is: nothing in it is markup, and lines are not broken.

    Args:
        over: a console whose place it takes: it writes where that one writes, is recorded there and is as quiet.
        options: those of Rich's console, if there is none to take the place of.
    """

    def __init__(self, over: rich.console.Console | None = None, **options: Any) -> None:
        super().__init__(**options)
        if over is not None:
            vars(self).update(vars(over))
        self.soft_wrap = True

    def render_str(self, text: str, **options: Any) -> Text:
        """Text without markup, emoji codes and highlights."""
        return super().render_str(plain(text), **options | {"emoji": False, "markup": False, "highlight": False})

    def status(self, status: RenderableType, **options: Any) -> Status:
        """A spinner with a text beside it, which Rich alone would read as markup."""
        return super().status(Text(plain(status)) if isinstance(status, str) else status, **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """What is written in the end, whatever it was made from."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else plain(text), style, control)

    def on_broken_pipe(self) -> None:
        """Who read the messages has gone: the work goes on without them."""
        self.quiet = True


def plain_console(console: rich.console.Console | None) -> Console:
    """The caller's console as one that shows texts as they are; a silent one for None."""
    if isinstance(console, Console):
        return console
    return Console(quiet=True) if console is None else Console(over=console)


def progress_bar(console: rich.console.Console | None, *columns: ProgressColumn) -> Progress:
    """A bar on a terminal, gone at its end; nothing elsewhere.

    Args:
        console: where it is shown, if it is a terminal.
        columns: what stands after the description and the bar.
    """
    shown = console is not None and console.is_terminal
    return Progress(_Description(), BarColumn(), *columns, console=console, disable=not shown, transient=True)


class _Description(ProgressColumn):
    """The description of a task as it is; Rich's own column would read it as markup."""

    def render(self, task: Task) -> Text:
        """The text."""
        return Text(plain(task.description))
