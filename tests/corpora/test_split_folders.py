"""Splits that are folders: BRAT pairs, or many files of one format."""

import json
import tarfile
import zipfile
from pathlib import Path

import pytest

from ranat import corpora
from ranat.errors import UserError
from ranat.formats import How


def lines(*types: str, start: int = 0) -> str:
    """A JSONL file with a document for each entity type; "" for a document without mention."""
    return "".join(
        json.dumps(
            {
                "id": str(i),
                "text": f"w{i}",
                "entities": [{"id": "T1", "type": kind, "spans": [[0, 2]]}] if kind else [],
            }
        )
        + "\n"
        for i, kind in enumerate(types, start)
    )


def relations(*kinds: str) -> str:
    """A JSONL file with a document for each relation type; "" for a document without relation."""
    entities = [{"id": "T1", "type": "X", "spans": [[0, 1]]}, {"id": "T2", "type": "X", "spans": [[2, 3]]}]
    return "".join(
        json.dumps(
            {
                "id": str(i),
                "text": "a b",
                "entities": entities,
                "relations": [{"type": kind, "head": "T1", "tail": "T2"}] if kind else [],
            }
        )
        + "\n"
        for i, kind in enumerate(kinds)
    )


BRAT = {
    "1.txt": "a b\n",
    "1.ann": "T1\tX 0 1\ta\nT2\tY 2 3\tb\nR1\tR Arg1:T1 Arg2:T2\n",
    "deep/2.txt": "",
    "deep/2.ann": "",
}


def write_brat(folder: Path) -> None:
    for path, text in BRAT.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


def test_a_split_may_be_a_folder_as_brat_writes_it(tmp_path: Path) -> None:
    write_brat(tmp_path / "mine" / "train")
    write_brat(tmp_path / "mine" / "Dev")
    (tmp_path / "mine" / "annotation.conf").write_text("[entities]\n")
    (tmp_path / "mine" / "old" / "train").mkdir(parents=True)
    (tmp_path / "mine" / "old" / "train" / "1.ann").write_text("another corpus")
    (tmp_path / "mine" / "test.jsonl").write_text(relations("R"))
    corpus = corpora.load(tmp_path / "mine")
    assert corpus.task == "ner"
    assert [[document.id for document in documents] for documents in corpus.splits.values()] == [
        ["1", "deep/2"]
    ] * 2 + [["0"]]
    assert corpus.splits["train"] == corpus.splits["dev"]
    assert [notice.what for notice in corpus.notices] == [
        "has 3 relations between mentions: --task relation trains on those that a sentence holds"
    ]
    assert str(tmp_path / "mine/train/deep/2.ann") in corpus.files
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as zipped:
        for path in sorted((tmp_path / "mine").rglob("*")):
            if "old" not in path.parts:
                zipped.write(path, path.relative_to(tmp_path))
        zipped.writestr("__MACOSX/mine/train/._1.ann", b"\0")
    with tarfile.open(tmp_path / "mine.tar.gz", "w:gz") as packed:
        for part in ("train", "Dev", "test.jsonl"):
            packed.add(tmp_path / "mine" / part, f"./{part}")
    assert corpora.load(tmp_path / "mine.zip").splits == corpus.splits
    assert corpora.load(tmp_path / "mine.tar.gz").splits == corpus.splits


def test_a_line_of_a_split_folder_is_named(tmp_path: Path) -> None:
    write_brat(tmp_path / "train")
    (tmp_path / "train" / "deep" / "2.ann").write_text("T1\tX 0 1\ta\n")
    with pytest.raises(UserError, match=r"train/deep/2\.ann:1: entity 'T1' reaches to 1, past"):
        corpora.load(tmp_path)
    (tmp_path / "train" / "deep" / "2.txt").unlink()
    with pytest.raises(UserError, match=r"train/deep/2\.ann: there is no deep/2\.txt with it"):
        corpora.load(tmp_path)


def test_a_folder_of_texts_alone_is_no_split(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "1.txt").write_text("a")
    with pytest.raises(
        UserError, match=r"/train: the folder holds no file of annotations \(put \.ann files beside the texts"
    ):
        corpora.load(tmp_path)
    (tmp_path / "train.jsonl").write_text(lines("X", "X"))
    assert len(corpora.load(tmp_path).splits["train"]) == 1


MANY = {
    "train/10.conll": "Fever\tB-X\ncame\tO\n",
    "train/9.conll": "and\tO\nwent\tO\n",
    "train/deep/1.conll": "Pain\tB-X\ncame\tO\n",
    "train/README.txt": "How this was made.",
    "train/.hidden.conll": "x\n",
    "dev/a.jsonl": lines("X"),
    "test.jsonl": lines("X"),
}


def write_all(folder: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


def test_a_split_may_be_a_folder_of_many_files_of_one_format(tmp_path: Path) -> None:
    write_all(tmp_path / "mine", MANY)
    corpus = corpora.load(tmp_path / "mine")
    assert [document.text for document in corpus.splits["train"]] == ["Fever came", "and went", "Pain came"]
    assert [document.id for document in corpus.splits["train"]] == ["10:1", "9:1", "1:1"]
    assert [str(notice) for notice in corpus.notices] == [
        f"{tmp_path}/mine/train: left out: README.txt beside files that are read as conll"
    ]
    assert [Path(name).name for name in corpus.files] == ["10.conll", "9.conll", "1.conll", "a.jsonl", "test.jsonl"]
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as zipped:
        for path, text in reversed(MANY.items()):
            zipped.writestr(f"mine/{path}", text)
    with tarfile.open(tmp_path / "mine.tar.gz", "w:gz") as packed:
        packed.add(tmp_path / "mine", ".")
    assert corpora.load(tmp_path / "mine.zip").splits == corpus.splits
    assert corpora.load(tmp_path / "mine.tar.gz").splits == corpus.splits


def test_a_document_that_two_files_of_a_split_have(tmp_path: Path) -> None:
    write_all(tmp_path, {"train/a.jsonl": lines("X"), "train/b.jsonl": lines("X", "X"), "dev.jsonl": lines("X")})
    what = "document '0' is in a file before this one, too; the second is called '0#2'"
    with pytest.raises(UserError) as caught:
        corpora.load(tmp_path)
    assert str(caught.value) == f"{tmp_path}/train/b.jsonl: {what} (give each document an id of its own)"
    corpus = corpora.load(tmp_path, how=How(lenient=True))
    assert [document.id for document in corpus.splits["train"]] == ["0", "0#2", "1"]
    assert [notice.kind for notice in corpus.notices if what == notice.what] == ["repeat"]


def test_files_of_two_formats_in_one_folder(tmp_path: Path) -> None:
    write_all(tmp_path, {"train/a.conll": "Fever\tB-X\ncame\tO\n", "train/b.jsonl": lines("X")})
    with pytest.raises(UserError, match=r"train: train/a\.conll is read as conll, but train/b\.jsonl as jsonl \(keep"):
        corpora.load(tmp_path)


def test_a_file_of_the_folders_format_that_is_wrong_is_told(tmp_path: Path) -> None:
    files = {"train/a.conll": "Fever\tB-X\ncame\tO\n", "train/b.conll": "", "train/c.conll": "Fever\ncame\n"}
    write_all(tmp_path, files | {"dev.jsonl": lines("X")})
    with pytest.raises(UserError) as caught:
        corpora.load(tmp_path)
    assert len(caught.value.details) == 2
    assert "train/b.conll: the file is empty" in caught.value.details[0]
    assert "train/c.conll:1: no column holds tags; the first line is" in caught.value.details[1]


def test_a_format_that_the_user_names_holds_for_all_files_of_a_folder(tmp_path: Path) -> None:
    text = "X Fever B-X\nY came O\n"
    write_all(tmp_path, {"train/a.one": text, "train/b.two": text, "dev.txt": text})
    how = How("conll", columns={"token": "2", "tag": "3"})
    assert [document.text for document in corpora.load(tmp_path, how=how).splits["train"]] == ["Fever came"] * 2


def test_settings_of_brat_above_a_split_hold_for_it(tmp_path: Path) -> None:
    ann = "T1\tX 0 1\ta\nT2\tX 2 3\tb\nR1\tR From:T1 To:T2\n"
    files = {"train/1.txt": "a b", "train/1.ann": ann, "dev/1.txt": "a b", "dev/1.ann": ann}
    write_all(tmp_path / "mine", files | {"annotation.conf": "[relations]\nR To:X, From:X\n", "train/notes.md": "x"})
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as zipped:
        for path in sorted((tmp_path / "mine").rglob("*.*")):
            zipped.write(path, path.relative_to(tmp_path))
    for path in (tmp_path / "mine", tmp_path / "mine.zip"):
        corpus = corpora.load(path)
        assert [(r.head, r.tail) for split in corpus.splits.values() for d in split for r in d.relations] == [
            ("T2", "T1")
        ] * 2
        assert [n.what for n in corpus.notices if n.kind == "left out"] == [
            "notes.md beside files that are read as brat"
        ]


def test_a_text_beside_the_pairs_does_not_stop_the_check(tmp_path: Path) -> None:
    write_all(tmp_path, {"dev.jsonl": lines("X"), "test.jsonl": lines("X"), "train/README.txt": "How this was made."})
    write_all(tmp_path, {f"train/{name}": text for name, text in BRAT.items()})
    report = corpora.check(tmp_path)
    assert report.ok
    assert [str(notice) for notice in report.notices if notice.kind == "left out"] == [
        f"{tmp_path}/train: left out: README.txt has no .ann beside it"
    ]


def test_a_file_and_a_folder_of_one_split(tmp_path: Path) -> None:
    write_brat(tmp_path / "train")
    (tmp_path / "train.jsonl").write_text(lines("X"))
    with pytest.raises(UserError, match=r"train and train\.jsonl are both files of train documents \(keep one"):
        corpora.load(tmp_path)


def test_a_pair_beside_the_splits_is_told_where_it_belongs(tmp_path: Path) -> None:
    for name in ("train.txt", "train.ann"):
        (tmp_path / name).write_text("")
    with pytest.raises(UserError, match=r"keep one; pairs of \.txt and \.ann belong in a folder train"):
        corpora.load(tmp_path)
