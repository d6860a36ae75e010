import json
import tarfile
import zipfile
from pathlib import Path

import pytest

from ranat import corpora
from ranat.errors import UserError


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


@pytest.mark.parametrize("dev", ["dev", "devel", "valid", "validation"])
def test_splits_of_any_format(tmp_path: Path, dev: str) -> None:
    (tmp_path / "train.jsonl").write_text(lines("X", "Y"))
    (tmp_path / f"{dev}.tsv").write_text("a\tB-Y\n")
    (tmp_path / "test.PubTator.txt").write_text("1|t|ab\n1\t0\t2\tab\tX\n")
    (tmp_path / "README.md").write_text("not a split")
    corpus = corpora.load(tmp_path)
    assert (corpus.name, corpus.form, corpus.task, corpus.notices) == (str(tmp_path), "own", "ner", ())
    assert {split: len(documents) for split, documents in corpus.splits.items()} == {"train": 2, "dev": 1, "test": 1}


def test_without_dev_a_tenth_of_train_is_taken_and_said(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text(lines(*["X"] * 29, "Rare"))
    first, again = corpora.load(tmp_path), corpora.load(tmp_path)
    assert first == again
    assert {split: len(documents) for split, documents in first.splits.items()} == {"train": 27, "dev": 3}
    ids = [document.id for split in first.splits.values() for document in split]
    assert sorted(ids, key=int) == [str(i) for i in range(30)]
    assert "29" in {document.id for document in first.splits["train"]}
    assert [notice.what for notice in first.notices] == [
        "no file of dev documents",
        "no file of test documents",
        "3 of the 30 train documents taken for dev (seed 0)",
    ]


def test_a_type_never_vanishes_from_train(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text(lines(*"ABCDEFGHI", ""))
    corpus = corpora.load(tmp_path)
    assert [document.id for document in corpus.splits["dev"]] == ["9"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"test.jsonl": lines("X")}, "no file of training documents (name it train"),
        ({"train.jsonl": lines("X"), "train.tsv": "a\tO\n"}, "train.jsonl and train.tsv are both"),
        ({"train.jsonl": lines("X"), "dev.jsonl": lines("X"), "valid.jsonl": lines("X")}, "are both files of dev"),
        (
            {"train.jsonl": lines("X"), "dev.jsonl": lines("X"), "test.jsonl": lines("X", "Z")},
            "test.jsonl: document '1' has the type 'Z', which train lacks (train has 'X'",
        ),
        ({"train.jsonl": lines("X")}, "train.jsonl: one document cannot be both"),
        ({"train.jsonl": lines("X", "Y")}, "train.jsonl: no document can be taken for dev"),
        ({"train.jsonl": lines("X"), "dev.jsonl": ""}, "dev.jsonl: the file is empty"),
    ],
)
def test_what_cannot_be_loaded(tmp_path: Path, files: dict[str, str], message: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(UserError) as caught:
        corpora.load(tmp_path)
    assert message in str(caught.value)


def test_an_archive_of_ones_own(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as zipped:
        zipped.writestr("mine/train.jsonl", lines("X"))
        zipped.writestr("mine/dev.jsonl", lines("X"))
    (tmp_path / "train.jsonl").write_text(lines("X"))
    (tmp_path / "dev.jsonl").write_text(lines("X"))
    with tarfile.open(tmp_path / "mine.tar.gz", "w:gz") as packed:
        packed.add(tmp_path / "train.jsonl", "./train.jsonl")
        packed.add(tmp_path / "dev.jsonl", "./dev.jsonl")
    expected = corpora.load(tmp_path).splits
    assert corpora.load(tmp_path / "mine.zip").splits == expected
    assert corpora.load(tmp_path / "mine.tar.gz").splits == expected


def test_check_counts_a_corpus_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "train.tsv").write_text("a\tB-X\nb\tB-Y\n\na\tO\nb\tI-X\n\nc\tO\n")
    (tmp_path / "dev.tsv").write_text("c\tO\n\nd\tI-X\n")
    report = corpora.check(tmp_path)
    rows = {(row.split, row.what): row.measured for row in report.rows}
    assert rows == {
        ("train", "documents"): 3,
        ("train", "sentences"): 3,
        ("train", "tokens"): 5,
        ("train", "longest, in tokens"): 2,
        ("train", "mentions"): 3,
        ("train", "mentions of X"): 2,
        ("train", "mentions of Y"): 1,
        ("train", "sentences without mention"): 1,
        ("train", "repeated sentences"): 1,
        ("train", "repeated sentences, labelled otherwise"): 1,
        ("train", "mentions outside repeated sentences"): 2,
        ("dev", "documents"): 2,
        ("dev", "sentences"): 2,
        ("dev", "tokens"): 2,
        ("dev", "longest, in tokens"): 1,
        ("dev", "mentions"): 1,
        ("dev", "sentences without mention"): 1,
        ("dev", "repeated sentences"): 0,
        ("dev", "repeated sentences, labelled otherwise"): 0,
        ("dev", "mentions outside repeated sentences"): 1,
        ("train/dev", "shared sentences"): 1,
        ("train/dev", "shared sentences of 5+ tokens"): 0,
        ("all", "illegal tags"): 1,
        ("all", "mentions unlike their text"): 0,
        ("all", "documents again"): 0,
    }
    assert report.ok
    assert [(notice.kind, notice.where) for notice in report.notices if notice.kind == "repaired"] == [
        ("repaired", f"{tmp_path}/train.tsv:4")
    ]
