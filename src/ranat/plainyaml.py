"""YAML as people write settings: plain values in plain mappings, and nothing that makes a small file large or deep.

Anchors and aliases are refused, by which a few lines would stand for billions of values; so are tags, repeated keys,
keys that are no text (a bare `yes` is a truth value), deep nesting and large files. A date is text.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from yaml.reader import ReaderError

from ranat.errors import UsageError

LARGEST = 1 << 20
"""Bytes of a file."""
DEEPEST = 20
"""Lists and mappings in one another."""
_LONGEST_NUMBER = 100
_PLAIN = {f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float")}
_TEXT = "tag:yaml.org,2002:str"


def read_yaml(file: Path) -> dict[str, Any]:
    """The mapping in a YAML file.

    Raises:
        UsageError: it cannot be read, is no plain YAML, or holds no mapping; with the line.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(LARGEST + 1)
    except OSError as error:
        raise UsageError(f"cannot read: {error.strerror}", where=str(file)) from None
    if len(data) > LARGEST:
        raise UsageError(f"larger than {LARGEST >> 20} MiB, too large for YAML of settings", where=str(file))
    try:
        values = _parsed(data.decode())
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError("not UTF-8", where=f"{file}:{line}", remedy="save it as UTF-8") from None
    except _NotPlain as error:
        raise UsageError(str(error), where=f"{file}:{error.line}") from None
    if not isinstance(values, dict):
        remedy = "write lines such as `corpus: ncbi-disease`"
        raise UsageError("not a mapping of config keys", where=str(file), remedy=remedy)
    return values


def yaml_value(text: str, where: str) -> Any:
    """A value as a YAML file would have it: "2", "null" and "[1, 2]" mean what they mean there.

    Raises:
        UsageError: it is no plain YAML.
    """
    try:
        return _parsed(text)
    except _NotPlain as error:
        shown = text if len(text) <= _LONGEST_NUMBER else f"{text[:_LONGEST_NUMBER]}…"
        raise UsageError(f"cannot read {shown!r}: {error}", where=where) from None


def dump_yaml(values: Any) -> str:
    """Plain values as YAML that gives them back, in their order."""
    return yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


class _NotPlain(Exception):
    def __init__(self, what: str, line: int) -> None:
        self.line = line
        super().__init__(what)


def _refused(what: str, at: yaml.Node | yaml.Event) -> _NotPlain:
    return _NotPlain(what, at.start_mark.line + 1 if at.start_mark else 1)


def _parsed(text: str) -> Any:
    try:
        return yaml.load(text, _Loader)  # noqa: S506  (a SafeLoader that takes less)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = ", ".join(part for part in (error.context, error.problem) if part)
        raise _NotPlain(f"not YAML: {what}", mark.line + 1 if mark else 1) from None
    except ReaderError as error:
        what = f"not YAML: the character U+{int(error.character):04X} cannot be in it"
        raise _NotPlain(what, text.count("\n", 0, error.position) + 1) from None


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers = {  # noqa: RUF012  (as the class above has it)
        first: [(tag, pattern) for tag, pattern in resolvers if tag in _PLAIN]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]  # PyYAML is typed in part
        if getattr(event, "anchor", None):  # an alias has one, too
            raise _refused("anchors (&) and aliases (*) are not read", event)
        if getattr(event, "tag", None):
            raise _refused(f"tags such as {event.tag} are not read", event)
        if self._depth == DEEPEST and not isinstance(event, yaml.ScalarEvent):
            raise _refused(f"nested more than {DEEPEST} deep", event)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        if isinstance(node, yaml.ScalarNode) and node.tag in _PLAIN and len(node.value) > _LONGEST_NUMBER:
            raise _refused(f"a number of {len(node.value)} digits", node)
        try:
            return super().construct_object(node, deep)
        except ValueError:  # such as 0x_, which has the form of a number
            raise _refused(f"cannot read {node.value!r} as a number", node) from None

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        known = set()
        for key, _ in node.value:
            if key.tag != _TEXT:
                remedy = "put it in quotes" if isinstance(key, yaml.ScalarNode) else "write `key: value`"
                raise _refused(f"a key is not text; {remedy}", key)
            if key.value in known:
                raise _refused(f"the key {key.value!r} is there twice", key)
            known.add(key.value)
        return super().construct_mapping(node, deep)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_str(self, data: str) -> yaml.ScalarNode:
        # Unless escaped, as only double quotes allow, these are line breaks to YAML and come back as others.
        style = '"' if any(mark in data for mark in "\x85\u2028\u2029") else None
        return self.represent_scalar(_TEXT, data, style)


_Dumper.add_representer(str, _Dumper.represent_str)
