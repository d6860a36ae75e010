"""ChemProt and DDI: documents of the official releases, and BLURB's instances rebuilt from them."""

from __future__ import annotations

import gzip
import subprocess
import sys
import tarfile
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from ranat import corpora
from ranat.corpora import Corpus
from ranat.documents.pairs import candidates, dummified
from ranat.errors import UserError


def instances(corpus: Corpus, split: str) -> list[tuple[str, str, str]]:
    """(id, text, label) as BLURB names them: by the entities, or by the number of the pair in its sentence."""
    assert corpus.pairs
    rows = []
    for document in corpus.splits[split]:
        numbers: Counter[str] = Counter()
        for pair in candidates(document, corpus.pairs).pairs:
            name = f"{pair.first.id}.{pair.second.id}"
            if corpus.name == "ddi":
                sentence = pair.first.id.split(".")[0]
                name = f"{sentence}.p{numbers[sentence]}"
                numbers[sentence] += 1
            rows.append((f"{document.id}.{name}", dummified(document, pair, corpus.pairs), pair.label))
    return rows


@pytest.mark.parametrize("name", ["chemprot", "ddi"])
def test_instances_equal_those_of_blurb(name: str, data_dir: Path) -> None:
    corpus = corpora.load(name, data_dir)
    for split in ("train", "dev", "test"):
        with gzip.open(data_dir / name / "blurb" / f"{split}.tsv.gz", "rt", encoding="utf-8", newline="\n") as stream:
            expected = [tuple(line.removesuffix("\n").split("\t")) for line in stream]
        assert instances(corpus, split) == expected


def test_all_six_corpora_read_into_instances_in_time_and_memory(data_dir: Path) -> None:
    script = """
import re, sys, time
from ranat import corpora
from ranat.documents.pairs import candidates
started = time.process_time()
for name in ("bc5-chem", "bc5-disease", "bc2gm", "ncbi-disease", "chemprot", "ddi"):
    corpus = corpora.load(name, sys.argv[1])
    if corpus.pairs:
        [candidates(document, corpus.pairs) for split in corpus.splits.values() for document in split]
with open("/proc/self/status") as status:  # ru_maxrss would be that of the process that started this one
    print(time.process_time() - started, int(re.search(r"VmHWM:\\s+(\\d+)", status.read())[1]) / 1024)
"""
    shown = subprocess.run([sys.executable, "-c", script, data_dir], capture_output=True, text=True, check=True).stdout
    seconds, mebibytes = map(float, shown.split())
    assert seconds < 20
    assert mebibytes < 1024


ABSTRACTS = "1\tDrug A blocks GENE1.\tIt activates GENE2. Nothing more.\n"
ENTITIES = "1\tT1\tCHEMICAL\t0\t6\tDrug A\n1\tT2\tGENE-Y\t14\t19\tGENE1\n1\tT3\tGENE-N\t34\t39\tGENE2\n"
RELATIONS = (
    "1\tCPR:3\tY \tACTIVATOR\tArg1:T1\tArg2:T2\n"
    "1\tCPR:4\tY \tINHIBITOR\tArg1:T1\tArg2:T2\n"
    "1\tCPR:4\tY \tINHIBITOR\tArg1:T1\tArg2:T2\n"
    "1\tCPR:10\tN \tNOT\tArg1:T1\tArg2:T2\n"
    "1\tCPR:3\tY \tACTIVATOR\tArg1:T1\tArg2:T3\n"
)
STEMS = ("chemprot_training_{}.tsv", "chemprot_development_{}.tsv", "chemprot_test_{}_gs.tsv")


def write_chemprot(folder: Path, relations: str = RELATIONS) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for stem in STEMS:
        for table, text in (("abstracts", ABSTRACTS), ("entities", ENTITIES), ("relations", relations)):
            (folder / stem.format(table)).write_text(text)


def test_chemprot_from_small_files(tmp_path: Path) -> None:
    write_chemprot(tmp_path / "plain")
    corpus = corpora.load("chemprot", tmp_path / "plain")
    (document,) = corpus.splits["train"]
    assert document.text == "Drug A blocks GENE1.\tIt activates GENE2. Nothing more."
    assert [(entity.id, entity.type) for entity in document.entities] == [
        ("T1", "CHEMICAL"), ("T2", "GENE"), ("T3", "GENE"),
    ]  # fmt: skip
    assert instances(corpus, "train") == [("1.T1.T2", "@CHEMICAL$ blocks @GENE$.", "CPR:4")]
    assert corpus.pairs
    found = candidates(document, corpus.pairs)
    assert [relation.type for relation in found.conflicts] == ["CPR:3"]
    assert [relation.tail for relation in found.apart] == ["T3"]
    said = [notice.what for notice in corpus.notices]
    assert said[:2] == ["1 relation of groups that are not evaluated", "1 repeated relation"]

    with zipfile.ZipFile(tmp_path / "ChemProt_Corpus.zip", "w") as zipped:
        for file in (tmp_path / "plain").iterdir():
            zipped.write(file, f"ChemProt_Corpus/{file.name}")
    (tmp_path / "packed").mkdir()
    (tmp_path / "ChemProt_Corpus.zip").rename(tmp_path / "packed" / "ChemProt_Corpus.zip")
    assert corpora.load("chemprot", tmp_path / "packed").splits == corpus.splits


def test_chemprot_rows_that_cannot_be_right(tmp_path: Path) -> None:
    write_chemprot(tmp_path / "short", relations="1\tCPR:3\tY \n")
    with pytest.raises(UserError, match=r"chemprot_training_relations.tsv:1: 3 columns, not 6"):
        corpora.load("chemprot", tmp_path / "short")
    write_chemprot(tmp_path / "dangling", relations="1\tCPR:3\tY \tACTIVATOR\tArg1:T1\tArg2:T9\n")
    corpus = corpora.load("chemprot", tmp_path / "dangling")
    assert corpus.splits["train"][0].relations == ()
    assert any("T9" in notice.what and notice.kind == "left out" for notice in corpus.notices)


DDI = """<?xml version="1.0" encoding="UTF-8"?>
<document id="{id}">
  <sentence id="{id}.s0" text="{first}">
    <entity id="{id}.s0.e0" charOffset="0-3" type="drug" text="Drug"/>
    <entity id="{id}.s0.e1" charOffset="5-8;15-17" type="group" text="beta MAO"/>
    <entity id="{id}.s0.e2" charOffset="15-17" type="brand" text="MAO"/>
    <pair id="{id}.s0.p0" e1="{id}.s0.e0" e2="{id}.s0.e1" ddi="true" type="effect"/>
    <pair id="{id}.s0.p1" e1="{id}.s0.e0" e2="{id}.s0.e2" ddi="false"/>
    <pair id="{id}.s0.p2" e1="{id}.s0.e1" e2="{id}.s0.e2" ddi="true"/>
  </sentence>
  <sentence id="{id}.s1" text=""/>
  <sentence id="{id}.s2" text="No more."/>
</document>
"""
DDI_FILES = {
    "train_dataset/DrugBank/A_ddi.xml": "DDI-DrugBank.d9000",
    "train_dataset/DrugBank/B c_ddi.xml": "DDI-DrugBank.d369",
    "test_dataset/MedLine/1.xml": "DDI-MedLine.d9001",
}


def write_ddi(folder: Path) -> None:
    for name, id in DDI_FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(DDI.format(id=id, first="Drug beta and  MAO&#13;"))


def test_ddi_from_small_files_in_folder_zip_and_tar(tmp_path: Path) -> None:
    write_ddi(tmp_path / "plain")
    corpus = corpora.load("ddi", tmp_path / "plain")
    assert [document.id for document in corpus.splits["dev"]] == ["DDI-DrugBank.d369"]  # as BLURB splits
    (document,) = corpus.splits["train"]
    assert document.text == "Drug beta and  MAO\r\nNo more."
    assert instances(corpus, "train") == [
        ("DDI-DrugBank.d9000.s0.p0", "@DRUG$ @DRUG$ ", "DDI-effect"),
        ("DDI-DrugBank.d9000.s0.p1", "@DRUG$ beta and  @DRUG$ ", "DDI-false"),
        ("DDI-DrugBank.d9000.s0.p2", "Drug @DRUG-DRUG$ ", "DDI-false"),
    ]  # fmt: skip
    untyped = [notice for notice in corpus.notices if "positive but has no type" in notice.what]
    assert len(untyped) == 3

    (tmp_path / "tar").mkdir()
    with tarfile.open(tmp_path / "tar" / "DDI.tar.gz", "w:gz") as packed:
        packed.add(tmp_path / "plain", "DDIextraction_2013")
    assert corpora.load("ddi", tmp_path / "tar").splits == corpus.splits

    (tmp_path / "zip").mkdir()
    with zipfile.ZipFile(tmp_path / "zip" / "DDICorpus.zip", "w") as zipped:
        for name in DDI_FILES:
            kind, rest = name.split("/", 1)
            folder = "Train" if kind.startswith("train") else "Test/Test for DDI Extraction task"
            zipped.write(tmp_path / "plain" / name, f"DDICorpus/{folder}/{rest}")
    authors = corpora.load("ddi", tmp_path / "zip")
    assert authors.form == "authors"
    assert authors.splits == corpus.splits


def test_ddi_that_is_no_xml_or_attacks(tmp_path: Path) -> None:
    write_ddi(tmp_path)
    bad = tmp_path / "train_dataset/DrugBank/A_ddi.xml"
    bad.write_text("<document><sentence></document>")
    with pytest.raises(UserError, match=r"A_ddi.xml:1: not well-formed XML"):
        corpora.load("ddi", tmp_path)
    bad.write_text('<!DOCTYPE d [<!ENTITY a "b">]><document id="DDI-x.d1"/>')
    with pytest.raises(UserError, match=r"A_ddi.xml:1: not as the release has it: EntitiesForbidden"):
        corpora.load("ddi", tmp_path)
    bad.write_text(DDI.format(id="DDI-x.d1", first="Drug").replace("0-3", "0"))
    with pytest.raises(UserError, match=r"A_ddi.xml:1: not as the release has it"):
        corpora.load("ddi", tmp_path)


@pytest.mark.parametrize(("name", "types"), [("chemprot", "CHEMICAL GENE"), ("ddi", "brand drug drug_n group")])
def test_both_serve_as_ner_corpora(name: str, types: str, data_dir: Path) -> None:
    corpus = corpora.load(name, data_dir)
    for documents in corpus.splits.values():
        assert {entity.type for document in documents for entity in document.entities} == set(types.split())


CID = """{id}|t|Lithium-induced fever.
{id}|a|Cough was not seen.
{id}\t0\t7\tLithium\tChemical\tD1
{id}\t16\t21\tfever\tDisease\tD3
{id}\t23\t28\tCough\tDisease\t-1
{id}\tCID\tD1\tD3
"""


def test_bc5_cid_from_small_files(tmp_path: Path) -> None:
    for number, stem in enumerate(("TrainingSet", "DevelopmentSet", "TestSet")):
        (tmp_path / f"CDR_{stem}.PubTator.txt").write_text(CID.format(id=number))
    corpus = corpora.load("bc5-cid", tmp_path)
    assert (corpus.task, corpora.task_of("bc5-cid"), corpus.form) == ("relation", "relation", "original")
    assert [document.id for documents in corpus.splits.values() for document in documents] == ["0", "1", "2"]
    assert instances(corpus, "test") == [("2.T1.T2", "@CHEMICAL$-induced @DISEASE$.", "CID")]
    assert corpus.pair_types.level == "concept"
    assert corpora.load("bc5-chem", tmp_path).splits["test"][0].entities == corpus.splits["test"][0].entities[:1]
