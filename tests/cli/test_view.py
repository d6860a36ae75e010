"""`ranat view`: any input as a page or a drawing; and documents in notebooks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from commandline import Ranat
from ranat import Document, Entity, Relation, to_pandas
from ranat.formats import read, write

DOCUMENTS = [
    Document("1", "Aspirin helps.", (Entity("T1", "Chemical", ((0, 7),), "D001241", 0.5),)),
    Document("2", "BRCA1 and BRCA1.", (Entity("T1", "Gene", ((0, 5),)),), (Relation("r", "T1", "T1", 0.25),)),
]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    write(DOCUMENTS, tmp_path / "corpus.jsonl", "jsonl")
    return tmp_path / "corpus.jsonl"


def test_a_page_of_a_file_and_again_of_the_page(ranat: Ranat, tmp_path: Path, corpus: Path) -> None:
    done = ranat("view", corpus, "-o", tmp_path / "a.html")
    assert (done.code, done.out, done.complaint) == (0, "2 documents\n", f"the page is {tmp_path / 'a.html'}")
    assert list(read(tmp_path / "a.html")) == DOCUMENTS
    assert ranat("view", tmp_path / "a.html", "-o", tmp_path / "b.html").code == 0
    assert list(read(tmp_path / "b.html")) == DOCUMENTS


def test_a_drawing_of_the_first_document_or_a_named_one(ranat: Ranat, tmp_path: Path, corpus: Path) -> None:
    assert ranat("view", corpus, "-o", tmp_path / "1.svg").code == 0
    assert ">Aspirin</text>" in (tmp_path / "1.svg").read_text()
    done = ranat("view", corpus, "-o", tmp_path / "2.svg", "--document", "2", "--json")
    assert json.loads(done.out) == {"document": "2"}
    assert ">BRCA1</text>" in (tmp_path / "2.svg").read_text()


def test_what_is_wrong_is_one_line_and_leaves_nothing(ranat: Ranat, tmp_path: Path, corpus: Path) -> None:
    (tmp_path / "bad.jsonl").write_text('{"id": "1", "text": 3}\n')
    (tmp_path / "old.svg").write_text("")
    before = sorted(tmp_path.iterdir())
    for code, arguments, complaint in (
        (2, (corpus, "-o", tmp_path / "a.txt"), "is neither a page nor a drawing"),
        (2, (corpus, "-o", tmp_path / "a.html", "--document", "1"), "--document: is for drawings"),
        (2, ("-o", tmp_path / "a.html"), "name the input"),
        (1, (corpus, "-o", tmp_path / "a.svg", "--document", "3"), "none of 2 documents has the id '3'"),
        (1, (corpus, "-o", tmp_path / "old.svg"), "is there already"),
        (1, (tmp_path / "bad.jsonl", "-o", tmp_path / "a.svg"), "'text' must be a string"),
        (1, (tmp_path / "none", "-o", tmp_path / "a.html"), "there is no such file"),
    ):
        done = ranat("view", *arguments)
        assert done.code == code
        assert complaint in done.complaint
        assert sorted(tmp_path.iterdir()) == before


def test_a_notebook_shows_marks_and_relations_and_a_frame_as_a_table() -> None:
    shown = DOCUMENTS[1]._repr_html_()
    assert '<mark class="colour' in shown
    assert "<td><bdi>r</bdi></td>" in shown
    frame = to_pandas(iter(DOCUMENTS))
    assert list(frame["text"]) == ["Aspirin", "BRCA1"]
    assert frame["score"].iloc[0] == 0.5
    (row,) = to_pandas(DOCUMENTS[1], "relations").to_dict("records")
    assert (row["document"], row["head_text"], row["type"], row["score"]) == ("2", "BRCA1", "r", 0.25)
    with pytest.raises(ValueError, match="no table 'tokens'"):
        to_pandas([], "tokens")  # type: ignore[arg-type]  # wrong on purpose


def test_a_first_document_that_cannot_be_read_is_not_another(ranat: Ranat, tmp_path: Path) -> None:
    broken = {"id": "a", "text": "x", "entities": [{"id": "T1", "type": "D", "spans": [[0, 5]]}]}
    lines = [broken, {"id": "b", "text": "hello"}, {"id": "b", "text": "hello again"}]
    (tmp_path / "v.jsonl").write_text("\n".join(map(json.dumps, lines)))
    done = ranat("view", tmp_path / "v.jsonl", "-o", tmp_path / "v.svg")
    assert done.code == 1
    assert "entity 'T1' reaches to 5, past the text's 1 characters" in done.complaint
    for id, text in (("b", "hello"), ("b#2", "again")):
        out = tmp_path / f"{id}.svg"
        assert ranat("view", tmp_path / "v.jsonl", "-o", out, "--document", id).code == 0
        assert text in out.read_text()
