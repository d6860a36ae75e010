"""spaCy's JSON in all its forms, and DocBin as spaCy itself reads and writes it."""

import io
import json
import random
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranat.documents import Document, Entity
from ranat.errors import UserError
from ranat.formats import read, recognise, write
from ranat.formats.notice import Notice

TEXT = "Lung cancer and 😀 fever."
TRIPLES = [[0, 11, "Disease"], [18, 23, "Symptom"]]
MARKS = [("Lung cancer", "Disease"), ("fever", "Symptom")]


def parse(data: Any, notices: list[Notice] | None = None, **options: Any) -> list[Document]:
    content = data if isinstance(data, bytes) else json.dumps(data).encode()
    name = "some/train.spacy" if isinstance(data, bytes) else "some/train.json"
    return list(read(io.BytesIO(content), name, notices=notices, **options))


def marks(document: Document) -> list[tuple[str, str]]:
    return [(document.mention(entity), entity.type) for entity in document.entities]


def told(data: Any) -> list[str]:
    notices: list[Notice] = []
    parse(data, notices)
    return [f"{notice.kind}: {notice.what}" for notice in notices]


PLACES = [{"start": start, "end": end, "label": label} for start, end, label in TRIPLES]


@pytest.mark.parametrize(
    "data",
    [
        {"text": TEXT, "entities": TRIPLES},
        [{"text": "None.", "entities": []}, {"text": TEXT, "entities": TRIPLES}],
        [[TEXT, {"entities": TRIPLES}]],
        {"classes": ["DISEASE"], "annotations": [["None.", {"entities": []}], [TEXT, {"entities": TRIPLES}]]},
        {"text": TEXT, "ents": PLACES, "sents": [{"start": 0, "end": 24}], "tokens": [{"id": 0, "start": 0, "end": 4}]},
    ],
)
def test_forms(data: Any) -> None:
    assert recognise(io.BytesIO(json.dumps(data).encode()), "a.json") == "spacy"
    assert marks(parse(data)[-1]) == MARKS


def tokens(*pairs: tuple[str, str]) -> dict[str, Any]:
    return {"tokens": [{"id": i, "orth": word, "ner": tag} for i, (word, tag) in enumerate(pairs)], "brackets": []}


def test_the_training_format_of_version_2() -> None:
    cancer = tokens(("Lung", "B-Disease"), ("cancer", "L-Disease"), (".", "O"))
    paragraphs = [
        {"raw": "Lung  cancer.\n", "sentences": [cancer]},
        {"sentences": [tokens(("Fever", "U-Symptom")), tokens(("Not", "-"), ("known", "-"))]},
    ]
    data = [{"id": 7, "paragraphs": paragraphs}]
    (document,) = parse(data)
    assert (document.id, document.text) == ("7", "Lung  cancer.\n\nFever Not known")
    assert marks(document) == [("Lung  cancer", "Disease"), ("Fever", "Symptom")]
    assert [document.text[slice(*span)] for span in document.sentences] == ["Lung  cancer.", "Fever", "Not known"]
    assert told(data) == ["left out: a token whose tag is not known (2 times)"]
    cancer["tokens"][1]["ner"] = "I-Other"
    assert told(data)[0] == "illegal tag: 1 illegal tags, as conlleval does"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"text": TEXT, "entities": [[0, 4, "X"], [0, 4]]}, "entities: [0, 4] is not [start, end, label]"),
        ({"text": TEXT, "entities": [[0, 4, "X"], [0, 99, "X"]]}, "reaches to 99, past the text's 24 characters"),
        ({"text": TEXT, "entities": [[0, 4, "X"], ["0", 4, "X"]]}, "must be a list of [start, end]"),
        ({"text": TEXT, "ents": [PLACES[0], {"start": 1}]}, "ents: 'end' is missing"),
        ({"text": TEXT, "ents": [PLACES[0]], "tokens": [{"start": 0, "end": 99}]}, "is not within the text's 24"),
    ],
)
def test_a_wrong_mark_is_left_out_alone(data: Any, message: str) -> None:
    with pytest.raises(UserError) as caught:
        parse(data)
    assert message in caught.value.what
    assert len(parse(data, lenient=True)[0].entities) == 1


@pytest.mark.parametrize(
    ("paragraph", "message"),
    [
        ({"raw": "Fever", "sentences": [tokens(("Cough", "O"))]}, "'Cough' is not the word that comes next"),
        ({"sentences": [tokens(("Cough", "Q-X"))]}, "'Q-X' is not a tag"),
        ({"sentences": [tokens(("", "O"))]}, "'orth' must be a list of strings, none of them empty"),
        ({"sentences": 1}, "'sentences' must be a list"),
    ],
)
def test_a_text_that_cannot_be_made_out(paragraph: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        parse([{"id": 1, "paragraphs": [paragraph]}], lenient=True)
    assert message in caught.value.what


def test_what_it_has_besides_is_told() -> None:
    data = {"text": TEXT, "entities": TRIPLES, "cats": {"A": 1}, "spans": {}, "meta": {"pmid": 1}}
    assert told(data) == [
        "left out: the key 'cats' is not read (1 times)",
        "left out: the key 'meta' is not read (1 times)",
    ]


def test_mentions_that_spacy_cannot_have_are_not_written(tmp_path: Path) -> None:
    spans = {"T1": ((0, 11),), "T2": ((5, 11),), "T3": ((11, 15),), "T4": ((0, 4), (18, 23))}
    document = Document("1", TEXT, tuple(Entity(id, "X", span) for id, span in spans.items()))
    for format in ("spacy", "docbin"):
        pytest.importorskip("spacy", reason="spacy is not installed")
        lost = write([document], tmp_path / format, format)
        assert lost["discontinuous mentions"] == lost["nested or overlapping mentions"] == 1
        assert lost["mentions with white space around them"] == 1
    found = json.loads((tmp_path / "spacy").read_text())
    assert found == {"id": "1", "text": TEXT, "entities": [[0, 11, "X"], [12, 15, "X"]]}


# DocBin


@pytest.fixture(scope="module")
def nlp() -> Any:
    return pytest.importorskip("spacy", reason="spacy is not installed").blank("en")


def packed(nlp: Any, *docs: Any, **options: Any) -> bytes:
    from spacy.tokens import DocBin

    return bytes(DocBin(docs=docs, **options).to_bytes())


def marked(nlp: Any) -> Any:
    doc = nlp(TEXT)
    doc.ents = [doc.char_span(*triple[:2], label=triple[2]) for triple in TRIPLES]
    return doc


def test_a_docbin_of_spacy(nlp: Any) -> None:
    doc = marked(nlp)
    doc.spans["sc"], doc.cats, doc.user_data = [doc[0:1]], {"A": 1.0}, {"id": 17, "pmid": 1}
    data = packed(nlp, doc, nlp("None  here. "), nlp(""), store_user_data=True)
    documents = parse(data)
    assert [(d.id, d.text, marks(d)) for d in documents] == [
        ("17", TEXT, MARKS),
        ("train:2", "None  here. ", []),
        ("train:3", "", []),
    ]
    assert [documents[1].text[slice(*span)] for span in documents[1].tokens] == ["None", "here", "."]
    assert told(data) == [
        "left out: a word whose tag is not known (4 times)",
        "left out: the categories of a document (1 times)",
        "left out: the span groups of a document (1 times)",
        "left out: the user data 'pmid' (1 times)",
    ]


def test_other_attributes_of_words_are_told(nlp: Any) -> None:
    doc = marked(nlp)
    doc[0].tag_ = "NN"
    doc[1].dep_ = "nsubj"
    assert told(packed(nlp, doc)) == [
        f"left out: the attribute {name} of the words (1 times)" for name in ("TAG", "DEP")
    ]


def test_spacy_reads_what_is_written(nlp: Any, tmp_path: Path) -> None:
    from spacy.tokens import DocBin
    from spacy.training import Corpus

    document = Document("17", f" {TEXT}\n\n x ", (Entity("a", "Disease", ((1, 12),), "D008175"),))
    write([document], tmp_path / "a.spacy", "docbin")
    (doc,) = DocBin().from_disk(tmp_path / "a.spacy").get_docs(nlp.vocab)
    assert (doc.text, doc.user_data) == (document.text, {"id": "17"})
    assert [(e.text, e.label_, e.id_, e.kb_id_) for e in doc.ents] == [("Lung cancer", "Disease", "a", "D008175")]
    assert [example.reference.text for example in Corpus(tmp_path / "a.spacy")(nlp)] == [document.text]
    assert parse((tmp_path / "a.spacy").read_bytes())[0].entities == document.entities


@pytest.mark.parametrize("data", [b"x\x9cbroken", zlib.compress(b"\xc1"), zlib.compress(b"\x80"), zlib.compress(b"")])
def test_what_is_no_docbin(data: bytes, nlp: Any) -> None:
    with pytest.raises(UserError, match=r"some/train\.spacy: is no DocBin, or a damaged one"):
        parse(data)


def test_a_docbin_that_unpacks_to_too_much(nlp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ranat.formats.docbin.LONGEST", 1000)
    with pytest.raises(UserError, match="more than 1,000 bytes"):
        parse(zlib.compress(b"\xc6" + bytes(5000)))


def test_a_word_that_is_not_in_the_table_fails_its_document_alone(nlp: Any) -> None:
    import srsly

    message = srsly.msgpack_loads(zlib.decompress(packed(nlp, marked(nlp), nlp("Unique here"))))
    message["strings"].remove("Unique")
    errors: list[UserError] = []
    documents = parse(zlib.compress(srsly.msgpack_dumps(message)), failed=errors.append)
    assert [marks(document) for document in documents] == [MARKS]
    assert [error.where for error in errors] == ["some/train.spacy:2"]


@given(seed=st.integers(0, 2**32))
def test_a_mangled_docbin_raises_nothing_but_user_errors(seed: int, nlp: Any) -> None:
    """Its message is mangled before it is packed, as what is packed has a check sum."""
    chance = random.Random(seed)
    message = bytearray(zlib.decompress(packed(nlp, marked(nlp), nlp("None here."), store_user_data=True)))
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(message))
        message[at : at + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 4))
    errors: list[UserError] = []
    documents = parse(zlib.compress(bytes(message)), failed=errors.append)
    assert documents or errors
    assert all(str(error).startswith("some/train.spacy") and "\n" not in str(error) for error in errors)


def test_without_spacy_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "spacy.attrs", None)
    with pytest.raises(UserError, match=r"spaCy is not installed \(pip install 'ranat\[spacy\]'\)"):
        parse(b"x\x9c")
    with pytest.raises(UserError, match="spaCy is not installed"):
        write([], tmp_path / "a.spacy", "docbin")
    assert not (tmp_path / "a.spacy").exists()
