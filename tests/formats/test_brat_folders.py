"""BRAT's folders: which files belong together, what is missing, and what cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from ranat.documents import Document, Relation
from ranat.errors import UserError
from ranat.formats import read, write
from ranat.formats.notice import Notice

TEXT = "Ocular and auditory toxicity\nof 𝛼-x.\n"
PAIR = "T1\tX 0 6\tOcular\nT2\tX 11 19\tauditory\n"


def write_files(folder: Path, **files: str) -> None:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)


def test_the_files_of_the_bionlp_shared_tasks(tmp_path: Path) -> None:
    a1 = "T1\tProtein 0 3\tIL2\nT2\tProtein 10 15\tBRCA1\n"
    a2 = "\nT3\tBinding 4 9\tbinds\nE1\tBinding:T3 Theme:T1\nT4\tSite 0 99\tIL2\n"
    write_files(tmp_path, a_txt="IL2 binds BRCA1.", a_a1=a1, a_a2=a2, b_txt="IL2", b_a1="", c_txt="IL2", c_a2="")
    with pytest.raises(UserError, match=r"/a\.a2:4: entity 'T4' reaches to 99, past"):
        list(read(tmp_path))
    notices: list[Notice] = []
    documents = list(read(tmp_path, notices=notices, lenient=True))
    assert [(d.id, [d.mention(e) for e in d.entities]) for d in documents] == [
        ("a", ["IL2", "BRCA1"]),
        ("b", []),
        ("c", []),
    ]
    assert [(n.where.removeprefix(f"{tmp_path}"), n.kind, n.count) for n in notices] == [
        ("/a.a2:4", "left out", 1),
        ("", "left out", 1),
        ("", "left out", 1),
    ]
    assert [notice.what for notice in notices[1:]] == ["1 trigger", "1 event"]
    assert list(read(tmp_path / "a.a1", lenient=True)) == list(read(tmp_path / "a.a2", lenient=True)) == documents[:1]
    (tmp_path / "a.ann").write_text("T9\tProtein 0 3\tIL2\n")
    notices.clear()
    assert [entity.id for entity in next(read(tmp_path / "a.ann", notices=notices)).entities] == ["T9"]


def test_annotations_named_alone_are_read_with_their_text(tmp_path: Path) -> None:
    write_files(tmp_path, a_txt=TEXT, a_ann=f"{PAIR}R1\tR To:T1 From:T2\n", b_ann="", x_json="")
    write_files(tmp_path, annotation_conf="[relations]\nR From:X, To:X\n")
    notices: list[Notice] = []
    (document,) = read(tmp_path / "a.ann", notices=notices)
    assert (document.id, document.text, document.relations) == ("a", TEXT, (Relation("R", "T2", "T1"),))
    assert notices == []
    with pytest.raises(UserError, match=r"b\.ann: there is no b\.txt with it \(put the text beside it\)"):
        list(read(tmp_path / "b.ann"))


def test_a_text_that_alone_has_no_annotations_is_no_document(tmp_path: Path) -> None:
    write_files(
        tmp_path, README_txt="How this was made.", a_txt="ab", a_ann="", LICENSE_txt="None", b_txt="ab", b_ann=""
    )
    notices: list[Notice] = []
    assert [document.id for document in read(tmp_path, notices=notices)] == ["a", "b"]
    what = "left out: LICENSE.txt, README.txt have no .ann beside them"
    assert [(str(notice), notice.count) for notice in notices] == [(f"{tmp_path}: {what}", 2)]


def test_where_many_texts_have_no_annotations_theirs_are_missing(tmp_path: Path) -> None:
    write_files(tmp_path, a_txt="ab", b_txt="ab", c_txt="ab", c_ann="")
    with pytest.raises(UserError, match=r"a\.txt: there is no a\.ann with it \(put its annotations beside it"):
        list(read(tmp_path))
    notices: list[Notice] = []
    assert [document.id for document in read(tmp_path, notices=notices, lenient=True)] == ["a", "b", "c"]
    assert [(notice.kind, notice.is_error) for notice in notices] == [("mended", True)] * 2


def test_a_folder_of_pairs(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for path, text, ann in (("b", "ab", "T1\tX 0 2\tab\n"), ("deep/a.ann", "", "")):
        (tmp_path / f"{path}.txt").write_text(text)
        (tmp_path / f"{path}.ann").write_text(ann)
    for other in ("annotation.conf", ".hidden.ann"):
        (tmp_path / other).write_text("[entities]\n")
    documents = list(read(tmp_path))
    assert [(document.id, document.text) for document in documents] == [("b", "ab"), ("deep/a.ann", "")]
    assert list(read(str(tmp_path))) == documents


def test_other_files_in_the_folder_are_told(tmp_path: Path) -> None:
    write([Document("1", "ab"), Document("deep/1", "ab")], tmp_path / "out", "brat")
    (tmp_path / "out" / ".git").mkdir()
    for other in ("a.xml", "deep/b.jsonl", "annotation.conf", ".hidden", ".git/HEAD"):
        (tmp_path / "out" / other).write_text("")
    notices: list[Notice] = []
    assert [document.id for document in read(tmp_path / "out", notices=notices)] == ["1", "deep/1"]
    what = "left out: 2 files that are neither .txt nor .ann, in a folder read as BRAT's: a.xml, deep/b.jsonl"
    assert [(notice.kind, str(notice), notice.count) for notice in notices] == [
        ("left out", f"{tmp_path / 'out'}: {what}", 2)
    ]


@pytest.mark.parametrize("lenient", [False, True])
def test_annotations_without_their_text(tmp_path: Path, lenient: bool) -> None:
    write_files(tmp_path, **{"1_ann": "", "2_txt": "", "2_ann": ""})
    with pytest.raises(UserError) as caught:
        list(read(tmp_path, lenient=lenient))
    assert str(caught.value) == f"{tmp_path}/1.ann: there is no 1.txt with it (put the text beside it)"


def test_a_document_that_cannot_be_read_fails_alone(tmp_path: Path) -> None:
    write([Document(id, "ab") for id in "12345"], tmp_path / "out", "brat")
    (tmp_path / "out" / "1.txt").unlink()
    (tmp_path / "out" / "2.ann").write_bytes(b"T1\tX 0 1\ta\nT2\tX\xff 0 1\ta\n")
    (tmp_path / "out" / "3.ann").write_text("some prose")
    (tmp_path / "out" / "4.txt").write_bytes(b"a\n\xff")
    errors: list[UserError] = []
    assert [document.id for document in read(tmp_path / "out", failed=errors.append)] == ["5"]
    assert [f"{error.where}: {error.what}".removeprefix(f"{tmp_path}/out/") for error in errors] == [
        "1.ann: there is no 1.txt with it",
        "2.ann:2: invalid UTF-8: byte 0xff at byte 5 of the line",
        "3.ann:1: 'some prose' is no annotation of BRAT's",
        "4.txt:2: invalid UTF-8: byte 0xff at byte 1 of the line",
    ]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "1.txt").symlink_to("/proc/self/mem")
    (tmp_path / "1.ann").write_text("")
    with pytest.raises(UserError, match=r"1\.txt: cannot read"):
        list(read(tmp_path))
