"""Errors of hand-made texts with known answers, and what must hold of all."""

from __future__ import annotations

import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranat.documents import Document, Entity, Relation
from ranat.evaluation.error_page import error_page
from ranat.evaluation.errors import WORST, Analysis, answer_errors
from ranat.evaluation.f1 import Answer, micro_scores
from ranat.evaluation.judging import Sides
from ranat.evaluation.mentions import MENTIONS, mention_errors
from ranat.evaluation.relations import RELATIONS, relation_errors


def at(start: int, end: int, kind: str = "A", *more: tuple[int, int]) -> Answer:
    return ((start, end), *more), kind


def verdicts(sides: Sides) -> list[list[str]]:
    return [[item.verdict for item in side] for side in sides]


@pytest.mark.parametrize(
    ("gold", "predicted", "expected"),
    [
        ({at(0, 5)}, {at(0, 5)}, [["right"], ["right"]]),
        ({at(0, 5)}, {at(0, 5, "B")}, [["type"], ["type"]]),
        ({at(0, 5)}, {at(3, 9)}, [["boundary"], ["boundary"]]),
        ({at(0, 5)}, {at(3, 9, "B")}, [["boundary and type"], ["boundary and type"]]),
        ({at(0, 5)}, {at(5, 9)}, [["missed"], ["invented"]]),
        ({at(0, 5)}, set(), [["missed"], []]),
        (set(), {at(0, 5)}, [[], ["invented"]]),
        # Predicted in two pieces: the longer one is paired.
        ({at(0, 20)}, {at(0, 5), at(8, 20)}, [["boundary"], ["invented", "boundary"]]),
        # Two gold mentions taken for one.
        ({at(0, 5), at(6, 9)}, {at(0, 9)}, [["boundary", "missed"], ["boundary"]]),
        # The same characters go before more characters of the same type.
        ({at(0, 5)}, {at(0, 5, "B"), at(0, 4)}, [["type"], ["invented", "type"]]),
        # One that is right is not in the way of another.
        ({at(0, 5), at(0, 9)}, {at(0, 9), at(2, 5)}, [["boundary", "right"], ["right", "boundary"]]),
        ({at(0, 3, "A", (8, 9))}, {at(0, 9)}, [["boundary"], ["boundary"]]),
        ({at(0, 3, "A", (8, 9))}, {at(4, 7)}, [["missed"], ["invented"]]),
    ],
)
def test_mentions_are_judged(gold: set[Answer], predicted: set[Answer], expected: list[list[str]]) -> None:
    assert verdicts(MENTIONS.judge(gold, predicted)) == expected


def test_relations_are_judged() -> None:
    gold: set[Answer] = {(("1", "2"), "X"), (("1", "3"), "X"), (("2", "3"), "X"), (("4", "5"), "X")}
    predicted: set[Answer] = {(("1", "2"), "X"), (("1", "3"), "Y"), (("3", "2"), "X"), (("6", "7"), "X")}
    assert verdicts(RELATIONS.judge(gold, predicted)) == [
        ["right", "type", "type", "missed"],
        ["right", "type", "type", "invented"],
    ]


SPAN = st.tuples(st.integers(0, 8), st.integers(1, 5)).map(lambda pair: (pair[0], pair[0] + pair[1]))
ALONG_WORDS = st.sets(st.builds(at, st.integers(0, 4), st.integers(5, 8), st.sampled_from("AB")), max_size=6)
ANY = st.sets(st.tuples(st.tuples(SPAN), st.sampled_from("AB")), max_size=6)


@given(st.one_of(ALONG_WORDS, ANY), st.one_of(ALONG_WORDS, ANY))
def test_the_verdicts_add_up_to_the_strict_scores(gold: set[Answer], predicted: set[Answer]) -> None:
    sides = MENTIONS.judge(gold, predicted)
    scored = micro_scores([gold], [predicted])
    assert [{item.answer for item in side} for side in sides] == [gold, predicted]
    assert [len(side) for side in sides] == [len(gold), len(predicted)]
    for side in sides:
        assert sum(item.verdict == "right" for item in side) == scored["true_positives"]
    paired = [(item.answer, item.partner, item.verdict) for item in sides.gold if item.partner]
    assert sorted(paired) == sorted(
        (item.partner, item.answer, item.verdict) for item in sides.predicted if item.partner
    )
    assert len({partner for _, partner, _ in paired}) == len(paired)
    assert {item.verdict for item in sides.gold if not item.partner} <= {"missed"}
    assert {item.verdict for item in sides.predicted if not item.partner} <= {"invented"}
    # What is left overlaps nothing that is left: no pair was overlooked.
    left = [item.answer for item in sides.gold if item.verdict == "missed"]
    other = [item.answer for item in sides.predicted if item.verdict == "invented"]
    assert not any(a < d and c < b for ((a, b),), _ in left for ((c, d),), _ in other)


TEXT = "Cisplatin harms kidneys. BRCA1 and von Hippel-Lindau disease. Aspirin helps. No error."
DOCUMENT = Document("<1>", TEXT)
TRAINING = [Document("t", "CISPLATIN", (Entity("1", "Chemical", ((0, 9),)),))]


def mention(text: str, kind: str) -> Answer:
    return at(TEXT.index(text), TEXT.index(text) + len(text), kind)


@pytest.fixture
def mentions() -> Analysis:
    gold = {
        mention("Cisplatin", "Chemical"),
        mention("BRCA1", "Gene"),
        mention("von Hippel-Lindau disease", "Disease"),
        mention("Aspirin", "Chemical"),
        mention("No", "Chemical"),
    }
    predicted = {
        mention("Cisplatin", "Chemical"),
        mention("kidneys", "Disease"),
        mention("BRCA1", "Disease"),
        mention("Hippel-Lindau disease", "Disease"),
        mention("No", "Chemical"),
    }
    return mention_errors([DOCUMENT, Document("2", "")], [gold, set()], [predicted, set()], TRAINING)


def test_mentions_are_counted_by_type_length_and_whether_they_were_seen(mentions: Analysis) -> None:
    found = mentions.to_dict()
    assert (found["true_positives"], found["gold"], found["predicted"]) == (2, 5, 5)
    assert found["verdicts"] == {
        "gold": {"right": 2, "boundary": 1, "type": 1, "boundary and type": 0, "missed": 1},
        "predicted": {"right": 2, "boundary": 1, "type": 1, "boundary and type": 0, "invented": 1},
    }
    words = found["tables"]["number of words"]
    assert {name: (row["gold"], row["predicted"], row["true_positives"]) for name, row in words.items()} == {
        "1": (4, 4, 2),
        "2": (0, 0, 0),
        "3": (0, 1, 0),
        "4–5": (1, 0, 0),
        "6+": (0, 0, 0),
    }
    seen = found["tables"]["text in training"]
    assert [(seen[name]["gold"], seen[name]["f1"]) for name in ("seen", "unseen")] == [(1, 1.0), (4, 0.25)]
    assert list(found["tables"]["type"]) == ["Chemical", "Disease", "Gene"]
    assert found["tables"]["type"]["Gene"]["verdicts"]["gold"]["type"] == 1


def test_the_worst_sentences_come_first_and_those_without_an_error_not_at_all(mentions: Analysis) -> None:
    assert [(item["text"], item["errors"]) for item in mentions.to_dict()["worst"]] == [
        ("BRCA1 and von Hippel-Lindau disease.", 2),
        ("Cisplatin harms kidneys.", 1),
        ("Aspirin helps.", 1),
    ]


def test_sentences_of_the_document_are_taken_and_only_so_many() -> None:
    spans = tuple((i, i + 1) for i in range(100))
    document = Document("1", "x" * 100, sentences=spans)
    found = mention_errors([document], [{at(i, i + 1) for i in range(100)}], [set()], [])
    assert [item.span for item in found.worst] == list(spans[:WORST])


RELATED = Document(
    "1",
    "Aspirin inhibits COX-1, and not, as far as we know, BRCA1.",
    (Entity("c", "Chemical", ((0, 7),)), Entity("g", "Gene", ((17, 22),)), Entity("b", "Gene", ((52, 57),))),
)


def test_relations_are_counted_by_type_distance_and_whether_their_pair_was_seen() -> None:
    gold: set[Answer] = {(("c", "g"), "inhibits")}
    predicted: set[Answer] = {(("g", "c"), "inhibits"), (("c", "b"), "activates")}
    seen = Document(
        "0",
        "COX-1 is blocked by aspirin. BRCA1 is not.",
        (Entity("g", "Gene", ((0, 5),)), Entity("c", "Chemical", ((20, 27),)), Entity("b", "Gene", ((29, 34),))),
        (Relation("inhibits", "c", "g"), Relation("inhibits", "c", "b")),
    )
    analysis = relation_errors([RELATED], [gold], [predicted], [seen])
    found = analysis.to_dict()
    assert found["verdicts"]["gold"]["type"] == found["verdicts"]["predicted"]["type"] == 1
    assert found["verdicts"]["predicted"]["invented"] == 1
    tables = found["tables"]
    assert {name: row["predicted"] for name, row in tables["characters between"].items() if row["predicted"]} == {
        "0–24": 1,
        "25–49": 1,
    }
    known = tables["pair of texts in training"]
    assert (known["seen"]["predicted"], known["unseen"]["predicted"]) == (1, 1)  # related across sentences is unseen
    assert list(tables["type"]) == ["activates", "inhibits"]
    page = unescape(error_page(analysis, "a title", []))
    cells = re.findall("<td[^>]*><bdi>(.*?)</bdi></td>", page[page.index("<article") :])
    assert cells == [
        *("Aspirin → inhibits → COX-1", "COX-1 → inhibits → Aspirin", "type"),
        *("", "Aspirin → activates → BRCA1", "invented"),
    ]


def test_answers_of_any_other_task_are_right_or_of_another_type_in_their_place() -> None:
    documents = [Document(str(number), f"One. Two. {number}.") for number in range(3)]
    gold: list[set[Answer]] = [{((), "A")}, {((), "A")}, set()]
    predicted: list[set[Answer]] = [{((), "A")}, {((), "B")}, {((), "B")}]
    analysis = answer_errors(documents, gold, predicted)
    found = analysis.to_dict()
    assert found["verdicts"] == {
        "gold": {"right": 1, "type": 1, "missed": 0},
        "predicted": {"right": 1, "type": 1, "invented": 1},
    }
    assert {kind: (row["gold"], row["predicted"]) for kind, row in found["tables"]["type"].items()} == {
        "A": (2, 1),
        "B": (0, 2),
    }
    assert [item["text"] for item in found["worst"]] == ["One. Two. 1.", "One. Two. 2."]
    page = error_page(analysis, "a title", [])
    cells = re.findall("<td[^>]*><bdi>(.*?)</bdi></td>", page[page.index("<article") :])
    assert cells == ["A", "B", "type", "", "B", "invented"]


def test_the_page_shows_gold_above_predicted_with_the_verdicts(mentions: Analysis) -> None:
    page = error_page(mentions, "</title><script>", ["A fact <b>."])
    assert "<script" not in page
    assert "A fact &lt;b&gt;." in page
    assert "&lt;1&gt;" in page
    first = page[page.index("<article") : page.index("</article>")]
    gold, predicted = first.split("<b>Predicted</b>")
    remarks = [re.findall('data-type="(.*?)" data-remark="(.*?)"', side) for side in (gold, predicted)]
    assert remarks == [[("Gene", "type"), ("Disease", "boundary")], [("Disease", "type"), ("Disease", "boundary")]]
    for verdict, meaning in MENTIONS.verdicts.items():
        assert f"<bdi>{verdict}</bdi>" in page
        assert f"<bdi>{meaning}</bdi>" in page


def test_no_error_is_said() -> None:
    assert "There is no error." in error_page(mention_errors([DOCUMENT], [set()], [set()], []), "t", [])
