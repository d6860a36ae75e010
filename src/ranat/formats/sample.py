"""The beginning of a file, by which its format is recognised."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

_CLOSING = {"{": "}", "[": "]"}
_OBJECT = re.compile(r"[\s,]*+\{")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{},]|"', re.DOTALL)


@dataclass(frozen=True)
class Sample:
    """What is looked at of a file.

    Args:
        name: of the file, in lower case and without ".gz".
        head: its first lines, none of them cut off; all of it if it is short.
        whole: whether that is all of it.
    """

    name: str
    head: str
    whole: bool = True

    @cached_property
    def lines(self) -> list[str]:
        """Its lines that are not blank, without their ends."""
        return [line for line in re.split(r"\r?\n", self.head) if line.strip()]

    @cached_property
    def json(self) -> Any:
        """The first value, if it is JSON, else None; where the sample ends within it, as far as it is there."""
        text = self.head.lstrip()
        if text[:1] not in _CLOSING:
            return None
        for known in (text, _closed(text)):
            try:
                return json.JSONDecoder().raw_decode(known)[0]
            except (ValueError, RecursionError):
                continue
        return None

    @cached_property
    def records(self) -> list[dict[str, Any]]:
        """The objects that it begins with, in a list or one after the other; the first as far as it is there."""
        if isinstance(self.json, list):
            return [item for item in self.json if isinstance(item, dict)]
        found, at = [], 0
        while start := _OBJECT.match(self.head, at):
            try:
                value, at = json.JSONDecoder().raw_decode(self.head, start.end() - 1)
            except (ValueError, RecursionError):
                break
            found.append(value)
        return found or ([self.json] if isinstance(self.json, dict) else [])

    @property
    def record(self) -> dict[str, Any]:
        """The first of them; empty if there is none."""
        return self.records[0] if self.records else {}

    def telling(self, *keys: str) -> dict[str, Any]:
        """The first of them with something under one of the keys, as many have no mentions; else simply the first."""
        return next((value for value in self.records if any(value.get(key) for key in keys)), self.record)


def _closed(text: str) -> str:
    """JSON that is cut off, up to its last comma and with what is open there closed."""
    open_: list[str] = []
    end, closers = 0, ""
    for token in _TOKEN.finditer(text):
        if token[0] in _CLOSING:
            open_.append(_CLOSING[token[0]])
            if len(open_) < 20:
                end, closers = token.end(), "".join(reversed(open_))
        elif token[0] in ("}", "]"):
            if not open_ or open_.pop() != token[0]:
                break
        elif token[0] == "," and len(open_) < 20:
            end, closers = token.start(), "".join(reversed(open_))
        elif token[0] == '"':
            break
    return text[:end] + closers
