import gzip
import hashlib
import io
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ranat.documents import Document
from ranat.errors import UserError
from ranat.extraction import inputs
from ranat.extraction.inputs import End, Item, expand
from ranat.formats import How

MOST = 1_000_000


def read(name: Path | str, format: str | None = None, most: int = MOST) -> tuple[list[Item], End]:
    *items, end = inputs.read(str(name), How(format), most)
    assert isinstance(end, End)
    assert all(isinstance(item, Item) for item in items)
    assert [item.number for item in items] == list(range(len(items)))  # type: ignore[union-attr]  # asserted above
    assert end.items == len(items)
    return items, end  # type: ignore[return-value]  # asserted above


def test_folders_globs_and_files(texts: Path) -> None:
    names = ["a.txt", "b.jsonl", "c.pubtator", "deeper/a.txt", "deeper/z.txt"]
    assert list(expand([str(texts)])) == [str(texts / name) for name in names]
    assert list(expand([str(texts / "*.txt"), "-"])) == [str(texts / "a.txt"), "-"]
    assert list(expand([str(texts / "**" / "a.txt")])) == [str(texts / "a.txt"), str(texts / "deeper" / "a.txt")]
    assert list(expand([str(texts)], besides=texts / "deeper")) == [str(texts / name) for name in names[:3]]


def test_each_input_is_there_once(texts: Path) -> None:
    all_of_them = list(expand([str(texts)]))
    for given in (["**"], ["**/*"], [".", "."], ["deeper", "."], ["a.txt", "."], ["*", "deeper/a.txt", "a.txt"]):
        assert sorted(expand([str(texts / name) for name in given])) == sorted(all_of_them)
    hidden = str(texts / ".hidden.txt")
    assert list(expand([str(texts), hidden])) == [*all_of_them, hidden]
    assert list(expand(["-", "-"])) == ["-"]


def test_linked_folders_are_read_and_end(texts: Path, tmp_path: Path) -> None:
    folder = tmp_path / "links"
    folder.mkdir()
    (folder / "texts").symlink_to(texts / "deeper")
    (folder / "again").symlink_to(folder)
    assert list(expand([str(folder)])) == [str(folder / "texts" / name) for name in ("a.txt", "z.txt")]


def test_a_link_to_nothing_fails_alone(tmp_path: Path) -> None:
    link = tmp_path / "a.txt"
    link.symlink_to(tmp_path / "gone")
    assert list(expand([str(link)])) == list(expand([str(tmp_path / "*")])) == [str(link)]
    (item,), _ = read(link)
    assert "cannot read: No such file" in str(item.content)


def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert list(expand([str(pipe)])) == [str(pipe)]
    assert inputs.size(str(pipe)) is None
    with ThreadPoolExecutor(1) as other:
        written = other.submit(pipe.write_bytes, b"Aspirin helps.")
        (item,), end = read(pipe)
        written.result()
    assert isinstance(item.content, Document)
    assert item.content.text == "Aspirin helps."
    assert end.sha256 == hashlib.sha256(b"Aspirin helps.").hexdigest()


def test_of_an_output_the_shards_are_read(tmp_path: Path) -> None:
    out = tmp_path / "found"
    out.mkdir()
    for name in ("shard-000000.jsonl", "shard-000001.jsonl", "errors.jsonl"):
        (out / name).write_text("{}")
    (out / "manifest.jsonl").write_text('{"ranat": "1"}\n')
    shards = [str(out / f"shard-00000{n}.jsonl") for n in range(2)]
    assert list(expand([str(out)])) == list(expand([str(tmp_path)])) == shards
    (out / "manifest.jsonl").write_text('{"id": "1", "text": "Somebody else\'s."}\n')
    assert len(list(expand([str(out)]))) == 4


@pytest.mark.parametrize("name", ["none", "none*"])
def test_nothing_there(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"{name[:4]}.*no such file"):
        list(expand([str(tmp_path / name)]))
    with pytest.raises(UserError, match=r"the folder holds no file$"):
        list(expand([str(tmp_path)]))
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(UserError, match="the folder holds no file but those of the output"):
        list(expand([str(tmp_path)], besides=tmp_path))


def test_a_folder_of_documents_is_one_input(tmp_path: Path) -> None:
    (tmp_path / "1.txt").write_text("Aspirin helps.")
    (tmp_path / "1.ann").write_text("T1\tChemical 0 7\tAspirin\n")
    assert list(expand([str(tmp_path)])) == [str(tmp_path)]
    (item,), end = read(tmp_path)
    assert isinstance(item.content, Document)
    assert item.content.entities[0].type == "Chemical"
    assert end.sha256 == inputs.fingerprint(str(tmp_path))
    assert end.size == inputs.size(str(tmp_path)) > 0  # type: ignore[operator]  # None fails the test


def test_texts_beside_a_folder_of_documents_are_inputs(tmp_path: Path) -> None:
    (tmp_path / "brat" / "deep").mkdir(parents=True)
    for name in ("a.txt", "c.pubtator", "brat/deep/1.txt", "brat/deep/1.ann"):
        (tmp_path / name).write_text("")
    assert list(expand([str(tmp_path)])) == [str(tmp_path / name) for name in ("a.txt", "c.pubtator", "brat")]


def test_what_cannot_be_read_keeps_its_place(texts: Path) -> None:
    items, end = read(texts / "b.jsonl")
    assert [isinstance(item.content, UserError) for item in items] == [False, False, False, True, False, False, False]
    failure = items[3].content
    assert isinstance(failure, UserError)
    assert failure.where == f"{texts / 'b.jsonl'}:4"
    assert end.sha256 == hashlib.sha256((texts / "b.jsonl").read_bytes()).hexdigest()
    assert end.size == (texts / "b.jsonl").stat().st_size


def test_the_hash_is_of_all_bytes_also_when_reading_failed(tmp_path: Path) -> None:
    file = tmp_path / "a.xml"
    file.write_bytes(b"<?xml version='1.0'?><collection><document><id>1</id></broken>" + b"x" * 5_000_000)
    items, end = read(file)
    assert isinstance(items[-1].content, UserError)
    assert (end.size, end.sha256) == (file.stat().st_size, hashlib.sha256(file.read_bytes()).hexdigest())


def test_a_gzip_is_hashed_as_it_is_stored(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl.gz"
    file.write_bytes(gzip.compress(b'{"id": "1", "text": "a"}\n'))
    (item,), end = read(file)
    assert item.content == Document("1", "a")
    assert end.sha256 == inputs.fingerprint(str(file))


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    (item,), end = read(tmp_path / "gone.txt")
    assert "cannot read: No such file" in str(item.content)
    assert (end.items, end.size, end.sha256) == (1, 0, "")


def test_a_document_that_is_too_long(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("x" * 11)
    (item,), _ = read(file, most=10)
    assert "has 11 characters, more than 10" in str(item.content)
    (item,), _ = read(file, most=11)
    assert isinstance(item.content, Document)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"Just prose.\n", "Just prose.\n"),
        (b'{"id": "1", "text": "a"}\n', "a"),
        (gzip.compress(b"packed", mtime=0), "packed"),
    ],
)
def test_standard_input(data: bytes, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(data))))  # type: ignore[arg-type]  # it has all that is read
    (item,), end = read("-")
    assert isinstance(item.content, Document)
    assert item.content.text == expected
    assert (end.size, end.sha256) == (len(data), hashlib.sha256(data).hexdigest())


def test_brats_annotations_stand_for_their_text_where_both_are_named(tmp_path: Path) -> None:
    for name in ("a.txt", "a.ann", "b.a1", "b.txt", "b.a2", "c.txt", "d.ann"):
        (tmp_path / name).write_text("")

    def names(*given: str, format: str | None = None) -> list[str]:
        return [Path(name).name for name in expand([str(tmp_path / one) for one in given], format=format)]

    assert names("*") == names("*", format="brat") == ["a.ann", "b.a1", "c.txt", "d.ann"]
    assert names("a.txt", "a.ann") == names("a.ann", "a.txt") == ["a.ann"]
    assert names("a.txt") == ["a.txt"]
    assert names("a.*", format="text") == ["a.ann", "a.txt"]


def test_one_file_has_many_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_text("Fever.")
    (tmp_path / "b").mkdir()
    monkeypatch.chdir(tmp_path)
    assert list(expand(["a.txt", "./a.txt", "b/../a.txt", str(tmp_path / "a.txt")])) == ["a.txt"]
