"""What the registries hold, for the end of a command's help. It is put together only when that help is asked for."""

from __future__ import annotations

import dataclasses
import inspect
import re
import shutil
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

from ranat.registry import Registry

_WIDEST = 120


class Option(NamedTuple):
    """An option of a component: its name, values if they are few, default, and what its docstring says of it."""

    name: str
    values: str
    default: str
    help: str


def attacks() -> str:
    """The attacks and their options."""
    from ranat.attacks import attacks as registry

    options = {name: options_of(registry.get(name)) for name in registry.names()}
    head = "Attacks, by --attack.name; the default is none, standard training:"
    return _lines(head, [*_summaries(registry), *_flags("attack", options)])


def gates() -> str:
    """The gates, which decide when a batch is attacked, and their options."""
    from ranat.attacks import Dropout
    from ranat.gates import gates as registry
    from ranat.runs.settings import FROM_RUN, GATE

    options = {}
    for name in registry.names():
        options[name] = [option for option in options_of(registry.get(name)) if option.name not in FROM_RUN]
    dropout = Option("dropout", "|".join(get_args(Dropout)), "shared", "whether all passes of a batch draw the same.")
    head = f"Gates, which tell when a batch is attacked, by --rat.gate; the default is {GATE}:"
    return _lines(head, [*_summaries(registry), *_flags("rat", options), *_flags("rat", {"": [dropout]})])


def tasks() -> str:
    """The tasks and their options."""
    from ranat.tasks import tasks as registry

    rows = _summaries(registry)
    for name in registry.names():
        rows += _flags(name, {name: options_of(registry.get(name).Options)})
    return _lines("Tasks, by --task; the default is what the corpus is for:", rows)


def training() -> str:
    """The options of training."""
    from ranat.runs.settings import TrainSettings

    return _lines("Training:", _flags("train", {"": options_of(TrainSettings)}))


def backbones() -> str:
    """The backbones that have a name."""
    from ranat.models.backbones import BACKBONES

    rows = [(name, backbone.note) for name, backbone in BACKBONES.items()]
    return _lines("Backbones, by --model, which may also be a hub id or a folder:", rows)


def corpora() -> str:
    """The corpora that have a name."""
    from ranat.corpora import names

    return _lines("Corpora, besides folders of one's own:", [(", ".join(names()), "")])


def formats() -> str:
    """The formats that are read, and those that are written."""
    from ranat.formats import FOLDERS, READERS, WRITERS

    files = {name: ", ".join(READERS.get(name).suffixes) for name in READERS.names()}
    folders = dict.fromkeys(FOLDERS.names(), "folder")
    read = {name: " or ".join(filter(None, (files.get(name), folders.get(name)))) for name in {**files, **folders}}
    written = {name: WRITERS.get(name).suffix or "folder" for name in WRITERS.names()}
    tables = {"Formats that are read:": read, "Formats that are written:": written}
    return "\n".join(_lines(head, [_named(notes)]) for head, notes in tables.items())


def options_of(kind: type[Any]) -> list[Option]:
    """The fields of a dataclass or a pydantic model, with their defaults."""
    fields = [f.name for f in dataclasses.fields(kind)] if dataclasses.is_dataclass(kind) else list(kind.model_fields)
    hints, said = get_type_hints(kind), _arguments(kind)
    try:
        filled = kind()  # as a preset may decide defaults
    except (TypeError, ValueError):
        filled = kind  # some option has no default
    found = []
    for name in fields:
        few = get_origin(hints[name]) is Literal
        values = "|".join(map(str, get_args(hints[name]))) if few else ""
        default = getattr(filled, name, None)
        shown = f"{default:g}" if isinstance(default, float) else "" if default in (None, []) else str(default)
        found.append(Option(name, values, shown, said.get(name, "")))
    return found


def _arguments(kind: type[Any]) -> dict[str, str]:
    """Name → what the docstrings of the class and its bases say in their Args, the class last."""
    said: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        _, _, section = inspect.cleandoc(base.__dict__.get("__doc__") or "").partition("\nArgs:\n")
        block = re.match(r"(?: {4}.*\n?|\n)*", section)
        for name, text in re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", block[0] if block else "", re.MULTILINE):
            said[name] = " ".join(text.split())
    return said


def _summaries(registry: Registry[Any]) -> list[tuple[str, str]]:
    return [(name, (inspect.getdoc(registry.get(name)) or "").partition("\n")[0]) for name in registry.names()]


def _flags(section: str, options: Mapping[str, Sequence[Option]]) -> list[tuple[str, str]]:
    """A row for each option; one that is not the same in all components says whose it is."""
    owners: dict[Option, list[str]] = {}
    for component, some in options.items():
        for option in some:
            owners.setdefault(option, []).append(component)
    order = list(dict.fromkeys(option.name for option in owners))
    rows = []
    for option, names in sorted(owners.items(), key=lambda item: order.index(item[0].name)):
        default = f"({option.default})" if option.default else ""
        whose = "" if len(names) == len(options) else f"of {', '.join(names)}:"
        flag = " ".join(filter(None, (f"--{section}.{option.name}", option.values, default)))
        rows.append((flag, f"{whose} {option.help}".strip()))
    return rows


def _named(notes: Mapping[str, str]) -> tuple[str, str]:
    return ", ".join(f"{name} ({note})" if note else name for name, note in sorted(notes.items())), ""


def _lines(head: str, rows: Iterable[tuple[str, str]]) -> str:
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    wrap = textwrap.TextWrapper(
        width, initial_indent="  ", subsequent_indent=" " * 6, break_long_words=False, break_on_hyphens=False
    )
    return "\n".join([head, *(wrap.fill(f"{left}  {right}".rstrip()) for left, right in rows), ""])
