"""What annotations and passages of BioC files have that they should not, alike in XML and in JSON."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ranat.documents import Document, Entity, Relation
from ranat.errors import UserError
from ranat.formats import read
from ranat.formats.notice import Notice

Mark = dict[str, Any]


@dataclass
class Passage:
    offset: int | None
    text: str
    marks: list[Mark] = field(default_factory=list)
    sentences: list["Passage"] = field(default_factory=list)


def mark(id: str | None, text: str | None, *places: tuple[int, int], **infons: str) -> Mark:
    return {"id": id, "text": text, "places": places, "infons": {"type": "D"} | infons}


def as_json(passages: list[Passage], relations: list[Mark]) -> str:
    def one(passage: Passage) -> dict[str, Any]:
        marks = [
            {key: value for key, value in item.items() if key in ("id", "text", "infons") and value is not None}
            | {"locations": [{"offset": offset, "length": length} for offset, length in item["places"]]}
            for item in passage.marks
        ]
        found: dict[str, Any] = {"annotations": marks, "sentences": list(map(one, passage.sentences))}
        found |= {"offset": passage.offset} if passage.offset is not None else {}
        return found | ({} if passage.sentences else {"text": passage.text})

    links = [item | {"nodes": [{"refid": id, "role": ""} for id in item["nodes"]]} for item in relations]
    return json.dumps({"documents": [{"id": "1", "passages": list(map(one, passages)), "relations": links}]})


def as_xml(passages: list[Passage], relations: list[Mark]) -> str:
    def infons(item: Mark) -> str:
        return "".join(f"<infon key={quoteattr(key)}>{escape(value)}</infon>" for key, value in item["infons"].items())

    def annotation(item: Mark) -> str:
        id = "" if item["id"] is None else f" id={quoteattr(item['id'])}"
        places = "".join(f'<location offset="{offset}" length="{length}"/>' for offset, length in item["places"])
        text = "" if item["text"] is None else f"<text>{escape(item['text'])}</text>"
        return f"<annotation{id}>{infons(item)}{places}{text}</annotation>"

    def one(passage: Passage, tag: str) -> str:
        offset = "" if passage.offset is None else f"<offset>{passage.offset}</offset>"
        text = "" if passage.sentences else f"<text>{escape(passage.text)}</text>"
        inside = "".join(one(sentence, "sentence") for sentence in passage.sentences)
        return f"<{tag}>{offset}{text}{inside}{''.join(map(annotation, passage.marks))}</{tag}>"

    body = "".join(one(passage, "passage") for passage in passages)
    for item in relations:
        nodes = "".join(f"<node refid={quoteattr(id)}/>" for id in item["nodes"])
        body += f"<relation id={quoteattr(item['id'])}>{infons(item)}{nodes}</relation>"
    return f"<collection><source/><date/><key/><document><id>1</id>{body}</document></collection>"


Spelling = Callable[[list[Passage], list[Mark]], str]


@pytest.fixture(params=[as_json, as_xml])
def spelt(request: pytest.FixtureRequest) -> Spelling:
    return request.param  # type: ignore[no-any-return]  # pytest has no type for it


def parse(text: str, lenient: bool = False) -> tuple[Document, list[Notice]]:
    notices: list[Notice] = []
    (document,) = read(io.BytesIO(text.encode()), "a", lenient=lenient, notices=notices)
    return document, notices


def told(notices: list[Notice]) -> list[tuple[str, int, str]]:
    return sorted((notice.kind, notice.count, notice.what) for notice in notices)


@pytest.mark.parametrize("lenient", [False, True])
@pytest.mark.parametrize(
    ("odd", "what"),
    [
        (mark("MI1", "Fever", type="MeSH_Indexing_Chemical"), "annotation without a place"),
        (mark("C1", "", (11, 0), type="citation"), "annotation of no length"),
        (mark("C1", None, (11, 0), (4, 0)), "annotation of no length"),
        ({**mark("2", "Fever", (0, 5)), "infons": {"class": "Disease"}}, "annotation without the infon 'type'"),
        (mark("2", "x", (0, 5), CompositeRole="IndividualMention"), "annotation with CompositeRole=IndividualMention"),
    ],
)
def test_what_can_be_no_mention_is_left_out_and_told_in_both_modes(
    spelt: Spelling, odd: Mark, what: str, lenient: bool
) -> None:
    related = {"id": "R", "infons": {"type": "r"}, "nodes": ["1", odd["id"]]}
    document, notices = parse(spelt([Passage(0, "Fever came.", [odd, mark("1", "Fever", (0, 5))])], [related]), lenient)
    assert document == Document("1", "Fever came.", (Entity("1", "D", ((0, 5),)),))
    assert told(notices) == [
        ("left out", 1, f"1 {what}"),
        ("left out", 1, "1 relation that is not between two entities or concepts"),
    ]


@pytest.mark.parametrize(
    ("odd", "what"),
    [
        (mark("2", "Fever", (0, 0)), "empty span"),
        (mark("2", "Fever", (-1, 5)), "empty span"),
        (mark("2", "Fever", (0, 5), (3, 4)), "spans out of order"),
        (mark("2", "Fever", (0, 500)), "past the text's 11 characters"),
        (mark("2", "Fever", (10**18, 5)), "past the text's 11 characters"),
        (mark("2", "Fever", (0, 10**30)), "'length' must be a whole number"),
    ],
)
def test_a_mark_that_is_no_mention_is_an_error_or_left_out(spelt: Spelling, odd: Mark, what: str) -> None:
    text = spelt([Passage(0, "Fever came.", [odd, mark("1", "came", (6, 4))])], [])
    with pytest.raises(UserError, match=what):
        parse(text)
    document, notices = parse(text, lenient=True)
    assert document.entities == (Entity("1", "D", ((6, 10),)),)
    assert [(notice.kind, notice.is_error) for notice in notices] == [("left out", True)]


@pytest.mark.parametrize("ellipsis", [" ... ", "...", " … ", " "])
def test_the_parts_of_a_mention_may_be_joined_by_an_ellipsis(spelt: Spelling, ellipsis: str) -> None:
    found = mark("1", f"Lung{ellipsis}cancers", (15, 7), (0, 4))
    document, notices = parse(spelt([Passage(0, "Lung and liver cancers.", [found])], []))
    assert [entity.spans for entity in document.entities] == [((0, 4), (15, 22))]
    assert not notices


@pytest.mark.parametrize(
    ("infons", "concept", "left"),
    [
        ({"identifier": "MESH:D1", "normalized_id": "D1", "name": "Fever"}, "MESH:D1", ["name", "normalized_id"]),
        ({"Identifier": "D1"}, "D1", []),
        ({"NCBI Gene": "7124"}, "7124", []),
        ({"NCBI GENE": "7124", "NCBI Homologene": "5"}, "7124", ["NCBI Homologene"]),
        ({"NCBI Gene identifier": "7157"}, "7157", []),
        ({"ncbi_gene": "7124", "identifier": "-"}, "7124", []),
        ({"MESH": "D1", "identifier": ""}, "D1", []),
        ({"concept id": "D1"}, "D1", []),
        ({"dbSNP": "rs1"}, "rs1", []),
        ({"CVL_ID": "CVCL_0030"}, "CVCL_0030", []),
        ({"cui": "C1", "MESH": "D1"}, "D1", ["cui"]),
        ({"identifier": "-1", "MESH": "-"}, None, []),
        ({"note": "x"}, None, ["note"]),
    ],
)
def test_the_concept_is_the_first_known_key(
    spelt: Spelling, infons: dict[str, str], concept: str | None, left: list[str]
) -> None:
    document, notices = parse(spelt([Passage(0, "Fever", [mark("1", "Fever", (0, 5), **infons)])], []))
    assert [entity.concept for entity in document.entities] == [concept]
    assert told(notices) == [("left out", 1, f"1 infon {key!r} of annotations") for key in left]


@pytest.mark.parametrize("lenient", [False, True])
def test_an_id_that_is_there_again_becomes_another(spelt: Spelling, lenient: bool) -> None:
    passages = [
        Passage(0, "Fever.", [mark("0", "Fever", (0, 5)), mark("0#2", "ever", (1, 4))]),
        Passage(7, "Cough.", [mark("0", "Cough", (7, 5)), mark("0", "ough", (8, 4)), mark(None, "h", (11, 1))]),
    ]
    document, notices = parse(spelt(passages, []), lenient)
    found = [(entity.id, document.mention(entity)) for entity in document.entities]
    assert found == [("0", "Fever"), ("0#2", "ever"), ("0#3", "Cough"), ("0#4", "ough"), ("A5", "h")]
    assert [notice.kind for notice in notices] == ["mended"]


def test_a_relation_of_an_id_that_is_there_again_could_mean_either(spelt: Spelling) -> None:
    passages = [
        Passage(0, "Fever.", [mark("0", "Fever", (0, 5)), mark("1", "ever", (1, 4))]),
        Passage(7, "Cough.", [mark("0", "Cough", (7, 5)), mark("2", "ough", (8, 4))]),
    ]
    relations = [
        {"id": "R1", "infons": {"type": "r"}, "nodes": ["1", "0"]},
        {"id": "R2", "infons": {"type": "r"}, "nodes": ["1", "2"]},
    ]
    with pytest.raises(UserError, match=r"the relation 'R1' is of '0', an id of several annotations \(give each"):
        parse(spelt(passages, relations))
    document, notices = parse(spelt(passages, relations), lenient=True)
    assert document.relations == (Relation("r", "1", "2"),)
    assert [(notice.kind, notice.is_error) for notice in notices] == [("mended", False), ("left out", True)]


def test_thousands_of_marks_of_one_id_take_no_time(spelt: Spelling) -> None:
    marks = [mark("0", "Fever", (0, 5)) for _ in range(20_000)]
    document, notices = parse(spelt([Passage(0, "Fever.", marks)], []))
    assert len(document.entities) == 20_000
    assert [notice.count for notice in notices] == [19_999]


WRAPPED = "Fever\n      came.\n   "


@pytest.mark.parametrize("lenient", [False, True])
@pytest.mark.parametrize("first", [WRAPPED, "Fever came.\n  ", "\n   Fever came.", "Fever came.   "])
def test_lines_of_pretty_printed_texts_are_joined(spelt: Spelling, first: str, lenient: bool) -> None:
    marks = [mark("1", "came", (6, 4))], [mark("2", "Cough", (12, 5))]
    document, notices = parse(
        spelt([Passage(0, first, marks[0]), Passage(12, "Cough\n fell.\n", marks[1])], []), lenient
    )
    assert document.text == "Fever came. Cough fell."
    assert [document.mention(entity) for entity in document.entities] == ["came", "Cough"]
    assert told(notices) == [
        ("mended", 1, "document '1' has more white space than its offsets count; the lines of its passages are joined")
    ]


def test_lines_of_pretty_printed_mentions_are_joined(spelt: Spelling) -> None:
    marks = [mark("1", "\n  Lung\n  cancer\n", (0, 11)), mark("2", "came", (12, 4))]
    document, notices = parse(spelt([Passage(0, "Lung cancer came.", marks)], []))
    assert [document.mention(entity) for entity in document.entities] == ["Lung cancer", "came"]
    assert [notice.kind for notice in notices] == ["mended"]


def test_line_ends_that_offsets_count_stay(spelt: Spelling) -> None:
    document, notices = parse(spelt([Passage(0, "Fever\n  came.\n", [mark("1", "came", (8, 4))])], []))
    assert document.text == "Fever\n  came.\n"
    assert not notices


def test_one_wrong_mark_does_not_join_lines(spelt: Spelling) -> None:
    marks = [mark("1", "came", (8, 4)), mark("2", "went", (8, 4))]
    document, notices = parse(spelt([Passage(0, "Fever\n  came.\n", marks)], []), lenient=True)
    assert document.text == "Fever\n  came.\n"
    assert [notice.kind for notice in notices] == ["mismatch"]


def test_passages_that_each_begin_at_zero_are_moved_with_their_marks(spelt: Spelling) -> None:
    second = Passage(0, "", [mark("3", "fell", (6, 4))], [Passage(0, "Cough fell.", [mark("2", "Cough", (0, 5))])])
    text = spelt([Passage(0, "Fever came.", [mark("1", "Fever", (0, 5))]), second], [])
    with pytest.raises(UserError, match="a text at offset 0 cannot follow one that ends at 11"):
        parse(text)
    document, notices = parse(text, lenient=True)
    assert document.text == "Fever came. Cough fell."
    assert [document.mention(entity) for entity in document.entities] == ["Fever", "Cough", "fell"]
    assert document.sentences == ((12, 23),)
    assert [(notice.kind, notice.count) for notice in notices] == [("mended", 1)]


def test_a_passage_too_far_away_is_moved_so_that_it_fills_no_memory(spelt: Spelling) -> None:
    far = 10**15
    text = spelt([Passage(0, "Fever."), Passage(far, "Cough.", [mark("1", "Cough", (far, 5))])], [])
    with pytest.raises(UserError, match=f"a text at offset {far} cannot follow one that ends at 6"):
        parse(text)
    document, _ = parse(text, lenient=True)
    assert document == Document("1", "Fever. Cough.", (Entity("1", "D", ((7, 12),)),))


def test_a_passage_without_offset_follows_the_one_before(spelt: Spelling) -> None:
    text = spelt([Passage(None, "Fever."), Passage(None, "Cough.")], [])
    with pytest.raises(UserError, match="'offset' is missing in a passage"):
        parse(text)
    document, notices = parse(text, lenient=True)
    assert document.text == "Fever. Cough."
    assert [notice.kind for notice in notices] == ["mended"] * 2


UNITS = {
    "bytes of UTF-8": lambda text: len(text.encode()),
    "UTF-16 units": lambda text: len(text.encode("utf-16-le")) // 2,
}
SPELT = st.sampled_from([as_json, as_xml])
WORDS = st.lists(st.text("aé漢😀", min_size=1, max_size=6), min_size=2, max_size=4)


@given(
    words=WORDS, unit=st.sampled_from(sorted(UNITS)), sentences=st.booleans(), spelt=st.sampled_from([as_json, as_xml])
)
def test_offsets_of_passages_in_other_units_are_recognised(
    words: list[str], unit: str, sentences: bool, spelt: Spelling
) -> None:
    width = UNITS[unit]
    assume(any(width(word) != len(word) for word in words[:-1]))  # the last passage stands elsewhere
    assume(len(set(words)) == len(words))
    passages, at = [], 0
    for number, word in enumerate(words):
        passage = Passage(at, f"{word} x.", [mark(str(number), word, (at, width(word)))])
        passages.append(Passage(at, "", sentences=[passage]) if sentences else passage)
        at += width(f"{word} x. ")
    text = spelt(passages, [])
    with pytest.raises(UserError, match=r"fit only as|cannot follow"):
        parse(text)
    document, notices = parse(text, lenient=True)
    assert document.text == " ".join(f"{word} x." for word in words)
    assert [document.mention(entity) for entity in document.entities] == words
    assert [document.text[slice(*span)] for span in document.sentences] == [f"{w} x." for w in words if sentences]
    (notice,) = notices
    assert notice.kind == "mended"
    assert notice.is_error
