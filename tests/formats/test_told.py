"""What real files have that would be read wrong, or not at all, without a word: it is read right, or told."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from ranat.documents.document import Document, Entity
from ranat.errors import UserError
from ranat.formats import read, write
from ranat.formats.notice import Notice

LONG = "Fever. " * 12_000


def found(text: Any, name: str, **how: Any) -> tuple[list[Document], list[str]]:
    """The documents of a file with that text, or the JSON of a value, and what was told."""
    notices: list[Notice] = []
    data = text if isinstance(text, str) else json.dumps(text)
    documents = list(read(io.BytesIO(data.encode()), name, notices=notices, **how))
    return documents, [str(notice) for notice in notices]


def marked(documents: list[Document]) -> list[list[tuple[str, str]]]:
    """(mention, type) of each document."""
    return [[(document.mention(entity), entity.type) for entity in document.entities] for document in documents]


def lines(*values: Any) -> str:
    return "\n".join(map(json.dumps, values))


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ({"text": LONG, "label": [[0, 5, "D"]]}, {"text": "Fever.", "label": [[0, 5, "D"]]}),
        ({"text": LONG, "spans": [{"start": 0, "end": 5, "label": "D"}]}, {"text": "No.", "answer": "reject"}),
        ({"text": LONG, "ents": [{"start": 0, "end": 5, "label": "D"}]}, {"text": "No.", "ents": []}),
    ],
    ids=["doccano", "prodigy", "spacy"],
)
def test_a_format_is_recognised_behind_a_long_first_text(first: dict[str, Any], then: dict[str, Any]) -> None:
    documents, _ = found(lines({"id": 1, **first}, {"id": 2, **then}), "train.jsonl")
    assert marked(documents)[0] == [("Fever", "D")]
    assert documents[0].text == LONG
    assert len(documents) == (1 if "answer" in then else 2)


def test_a_format_is_recognised_behind_many_texts_without_marks() -> None:
    tasks = [{"id": n, "text": f"{n} " + "No fever. " * 120} for n in range(100)]
    tasks[80]["label"] = [{"start": 0, "end": 2, "text": "80", "labels": ["N"]}]
    documents, _ = found(tasks, "min.json")
    assert marked(documents)[80] == [("80", "N")]
    assert len(documents) == 100


@pytest.mark.parametrize("key", ["label", "labels", "spans", "ents", "annotations"])
def test_marks_of_another_format_are_no_plain_document(key: str) -> None:
    texts = [{"id": n, "text": "Fever. " * 30} for n in range(6_000)]
    with pytest.raises(UserError, match=rf"a.jsonl:6001: what is marked under '{key}' is not read"):
        found(lines(*texts, {"id": "x", "text": "Fever.", key: [[0, 5, "D"]]}), "a.jsonl")


@pytest.mark.parametrize("row", ["German JJ B-NP", "German\tJJ\tB-NP\t"])
def test_a_row_without_its_last_cell_has_no_tag(row: str) -> None:
    rows = "EU NNP B-NP B-ORG\nrejects VBZ B-VP O\n{}\ncall NN I-NP O\n"
    rows = (rows.replace(" ", "\t") if "\t" in row else rows).format(row)
    with pytest.raises(UserError, match=r"x\.conll:3: 'German.* is not a token and a tag"):
        found(rows, "x.conll")
    documents, told = found(rows, "x.conll", lenient=True)
    assert marked(documents) == [[("EU", "ORG")]]
    assert any("its tag is read as O" in line for line in told)


def test_hidden_folders_are_no_documents_of_brat(tmp_path: Path) -> None:
    for name in ("a", ".ipynb_checkpoints/a-checkpoint", "below/.git/b"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / f"{name}.txt").write_text("Fever.")
        (tmp_path / f"{name}.ann").write_text("T1\tD 0 5\tFever\n")
    assert [document.id for document in read(tmp_path)] == ["a"]


TEXT = "Aspirin causes fever. Naloxone helps cough. Fine."


@pytest.mark.parametrize("what", ["sentences", "tokens"])
def test_sentences_and_tokens_are_in_order_and_do_not_overlap(what: str) -> None:
    value = {"id": "1", "text": TEXT, what: [[0, 21], [44, 49], [22, 43]]}
    (document,), _ = found(value, "x.jsonl")
    assert getattr(document, what) == ((0, 21), (22, 43), (44, 49))
    value[what] = [[0, 43], [22, 49]]
    with pytest.raises(UserError, match=f"the {what} of document '1' overlap"):
        found(value, "x.jsonl")
    (document,), _ = found(value, "x.jsonl", lenient=True)
    assert getattr(document, what) == ()


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ({"tokens": ["The", "cough"], "ner_tags": ["O", "B-D"], "text": "The fever and cough. The cough."}, "x.jsonl"),
        ({"tokens": ["at", "a"], "ner_tags": ["B-D", "O"], "text": "a cat has at a"}, "x.jsonl"),
        ({"tokenized_text": ["at"], "ner": [[0, 0, "D"]], "text": "a cat at"}, "x.json"),
    ],
)
def test_words_are_not_found_within_other_words_or_sentences(value: dict[str, Any], name: str) -> None:
    with pytest.raises(UserError, match="is not the word that comes next in the text"):
        found(value, name)
    (document,), _ = found(value, name, lenient=True)
    assert document.text == " ".join(value.get("tokens") or value["tokenized_text"])


def region(id: str, to: str, start: int, end: int) -> dict[str, Any]:
    value = {"start": start, "end": end, "labels": ["D"]}
    return {"id": id, "from_name": "l", "to_name": to, "type": "labels", "value": value}


def test_regions_of_another_text_of_a_task_are_left_out() -> None:
    link = {"type": "relation", "from_id": "a", "to_id": "b", "labels": ["r"]}
    results = [region("a", "text", 0, 5), region("b", "title", 0, 5), link]
    task = {"id": 7, "data": {"text": "Cough and fever.", "title": "Fever"}, "annotations": [{"result": results}]}
    (document,), told = found([task], "x.json")
    assert (marked([document]), document.relations) == ([[("Cough", "D")]], ())
    assert any("a region of another text (1 times)" in line for line in told)
    assert any("a relation of a region of another text (1 times)" in line for line in told)
    task["annotations"] = [{"result": [region("b", "title", 0, 5)]}]
    assert marked(found([task], "x.json")[0]) == [[]]
    task["annotations"] = [{"result": [region("b", "txt", 0, 5)]}]  # the name of the tag, not of the data
    assert marked(found([task], "x.json")[0]) == [[("Cough", "D")]]
    task["annotations"] = [{"result": [region("a", "one", 0, 5), region("b", "two", 0, 5)]}]
    with pytest.raises(UserError, match="has regions of one and two, none of which is called as the text"):
        found([task], "x.json")


BIOC = "<collection><document><id>1</id><passage><offset>0</offset>{}</passage>{}</document></collection>"
FEVER = '<text>Fever.</text><annotation id="T1">{}<location offset="0" length="5"/><text>Fever</text></annotation>'


def infon(key: str, value: str) -> str:
    return f'<infon key="{key}">{value}</infon>'


def test_markup_within_a_text_of_bioc_is_not_its_end() -> None:
    (document,), _ = found(BIOC.format("<text>Fever <i>and</i> cough.</text>", ""), "x.xml")
    assert document.text == "Fever and cough."


def test_sentences_of_bioc_that_lack_text_are_not_read() -> None:
    passage = "<text>Fever and cough.</text><sentence><offset>0</offset></sentence>"
    (document,), told = found(BIOC.format(passage, ""), "x.xml")
    assert (document.text, document.sentences) == ("Fever and cough.", ())
    assert any("without all of the passage's text" in line for line in told)
    mark = {"id": "T1", "infons": {"type": "D"}, "locations": [{"offset": 0, "length": 5}], "text": "Fever"}
    sentences = [{"offset": 0, "text": "Fever.", "annotations": [mark]}]
    value = {"id": "1", "passages": [{"offset": 0, "text": "Fever. Cough.", "sentences": sentences}]}
    (document,), told = found({"documents": [value]}, "x.json")
    assert (document.text, document.sentences, marked([document])) == ("Fever. Cough.", (), [[("Fever", "D")]])
    assert any("without all of the passage's text" in line for line in told)


def test_several_infons_of_one_key() -> None:
    concepts = FEVER.format(infon("type", "D") + infon("MESH", "D1") + infon("MESH", "D2"))
    (document,), _ = found(BIOC.format(concepts, ""), "x.xml")
    assert document.entities[0].concept == "D1|D2"
    with pytest.raises(UserError, match="has several types: D, E"):
        found(BIOC.format(FEVER.format(infon("type", "D") + infon("type", "E")), ""), "x.xml")


def test_what_else_a_relation_of_bioc_says_is_counted() -> None:
    ends = '<node refid="T1" role=""/><node refid="T1" role=""/>'
    relation = f'<relation id="R1">{infon("type", "r")}{infon("negated", "true")}{ends}</relation>'
    (document,), told = found(BIOC.format(FEVER.format(infon("type", "D")), relation), "x.xml")
    assert len(document.relations) == 1
    assert any("'negated' of relations" in line for line in told)


@pytest.mark.parametrize("empty", [[], None])
def test_an_empty_list_of_doccano_does_not_hide_another(empty: Any) -> None:
    value = {"id": 1, "text": "Fever.", "label": [[0, 5, "D"]], "entities": empty}
    assert marked(found(value, "x.jsonl")[0]) == [[("Fever", "D")]]
    documents, told = found({"id": 1, "text": "Fever.", "label": [[0, 5, "D"]], "labels": [[0, 5, "E"]]}, "x.jsonl")
    assert marked(documents) == [[("Fever", "D")]]
    assert any("the key 'labels' is not read" in line for line in told)


def test_paragraphs_of_spacy_without_tags_have_their_entities() -> None:
    paragraph = {"raw": "Fever.", "entities": [[0, 5, "D"]], "sentences": []}
    value = [{"id": 0, "paragraphs": [paragraph, paragraph]}]
    assert marked(found(value, "x.json")[0]) == [[("Fever", "D"), ("Fever", "D")]]
    token = {"orth": "Fever", "ner": "U-D"}
    value = [{"id": 0, "paragraphs": [{"raw": None, "sentences": [{"tokens": [token]}]}]}]
    assert marked(found(value, "x.json")[0]) == [[("Fever", "D")]]


def test_mentions_of_one_rule_of_spacy() -> None:
    spacy = pytest.importorskip("spacy")
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "D", "pattern": "fever", "id": "MESH:D005334"}])
    data = spacy.tokens.DocBin(docs=[nlp("fever and fever.")]).to_bytes()
    notices: list[Notice] = []
    (document,) = read(io.BytesIO(data), "a.spacy", notices=notices)
    assert [entity.id for entity in document.entities] == ["T1", "T2"]
    assert any("an id that several mentions have" in notice.what for notice in notices)


def test_identifiers_of_tmvar_stay_whole_in_brat(tmp_path: Path) -> None:
    entity = Entity("T1", "M", ((0, 5),), "tmVar:p|SUB|V|600|E;RSID:1")
    write([Document("1", "V600E x", (entity,))], tmp_path / "o", "brat")
    notes = [line for line in (tmp_path / "o" / "1.ann").read_text().splitlines() if line.startswith("N")]
    assert len(notes) == 1
    assert next(iter(read(tmp_path / "o"))).entities == (entity,)


@pytest.mark.parametrize("name", ["a.pubtator", "a.conll"])
def test_lines_that_end_in_carriage_returns_alone(name: str) -> None:
    with pytest.raises(UserError, match=r"its lines end in carriage returns alone \(convert: tr '"):
        found("1|t|Fever.\r1|a|Cough.\r1\t0\t5\tFever\tD\tD1\r", name, format=name[2:])


def test_spans_that_would_overlap_are_not_converted() -> None:
    entities = [
        {"id": "T1", "type": "D", "spans": [[0, 1], [1, 3]], "text": "ab bcd"},
        {"id": "T2", "type": "D", "spans": [[5, 8]], "text": "efgh"},
    ]
    documents, told = found({"id": "1", "text": "abcd efgh", "entities": entities}, "x.jsonl", lenient=True)
    assert [entity.spans for entity in documents[0].entities] == [((0, 1), (1, 3)), ((5, 8),)]
    assert sum("is said to be" in line for line in told) == 2
