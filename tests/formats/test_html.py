"""Marks without a script, and the page as a file: nothing runs but its own script, and it is read again."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections import defaultdict
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings

from ranat.documents import Document, Entity, Relation
from ranat.errors import UserError
from ranat.formats import read, write
from ranat.formats.jsonl import dumped
from ranat.view.colours import PALETTE, colour_of
from ranat.view.highlight import DEEPEST, Legend, fragment, marked, to_html
from some_documents import documents


class Marks(HTMLParser):
    """The text that stands in the text of documents, and for each character the mentions that it is marked as."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text, self.tags = "", set[str]()
        self.inside: dict[str, list[int]] = defaultdict(list)
        self.attributes: dict[str, dict[str, str | None]] = {}
        self._open: list[str] = []
        self._in_text = False
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self._in_text |= tag == "p"
        if tag == "mark":
            values = dict(attrs)
            self._open.append(str(values["data-entity"]))
            self.attributes[self._open[-1]] = values

    def handle_endtag(self, tag: str) -> None:
        self._in_text &= tag != "p"
        if tag == "mark":
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._in_text:
            for name in self._open:
                self.inside[name] += range(len(self.text), len(self.text) + len(data))
            self.text += data


TEXT = "hereditary breast and ovarian cancer of BRCA1"
NESTED = Document(
    "1",
    TEXT,
    (
        Entity("apart", "Disease", ((0, 17), (30, 36)), "D001943", 0.25),
        Entity("all", "Disease", ((0, 36),)),
        Entity("same", "Cancer", ((0, 36),)),
        Entity("organ", "Organ", ((11, 29),)),
        Entity("gene", "Gene", ((40, 45),), "672"),
    ),
    (Relation("causes", "gene", "apart", 0.5), Relation("CID", "672", "D001943")),
)


def test_nested_overlapping_and_discontinuous_mentions_are_all_marked() -> None:
    found = Marks(fragment(NESTED))
    assert found.text == TEXT
    spans = {entity.id: [i for start, end in entity.spans for i in range(start, end)] for entity in NESTED.entities}
    assert found.inside == spans
    assert {name: value for name, value in found.attributes["apart"].items() if name != "class"} == {
        "data-entity": "apart",
        "data-type": "Disease",
        "data-concept": "D001943",
        "data-score": "0.250",
        "title": "Disease · D001943 · 0.250 (apart)",
    }


def test_relations_name_the_texts_of_their_ends() -> None:
    cells = re.findall("<td><bdi>(.*?)</bdi></td>", fragment(NESTED))
    apart = "hereditary breast cancer"
    assert cells == ["BRCA1", "causes", apart, "0.500", "BRCA1", "CID", apart, ""]


def test_a_relation_may_name_a_composite_concept_or_a_part_of_it() -> None:
    entity = Entity("T1", "Gene", ((0, 2),), " 79794, 1017|D2;x")
    assert entity.concepts == (" 79794, 1017|D2;x", "79794", "1017", "D2", "x")
    assert Entity("T1", "Gene", ((0, 2),), "").concepts == Entity("T1", "Gene", ((0, 2),)).concepts == ()
    relations = tuple(Relation("r", name, name) for name in entity.concepts)
    cells = re.findall("<td><bdi>(.*?)</bdi></td>", fragment(Document("1", "ab", (entity,), relations)))
    assert cells == ["ab", "r", "ab", ""] * 5


def test_a_type_has_one_colour_on_every_page_and_says_its_name() -> None:
    legend = Legend()
    document = Document("1", "abc", (Entity("1", "Gene", ((0, 1),)), Entity("2", "Disease", ((1, 2),))))
    page = marked(document, legend)
    colours = dict(re.findall(r'class="(colour\d).*?data-type="(\w+)"', page))
    assert colours == {f"colour{colour_of(kind)}": kind for kind in ("Gene", "Disease")}
    assert re.findall(r'<li><mark class="begins ends (\w+)" data-type="(\w+)">(\d)<', legend.html()) == [
        (f"colour{colour_of(kind)}", kind, "1") for kind in ("Gene", "Disease")
    ]


def test_types_that_are_met_together_differ_in_colour() -> None:
    assert len(PALETTE) == 8
    for kinds in (
        ("Chemical", "Disease", "Gene", "Species", "Mutation", "CellLine", "Protein", "Drug"),
        ("GeneOrGeneProduct", "DiseaseOrPhenotypicFeature", "ChemicalEntity", "OrganismTaxon", "SequenceVariant"),
        ("drug", "brand", "group", "drug_n"),
    ):
        assert len({colour_of(kind) for kind in kinds}) == len(kinds)
    assert colour_of("GENE") == colour_of("gene")


def test_what_lies_between_the_parts_of_a_mention_joins_them() -> None:
    gaps = re.findall(r'<span class="gap (colour\d) over\d">', marked(NESTED))
    # Borders within the gap cut it, so that it goes on under what is nested there: " and ovarian " holds one.
    assert gaps == [f"colour{colour_of('Disease')}"] * 2


@settings(deadline=None)
@given(given=documents())
def test_what_is_shown_is_the_text_with_its_mentions(given: list[Document]) -> None:
    for document in given:
        found = Marks(marked(document))
        assert len(found.text) == len(document.text)
        differing = {a for a, b in zip(document.text, found.text, strict=True) if a != b}
        assert all(not character.isprintable() for character in differing)
        assert found.inside == {
            entity.id: [i for start, end in entity.spans for i in range(start, end)] for entity in document.entities
        }
        assert found.tags <= {"p", "mark", "span"}


def test_a_line_of_a_page_is_a_document_and_says_what_is_wrong_with_it(tmp_path: Path) -> None:
    out = tmp_path / "a.html"
    write([NESTED, Document("2", "plain")], out, "html")
    assert list(read(out)) == [NESTED, Document("2", "plain")]
    page = out.read_text()
    line = 1 + page[: page.index('{"id":"2"')].count("\n")
    out.write_text(page.replace('"id":"2"', '"id":[2]', 1))
    with pytest.raises(UserError, match=rf"a\.html:{line}: 'id' must be a string"):
        list(read(out))
    failed: list[UserError] = []
    assert list(read(out, failed=failed.append)) == [NESTED]
    assert len(failed) == 1
    out.write_text(page.replace('"relations":[]}\n', "\n"))
    with pytest.raises(UserError, match=rf"a\.html:{line}: not JSON"):
        list(read(out))


def test_pages_that_were_written_before_are_read(tmp_path: Path) -> None:
    lines = [
        f'<article></article>\n<script type="application/json" class="document">{dumped(one)}</script>\n'
        for one in (NESTED, Document("2", "plain"))
    ]
    page = '<!DOCTYPE html>\n<meta name="generator" content="ranat">\n' + "".join(lines) + "<footer></footer>\n"
    (tmp_path / "a.html").write_text(page)
    assert list(read(tmp_path / "a.html")) == [NESTED, Document("2", "plain")]


def test_a_page_of_another_is_not_read(tmp_path: Path) -> None:
    write([NESTED], tmp_path / "own.html", "html")
    for page in ("<html><p>{}</p></html>\n", (tmp_path / "own.html").read_text().replace('content="ranat"', "")):
        (tmp_path / "a.html").write_text(page)
        failed: list[UserError] = []
        assert list(read(tmp_path / "a.html", failed=failed.append)) == []
        assert [error.what for error in failed] == [
            'not a page that ranat wrote: it has no line <meta name="generator" content="ranat">'
        ]


def test_thousands_of_nested_mentions_are_no_page_of_their_square() -> None:
    many = 4_000
    started = time.process_time()
    page = marked(Document("1", "x" * 2 * many, tuple(Entity(f"T{i}", "X", ((i, 2 * many - i),)) for i in range(many))))
    assert len(page) < 400 * DEEPEST * 2 * many
    assert f"{many - DEEPEST:,} mentions more lie below those shown" in page
    pieces = Document("1", "xy" * many, (Entity("T1", "X", tuple((2 * i, 2 * i + 1) for i in range(many))),))
    assert marked(pieces).count("<mark") == many
    assert time.process_time() - started < 10


def test_a_fragment_brings_its_style() -> None:
    page = to_html(NESTED)
    assert page.startswith("<style>")
    assert page.endswith(fragment(NESTED))
    assert NESTED.to_dict()["entities"][0]["text"] == "hereditary breast cancer"


def test_its_policy_allows_its_own_style_and_script_and_nothing_else(tmp_path: Path) -> None:
    write([NESTED], tmp_path / "a.html", "html")
    text = (tmp_path / "a.html").read_text()
    (style,) = re.findall("<style>(.*?)</style>", text, re.DOTALL)
    (script,) = re.findall("<script>(.*?)</script>", text, re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in (script, style)]
    policy = "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'"
    assert f'content="{policy.format(*digests)}"' in text


def test_borders_cut_the_text_and_nothing_else() -> None:
    """As few marks as can be: one a mention and segment between borders."""
    borders = sorted({0, len(TEXT), *(place for e in NESTED.entities for span in e.spans for place in span)})
    segments = sum(
        any(start <= a < end for start, end in entity.spans) for a, _ in pairwise(borders) for entity in NESTED.entities
    )
    assert fragment(NESTED).count("<mark") == segments
