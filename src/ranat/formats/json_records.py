"""JSON as a stream of objects, one in memory at a time, in whatever layout a file has them.

Objects may stand a line each, one after the other, in a list, or in lists under certain keys of other objects. They are
cut out by their brackets alone and parsed one by one, so what is wrong within one is no other's fault.
"""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any, cast

from ranat.errors import UserError
from ranat.formats.source import Source

Record = tuple[int, str]
"""The line on which an object begins, and its text."""

_CHUNK = 1 << 18
_DEEPEST = 1000
_LONGEST_KEY = 100
_OBJECT, _LIST, _QUOTE = b'{["'
_CLOSING = {_OBJECT: ord("}"), _LIST: ord("]")}
_NO_BRACKET = re.compile(rb'(?:[^"{}\[\]]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
_IN_STRING = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_SCALAR = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[^\s,"{}\[\]]*+', re.DOTALL)
_BETWEEN = re.compile(rb"[\s,\x1e]*+")  # 0x1e begins each object of a JSON text sequence (RFC 7464)


class MalformedError(Exception):
    """What is wrong with an object; whoever reads it adds where."""


def parse(text: str) -> dict[str, Any]:
    """The object of a text.

    Raises:
        MalformedError: it is none.
    """
    found = value(text)
    if not isinstance(found, dict):
        raise MalformedError("a record must be a JSON object")
    return found


def value(text: str) -> Any:
    """The JSON value of a text.

    Raises:
        MalformedError: it is none, or one that cannot be read.
    """
    try:
        return json.loads(text, object_pairs_hook=_once_each)
    except json.JSONDecodeError as error:
        line = f"line {error.lineno}, " if error.lineno > 1 else ""
        raise MalformedError(f"not JSON: {error.msg} at {line}character {error.colno}") from None
    except ValueError:
        raise MalformedError("not JSON that can be read: an integer has thousands of digits") from None
    except RecursionError:
        raise MalformedError("not JSON that can be read: lists and objects within too many others") from None


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys differ: of two values with one key JSON does not say which counts."""
    found = dict(pairs)
    if len(found) < len(pairs):
        ((key, _),) = Counter(key for key, _ in pairs).most_common(1)
        raise MalformedError(f"the key {key[:40]!r} is there twice in one object")
    return found


def records(source: Source, lists: Collection[str] = ()) -> Iterator[Record]:
    """The objects of a file.

    Args:
        source: the file.
        lists: an object with a list under one of these keys is a collection: the objects in that list are records.
    Raises:
        UserError: brackets do not match, or something else stands between objects; with the line.
    """
    if _is_line_each(source.head, lists):
        return ((number, line) for number, line in source.lines() if line.strip())
    return _Cutter(source, frozenset(key.encode() for key in lists)).records()


def _is_line_each(head: bytes, lists: Collection[str]) -> bool:
    """Whether each object is a line: a wrong line then fails alone."""
    lines = [line for line in map(bytes.strip, head.removeprefix(BOM_UTF8).split(b"\n", 8)[:8]) if line]
    first = _object(lines[0]) if lines else None
    if first is None and len(lines) > 1:  # it may be the wrong one, unless it is the beginning of what follows
        begun = lines[0].endswith((b"{", b"[", b","))
        most = 2 * sum(line.startswith(b"{") for line in lines) > len(lines)
        first = _object(lines[1]) if most and not begun else None
    return first is not None and first.keys().isdisjoint(lists)


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


class _Cutter:
    """Cuts a stream of bytes into objects."""

    def __init__(self, source: Source, lists: Collection[bytes]) -> None:
        self._source, self._stream = source, source.stream
        self._collections = re.compile(rb'"(?:' + b"|".join(map(re.escape, sorted(lists))) + rb')"\s*:\s*\Z')
        self._lists = bool(lists)
        self._data = b""
        self._at = 0
        self._kept: int | None = None  # where the current object begins
        self._line, self._counted = 1, 0

    def records(self) -> Iterator[Record]:
        """All objects; see `records`."""
        if self._more() and self._data.startswith(BOM_UTF8):
            self._at = len(BOM_UTF8)
        while (byte := self._between()) is not None:
            if byte == _LIST:
                yield from self._list(self._lists)
            elif byte == _OBJECT:
                yield from self._value(self._lists)
            else:
                raise self._wrong()

    def _list(self, may_hold: bool) -> Iterator[Record]:
        """What is in a list that begins here; whatever is no object fails when it is parsed."""
        self._at += 1
        while (byte := self._between()) is not None:
            if byte in _CLOSING:
                yield from self._value(may_hold)
            elif byte == _CLOSING[_LIST]:
                self._at += 1
                return
            else:
                yield from self._scalar()
        raise self._error("not JSON: the file ends within a list")

    def _scalar(self) -> Iterator[Record]:
        """A string, number or the like."""
        line, self._kept = self._line_here(), self._at
        while True:
            self._at = cast(re.Match[bytes], _SCALAR.match(self._data, self._kept or 0)).end()
            if self._at < len(self._data) or not self._more():
                break
        if self._kept == self._at:
            raise self._wrong()
        yield line, self._data[self._kept or 0 : self._at].decode(errors="surrogateescape")
        self._kept = None

    def _value(self, may_hold: bool) -> Iterator[Record]:
        """The object or list that begins here, or the objects of the list that it holds."""
        line, self._kept = self._line_here(), self._at
        is_collection = False
        open_ = [self._data[self._at]]
        self._at += 1
        while open_:
            if (byte := self._bracket()) is None:
                raise self._error(f"not JSON: the file ends within what begins at line {line}")
            if byte in _CLOSING:
                if byte == _LIST and len(open_) == 1 and may_hold and self._is_collection():
                    is_collection, self._kept = True, None
                    yield from self._list(may_hold=False)
                    continue
                open_.append(byte)
                if len(open_) > _DEEPEST:
                    raise self._error(f"lists and objects in more than {_DEEPEST} others")
            elif byte != _CLOSING[open_.pop()]:
                raise self._wrong()
            self._at += 1
        if self._kept is not None:
            yield line, self._data[self._kept : self._at].decode(errors="surrogateescape")
        elif not is_collection:
            self._source.fail(self._source.too_long(line))
        self._kept = None

    def _is_collection(self) -> bool:
        """Whether the list that begins here is under one of the keys."""
        start = max(self._at - _LONGEST_KEY, self._kept or 0)
        return self._collections.search(self._data, start, self._at) is not None

    def _between(self) -> int | None:
        """The next byte after what may stand between objects; None: the file ends."""
        while True:
            self._at = cast(re.Match[bytes], _BETWEEN.match(self._data, self._at)).end()
            if self._at < len(self._data):
                return self._data[self._at]
            if not self._more():
                return None

    def _bracket(self) -> int | None:
        """The next bracket outside of strings; None: the file ends."""
        while True:
            self._at = cast(re.Match[bytes], _NO_BRACKET.match(self._data, self._at)).end()
            if self._at < len(self._data) and (byte := self._data[self._at]) != _QUOTE:
                return byte
            if self._kept is None and self._at < len(self._data):
                self._pass_string()
            elif not self._more():
                return None

    def _pass_string(self) -> None:
        """Go past a string of any length that is not kept."""
        self._at += 1
        while True:
            self._at = cast(re.Match[bytes], _IN_STRING.match(self._data, self._at)).end()
            if self._data[self._at : self._at + 1] == b'"':
                self._at += 1
                return
            if not self._more():
                self._at = len(self._data)
                return

    def _more(self) -> bool:
        """Read on; what is passed and not kept is forgotten, and so is an object that is too long."""
        if self._kept is not None and len(self._data) - self._kept > self._source.longest:
            self._kept = None
        start = self._at if self._kept is None else self._kept
        self._line += self._data.count(b"\n", self._counted, start)
        kept = len(self._data) - start
        chunk = self._stream.read(max(_CHUNK, min(kept, self._source.longest - kept)))  # no more than can be kept
        self._data = self._data[start:] + chunk
        self._at -= start
        self._kept = None if self._kept is None else 0
        self._counted = 0
        return bool(chunk)

    def _line_here(self) -> int:
        self._line += self._data.count(b"\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def _wrong(self) -> UserError:
        return self._error(f"not JSON: {chr(self._data[self._at])!r} where it cannot be")

    def _error(self, what: str) -> UserError:
        return self._source.error(self._line_here(), what)
