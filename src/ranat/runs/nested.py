"""Nested mappings, as config files have them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def flattened(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted key → value of nested mappings."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= flattened(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {prefix + key: value}
    return flat


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Nested mappings, one over the other; None above is "not given"."""
    merged = dict(below)
    for key, value in above.items():
        if value is None:
            continue
        under = merged.get(key)
        merged[key] = merge(under if isinstance(under, Mapping) else {}, value) if isinstance(value, Mapping) else value
    return merged
