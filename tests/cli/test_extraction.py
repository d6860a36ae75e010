"""`ranat extract`, `ranat convert`, `ranat evaluate --ner --re`."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pytest

import untrained
from commandline import Ranat
from ranat.documents import Document, Entity, Relation
from ranat.formats import jsonl, read
from untrained import TEXT


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return untrained.save_all(tmp_path_factory.mktemp("models"))


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    folder = tmp_path / "texts"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.txt").write_text(f"{TEXT} {number}")
    return folder


def test_extract_verify_resume(ranat: Ranat, models: dict[str, str], texts: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    given = ("extract", "--ner", models["chemical"], "--ner", models["gene"], "--re", models["relation"], texts)
    done = ranat(*given, "-o", out)
    assert done.code == 0
    assert done.out.startswith("3 documents, ")
    documents = list(read(out / "shard-000000.jsonl"))
    assert [document.id for document in documents] == ["0", "1", "2"]
    totals = json.loads(ranat(*given, "-o", out, "--resume", "--json").out)
    assert totals["entities"] == sum(len(document.entities) for document in documents) > 0
    again = ranat(*given, "-o", out)
    assert (again.code, again.out) == (1, "")
    assert "an output is here already (--resume goes on with it" in again.complaint
    proof = ranat("extract", "--verify", out)
    assert proof.code == 0
    assert proof.out.startswith(
        "every document that was read of 3 inputs is in the output exactly once: 3, and 0 that could not"
    )
    (out / "shard-000000.jsonl").unlink()
    proof = ranat("extract", "--verify", out)
    assert (proof.code, proof.out) == (1, "shard-000000.jsonl: is not there\n")
    assert json.loads(ranat("extract", "--verify", out, "--json").out)["problems"] == [
        "shard-000000.jsonl: is not there"
    ]


def test_from_standard_input_to_standard_output(
    ranat: Ranat, models: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(TEXT.encode())))
    done = ranat("extract", "--ner", models["chemical"], "-")
    assert done.code == 0
    found = json.loads(done.out)
    assert found["text"] == TEXT
    assert found["entities"]
    assert all(TEXT[slice(*entity["spans"][0])] == entity["text"] for entity in found["entities"])


@pytest.mark.parametrize(
    "flags", [("--to", "html"), ("--resume",), ("--part", "1/2"), ("--ray", "local"), ("--workers", "2")]
)
def test_what_needs_a_folder_is_refused_without_one(
    flags: tuple[str, ...], ranat: Ranat, models: dict[str, str], texts: Path
) -> None:
    done = ranat("extract", "--ner", models["chemical"], texts, *flags)
    assert (done.code, done.out) == (2, "")
    assert f"{flags[0]}: is for an output folder (name one with --out)" in done.complaint


def test_no_relation_is_told(ranat: Ranat, models: dict[str, str], texts: Path, tmp_path: Path) -> None:
    done = ranat("extract", "--re", models["relation"], texts, "-o", tmp_path / "out")
    assert done.code == 0
    assert "no relation was found" in done.err


def test_convert_leaves_what_is_not_its_own(ranat: Ranat, texts: Path, tmp_path: Path) -> None:
    (tmp_path / ".data").mkdir()
    (tmp_path / ".data" / "precious").write_text("x")
    assert ranat("convert", texts, "-o", tmp_path / "data", "--to", "csv").code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [".data", "data", "texts"]
    assert (tmp_path / ".data" / "precious").read_text() == "x"


@pytest.mark.parametrize("command", ["convert", "extract"])
def test_cells_of_csv_that_would_be_formulas(
    command: str, ranat: Ranat, models: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("=HYPERLINK(1)")
    flags = (command, tmp_path / "a.txt", *(("--ner", models["gene"]) if command == "extract" else ()))
    safe, raw = tmp_path / "safe", tmp_path / "raw"
    done = ranat(*flags, "--to", "csv", "-o", safe)
    assert done.code == 0
    assert " like formulas, written with a ' before them\n" in done.out
    done = ranat(*flags, "--to", "csv", "--raw-csv", "-o", raw)
    assert done.code == 0
    assert "formulas" not in done.out
    for out, cell in ((safe, "'=HYPERLINK(1)"), (raw, "=HYPERLINK(1)")):
        (table,) = out.rglob("documents.csv")
        assert table.read_text().splitlines()[1] == f"a,{cell}"
        assert [document.text for document in read(table.parent)] == ["=HYPERLINK(1)"]
    done = ranat(*flags, "--to", "brat", "--raw-csv", "-o", tmp_path / "out")
    assert (done.code, done.complaint) == (2, "ranat: --raw-csv: is for CSV (say --to csv, or leave it out)")


@pytest.mark.parametrize("format", ["jsonl", "csv", "parquet", "brat", "html", "label-studio", "docbin"])
def test_what_was_extracted_is_read_again(
    format: str, ranat: Ranat, models: dict[str, str], texts: Path, tmp_path: Path
) -> None:
    out, back = tmp_path / "out", tmp_path / "back.jsonl"
    flags = ("--shard-size", "2", "--format", format)
    assert ranat("extract", "--ner", models["chemical"], texts, "-o", out, *flags).code == 0
    assert ranat("convert", out, "-o", back).code == 0
    found = list(read(back))
    assert [document.id for document in found] == ["0", "1", "2"]
    assert all(document.entities for document in found)


def test_a_document_that_cannot_be_read(ranat: Ranat, models: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text('{"id": "1", "text": "BRCA1"}\n{"id": "2"}\n')
    done = ranat("extract", "--ner", models["gene"], file, "-o", tmp_path / "out")
    assert done.code == 1
    assert done.out.startswith("1 document, 1 failure")
    assert "1 document could not be read; see" in done.err
    (failure,) = map(json.loads, (tmp_path / "out" / "errors.jsonl").read_text().splitlines())
    assert (failure["where"], failure["what"]) == (f"{file}:2", "'text' is missing")
    done = ranat("extract", "--ner", models["gene"], file)
    assert done.code == 1
    assert json.loads(done.out)["id"] == "1"
    assert "a.jsonl:2: 'text' is missing" in done.err


def test_columns_and_lines(ranat: Ranat, models: dict[str, str], tmp_path: Path) -> None:
    table, lines = tmp_path / "a.csv", tmp_path / "b.txt"
    table.write_text('pmid,abstract\n17,"BRCA1, mutated"\n')
    lines.write_text("BRCA1\n\nCisplatin\n")
    done = ranat("extract", "--ner", models["gene"], table, "--columns", "text=abstract,id=pmid")
    assert [json.loads(line)["id"] for line in done.out.splitlines()] == ["17"]
    done = ranat("extract", "--ner", models["gene"], lines, "--lines")
    assert [json.loads(line)["text"] for line in done.out.splitlines()] == ["BRCA1", "Cisplatin"]


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (("extract",), 2, "name the input"),
        (("extract", "{texts}"), 2, "name a model: --ner finds entities"),
        (("extract", "{texts}", "--ner", "{gene}", "--format", "jsonx", "-o", "{out}"), 2, "did you mean 'jsonl'"),
        (("extract", "{texts}", "--ner", "{gene}", "--from", "jsonx", "-o", "{out}"), 2, "did you mean 'jsonl'"),
        (("extract", "{texts}/none", "--ner", "{gene}", "-o", "{out}"), 1, "none: there is no such file or folder"),
        (("extract", "{texts}", "--ner", "{texts}", "-o", "{out}"), 1, "{texts}"),
        (("extract", "{texts}", "--ner", "{gene}", "--min-score", "2", "-o", "{out}"), 2, "must be from 0 to 1"),
        (("extract", "{texts}", "--ner", "{gene}", "--workers", "2", "-o", "{out}"), 2, "--workers: is for --ray"),
        (("extract", "{texts}", "--ner", "{gene}", "--shard-size", "0", "-o", "{out}"), 2, "--shard-size: must be"),
        (("extract", "{texts}", "--ner", "{gene}", "--lines", "--from", "csv"), 2, "--lines: is for text"),
        (("extract", "{texts}", "--nerr", "{gene}"), 2, "unknown option '--nerr'"),
        (("extract", "--verify", "{texts}"), 1, "no manifest.jsonl is here"),
        (("convert", "{texts}", "-o", "{out}"), 2, "--out: does not tell its format"),
        (("convert", "{texts}/0.txt", "-o", "{texts}/1.txt", "--to", "jsonl"), 1, "1.txt: is there already"),
        (("evaluate",), 2, "name a run folder, or --ner, --re and --on"),
        (("evaluate", "--ner", "{gene}"), 2, "triples need --ner, --re and --on"),
    ],
)
def test_bad_input(
    arguments: tuple[str, ...],
    code: int,
    complaint: str,
    ranat: Ranat,
    models: dict[str, str],
    texts: Path,
    tmp_path: Path,
) -> None:
    names = {"texts": texts, "out": tmp_path / "out", "gene": models["gene"]}
    done = ranat(*(part.format(**names) for part in arguments))
    assert (done.code, done.out) == (code, "")
    assert complaint.format(**names) in done.complaint
    left = list((tmp_path / "out").glob("*")) if (tmp_path / "out").is_dir() else []
    assert [path for path in left if path.name != ".lock"] == []


def test_convert_tells_what_is_lost(ranat: Ranat, tmp_path: Path) -> None:
    entities = (
        Entity("T1", "Chemical", ((0, 9),), score=0.5),
        Entity("T2", "Disease", ((0, 4), (18, 33))),
        Entity("T3", "Gene", ((34, 39),)),
    )
    given = tmp_path / "a.jsonl"
    jsonl.write([Document("1", TEXT, entities, (Relation("x", "T1", "T3"),))], given)
    done = ranat("convert", given, "-o", tmp_path / "a.conll")
    assert (done.code, done.out) == (0, "1 document\n")
    (line,) = done.err.splitlines()
    assert line.startswith("left out, as the format cannot hold it: ")
    for lost in ("1 score", "1 discontinuous mention", "1 relation"):
        assert lost in line
    (found,) = read(tmp_path / "a.conll")
    assert [(entity.type, entity.spans) for entity in found.entities] == [
        ("Chemical", ((0, 9),)),
        ("Gene", ((34, 39),)),
    ]
    result = json.loads(ranat("convert", tmp_path / "a.conll", "-o", tmp_path / "b", "--to", "brat", "--json").out)
    assert (result["documents"], result["failures"], result["lost"]) == (1, 0, {})


def test_what_convert_cannot_read_is_told(ranat: Ranat, tmp_path: Path) -> None:
    given = tmp_path / "a.jsonl"
    given.write_text('{"id": "1", "text": "a"}\nbroken\n{"id": "1", "text": "b"}\n')
    done = ranat("convert", given, "-o", tmp_path / "b.jsonl")
    assert (done.code, done.out) == (1, "2 documents, 1 failure, 1 renamed\n")
    assert f"not read: {given}:2: not JSON" in done.err
    assert [document.id for document in read(tmp_path / "b.jsonl")] == ["1", "1#2"]
    given.write_text("broken\n")
    done = ranat("convert", given, "-o", tmp_path / "c.jsonl")
    assert done.code == 1
    assert not list(tmp_path.glob("*c.jsonl*"))


def test_triples_from_raw_text(ranat: Ranat, models: dict[str, str], tmp_path: Path) -> None:
    entities = (Entity("T1", "CHEMICAL", ((0, 9),)), Entity("T2", "GENE", ((34, 39),)))
    documents = [Document(str(number), TEXT, entities, (Relation("CPR:4", "T1", "T2"),)) for number in range(2)] + [
        Document("apart", TEXT.replace(";", "."), entities, (Relation("CPR:4", "T1", "T2"),))
    ]
    (tmp_path / "own").mkdir()
    for split in ("train", "dev", "test"):
        jsonl.write(documents, tmp_path / "own" / f"{split}.jsonl")
    flags = ("--ner", models["chemical"], "--ner", models["gene"], "--re", models["relation"], "--on", tmp_path / "own")
    result = json.loads(ranat("evaluate", *flags, "--json").out)
    assert result["triples"]["gold"] == sum(result["lost"].values()) == 3
    assert result["lost"]["found"] == result["triples"]["true_positives"]
    assert result["lost"]["sentences"] == 1
    assert result["entities"]["gold"] == 6
    done = ranat("evaluate", *flags)
    assert done.code == 0
    assert "of 3 gold triples" in done.out


def test_annotations_named_alone_are_converted_with_their_text(ranat: Ranat, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("IL2 binds.")
    (tmp_path / "a.ann").write_text("T1\tProtein 0 3\tIL2\nN1\tReference T1 HGNC:6001\tIL2\n")
    ranat("convert", tmp_path / "a.ann", "-o", tmp_path / "b.jsonl")
    (found,) = read(tmp_path / "b.jsonl")
    assert (found.id, found.text) == ("a", "IL2 binds.")
    assert [(entity.type, entity.concept) for entity in found.entities] == [("Protein", "HGNC:6001")]


def test_an_output_with_the_name_of_a_file_is_a_file(
    ranat: Ranat, models: dict[str, str], texts: Path, tmp_path: Path
) -> None:
    out = tmp_path / "one.jsonl"
    (texts / "bad.txt").write_bytes(b"\xff")
    done = ranat("extract", "--ner", models["chemical"], texts, "-o", out)
    assert done.code == 1
    assert done.out.startswith("3 documents, 1 failure, ")
    assert f"not read: {texts / 'bad.txt'}:1: invalid UTF-8" in done.err
    assert [document.id for document in read(out)] == ["0", "1", "2"]
    before = out.read_bytes()
    again = ranat("extract", "--ner", models["chemical"], texts, "-o", out)
    assert (again.code, again.complaint) == (1, f"ranat: {out}: is there already (name another, or delete it)")
    assert out.read_bytes() == before
    for flags in (("--resume",), ("--part", "1/2"), ("--ray", "local")):
        refused = ranat("extract", "--ner", models["chemical"], texts, "-o", tmp_path / "two.html", *flags)
        assert (refused.code, f"{flags[0]}: is for an output folder" in refused.complaint) == (2, True)
    (texts / "bad.txt").unlink()
    done = ranat("extract", "--ner", models["chemical"], texts, "-o", tmp_path / "two.html", "--json")
    assert (done.code, json.loads(done.out)["documents"]) == (0, 3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.jsonl", "texts", "two.html"]


def test_parts_and_gone_inputs(ranat: Ranat, models: dict[str, str], texts: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for part in ("2/2", "1/2"):
        given = ("extract", "--ner", models["chemical"], texts, "-o", out, "--shard-size", "2", "--part", part)
        assert ranat(*given).code == 0
    assert ranat("extract", "--verify", out).code == 0
    (texts / "0.txt").unlink()
    proof = ranat("extract", "--verify", out)
    assert (proof.code, proof.out.startswith(f"{texts / '0.txt'}: is not there to be compared")) == (1, True)
    proof = ranat("extract", "--verify", out, "--inputs-gone")
    assert (proof.code, "1 inputs and models are not there to be compared" in proof.out) == (0, True)
    assert "--inputs-gone: is for --verify" in ranat("extract", texts, "--inputs-gone").complaint
    for others in ([texts], ["--resume"], ["--part", "1/2"], ["--ner", models["chemical"]], ["-o", tmp_path / "x"]):
        done = ranat("extract", "--verify", out, *others)
        assert (done.code, "--verify: proves what is in an output" in done.complaint) == (2, True)
    done = ranat("convert", texts, "-o", "", "--to", "brat")
    assert (done.code, done.complaint) == (1, "ranat: .: is there already (name another, or delete it)")


def test_pipes_in_a_folder_are_told(ranat: Ranat, models: dict[str, str], texts: Path, tmp_path: Path) -> None:
    os.mkfifo(texts / "pipe.txt")
    done = ranat("extract", "--ner", models["chemical"], texts, "-o", tmp_path / "out")
    assert (done.code, f"left out: {texts / 'pipe.txt'}: is a pipe, not a file" in done.err) == (0, True)
    assert ranat("extract", "--verify", tmp_path / "out").code == 0
    done = ranat("convert", texts, "-o", tmp_path / "all.jsonl")
    assert (done.code, f"left out: {texts / 'pipe.txt'}: is a pipe, not a file" in done.err) == (0, True)
