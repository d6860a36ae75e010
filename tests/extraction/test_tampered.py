"""Whatever is changed in an output, or in what it was made of, is found; and mended, if the inputs are as they were."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contents import contents
from ranat.errors import UserError
from ranat.extraction.job import Job
from ranat.extraction.manifest import parsed, written
from ranat.extraction.run import extract_to
from ranat.extraction.verify import verify

Tamper = Callable[[Path], Any]
"""Does something to the folder `out`, beside which `texts` and `models` lie."""


@pytest.fixture(scope="module")
def untouched(models: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of inputs, models and outputs; all names are relative to it."""
    root = tmp_path_factory.mktemp("untouched")
    for name in ("chemical", "gene", "relation"):
        shutil.copytree(models[name], root / "models" / name)
    (root / "texts").mkdir()
    lines = [{"id": str(n), "text": f"Imatinib inhibits BCR-ABL in {n} patients.\tBRCA1."} for n in range(7)]
    dumped = [*map(json.dumps, lines)]
    (root / "texts" / "a.jsonl").write_text("\n".join([*dumped[:4], "{broken", *dumped[4:]]) + "\n")
    (root / "texts" / "b.txt").write_text("Cisplatin induced nephrotoxicity.\nBRCA1 was not associated with it.\n")
    (root / "texts" / "c.txt").write_bytes(b"\xff")
    (root / "texts" / "d.txt").write_text("Nierenkrebs in 12 patients. Cisplatin.")
    before = Path.cwd()
    os.chdir(root)
    try:
        for format in ("jsonl", "brat", "pubtator"):
            extract_to(job(format), root / format)
    finally:
        os.chdir(before)
    return root


@pytest.fixture
def root(untouched: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(untouched, tmp_path / "root")
    monkeypatch.chdir(tmp_path / "root")
    return tmp_path / "root"


def job(format: str = "jsonl") -> Job:
    ner = ("models/chemical", "models/gene")
    return Job(("texts",), ner, "models/relation", format=format, shard_size=3, precision="fp32")


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


@pytest.mark.parametrize("name", MENDED)
def test_it_is_found_and_mended(name: str, root: Path, untouched: Path) -> None:
    out = root / "jsonl"
    MENDED[name](out)
    assert is_found(out)
    extract_to(job(), out, resume=True)
    assert contents(out) == contents(untouched / "jsonl")
    assert not any(path.is_symlink() or path.is_fifo() for path in out.iterdir())
    assert verify(out)["problems"] == []


FORGED: dict[str, Tamper] = {
    **{f"field {key}": values(2, checked=True, **{key: value}) for key, value in FIELDS.items()},
    "a letter of a text, and its hash": with_hash_renewed,
}


@pytest.mark.parametrize("name", FORGED)
def test_what_was_forged_with_its_check_is_found(name: str, root: Path, untouched: Path) -> None:
    """A resume takes a line with the right check for its own; without the manifest it makes all anew."""
    out = root / "jsonl"
    FORGED[name](out)
    assert is_found(out)
    (out / "manifest.jsonl").unlink()
    extract_to(job(), out, resume=True)
    assert contents(out) == contents(untouched / "jsonl")


FOLDERS: dict[str, Tamper] = {
    "a text changed": lambda out: edit(shard(out) / "4.txt", lambda data: data.replace(b"patients", b"patientz")),
    "a mark changed": lambda out: (shard(out) / "4.ann").write_text(""),
    "a file gone": lambda out: (shard(out) / "4.ann").unlink(),
    "a file more": lambda out: (shard(out) / "x.txt").write_text("x"),
    "a link in it": lambda out: (shard(out) / "x").symlink_to("gone"),
    "a file in its place": lambda out: (shutil.rmtree(path := shard(out)), path.write_text("x")),
}


@pytest.mark.parametrize("name", FOLDERS)
def test_in_folders(name: str, root: Path, untouched: Path) -> None:
    out = root / "brat"
    FOLDERS[name](out)
    assert is_found(out)
    extract_to(job("brat"), out, resume=True)
    assert contents(out) == contents(untouched / "brat")
    assert verify(out)["problems"] == []


@pytest.mark.parametrize("key", ["rewritten", "spelled", "texts"])
def test_texts_that_the_format_changes(key: str, root: Path) -> None:
    """PubTator has no tabs within a text."""
    out = root / "pubtator"
    assert verify(out)["problems"] == []
    values(2, checked=True, **{key: [] if key == "texts" else {"3": "x"}})(out)
    assert is_found(out)


INPUTS: dict[str, Tamper] = {
    "a letter changed": lambda out: edit(Path("texts/a.jsonl"), lambda data: data.replace(b"BRCA1", b"BRCA2", 1)),
    "emptied": lambda out: Path("texts/b.txt").write_text(""),
    "cut off": lambda out: edit(Path("texts/a.jsonl"), lambda data: data[:-30]),
    "a document more": lambda out: edit(Path("texts/a.jsonl"), lambda data: b'{"id": "x", "text": "x"}\n' + data),
    "a document gone": lambda out: edit_lines(Path("texts/a.jsonl"), lambda lines: lines.pop()),
    "one more": lambda out: Path("texts/aa.txt").write_text("x"),
    "one more at the end": lambda out: Path("texts/z.txt").write_text("x"),
    "gone": lambda out: Path("texts/b.txt").unlink(),
    "the last gone": lambda out: Path("texts/d.txt").unlink(),
    "all gone": lambda out: shutil.rmtree("texts"),
    "renamed": lambda out: Path("texts/b.txt").rename("texts/bb.txt"),
    "swapped": lambda out: (
        Path("texts/b.txt").rename("x"),
        Path("texts/d.txt").rename("texts/b.txt"),
        Path("x").rename("texts/d.txt"),
    ),
    "a pipe in its place": lambda out: (Path("texts/b.txt").unlink(), os.mkfifo("texts/b.txt")),
    "a link to nothing in its place": lambda out: (
        Path("texts/b.txt").unlink(),
        Path("texts/b.txt").symlink_to("gone"),
    ),
    "what could not be read can be": lambda out: Path("texts/c.txt").write_text("x"),
    "another model": lambda out: edit(Path("models/gene/config.json"), lambda data: data.replace(b"{", b"{ ", 1)),
    "a model gone": lambda out: shutil.rmtree("models/gene"),
}


@pytest.mark.parametrize("damaged", [False, True])
@pytest.mark.parametrize("name", INPUTS)
def test_changed_inputs_are_found_and_not_gone_on_with(name: str, damaged: bool, root: Path) -> None:
    out = root / "jsonl"
    INPUTS[name](out)
    assert is_found(out)
    before = contents(out)
    if damaged:
        shard(out, 0).unlink()
        before = contents(out)
    with pytest.raises(UserError):
        extract_to(job(), out, resume=True)
    left = contents(out)
    assert {path: left[path] for path in before} == before


def test_gone_inputs_may_be_said_to_be_gone(root: Path) -> None:
    out = root / "jsonl"
    shutil.rmtree("texts")
    shutil.rmtree("models")
    found = verify(out, inputs_gone=True)
    assert (found["problems"], found["documents"], len(found["not_checked"])) == ([], 9, 7)
    shard(out).unlink()
    assert verify(out, inputs_gone=True)["problems"] == ["shard-000001.jsonl: is not there"]


def test_a_finding_has_its_line(root: Path) -> None:
    out = root / "jsonl"
    values(2, checked=False, so_far="")(out)
    assert "manifest.jsonl:3: is not as it was written: --resume mends it" in verify(out)["problems"]
    edit(out / "manifest.jsonl", lambda data: data.replace(b"fp32", b"bf16", 1))
    assert verify(out)["problems"] == ["manifest.jsonl:1: is not as it was written: --resume mends it"]


def test_another_job_does_not_write_over_an_output_whose_first_line_is_damaged(root: Path) -> None:
    out = root / "jsonl"
    values(0, checked=False, min_score=0.5)(out)
    with pytest.raises(UserError, match="was made in another way; how cannot be told"):
        extract_to(replace(job(), min_score=0.5), out, resume=True)


def is_found(out: Path) -> bool:
    """Whether `--verify` tells of a problem, in one line."""
    try:
        problems = verify(out)["problems"]
    except UserError as error:
        problems = [str(error)]
    assert all("\n" not in problem and len(problem) < 400 for problem in problems)
    return bool(problems)
