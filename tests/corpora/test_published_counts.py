"""The real corpora give every count that they must; run where the corpora are found."""

import re
from functools import cache
from pathlib import Path

import pytest

from ranat import corpora

NAMES = {"BC5CDR-chem": "bc5-chem", "BC5CDR-disease": "bc5-disease", "NCBI-disease": "ncbi-disease", "BC2GM": "bc2gm"}


@cache
def report(name: str, data: Path) -> corpora.Report:
    return corpora.check(name, data)


def measured(name: str, form: str, data: Path) -> dict[tuple[str, str], int]:
    return {(row.split, row.what): row.measured for row in report(name, data).rows if row.form == form}


@pytest.mark.parametrize(
    ("name", "published"),
    [("bc5-chem", 66), ("bc5-disease", 66), ("bc5-cid", 35), ("ncbi-disease", 50), ("bc2gm", 44)],
)
def test_every_published_count(name: str, published: int, data_dir: Path) -> None:
    rows = report(name, data_dir).rows
    assert [row for row in rows if row.ok is False] == []
    assert sum(row.ok is True for row in rows) == published


def test_the_table_of_the_corpora_is_the_table_of_the_package(data_dir: Path) -> None:
    """The counts of the IOB files once more, from the document that came with the corpora."""
    readme = data_dir / "README.md"
    if not readme.is_file():
        pytest.skip("the corpora have no README.md")
    section = readme.read_text(encoding="utf-8").split("## NER, IOB files: counted")[1].split("\n## ")[0]
    name, seen = "", 0
    for line in section.splitlines():
        cells = [cell.strip(" *").replace(",", "") for cell in line.split("|")[1:-1]]
        if len(cells) == 8 and cells[2].isdigit():
            name = NAMES.get(cells[0], name)
            split = "dev" if cells[1] == "devel" else cells[1]
            counts = measured(name, "iob", data_dir)
            whats = ("sentences", "tokens", "mentions", "", "sentences without mention", "longest, in tokens")
            assert all(counts[split, what] == int(cell) for what, cell in zip(whats, cells[2:], strict=True) if what)
            seen += 1
    assert seen == 12


def test_bc5_originals_agree(data_dir: Path) -> None:
    for name in ("bc5-chem", "bc5-disease"):
        pubtator, bioc = corpora.load(f"{name}/original", data_dir), corpora.load(f"{name}/bioc", data_dir)
        for split in pubtator.splits:
            for one, other in zip(pubtator.splits[split], bioc.splits[split], strict=True):
                assert (one.id, one.text) == (other.id, other.text)
                assert [(e.type, e.spans, e.concept) for e in one.entities] == [
                    (e.type, e.spans, e.concept) for e in other.entities
                ]
                assert sorted(map(repr, one.relations)) == sorted(map(repr, other.relations))


def test_bc2gm_train_and_dev_are_the_published_training_set(data_dir: Path) -> None:
    counts = measured("bc2gm", "original", data_dir)
    assert counts["train", "sentences"] + counts["dev", "sentences"] == 15_000
    assert counts["train", "mentions"] + counts["dev", "mentions"] == 18_265
    overlaps = [notice for notice in report("bc2gm", data_dir).notices if "overlaps" in notice.what]
    assert [sum(f"{split}/GENE.eval:" in notice.where for notice in overlaps) for split in ("train", "test")] == [7, 6]


@pytest.mark.parametrize(
    ("name", "where", "what"),
    [
        ("ncbi-disease", r"NCBItrainset_corpus\.txt:4557", r"document '8528200' is there twice"),
        ("ncbi-disease", r"NCBItrainset_corpus\.txt:3249", r"'generalized epilepsy and febrile seizures"),
        ("bc5-disease", r"BC5CDR-disease-IOB/devel\.tsv:81138, 81269", r"2 of the 2 mentions 'St\.'"),
        ("bc5-chem", r"BC5CDR-chem-IOB/devel\.tsv:69021, .*", r"5 of the 5 mentions '5-HT6'"),
        ("bc2gm", r"train/GENE\.eval:1790", r"'translation upstream factor' but '/translation upstream factor'"),
    ],
)
def test_oddities_have_file_and_line(name: str, where: str, what: str, data_dir: Path) -> None:
    notices = report(name, data_dir).notices
    assert any(re.search(f"{where}$", notice.where) and re.search(what, notice.what) for notice in notices)
