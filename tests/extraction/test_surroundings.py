"""What lies around: pipes and sockets in folders, bombs, what killed processes left, what is missing."""

from __future__ import annotations

import gzip
import os
import socket
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from ranat.disk import drafted, locked
from ranat.errors import UsageError, UserError
from ranat.extraction import checks, inputs
from ranat.extraction.checks import check_room, format_of, is_file, try_writing
from ranat.extraction.inputs import Item, expand
from ranat.formats import WRITERS, How


def test_what_is_no_file_is_told_and_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the name of a socket must be short
    Path("texts").mkdir()
    Path("texts/a.txt").write_text("a")
    os.mkfifo("texts/pipe.txt")
    Path("texts/link.txt").symlink_to("pipe.txt")
    Path("texts/zero").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("texts/socket")
        told: list[str] = []
        assert list(expand(["texts"], tell=told.append)) == ["texts/a.txt"]
    kinds = {"pipe.txt": "a pipe", "link.txt": "a pipe", "socket": "a socket", "zero": "a device"}
    assert sorted(told) == sorted(f"left out: texts/{name}: is {kind}, not a file" for name, kind in kinds.items())


def test_a_folder_of_documents_may_hold_a_pipe(tmp_path: Path) -> None:
    (tmp_path / "1.txt").write_text("Aspirin helps.")
    (tmp_path / "1.ann").write_text("T1\tChemical 0 7\tAspirin\n")
    os.mkfifo(tmp_path / "2.txt")
    os.mkfifo(tmp_path / "2.ann")
    (name,) = expand([str(tmp_path)])
    (item, _) = inputs.read(name, How(), 100)
    assert isinstance(item, Item)


@pytest.mark.parametrize("name", ["/dev/zero", "/dev/null"])
def test_a_device_is_refused(name: str) -> None:
    with pytest.raises(UserError, match=f"{name}: is a device, not a file"):
        list(expand([name]))


@pytest.mark.parametrize("name", ["a.txt", "a.jsonl", "a.xml", "a.csv", "a.pubtator", "a.json", "a"])
def test_a_long_line_fails_alone_and_is_not_kept(name: str, tmp_path: Path) -> None:
    """64 MiB, of which an eighth may be read."""
    begin = {"a.jsonl": b'{"id": "1", "text": "', "a.json": b'[{"id": "1", "text": "', "a.csv": b"id,text\n1,"}
    packed = tmp_path / f"{name}.gz"
    with gzip.open(packed, "wb", compresslevel=1) as stream:
        stream.write(begin.get(name, b""))
        for _ in range(64):
            stream.write(b"x " * (1 << 19))
    found = list(inputs.read(str(packed), How(), 1 << 19))
    assert any(isinstance(item.content, UserError) for item in found[:-1])  # type: ignore[union-attr]  # all but the end


@pytest.mark.parametrize("format", WRITERS.names())
def test_every_format_is_tried_before_the_work(format: str, tmp_path: Path) -> None:
    try_writing(tmp_path, format)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_told_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(UserError, match=r"--to parquet: pyarrow is not installed \(pip install"):
        try_writing(tmp_path, "parquet")


def test_a_full_disk_is_told_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_room(tmp_path, 1000)
    monkeypatch.setattr(checks.shutil, "disk_usage", lambda folder: SimpleNamespace(free=50_000_000))
    check_room(tmp_path, 400_000_000)
    with pytest.raises(UserError, match="50 MB are free, and the texts alone take about 101"):
        check_room(tmp_path, 1_000_000_000)


def test_names_of_files(tmp_path: Path) -> None:
    assert is_file(tmp_path / "one.html", None)
    assert is_file(tmp_path / "one.JSONL", "jsonl")
    assert format_of(Path("a.bioc.xml")) == "bioc-xml"
    assert not is_file(tmp_path / "found", None)
    assert not is_file(tmp_path / "found.v1.2", "jsonl")
    (tmp_path / "folder.html").mkdir()
    assert not is_file(tmp_path / "folder.html", None)
    with pytest.raises(UsageError, match="is the name of a file of html, not of jsonl"):
        is_file(tmp_path / "one.html", "jsonl")
    for name in ("one.txt", "one.jsonl.gz", "one.XLSX"):
        with pytest.raises(UsageError, match=f"{name}: is the name of a file that cannot be written"):
            is_file(tmp_path / name, None)


def test_a_draft_becomes_a_file_in_full_or_not_at_all(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out.txt"
    with pytest.raises(ValueError, match="embedded null"), drafted(out, "test") as draft:
        draft.with_name("\0").touch()
    assert not out.exists()
    with drafted(out, "test") as draft:
        draft.write_text("all")
    assert [path.name for path in out.parent.iterdir()] == ["out.txt"]
    with pytest.raises(UserError, match="is there already"), drafted(out, "test"):
        pass
    assert out.read_text() == "all"


def test_what_a_killed_process_left_goes(tmp_path: Path) -> None:
    out, left = tmp_path / "out.txt", tmp_path / ".out.txt.draft"
    left.mkdir()
    (left / "out.txt").write_text("half")
    (left / ".lock").write_text("")
    with locked(left, "test"), pytest.raises(UserError, match="another `test` is at work"), drafted(out, "test"):
        pass
    with drafted(out, "test") as draft:
        draft.write_text("all")
    assert [path.name for path in tmp_path.iterdir()] == ["out.txt"]
