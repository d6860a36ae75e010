"""Whatever is changed in an output, or in what it was made of, is found; and mended, if the inputs are as they were."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from tampering import FIELDS, MENDED, Tamper, edit, edit_lines, shard, values, with_hash_renewed

from contents import contents
from ranat.errors import UserError
from ranat.extraction.job import Job
from ranat.extraction.run import extract_to
from ranat.extraction.verify import verify


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
