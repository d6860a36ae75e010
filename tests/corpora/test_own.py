import copy
import json
import tarfile
import zipfile
from pathlib import Path

import pytest

import tiny
from ranat import corpora, formats
from ranat.documents import Document, Entity
from ranat.errors import UserError
from ranat.tasks import RelationClassification


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


@pytest.mark.parametrize("kind", ["file", "folder of one file", "folder of many", "BRAT"])
def test_documents_that_are_not_divided_are_divided_and_told(tmp_path: Path, kind: str) -> None:
    documents = [Document(str(n), f"w{n} a", (Entity("T1", "X", ((0, 2),)),)) for n in range(10, 40)]
    place = tmp_path / "mine"
    if kind == "BRAT":
        formats.write(documents, place, "brat")
    elif kind == "folder of many":
        place.mkdir()
        for document in documents:
            formats.write([document], place / f"{document.id}.bioc.xml", "bioc-xml")
    else:
        place.mkdir()
        formats.write(documents, place / "all.jsonl", "jsonl")
        place = place / "all.jsonl" if kind == "file" else place
    corpus = corpora.load(place)
    assert corpus == corpora.load(place)
    assert {split: len(found) for split, found in corpus.splits.items()} == {"train": 24, "dev": 3, "test": 3}
    ids = [document.id for split in corpus.splits.values() for document in split]
    assert sorted(ids) == [document.id for document in documents]
    assert [notice.what for notice in corpus.notices] == [
        "3 of the 30 documents taken for test (seed 0)",
        "3 of the 27 documents taken for dev (seed 0)",
    ]


def test_what_lies_below_documents_that_are_not_divided_is_told(tmp_path: Path) -> None:
    (tmp_path / "all.jsonl").write_text(lines(*["X"] * 10))
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "b.jsonl").write_text(lines("X"))
    corpus = corpora.load(tmp_path)
    assert sum(map(len, corpus.splits.values())) == 10
    assert "1 file in folders below" in [notice.what for notice in corpus.notices]


@pytest.mark.parametrize(
    "names",
    [("training.jsonl", "testing.jsonl"), ("all.jsonl", "my_test.jsonl"), ("a.txt", "b.txt"), ("below/a.jsonl",)],
)
def test_what_may_be_splits_under_other_names_is_not_divided_anew(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(lines(*["X"] * 10) if name.endswith("l") else "no annotations\n")
    with pytest.raises(UserError, match="no file of training documents"):
        corpora.load(tmp_path)


def test_a_type_never_vanishes_from_train(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text(lines(*"ABCDEFGHI", ""))
    corpus = corpora.load(tmp_path)
    assert [document.id for document in corpus.splits["dev"]] == ["9"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"test.jsonl": lines("X")}, "no file of training documents (name it train, such as train.tsv)"),
        (
            {"train.jsonl": lines("X"), "train.tsv": "a\tO\n"},
            "train.jsonl and train.tsv are both files of train documents (keep one",
        ),
        (
            {"train.jsonl": lines("X"), "dev.jsonl": lines("X"), "valid.jsonl": lines("X")},
            "dev.jsonl and valid.jsonl are both files of dev documents",
        ),
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
    assert [(notice.kind, notice.where) for notice in report.notices if notice.kind == "illegal tag"] == [
        ("illegal tag", f"{tmp_path}/train.tsv:4")
    ]


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


def test_relations_beside_mentions_are_said(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text(relations("A", ""))
    (tmp_path / "dev.jsonl").write_text(relations("A", "B"))
    (tmp_path / "test.jsonl").write_text(relations("D", "C"))
    corpus = corpora.load(tmp_path)
    assert (corpus.task, corpus.pairs) == ("ner", None)
    assert [str(notice) for notice in corpus.notices] == [
        f"{tmp_path}: note: has 5 relations between mentions: --task relation trains on those that a sentence holds",
        f"{tmp_path}: note: dev has relation types that train lacks: 'B'",
        f"{tmp_path}: note: test has relation types that train lacks: 'C', 'D'",
    ]


CID = """1|t|Lithium and fever.
1|a|Lithium caused fever. Cough followed.
1	0	7	Lithium	Chemical	D1
1	12	17	fever	Disease	D3
1	19	26	Lithium	Chemical	D1
1	34	39	fever	Disease	D3
1	41	46	Cough	Disease	D4
1	CID	D1	D3
1	CID	D1	D4
"""


def relation_counts(folder: Path, split: str) -> dict[str, int]:
    return {
        row.what: row.measured
        for row in corpora.check(folder).rows
        if row.split == split and ("in a sentence" in row.what or "instances" in row.what or "no sentence" in row.what)
    }


def test_check_counts_what_sentences_hold_of_relations_between_concepts(tmp_path: Path) -> None:
    for split in ("train", "dev"):
        (tmp_path / f"{split}.pubtator").write_text(CID)
    (tmp_path / "test.pubtator").write_text("2|t|Nothing.\n")
    for split in ("train", "dev"):
        assert relation_counts(tmp_path, split) == {
            "relations between concepts in a sentence": 1,
            "relations between concepts in no sentence": 1,
            "instances": 2,
            "instances CID": 2,
        }
    assert relation_counts(tmp_path, "test") == {"instances": 0}
    assert {row.corpus for row in corpora.check(tmp_path).rows} == {str(tmp_path)}
    assert [notice.what for notice in corpora.load(tmp_path).notices] == [
        "has 4 relations between concepts: --task relation trains on those that a sentence holds"
    ]


def test_check_counts_relations_of_mentions_and_concepts_apart(tmp_path: Path) -> None:
    both = json.dumps(
        {
            "id": "1",
            "text": "It was fever. They had cough.",
            "entities": [
                {"id": f"T{number}", "type": "X", "spans": [[start, start + 1]], "concept": f"D{number}"}
                for number, start in enumerate((0, 7, 14))
            ],
            "relations": [
                {"type": "r", "head": "T0", "tail": "T1"},
                {"type": "r", "head": "T1", "tail": "T2"},
                {"type": "r", "head": "D1", "tail": "D2"},
            ],
        }
    )
    for split in ("train", "dev"):
        (tmp_path / f"{split}.jsonl").write_text(both)
    assert relation_counts(tmp_path, "train") == {
        "relations between mentions in a sentence": 1,
        "relations between mentions in no sentence": 1,
        "relations between concepts in a sentence": 0,
        "relations between concepts in no sentence": 1,
        "instances": 1,
        "instances r": 1,
    }
    (notice, *_) = (notice.what for notice in corpora.load(tmp_path).notices if "relations" in notice.what)
    assert notice.startswith("has 4 relations between mentions and 2 relations between concepts: ")


def test_what_train_refuses_is_not_promised(tmp_path: Path) -> None:
    """Relations that no sentence of train holds."""
    apart = CID.replace("1\tCID\tD1\tD3\n", "")
    (tmp_path / "train.pubtator").write_text(apart)
    (tmp_path / "dev.pubtator").write_text(CID)
    corpus = corpora.load(tmp_path)
    assert [notice.what for notice in corpus.notices if "--task" in notice.what] == [
        "has 3 relations between concepts: --task relation cannot train on them, as no sentence of train holds one"
    ]
    with pytest.raises(UserError, match="the training split has no relation between two entities of a sentence"):
        RelationClassification.for_corpus(corpus, copy.deepcopy(tiny.tokenizer("bert")), 64)


def blurb(*labels: str) -> str:
    return "".join(f"{i}\tthat @CHEMICAL$ binds @GENE$\t{label}\n" for i, label in enumerate(labels))


def test_instances_make_a_corpus_of_relations(tmp_path: Path) -> None:
    (tmp_path / "train.tsv").write_text(blurb("CPR:3", "false", "CPR:4"))
    (tmp_path / "dev.tsv").write_text(blurb("CPR:4"))
    corpus = corpora.load(tmp_path)
    assert corpus.task == "relation"
    assert corpus.pairs is not None
    assert corpus.pairs.types == {("CHEMICAL", "GENE")}
    assert [notice.what for notice in corpus.notices] == ["no file of test documents"]
    assert {row.what: row.measured for row in corpora.check(tmp_path).rows if row.split == "train"}[
        "relations CPR:3"
    ] == 1


def test_without_dev_a_tenth_of_the_instances_is_taken_but_no_last_relation_type(tmp_path: Path) -> None:
    (tmp_path / "train.tsv").write_text(blurb(*["false"] * 9, "CPR:3", *["CPR:4"] * 10))
    splits = corpora.load(tmp_path).splits
    assert {split: len(documents) for split, documents in splits.items()} == {"train": 18, "dev": 2}
    kinds = {relation.type for document in splits["train"] for relation in document.relations}
    assert kinds == {"CPR:3", "CPR:4"}
    (tmp_path / "train.tsv").write_text(blurb("CPR:3", "CPR:4", "CPR:5"))
    with pytest.raises(UserError, match="no document can be taken for dev without losing a type"):
        corpora.load(tmp_path)


@pytest.mark.parametrize(
    ("dev", "message"),
    [
        (blurb("CPR:9"), r"dev\.x: document '0' has the relation type 'CPR:9', which train lacks \(train has 'CPR:4'"),
        ("1\t@DRUG$ @DRUG$\tCPR:4\n", r"dev\.x: document '1' has the type 'DRUG', which train lacks"),
        (lines("X"), r"dev\.x: train has instances but dev has documents \(give all splits as one or the other\)"),
    ],
)
def test_instances_that_do_not_fit(tmp_path: Path, dev: str, message: str) -> None:
    (tmp_path / "train.tsv").write_text(blurb("CPR:4", "false"))
    (tmp_path / "dev.x").write_text(dev)
    with pytest.raises(UserError, match=message):
        corpora.load(tmp_path)


def test_documents_beside_instances_do_not_fit_either(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text(lines("X"))
    (tmp_path / "test.tsv").write_text(blurb("CPR:4"))
    with pytest.raises(UserError, match=r"test\.tsv: train has documents but test has instances"):
        corpora.load(tmp_path)


@pytest.mark.parametrize(("name", "relations"), [("chemprot", 9_950), ("ddi", 4_999)])
def test_the_instances_of_others_make_a_corpus(name: str, relations: int, data_dir: Path) -> None:
    folder = data_dir / name / "blurb"
    if not folder.is_dir():
        pytest.skip(f"no {folder}")
    corpus = corpora.load(folder)
    assert corpus.task == "relation"
    assert all(" beside train and dev and test" in notice.what for notice in corpus.notices)  # whole sentences
    assert sum(len(document.relations) for split in corpus.splits.values() for document in split) == relations
