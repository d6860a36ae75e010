"""Files as people have them, kept beside the project; what each kind gives is tested by texts of our own elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from ranat.documents import Document
from ranat.errors import UserError
from ranat.formats import read
from ranat.formats.notice import Notice


@pytest.fixture(scope="session")
def cases() -> Path:
    folder = Path(__file__).parents[3] / "shared" / "cases" / "formats"
    if not folder.is_dir():
        pytest.skip("the files are not here")
    return folder


def marks(document: Document) -> list[tuple[str, str]]:
    return [(document.mention(entity), entity.type) for entity in document.entities]


FEVER = [("Fever", "Disease")]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("off.conll", [FEVER]),
        ("four.conll", [FEVER]),
        ("bilou.conll", [[("Lung cancer", "Disease"), ("fever", "Disease")]]),
        ("variant.pubtator", [[("V600E", "ProteinMutation"), ("BCL2", "Gene"), ("melanoma", "Disease")]]),
        ("biorex.pubtator", [[("Aspirin", "Chemical"), ("fever", "Disease")]]),
        ("tmvar.pubtator", [[("V600E", "ProteinMutation")]]),
        ("doccano.jsonl", [FEVER]),
        ("prodigy.jsonl", [FEVER]),
        ("spacy.jsonl", [FEVER]),
        ("gliner.json", [FEVER]),
        ("hf.jsonl", [FEVER]),
        ("array.json", [[], []]),
        ("pretty.json", [[("Fever", "D")]]),
        ("nbib.txt", [[], []]),
        ("art.nxml", [[]]),
        ("concat.xml", [[], []]),
        ("dupid.bioc.json", [[("Fever", "Disease"), ("Cough", "Disease")]]),
        ("ellipsis.bioc.xml", [[("Lung cancers", "Disease")]]),
        ("bratroles", [[("Aspirin", "Drug"), ("fever", "Disease")]]),
        ("bratorder", [[("Lung cancer", "Disease"), ("liver cancer", "Disease")]]),
        ("bratnomention", [FEVER]),
        ("bratreadme", [FEVER]),
        ("zero.bioc.xml", [FEVER]),
        ("noloc.bioc.xml", [[("Naloxone", "Chemical")]]),
    ],
)
def test_what_is_read_strictly(cases: Path, name: str, expected: list[list[tuple[str, str]]]) -> None:
    assert [marks(document) for document in read(cases / name)] == expected


@pytest.mark.parametrize(
    ("name", "expected", "told"),
    [
        ("norm.pubtator", [[("TNF-α", "Gene"), ("fever", "Disease")], FEVER], "'TNF-a'"),
        ("variant2.pubtator", [[("V600E", "ProteinMutation"), ("melanoma", "Disease")]], "'600'"),
        ("multiline.pubtator", [FEVER, [("Cough", "Disease")]], "line"),
        ("tmvar.pubtator", [[("V600E", "ProteinMutation")]], "left out"),
        ("notype.bioc.xml", [[]], "type"),
        ("zero.bioc.xml", [FEVER], "left out"),
        ("noloc.bioc.xml", [[("Naloxone", "Chemical")]], "left out"),
        ("wrapped.bioc.xml", [[("Cough", "Disease")]], "passage"),
        ("dupid.bioc.json", [[("Fever", "Disease"), ("Cough", "Disease")]], "'0'"),
        ("bratzero", [FEVER], "T2"),
        ("bratreadme", [FEVER], "README.txt"),
        ("bionlp", [[("IL2", "Protein"), ("BRCA1", "Protein")]], "event"),
        ("st", [[("IL2", "Protein"), ("BRCA1", "Protein")]], "event"),
    ],
)
def test_what_is_read_leniently_and_told(
    cases: Path, name: str, expected: list[list[tuple[str, str]]], told: str
) -> None:
    notices: list[Notice] = []
    assert [marks(document) for document in read(cases / name, lenient=True, notices=notices)] == expected
    assert any(told in str(notice) for notice in notices), [str(notice) for notice in notices]


@pytest.mark.parametrize(
    ("name", "messages"),
    [
        ("tagfirst.conll", ("token=4", "tag=1")),
        ("a.tar.gz", ("tar archive",)),
        ("utf16.tsv", ("UTF-16", "iconv")),
    ],
)
def test_what_is_refused(cases: Path, name: str, messages: tuple[str, ...]) -> None:
    for lenient in (False, True):
        with pytest.raises(UserError) as caught:
            list(read(cases / name, lenient=lenient))
        assert all(message in str(caught.value) for message in messages)


def one(path: Path) -> Document:
    (document,) = read(path)
    return document


@pytest.mark.parametrize(
    ("name", "look", "expected"),
    [
        ("variant.pubtator", lambda document: {*document.entities[0].concepts}, {"p|SUB|V|600|E"}),
        ("biorex.pubtator", lambda document: document.relations[0].score, 0.9731),
        ("tmvar.pubtator", lambda document: "113488022" in (document.entities[0].concept or ""), True),
        ("ellipsis.bioc.xml", lambda document: document.entities[0].spans, ((0, 4), (15, 22))),
        ("bratorder", lambda document: document.entities[0].spans, ((0, 4), (15, 21))),
        (
            "bratroles",
            lambda document: next((r.type, r.head, r.tail) for r in document.relations),
            ("Lowers", "T1", "T2"),
        ),
        ("art.nxml", lambda document: "Fever." in document.text and "Cough." in document.text, True),
        ("cid.pubtator", lambda document: document.relations[0].type, "CID"),
    ],
)
def test_what_is_in_it(cases: Path, name: str, look: Callable[[Document], object], expected: object) -> None:
    assert look(one(cases / name)) == expected


def test_ids_and_texts_of_medline(cases: Path) -> None:
    first, second = read(cases / "nbib.txt")
    assert (first.id, second.id) == ("1", "2")
    assert first.text.split("\n")[0] == "Fever after aspirin in adults."
    assert "Cough was rare." in first.text


def test_several_types_of_one_token(cases: Path) -> None:
    assert sorted(marks(one(cases / "multi.conll"))) == [("Lung", "Organ"), ("Lung cancer", "Disease")]


@pytest.mark.parametrize("lenient", [False, True])
def test_nothing_ends_otherwise_than_in_documents_or_one_clear_line(cases: Path, lenient: bool) -> None:
    told = []
    for path in sorted(cases.iterdir()):
        if path.name != "README.md":
            with suppress(UserError):
                list(read(path, lenient=lenient, failed=lambda error: told.append(str(error))))
    assert not any("\n" in line for line in told)
