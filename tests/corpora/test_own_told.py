"""Files of a corpus of one's own that are odd, cannot be read or are passed over: each is told."""

import json
from pathlib import Path

import pytest

from ranat import corpora
from ranat.corpora.own import OddFilesError
from ranat.formats import How


def test_all_errors_are_told_at_once_and_lenient_reading_goes_on(tmp_path: Path) -> None:
    def line(number: int, span: list[int]) -> str:
        entity = {"id": "T1", "type": "D", "spans": [span]}
        return json.dumps({"id": f"{number}", "text": "Fever came.", "entities": [entity]})

    lines = [line(number, [0, 5] if number % 2 else [0, 99]) for number in range(40)]
    (tmp_path / "train.jsonl").write_text("\n".join(lines))
    (tmp_path / "dev.jsonl").write_text(line(1, [0, 5]))
    with pytest.raises(OddFilesError) as caught:
        corpora.load(tmp_path)
    assert len(caught.value.errors) == 20
    told = str(caught.value).split("\n")
    assert told[0] == "20 errors in the files"
    assert told[1] == (
        f"  {tmp_path}/train.jsonl:1: entity 'T1' reaches to 99, past the text's 11 characters "
        "(offsets count characters of the document's text, the end exclusive)"
    )
    assert (len(told), told[-1]) == (12, "  and 10 more")
    report = corpora.check(tmp_path)
    assert (report.errors, report.ok) == (20, False)
    assert sum(notice.kind == "error" for notice in report.notices) == 20

    corpus = corpora.load(tmp_path, how=How(lenient=True))
    assert [len(document.entities) for document in corpus.splits["train"]] == [0, 1] * 20
    report = corpora.check(tmp_path, how=How(lenient=True))
    assert (report.errors, report.ok) == (0, True)
    assert sum(notice.kind == "left out" for notice in report.notices) == 20


def test_a_document_that_cannot_be_read_is_an_error_in_lenient_reading_too(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text('{"id": "1", "text": "Fever."}\n{"id": "2"}\n')
    with pytest.raises(OddFilesError, match=r"train\.jsonl:2: 'text' is missing"):
        corpora.load(tmp_path, how=How(lenient=True))
    assert corpora.check(tmp_path, how=How(lenient=True)).errors == 1


def test_files_beside_the_splits_are_told(tmp_path: Path) -> None:
    for name in ("train.jsonl", "train2.jsonl", "dev.jsonl", "test.jsonl", "README.md", "labels.txt"):
        (tmp_path / name).write_text(json.dumps({"id": name, "text": "Fever came.", "entities": []}))
    (told,) = [notice.what for notice in corpora.load(tmp_path).notices if notice.kind == "left out"]
    assert told == "train2.jsonl beside train and dev and test"


def test_hidden_folders_are_no_part_of_a_corpus(tmp_path: Path) -> None:
    for folder in (tmp_path / "train", tmp_path / ".backup" / "train", tmp_path / "train" / ".ipynb_checkpoints"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "a.jsonl").write_text(json.dumps({"id": "a", "text": "Fever came.", "entities": []}))
    (tmp_path / "dev.jsonl").write_text(json.dumps({"id": "b", "text": "Fever went.", "entities": []}))
    corpus = corpora.load(tmp_path)
    assert {split: [d.id for d in documents] for split, documents in corpus.splits.items()} == {
        "train": ["a"],
        "dev": ["b"],
    }
