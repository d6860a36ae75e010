"""Ways to tamper with an output: its shards, its manifest, its record of errors."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ranat.extraction.manifest import parsed, written

Tamper = Callable[[Path], Any]
"""Does something to the folder `out`, beside which `texts` and `models` lie."""


def shard(out: Path, number: int = 1) -> Path:
    return next(path for path in out.glob(f"shard-{number:06d}*") if path.suffix != ".bak")


def edit(path: Path, change: Callable[[bytes], bytes]) -> None:
    before = path.read_bytes()
    after = change(before)
    assert after != before
    path.write_bytes(after)


def edit_lines(path: Path, change: Callable[[list[bytes]], Any]) -> None:
    """Change a list of lines in place."""
    lines = path.read_bytes().splitlines(keepends=True)
    before = [*lines]
    change(lines)
    assert lines != before
    path.write_bytes(b"".join(lines))


def of_shard(change: Callable[[bytes], bytes], number: int = 1) -> Tamper:
    return lambda out: edit(shard(out, number), change)


def of_lines(change: Callable[[list[bytes]], Any], name: str = "manifest.jsonl") -> Tamper:
    return lambda out: edit_lines(out / name, change)


def swapped(one: int, other: int) -> Callable[[list[bytes]], Any]:
    def swap(lines: list[bytes]) -> None:
        lines[one], lines[other] = lines[other], lines[one]

    return swap


def values(line: int, *, checked: bool, **change: Any) -> Tamper:
    """Change values of a line of the manifest; `checked`: whoever does so makes the check of the line anew, too."""

    def tamper(lines: list[bytes]) -> None:
        seal = "" if line == 0 else json.loads(lines[0])["check"]
        found = parsed(lines[line], seal)
        assert found is not None
        for key, value in change.items():
            found[key] = value(found[key]) if callable(value) else value
        check = json.loads(lines[line])["check"]
        line_now = written(found, seal) if checked else f'{json.dumps(found)[:-1]}, "check": "{check}"}}\n'
        lines[line] = line_now.encode()

    return of_lines(tamper)


def with_hash_renewed(out: Path) -> None:
    """A letter of a text is changed, and the hash in the manifest, and the check of the line."""
    from ranat.disk import sha256

    path = shard(out)
    edit(path, lambda data: data.replace(b"patients", b"patientz", 1))
    values(2, checked=True, sha256=sha256(path))(out)


def swap_documents(out: Path) -> None:
    one, other = (shard(out, number).read_bytes().splitlines(keepends=True) for number in (0, 1))
    shard(out, 0).write_bytes(b"".join([other[0], *one[1:]]))
    shard(out, 1).write_bytes(b"".join([one[0], *other[1:]]))


def swap_shards(out: Path) -> None:
    first, second = shard(out, 0), shard(out, 1)
    first.rename(out / "x")
    second.rename(first)
    (out / "x").rename(second)


def replace_by(make: Callable[[Path, bytes], Any]) -> Tamper:
    def tamper(out: Path) -> None:
        path = shard(out)
        data = path.read_bytes()
        path.unlink()
        make(path, data)

    return tamper


def link_to_copy(path: Path, data: bytes) -> None:
    (path.parent.parent / "copy").write_bytes(data)
    path.symlink_to(path.parent.parent / "copy")


def flipped(data: bytes) -> bytes:
    return bytes([*data[:40], data[40] ^ 1, *data[41:]])


SHARDS: dict[str, Tamper] = {
    "deleted": lambda out: shard(out).unlink(),
    "all deleted": lambda out: [path.unlink() for path in out.glob("shard-*")],
    "emptied": of_shard(lambda data: b""),
    "cut off": of_shard(lambda data: data[:-20]),
    "a bit flipped": of_shard(flipped),
    "a letter of a text": of_shard(lambda data: data.replace(b"patients", b"patientz", 1)),
    "a score": of_shard(lambda data: data.replace(b'"score": 0.', b'"score": 0.0', 1)),
    "a type": of_shard(lambda data: data.replace(b'"GENE"', b'"Gene"', 1)),
    "ids swapped": of_shard(lambda d: d.replace(b'"id": "3"', b'"id": "x"').replace(b'"id": "4"', b'"id": "3"')),
    "a document gone": lambda out: edit_lines(shard(out), lambda lines: lines.pop(0)),
    "a document twice": lambda out: edit_lines(shard(out), lambda lines: lines.append(lines[0])),
    "documents in another order": lambda out: edit_lines(shard(out, 0), swapped(0, 1)),
    "documents swapped between shards": swap_documents,
    "shards swapped": swap_shards,
    "one is another": lambda out: shutil.copy(shard(out, 0), shard(out, 1)),
    "a blank line": of_shard(lambda data: data + b"\n"),
    "a byte order mark": of_shard(lambda data: b"\xef\xbb\xbf" + data),
    "other line ends": of_shard(lambda data: data.replace(b"\n", b"\r\n")),
    "binary junk": of_shard(lambda data: bytes(range(256)) * 4),
    "deep nesting": of_shard(lambda data: b'{"id": "1", "text": ' + b"[" * 100_000),
    "a huge number": of_shard(lambda data: data.replace(b"0.", b"9" * 5000 + b".", 1)),
    "packed": replace_by(lambda path, data: path.write_bytes(b"\x1f\x8b" + data)),
    "a link to a copy": replace_by(link_to_copy),
    "a link to nothing": replace_by(lambda path, data: path.symlink_to("gone")),
    "a folder": replace_by(lambda path, data: path.mkdir()),
    "a pipe": replace_by(lambda path, data: os.mkfifo(path)),
    "renamed": lambda out: shard(out).rename(out / "shard-000007.jsonl"),
    "one more": lambda out: shutil.copy(shard(out), out / "shard-000009.jsonl"),
    "one more, of another format": lambda out: (out / "shard-000001.csv").write_text("id,text\n"),
    "a backup beside": lambda out: shutil.copy(shard(out), out / "shard-000001.jsonl.bak"),
    "a folder beside": lambda out: (out / "shard-000003").mkdir(),
}
MANIFEST: dict[str, Tamper] = {
    "gone": lambda out: (out / "manifest.jsonl").unlink(),
    "emptied": lambda out: (out / "manifest.jsonl").write_bytes(b""),
    "binary junk": lambda out: (out / "manifest.jsonl").write_bytes(bytes(range(256)) * 9),
    "cut off in a line": lambda out: edit(out / "manifest.jsonl", lambda data: data[: len(data) // 2]),
    "its last line end gone": lambda out: edit(out / "manifest.jsonl", lambda data: data[:-1]),
    "a bit flipped": lambda out: edit(out / "manifest.jsonl", flipped),
    "a bit flipped at its end": lambda out: edit(out / "manifest.jsonl", lambda data: flipped(data[::-1])[::-1]),
    "the first line gone": of_lines(lambda lines: lines.pop(0)),
    "a line gone": of_lines(lambda lines: lines.pop(2)),
    "the last shard's line gone": of_lines(lambda lines: lines.pop(-2)),
    "the last line gone": of_lines(lambda lines: lines.pop()),
    "a line twice": of_lines(lambda lines: lines.insert(2, lines[2])),
    "the first line twice": of_lines(lambda lines: lines.insert(1, lines[0])),
    "the last line twice": of_lines(lambda lines: lines.append(lines[-1])),
    "lines swapped": of_lines(swapped(1, 2)),
    "the last line earlier": of_lines(swapped(-1, -2)),
    "junk as a line": of_lines(lambda lines: lines.insert(2, b"\x00\xff\n")),
    "no object as a line": of_lines(lambda lines: lines.insert(2, b"[1]\n")),
    "an empty line": of_lines(lambda lines: lines.insert(2, b"\n")),
    "deep nesting as a line": of_lines(lambda lines: lines.insert(2, b"[" * 100_000 + b"\n")),
    "more white space": of_lines(lambda lines: lines.append(lines.pop().replace(b": ", b":  ", 1))),
    "another line's check": of_lines(lambda lines: lines.append(lines.pop()[:-20] + lines[1][-20:])),
    "a link": lambda out: (
        (out / "manifest.jsonl").rename(out.parent / "m"),
        (out / "manifest.jsonl").symlink_to(out.parent / "m"),
    ),
}
FIELDS: dict[str, Any] = {
    "number": lambda number: number + 4,
    "sha256": "0" * 64,
    "ids": lambda ids: ids[::-1],
    "texts": lambda texts: texts[::-1],
    "parts": lambda parts: [[name, first + 1, count] for name, first, count in parts],
    "failures": [],
    "ended": lambda ended: [*ended, {"input": "x", "items": 1, "size": 1, "sha256": "", "notices": []}],
    "so_far": "0" * 64,
    "counts": {},
    "lost": {"everything": 1},
    "spelled": {"3": "x"},
    "rewritten": {"3": "0" * 16},
}
WRONG: dict[str, Any] = {
    "a text": "x",
    "a list of nothing": [None],
    "nothing": None,
    "a truth": True,
    "less than nothing": -1,
    "a huge number": 10**400,
    "no number": float("nan"),
    "an object": {"x": {"y": []}},
}
SETTINGS: dict[str, Any] = {
    "ranat": "0.0",
    "inputs": ["others"],
    "ner": ["models/gene"],
    "re": None,
    "format": "csv",
    "how": {"format": "text", "lenient": True, "columns": {}},
    "min_score": 0.5,
    "precision": "bf16",
    "shard_size": 10**30,
    "max_characters": "many",
    "sha256": {"models/gene": "0" * 64},
}
ERRORS: dict[str, Tamper] = {
    "gone": lambda out: (out / "errors.jsonl").unlink(),
    "emptied": lambda out: (out / "errors.jsonl").write_bytes(b""),
    "binary junk": lambda out: (out / "errors.jsonl").write_bytes(b"\xff\x00\n"),
    "a line gone": of_lines(lambda lines: lines.pop(), "errors.jsonl"),
    "a line twice": of_lines(lambda lines: lines.append(lines[0]), "errors.jsonl"),
    "lines swapped": of_lines(swapped(0, 1), "errors.jsonl"),
    "a word changed": lambda out: edit(out / "errors.jsonl", lambda data: data.replace(b"JSON", b"XML", 1)),
    "a link": lambda out: (
        (out / "errors.jsonl").rename(out.parent / "e"),
        (out / "errors.jsonl").symlink_to(out.parent / "e"),
    ),
}
MENDED: dict[str, Tamper] = {
    **{f"shard: {name}": tamper for name, tamper in SHARDS.items()},
    **{f"manifest: {name}": tamper for name, tamper in MANIFEST.items()},
    **{f"field {key}": values(2, checked=False, **{key: value}) for key, value in FIELDS.items()},
    **{f"ids are {name}": values(2, checked=True, ids=value) for name, value in WRONG.items()},
    **{f"number is {name}": values(2, checked=True, number=value) for name, value in WRONG.items()},
    **{f"setting {key}": values(0, checked=False, **{key: value}) for key, value in SETTINGS.items()},
    **{f"setting {key}, and the check": values(0, checked=True, **{key: value}) for key, value in SETTINGS.items()},
    "sums": values(-1, checked=False, done={"documents": 1}),
    "sums, and the check": values(-1, checked=True, done={"documents": 1}),
    "sums are no object, and the check": values(-1, checked=True, done=[1]),
    **{f"errors: {name}": tamper for name, tamper in ERRORS.items()},
}
