"""One contract for all registered corpora, and how they are found."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from ranat import corpora
from ranat.corpora.fetching import pins
from ranat.corpora.files import Folder
from ranat.corpora.loading import base
from ranat.errors import UsageError, UserError

IOB = {"train": "a\tB-Disease\n\nb\tO\n", "devel": "c\tB-Disease\n", "test": "d\tO\n"}


@pytest.mark.parametrize("name", corpora.names())
def test_a_corpus_keeps_the_contract(name: str, request: pytest.FixtureRequest) -> None:
    packaged = name == "demo"
    corpus = corpora.load(name, None if packaged else request.getfixturevalue("data_dir"))
    assert (corpus.name, corpus.task) == (name, "relation" if base(name) in ("bc5-cid", "chemprot", "ddi") else "ner")
    assert (corpus.pairs is not None) == (corpus.task == "relation")
    assert list(corpus.splits) == ["train", "dev", "test"]
    assert packaged == (pins(base(name)) == [])
    train_types = {entity.type for document in corpus.splits["train"] for entity in document.entities}
    for documents in corpus.splits.values():
        assert documents
        assert len({document.id for document in documents}) == len(documents)
        for document in documents:
            spans = [entity.spans for entity in document.entities]
            assert spans == sorted(spans) or name == "chemprot"  # whose instances follow the order of its table
            if corpus.pairs is not None:
                by_concept = corpus.pairs.level == "concept"
                ends = {end for e in document.entities for end in (e.concepts if by_concept else [e.id])}
                assert all({relation.head, relation.tail} <= ends for relation in document.relations)
            for entity in document.entities:
                assert entity.type in train_types
                mention = document.mention(entity)
                # Some offsets of DDI are one too high (as they were for BLURB), and take in a space.
                assert mention.strip() != "" if base(name) == "ddi" else mention == mention.strip() != ""
            covered = {i for start, end in document.tokens for i in range(start, end)}
            assert not covered or all(i in covered or c.isspace() for i, c in enumerate(document.text))


@pytest.mark.parametrize("name", [name for name in corpora.names() if name != "demo"])
def test_a_corpus_that_is_not_there_says_how_to_get_it(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        corpora.load(name, tmp_path)
    assert caught.value.where == str(tmp_path)
    assert f"`ranat corpora fetch {base(name)}`" in str(caught.value)
    with pytest.raises(UserError, match="ranat corpora fetch"):
        corpora.check(name, tmp_path)


def write_iob(folder: Path) -> None:
    folder.mkdir(parents=True)
    for stem, text in IOB.items():
        (folder / f"{stem}.tsv").write_text(text)


def test_folder_zip_and_tar_read_alike(tmp_path: Path) -> None:
    write_iob(tmp_path / "plain" / "deep" / "NCBI-disease-IOB")
    expected = corpora.load("ncbi-disease", tmp_path / "plain").splits
    assert [len(documents) for documents in expected.values()] == [2, 1, 1]
    for kind in ("zip", "tar"):
        (tmp_path / kind).mkdir()
    with zipfile.ZipFile(tmp_path / "zip" / "a.zip", "w") as zipped:
        for path in sorted((tmp_path / "plain").rglob("*")):
            zipped.write(path, path.relative_to(tmp_path))
    with tarfile.open(tmp_path / "tar" / "a.tar.gz", "w:gz") as packed:
        packed.add(tmp_path / "plain", "./plain")
    for kind, archive in (("zip", "a.zip"), ("tar", "a.tar.gz")):
        corpus = corpora.load("ncbi-disease", tmp_path / kind)
        assert corpus.splits == expected
        assert corpus.source == str(tmp_path / kind / archive)


def test_a_folder_behind_a_link_is_found_and_a_circle_ends(tmp_path: Path) -> None:
    write_iob(tmp_path / "elsewhere" / "NCBI-disease-IOB")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "data")
    assert len(corpora.load("ncbi-disease", tmp_path / "data").splits["train"]) == 2
    assert len(Folder(tmp_path / "data").plain) == 3


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
def test_a_damaged_archive(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"PK nonsense")
    with pytest.raises(UserError, match="the archive cannot be read"):
        corpora.load("ncbi-disease", tmp_path)


def test_one_missing_file_is_named_rather_than_another_form_read(tmp_path: Path) -> None:
    write_iob(tmp_path / "NCBI-disease-IOB")
    (tmp_path / "NCBI-disease-IOB" / "test.tsv").unlink()
    for split in ("train", "develop", "test"):
        (tmp_path / f"NCBI{split}set_corpus.txt").write_text("1|t|ab\n1\t0\t2\tab\tModifier\tD1\n")
    with pytest.raises(UserError, match="no file NCBI-disease-IOB/test"):
        corpora.load("ncbi-disease", tmp_path)


def test_the_originals_stand_in_for_the_iob_files_and_it_is_said(tmp_path: Path) -> None:
    for split in ("train", "develop", "test"):
        (tmp_path / f"NCBI{split}set_corpus.txt").write_text("1|t|ab\n1\t0\t2\tab\tModifier\tD1\n")
    corpus = corpora.load("ncbi-disease", tmp_path)
    assert (corpus.name, corpus.form) == ("ncbi-disease", "original")
    assert [entity.type for entity in corpus.splits["train"][0].entities] == ["Disease"]
    assert corpus.notices[0].what == "no IOB files of ncbi-disease; read from the original release"
    report = corpora.check("ncbi-disease", tmp_path)
    assert {row.form for row in report.rows} == {"original"}
    assert not report.ok
    assert any("not checked: the corpus ncbi-disease is not there" in notice.what for notice in report.notices)


def write_bc2gm(folder: Path, dev: bool) -> None:
    sentences = {"P1": "The GLP 1 gene", "P2": "No mention", "P3": "alpha  beta"}
    files = {"train/train.in": "P1 P2 P3", "train/GENE.eval": "P1 P3", "test/test.in": "P2", "test/GENE.eval": ""}
    if dev:
        files |= {"devel/devel.in": "P3", "devel/GENE.eval": "P3"}
    mentions = {"P1": "P1|3 6|GLP 1\nP1|3 10|GLP 1 gene\n", "P3": "P3|5 8|beta\n"}
    for name, ids in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        rows = (f"{id} {sentences[id]}\n" if name.endswith(".in") else mentions[id] for id in ids.split())
        (folder / name).write_text("".join(rows))
    for split in ("train", "test"):
        (folder / split / "ALTGENE.eval").write_text("P1|3 5|GLP\n")


def test_bc2gm_offsets_skip_white_space_and_include_the_end(tmp_path: Path) -> None:
    write_bc2gm(tmp_path, dev=True)
    corpus = corpora.load("bc2gm/original", tmp_path)
    assert [[document.id for document in split] for split in corpus.splits.values()] == [["P1", "P2"], ["P3"], ["P2"]]
    (first, _), (third,), _ = corpus.splits.values()
    assert [first.mention(entity) for entity in first.entities] == ["GLP 1", "GLP 1 gene"]
    assert [third.mention(entity) for entity in third.entities] == ["beta"]
    assert [(notice.kind, notice.count, notice.where.removeprefix(f"{tmp_path}/")) for notice in corpus.notices] == [
        ("note", 1, "train/GENE.eval:2"),
        ("left out", 1, "train/ALTGENE.eval"),
        ("left out", 1, "test/ALTGENE.eval"),
    ]


def test_check_tells_what_is_left_out_from_what_should_be(tmp_path: Path) -> None:
    write_bc2gm(tmp_path, dev=True)
    rows = {(row.split, row.what): row for row in corpora.check("bc2gm/original", tmp_path).rows}
    row = rows["train/ALTGENE.eval", "alternative boundaries (left out)"]
    assert (row.measured, row.published, row.ok) == (1, 14499, False)


def test_bc2gm_without_its_devel_split_gives_a_tenth(tmp_path: Path) -> None:
    write_bc2gm(tmp_path, dev=False)
    corpus = corpora.load("bc2gm/original", tmp_path)
    assert len(corpus.splits["train"]) == 2
    assert len(corpus.splits["dev"]) == 1
    assert corpus.notices[1].what == "no devel-split; 1 train sentences taken for dev (seed 0)"


@pytest.mark.parametrize("row", ["P9|0 1|x", "P1|0 99|x", "P1|x 1|x", "P1", ""])
def test_bc2gm_rows_that_are_wrong(tmp_path: Path, row: str) -> None:
    write_bc2gm(tmp_path, dev=True)
    (tmp_path / "test" / "GENE.eval").write_text(f"{row}\n")
    with pytest.raises(UserError, match=r"test/GENE\.eval:1: "):
        corpora.load("bc2gm/original", tmp_path)


def test_names_and_paths_that_nothing_has(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"unknown corpus 'ncbi-diseas' .did you mean 'ncbi-disease'"):
        corpora.load("ncbi-diseas")
    with pytest.raises(UsageError, match="did you mean 'bc2gm/original'"):
        corpora.load("bc2gm/orginal")
    with pytest.raises(UserError, match="no such folder"):
        corpora.load(tmp_path / "none")


def test_the_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANAT_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert corpora.data_folder() == Path("/cache/ranat/corpora")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/me")
    assert corpora.data_folder() == Path("/home/me/.cache/ranat/corpora")
    monkeypatch.setenv("RANAT_DATA", "~/data")
    assert corpora.data_folder() == Path("/home/me/data")
    assert corpora.data_folder(tmp_path) == tmp_path


def test_corpora_need_no_deep_learning() -> None:
    code = "import sys, ranat.corpora as c; c.names(); print(sorted({'torch', 'transformers'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
