"""The drawing for papers: well-formed, with all words, mentions, and arcs that do not run into each other."""

from __future__ import annotations

import re
from itertools import combinations

from defusedxml import ElementTree
from hypothesis import given

from ranat.documents import Document, Entity, Relation
from ranat.view.arcs import Box, placed
from ranat.view.metrics import width_of
from ranat.view.svg import WIDTH, to_svg
from some_documents import documents

NAME = "{http://www.w3.org/2000/svg}"
TEXT = "Imatinib inhibits BCR-ABL and KIT; hereditary breast and ovarian cancer of BRCA1. " * 2
DOCUMENT = Document(
    "1",
    TEXT,
    (
        Entity("T1", "Chemical", ((0, 8),), "D1"),
        Entity("T2", "Gene", ((18, 25),)),
        Entity("T3", "Disease", ((35, 52), (65, 71))),
        Entity("T4", "Gene", ((75, 80),), "672"),
        Entity("T5", "Gene", ((157, 162),), "672"),
    ),
    (Relation("inhibits", "T1", "T2", 0.5), Relation("causes", "672", "T3"), Relation("far", "T1", "T5")),
)


def texts(drawing: str) -> list[str]:
    return [element.text for element in ElementTree.fromstring(drawing).iter(f"{NAME}text")]


def test_words_types_and_relations_are_there() -> None:
    said = texts(to_svg(DOCUMENT))
    types = ["Chemical", "Gene", "…", "Disease", "Gene", "Gene"]
    assert said[:-4] == _in_order(TEXT.split(), types, said[:-4])
    assert said[-4:] == ["inhibits", "causes", "far …", "… far"]


def _in_order(words: list[str], types: list[str], said: list[str]) -> list[str]:
    """What was said, if it is the words, maybe cut where mentions end, and the types in their orders."""
    rest = list(types)
    text = "".join(word for word in said if not (rest and word == rest[0] and rest.pop(0)))
    assert text == "".join(words)
    assert not rest
    return said


def test_nothing_reaches_over_the_edge() -> None:
    drawing = ElementTree.fromstring(to_svg(DOCUMENT))
    for element in drawing.iter(f"{NAME}text"):
        assert 0 <= float(element.get("x")) <= WIDTH
        assert float(element.get("x")) + float(element.get("textLength")) <= WIDTH + 12
    assert to_svg(Document("1", "x" * 1000)).count("<text") == 1 + 1000 * width_of("x", 15) // WIDTH


def test_a_gap_is_dashed_in_the_colour_of_its_mention() -> None:
    dashed = re.findall('stroke="(#......)" stroke-width="1.6" stroke-dasharray', to_svg(DOCUMENT))
    solid = re.findall('stroke="(#......)" stroke-width="1.6"/', to_svg(DOCUMENT))
    assert len(set(dashed)) == 1
    assert dashed[0] in solid


def test_arcs_over_one_another_have_levels_of_their_own() -> None:
    boxes = [Box(0, x, x + 30) for x in range(0, 600, 100)]
    relations = [("r", one, other) for one, other in combinations(boxes, 2)]
    arcs = placed(relations, 720, lambda label: 6.0 * len(label))
    for one, other in combinations(arcs, 2):
        if one.level == other.level:
            assert one.end <= other.start or other.end <= one.start
        elif one.start < other.start and other.end < one.end:
            assert one.level > other.level
    assert len({round(port.x, 3) for arc in arcs for port in arc.ports}) == 2 * len(arcs)


@given(given=documents())
def test_any_document_is_drawn_as_well_formed_xml(given: list[Document]) -> None:
    for document in given:
        drawing = ElementTree.fromstring(to_svg(document))
        tags = {element.tag.removeprefix(NAME) for element in drawing.iter()}
        assert tags <= {"svg", "title", "rect", "path", "text"}
