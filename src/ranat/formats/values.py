"""Typed values of JSON objects, each error in the words that a person who wrote the file understands."""

from __future__ import annotations

from typing import Any

from ranat.documents.document import Span, is_text
from ranat.formats.json_records import MalformedError

_LARGEST = (1 << 63) - 1


def string(value: dict[str, Any], key: str) -> str:
    """The string under a key.

    Raises:
        MalformedError: it is missing, of another type, or no text.
    """
    found = value.get(key)
    if not isinstance(found, str):
        raise MalformedError(f"{key!r} is missing" if found is None else f"{key!r} must be a string")
    if not is_text(found):
        raise MalformedError(f"{key!r} has bytes that are not UTF-8, or half a surrogate pair")
    return found


def name(value: dict[str, Any], key: str) -> str:
    """The string or whole number under a key, as a string.

    Raises:
        MalformedError: it is missing or of another type.
    """
    found = value.get(key)
    return str(found) if type(found) is int else string(value, key)


def integer(value: dict[str, Any], key: str) -> int:
    """The whole number under a key, which may be written as a string.

    Raises:
        MalformedError: it is none, or has more than 64 bits.
    """
    found = value.get(key)
    if type(found) is int and -_LARGEST <= found <= _LARGEST:
        return found
    if isinstance(found, str) and found.strip().removeprefix("-").isdecimal() and len(found) < 20:
        return int(found)
    raise MalformedError(f"{key!r} is missing" if found is None else f"{key!r} must be a whole number")


def mapping(value: Any, what: str) -> dict[str, Any]:
    """The value as an object.

    Raises:
        MalformedError: it is none.
    """
    if not isinstance(value, dict):
        raise MalformedError(f"{what} must be a JSON object")
    return value


def listed(value: Any, what: str) -> list[Any]:
    """The value as a list.

    Raises:
        MalformedError: it is none.
    """
    if not isinstance(value, list):
        raise MalformedError(f"{what!r} must be a list")
    return value


def spans(value: Any, what: str, length: int | None = None) -> tuple[Span, ...]:
    """A list of [start, end], each within so many characters if that is given.

    Raises:
        MalformedError: it is none.
    """
    found = []
    for item in listed(value, what):
        if not (isinstance(item, list) and len(item) == 2 and all(type(offset) is int for offset in item)):
            raise MalformedError(f"{what!r} must be a list of [start, end]")
        start, end = item
        if length is not None and not 0 <= start <= end <= length:
            raise MalformedError(f"{what!r}: {item} is not within the text's {length} characters")
        found.append((start, end))
    return tuple(found)


def score(value: dict[str, Any]) -> float | None:
    """The number from 0 to 1 under "score"; None if there is none.

    Raises:
        MalformedError: it is something else.
    """
    found = value.get("score")
    if found is None:
        return None
    if not isinstance(found, int | float) or isinstance(found, bool) or not 0 <= found <= 1:
        raise MalformedError("'score' must be a number from 0 to 1")
    return float(found)
