"""A file is read by the surest format, whatever else is registered and however its bytes come."""

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ranat.documents import Document
from ranat.errors import UsageError, UserError
from ranat.formats import READERS, How, Sample, Sure, read, reader, recognise
from ranat.formats.base import Reader
from ranat.formats.source import HEAD, Source


@pytest.fixture
def rival(monkeypatch: pytest.MonkeyPatch) -> Reader:
    """A format that is as sure of PubTator files as PubTator is."""
    READERS.names()
    monkeypatch.setattr(READERS, "_components", dict(READERS._components))
    monkeypatch.setattr(READERS, "_homes", dict(READERS._homes))

    @reader("rival", sure=lambda sample: Sure.CERTAIN if "|t|" in sample.head else Sure.NO, suffixes=(".rival",))
    def parse(source: Source) -> Iterator[Document]:
        yield source.document(1, "1", "rival")

    return READERS.get("rival")


PUBTATOR = b"1|t|Aspirin helps.\n\n"


def test_a_tie_names_both_and_the_flag(rival: Reader) -> None:
    with pytest.raises(UserError, match=r"a\.x: could be pubtator or rival \(say which by --from, such as --from pub"):
        recognise(io.BytesIO(PUBTATOR), "a.x")
    assert [document.text for document in read(io.BytesIO(PUBTATOR), "a.x", "rival")] == ["rival"]


def test_between_formats_as_sure_the_suffix_decides(rival: Reader) -> None:
    assert recognise(io.BytesIO(PUBTATOR), "a.pubtator") == "pubtator"
    assert recognise(io.BytesIO(PUBTATOR), "a.rival") == "rival"


class Dripping(io.RawIOBase):
    """Gives a few bytes at a time, as pipes and archives do."""

    def __init__(self, data: bytes, step: int) -> None:
        self._data, self._step = io.BytesIO(data), step

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]  # a bytearray is what it gets
        data = self._data.read(min(self._step, len(buffer)))
        buffer[: len(data)] = data
        return len(data)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("step", [1000, 4096, 4097, 1 << 20])
@pytest.mark.parametrize("n_lines", [1, 200, 4000, 40_000])
def test_recognition_does_not_depend_on_how_bytes_come(n_lines: int, step: int, packed: bool) -> None:
    data = "".join(f"word{number}\tO\n" for number in range(n_lines)).encode() + b"end\tB-Disease\n"
    assert len(data) > HEAD or n_lines < 40_000
    stream = Dripping(gzip.compress(data) if packed else data, step)
    (document,) = read(stream, "train.txt")  # type: ignore[arg-type]  # options of any kind
    assert document.mention(document.entities[0]) == "end"


def tar(data: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        info = tarfile.TarInfo("a.pubtator")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def zipped(data: bytes, name: str = "a.pubtator") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, data)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (tar(PUBTATOR), "is a tar archive, not a file of documents (unpack it, and name what was in it)"),
        (zipped(PUBTATOR), "is a zip archive, not a file of documents"),
        (bz2.compress(PUBTATOR), "is packed by bzip2, not a file of documents"),
        (lzma.compress(PUBTATOR), "is packed by xz, not a file of documents (unpack it"),
        (
            zipped(b"<Types/>", "[Content_Types].xml"),
            "is an Office document, not a file of documents (save it as plain",
        ),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "is a PDF, not a file of documents (take its text out, such as with pdf"),
        (b"{\\rtf1\\ansi 1|t|A}", "is an RTF document, not a file of documents (save it as plain text)"),
        (PUBTATOR.decode().encode("utf-16"), "is written in UTF-16, not UTF-8 (convert it: iconv -f UTF-16 -t UTF-8"),
        (PUBTATOR.decode().encode("utf-32"), "is written in UTF-32, not UTF-8 (convert it: iconv -f UTF-32 -t UTF-8"),
        (b"1|t|Caf\xe9\n", "invalid UTF-8: byte 0xe9 at byte 8 of the line (save the file as UTF-8: iconv -f WINDOWS"),
    ],
)
@pytest.mark.parametrize("format", [None, "pubtator"])
def test_what_is_no_text_in_utf8_is_named_with_what_mends_it(data: bytes, message: str, format: str | None) -> None:
    with pytest.raises(UserError) as caught:
        list(read(io.BytesIO(data), "a.pubtator", format))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "head", ["{" * 100_000, "[" * 100_000, '{"a": ' + "9" * 60_000, '{"a": "' + "\\" * 999, "[1e999"]
)
def test_no_head_ends_the_process(head: str) -> None:
    sample = Sample("a.json", head, whole=False)
    for name in READERS.names():
        READERS.get(name).sure(sample)


def test_a_sample_that_is_cut_off_shows_what_is_there() -> None:
    whole = json.dumps(
        {"id": "1", "text": "x" * 50, "entities": [{"id": "T1", "spans": [[0, 1]]}], "more": {"a": [1, 2]}}
    )
    for end in range(1, len(whole) + 1):
        record = Sample("", whole[:end], whole=False).record
        for key, value in record.items():
            assert key in ("id", "text", "entities", "more")
            if key in ("id", "text"):
                assert value in ("1", "x" * 50)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "pubtater"}, "did you mean 'pubtator'"),
        ({"columns": {"tokem": "1"}}, "--columns: no format has the columns tokem (conll: token, tag; csv: text, id"),
        (
            {"format": "pubtator", "columns": {"text": "1"}},
            "columns: are for csv or jsonl or label-studio, not pubtator (pubtator has no columns",
        ),
    ],
)
def test_how_files_are_read_is_checked_at_once(options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        How(**options)  # type: ignore[arg-type]  # options of any kind
    assert message in str(caught.value)


def test_an_archive_named_as_input_is_no_document(tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(tar(PUBTATOR))
    with pytest.raises(UserError, match="is a tar archive"):
        list(read(tmp_path / "a.tar.gz"))
