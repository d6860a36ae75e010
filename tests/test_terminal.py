"""Texts from outside on a terminal, by our console and by the caller's own."""

from __future__ import annotations

import io
import json

import pytest
import rich.console

from ranat.terminal import Console, counted, plain, plain_console, plain_json, progress_bar

HOSTILE = "a[/b] [bold]c :warning: \x1b[31m\x07\b\r\x9b \u202e\u2066 caf\udce9 d"
SHOWN = r"a[/b] [bold]c :warning: \x1b[31m\x07\x08\r\x9b \u202e\u2066 caf\udce9 d"


def test_what_a_terminal_would_obey_is_shown() -> None:
    assert plain(HOSTILE) == SHOWN
    assert plain("α\tβ\n± 😀") == "α\tβ\n± 😀"
    assert plain(SHOWN) == SHOWN


def test_json_on_a_terminal_is_the_same_json() -> None:
    value = {HOSTILE: [HOSTILE, "α\tβ\n± 😀\x7f"]}
    shown = plain_json(json.dumps(value, indent=2, ensure_ascii=False))
    assert json.loads(shown) == value
    assert "± 😀" in shown
    assert not any(character in shown for character in "\x1b\x07\b\r\x9b\x7f\u202e\u2066\udce9")


def console(kind: str, file: io.StringIO) -> Console:
    terminal = kind.endswith("terminal")
    if kind.startswith("ours"):
        return Console(file=file, force_terminal=terminal, width=200)
    return plain_console(rich.console.Console(file=file, force_terminal=terminal, width=200))


@pytest.mark.parametrize("kind", ["ours", "ours on a terminal", "the caller's", "the caller's on a terminal"])
@pytest.mark.parametrize("how", ["print", "rule", "status", "progress"])
def test_every_way_to_show_a_text_shows_it_as_it_is(kind: str, how: str) -> None:
    file = io.StringIO()
    shown = console(kind, file)
    if how == "print":
        shown.print(HOSTILE)
    elif how == "rule":
        shown.rule(HOSTILE)
    elif how == "status":
        with shown.status(HOSTILE):
            pass
    else:
        with progress_bar(shown) as progress:
            progress.add_task(HOSTILE)
    text = file.getvalue()
    if shown.is_terminal or how not in ("status", "progress"):  # of these, what is no terminal sees nothing
        assert SHOWN in text
    assert not {"\x1b[31m", "\x07", "\b", "\x9b", "\u202e", "\udce9"} & {*text, text[text.find("\x1b[31m") :][:5]}


def test_lines_are_as_long_as_they_are() -> None:
    file = io.StringIO()
    Console(file=file, width=20).print("x" * 50)
    assert file.getvalue() == "x" * 50 + "\n"


def test_the_callers_console_keeps_its_ways() -> None:
    recorded = rich.console.Console(file=io.StringIO(), record=True, width=50)
    plain_console(recorded).print("[red]a[/b]")
    assert recorded.export_text() == "[red]a[/b]\n"
    assert recorded.render_str("[red]a[/red]").plain == "a"
    silent = rich.console.Console(file=io.StringIO(), quiet=True)
    plain_console(silent).print("a")
    assert silent.file.getvalue() == ""  # type: ignore[attr-defined]  # it is a StringIO
    assert plain_console(None).quiet


class Broken(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_work_goes_on_when_nobody_reads_its_messages() -> None:
    shown = Console(file=Broken())
    shown.print("a")
    with shown.status("b"):
        shown.print("c")


@pytest.mark.parametrize(
    ("count", "what", "said"),
    [
        (1234, "documents", "1,234 documents"),
        (0, "entities", "0 entities"),
        (1, "entities", "1 entity"),
        (1, "renamed", "1 renamed"),
        (1, "relations that are not between two entities", "1 relation that is not between two entities"),
        (1, "relations of pairs that have another label", "1 relation of pairs that have another label"),
        (1, "mentions that have no text", "1 mention that has no text"),
        (1, "discontinuous mentions", "1 discontinuous mention"),
        (1, "concepts of mentions", "1 concept of mentions"),
    ],
)
def test_what_is_counted_agrees_with_its_number(count: int, what: str, said: str) -> None:
    assert counted(count, what) == said
