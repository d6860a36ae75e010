"""The page of documents in a browser, used as a curator uses it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from browsing import Visit, visiting
from ranat.documents import Document, Entity, Relation
from ranat.formats import read, write
from ranat.view.colours import colour_of
from ranat.view.documents_page import summary

HOSTILE = (
    "</script><img src=x onerror=\"document.title='run'\">",
    "<script>document.title='run'</script>",
    "'\"><svg onload=document.title='run'>",
    "<!--<script>",
    "</p></article></body>&lt;b&amp;",
    "\u202eright to left\u202c \x00\x1b \u2028 שלום",
    "<style>*{background:url(http://example.invalid/x.png)}</style>",
    "javascript:document.title='run'",
)


def document(id: str, text: str, *entities: tuple[Any, ...], relations: tuple[Relation, ...] = ()) -> Document:
    """A document whose mentions are given as (id, type, score, parts of the text)."""
    made = []
    for name, kind, score, *parts in entities:
        spans, place = [], 0
        for part in parts:
            place = text.index(part, place)
            spans.append((place, place + len(part)))
        made.append(Entity(name, kind, tuple(spans), score=score))
    return Document(id, text, tuple(made), relations)


TEXT = "😀 e\u0301tude: imatinib inhibits BCR-ABL; hereditary breast and ovarian cancer of BRCA1."
FIRST = document(
    "uncertain",
    TEXT,
    ("T1", "Chemical", 0.9, "imatinib"),
    ("T2", "Gene", 0.35, "BCR-ABL"),
    ("T3", "Disease", 0.8, "hereditary breast", "cancer"),
    ("T4", "Disease", 0.7, "breast and ovarian cancer"),
    ("T5", "Organ", 0.6, "ovarian"),
    ("T6", "Gene", None, "BRCA1"),
    relations=(Relation("inhibits", "T1", "T2", 0.95), Relation("causes", "T6", "T3", 0.5)),
)
SECOND = document("certain", "Aspirin helps.", ("T1", "Chemical", 0.99, "Aspirin"))
THIRD = document("plain", "Nothing is marked here.")


def opened(tmp_path: Path, *documents: Document, name: str = "page.html", **window: Any) -> Any:
    write(documents, tmp_path / name, "html")
    return visiting(tmp_path / name, **window)


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    with opened(tmp_path_factory.mktemp("page"), THIRD, SECOND, FIRST) as visit:
        yield visit


@pytest.fixture
def page(visit: Visit) -> Iterator[Any]:
    """The page as it is when it is opened."""
    visit.page.reload()
    visit.page.wait_for_selector(".ranat .text")
    yield visit.page
    visit.check()


def shown(page: Any) -> str:
    return str(page.inner_text(".document h2"))


def listed(page: Any) -> list[str]:
    return list(page.locator(".row b").all_inner_texts())


def marked(page: Any) -> dict[str, str]:
    """What is marked as each mention, by where the marks stand in the text: characters from here, not from the page."""
    found: dict[str, str] = {}
    for mark in page.evaluate(
        """() => [...document.querySelectorAll("mark")].map((mark) => {
          const [start, end] = [[mark, 0], [mark, mark.childNodes.length]];
          const article = document.querySelector("article");
          return [mark.dataset.entity, RanatView.offsetOf(article, ...start), RanatView.offsetOf(article, ...end)];
        })"""
    ):
        name, start, end = mark
        found[name] = found.get(name, "") + TEXT[start:end]
    return found


def test_mentions_stand_at_their_characters_after_an_emoji_and_a_combining_accent(page: Any) -> None:
    assert page.evaluate("document.querySelector('.text').textContent") == TEXT
    assert marked(page) == {
        entity.id: "".join(TEXT[start:end] for start, end in entity.spans) for entity in FIRST.entities
    }
    assert page.locator("mark[data-entity=T3].breaks").count() == 1
    assert "".join(page.locator(".gap").all_inner_texts()) == " and ovarian "
    label = "hereditary breast cancer, Disease, score 0.800"
    assert page.locator("mark[data-entity=T3][tabindex]").get_attribute("aria-label") == label


ARCS = """() => [...document.querySelectorAll(".arc")].map((arc) => {
  const label = arc.querySelector("text").textContent;
  const [line, head] = [".line", ".head"].map((part) => arc.querySelector(part)?.getBoundingClientRect());
  return [label, line.left, line.right, head && (head.left + head.right) / 2, head?.bottom];
})"""


def box(page: Any, name: str) -> dict[str, float]:
    """Where a mention begins on the page, with "right"."""
    found = page.locator(f"mark[data-entity={name}]").first.bounding_box()
    return {**found, "right": found["x"] + found["width"]}


def test_an_arc_leads_from_head_to_tail(page: Any) -> None:
    arcs = page.evaluate(ARCS)
    (left, right, arrow, bottom), head, tail = arcs[0][1:], box(page, "T1"), box(page, "T2")
    assert arcs[0][0] == "inhibits"
    assert head["x"] <= left <= head["right"]
    assert tail["x"] <= right <= tail["right"]
    assert abs(arrow - right) < 5
    assert 0 <= tail["y"] - bottom < 4


def test_of_a_relation_over_lines_each_end_has_a_stub(page: Any) -> None:
    assert box(page, "T3")["y"] < box(page, "T6")["y"]
    (tail, head) = sorted((arc for arc in page.evaluate(ARCS) if "causes" in arc[0]), key=lambda arc: arc[3] is None)
    assert box(page, "T3")["x"] <= tail[3] <= box(page, "T3")["right"]
    assert [arc[0].replace("…", "").strip() for arc in (tail, head)] == ["causes"] * 2
    assert all("…" in arc[0] for arc in (tail, head))
    assert head[1] <= box(page, "T6")["right"]
    assert head[2] >= box(page, "T6")["x"]


def test_a_triple_shows_its_words_and_words_their_triple(page: Any) -> None:
    page.evaluate("""() => { window.told = [];
      document.addEventListener("ranat:select", ({ detail }) => told.push([detail.kind, detail.index])); }""")
    triples = page.locator(".triples button")
    triples.first.click()
    assert set(page.eval_on_selector_all("mark.chosen", "all => all.map((one) => one.dataset.entity)")) == {"T1", "T2"}
    assert triples.first.get_attribute("aria-pressed") == "true"
    assert page.inner_text(".tip").split("\n") == ["inhibits", "score 0.950"]
    triples.first.click()
    assert page.locator(".chosen").count() == 0
    page.locator("mark[data-entity=T6]").click()
    assert page.locator(".triples button.chosen").all_inner_texts() == [triples.nth(1).inner_text()]
    page.locator(".arc[data-relation='0'] text").click()
    assert triples.first.get_attribute("aria-pressed") == "true"
    page.keyboard.press("Escape")
    assert page.evaluate("told") == [["relation", 0], [None, None], ["entity", 5], ["relation", 0]]
    triples.first.press("Escape")
    assert page.evaluate("told").pop() == [None, None]


def test_a_second_click_goes_on_to_the_mention_around(page: Any) -> None:
    chosen = "all => [...new Set(all.map((one) => one.dataset.entity))]"
    for names in (["T5"], ["T4"], []):
        page.locator("mark[data-entity=T5]").click()
        assert page.eval_on_selector_all("mark.chosen", chosen) == names


def test_scores_are_told_by_pointer_and_keyboard(page: Any) -> None:
    page.locator("mark[data-entity=T2]").hover()
    assert page.inner_text(".tip").split("\n") == ["Gene", "score 0.350"]
    page.mouse.move(1, 1)
    assert not page.is_visible(".tip")
    page.locator("mark[data-entity=T1]").focus()
    assert page.inner_text(".tip").split("\n") == ["Chemical", "score 0.900"]
    page.keyboard.press("Enter")
    assert page.locator(".triples button.chosen").count() == 1


def test_the_most_uncertain_document_comes_first_and_the_file_order_can_be_had(page: Any) -> None:
    assert listed(page) == ["uncertain", "certain", "plain"]
    assert page.locator(".row .lowest").all_inner_texts() == ["0.35", "0.99", ""]
    page.select_option("#ranat-order", "file")
    assert listed(page) == ["plain", "certain", "uncertain"]


def test_the_keyboard_leads_through_documents(page: Any) -> None:
    seen = [shown(page)]
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft"):
        page.keyboard.press(key)
        seen.append(shown(page))
    assert seen == ["uncertain", "certain", "plain", "plain", "certain"]
    page.locator(".list").focus()
    page.keyboard.press("End")
    assert shown(page) == "plain"
    page.keyboard.press("ArrowUp")
    assert shown(page) == "certain"
    assert page.get_attribute(".list", "aria-activedescendant") == page.get_attribute("[aria-selected=true]", "id")
    page.fill("#ranat-search", "x")
    page.keyboard.press("ArrowLeft")
    assert shown(page) == "certain"


def test_types_relations_and_scores_are_filtered(page: Any) -> None:
    page.locator(".chip", has_text="Gene").locator("input").uncheck()
    assert set(marked(page)) == {"T1", "T3", "T4", "T5"}
    assert page.locator(".arc").count() == page.locator(".triples li").count() == 0
    assert listed(page) == ["uncertain", "certain"]
    page.locator(".all").first.click()
    page.locator(".chip", has_text="causes").locator("input").uncheck()
    page.wait_for_selector(".arc")
    assert page.locator(".arc text").all_text_contents() == ["inhibits"]
    page.locator("#ranat-score").fill("0.85")
    assert set(marked(page)) == {"T1", "T6"}
    page.locator("#ranat-score").fill("0.95")
    assert listed(page) == ["uncertain"]  # a mention without a score is no uncertain one
    page.locator(".chip", has_text="causes").locator("input").check()
    assert listed(page) == ["uncertain", "certain"]
    page.locator(".all").first.click()
    assert page.inner_text(".count") == "0 of 3 documents"
    assert page.inner_text(".nothing") == "No document has that."


def test_a_search_finds_texts_and_ids(page: Any) -> None:
    page.fill("#ranat-search", "ASPIRIN")
    page.wait_for_selector(".count:has-text('1 of 3')")
    assert (listed(page), shown(page)) == (["certain"], "certain")
    assert page.evaluate("[...CSS.highlights.get('ranat-search')].map(String)") == ["Aspirin"]
    page.fill("#ranat-search", "uncert")
    page.wait_for_function("() => document.querySelector('.document h2').textContent === 'uncertain'")
    page.fill("#ranat-search", "")
    page.wait_for_selector(".count:has-text('3 documents')")


def test_what_is_selected_in_the_text_is_told_in_characters(page: Any) -> None:
    span = page.evaluate(
        """() => {
          const mark = document.querySelector("mark[data-entity=T2]");
          getSelection().selectAllChildren(mark);
          return RanatView.selectedSpan(document.querySelector("article"));
        }"""
    )
    assert [span] == [list(one) for one in FIRST.entities[1].spans]


def test_colours_are_those_of_the_pages_without_a_script(page: Any) -> None:
    kinds = ["Gene", "GENE", "Disease", "Chemical", "", "É", "ΑΣ", "疾病", "😀", "drug_n", "a b", *map(str, range(200))]
    found = page.evaluate(f"{json.dumps(kinds)}.map(RanatView.colour)")
    assert found == [f"colour{colour_of(kind)}" for kind in kinds]


def test_the_index_says_what_the_script_would(page: Any) -> None:
    odd = replace(SECOND, text="😀" * 200, entities=(Entity("1", "__proto__", ((0, 1),), score=0.5),))
    for one in (FIRST, SECOND, THIRD, odd):
        said = page.evaluate("(document) => JSON.stringify(RanatView.summary(document))", one.to_dict())
        assert json.loads(said) == json.loads(json.dumps(summary(one)))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_fits_the_window_and_is_accessible(tmp_path: Path, width: int, scheme: str) -> None:
    with opened(tmp_path, FIRST, SECOND, width=width, color_scheme=scheme) as visit:
        visit.page.wait_for_selector(".arc")
        assert visit.page.evaluate("document.documentElement.scrollWidth") == width
        visit.accessible()
        if width < 700:
            assert not visit.page.is_visible(".list")
            visit.page.click(".opener")
            visit.accessible()
            visit.page.locator(".row").nth(1).click()
            assert not visit.page.is_visible(".list")
        visit.page.locator("mark").first.click()
        visit.accessible()
        visit.check()


def test_the_words_of_a_triple_come_from_under_the_header_of_a_phone(tmp_path: Path) -> None:
    longer = replace(FIRST, text=TEXT + " More words." * 200)
    with opened(tmp_path, longer, width=390, height=700) as visit:
        visit.page.wait_for_selector(".arc")
        visit.page.locator(".triples button").first.click()
        header, word = (visit.page.locator(one).first.bounding_box() for one in ("header", "mark.chosen"))
        assert header["y"] + header["height"] < word["y"] < 700
        visit.check()


def test_hostile_texts_do_nothing(tmp_path: Path) -> None:
    documents = [
        Document(
            bad, f"a {bad}", (Entity(bad, bad, ((0, 2),), bad), Entity("2", bad, ((1, 5),))), (Relation(bad, bad, "2"),)
        )
        for bad in HOSTILE
    ]
    name = "<img src=x onerror=alert(1)>&\u202e'\".html"
    with opened(tmp_path, *documents, name=name) as visit:
        for _ in HOSTILE:
            visit.page.wait_for_selector(".ranat .text")
            assert (
                visit.page.locator("img, style:not(head style), .document script, .document svg:not(.arcs)").count()
                == 0
            )
            visit.page.locator("mark").first.click()
            visit.page.keyboard.press("Escape")
            visit.page.keyboard.press("ArrowRight")
        assert visit.page.title().startswith("<img")
        assert "\u202e" not in visit.page.inner_text("body")
        visit.check()
    assert list(read(tmp_path / name)) == documents


def test_what_is_put_into_the_page_neither_runs_nor_fetches(tmp_path: Path) -> None:
    write([FIRST], tmp_path / "page.html", "html")
    evil = (
        '<img src="http://example.invalid/x.png"><script>document.title="run"</script><p style="color:red" id=p>x</p>'
    )
    page = (tmp_path / "page.html").read_text().replace('<div id="ranat-page">', f'{evil}<div id="ranat-page">')
    (tmp_path / "page.html").write_text(page)
    with visiting(tmp_path / "page.html") as visit:
        visit.page.wait_for_selector(".ranat .text")
        assert visit.page.title() == "page"
        assert visit.page.evaluate("getComputedStyle(document.getElementById('p')).color") != "rgb(255, 0, 0)"
        assert all("Content Security Policy" in one for one in visit.said)
        assert len(visit.said) == 3


def test_of_ten_thousand_documents_only_what_is_on_the_screen_is_drawn(tmp_path: Path) -> None:
    many = (
        Document(f"{n:05}", f"Gene{n} and more. " * 20, (Entity("T1", "Gene", ((0, 4),), score=1 - n / 20_000),))
        for n in range(10_000)
    )
    with opened(tmp_path, *many) as visit:
        visit.page.wait_for_selector("mark")
        assert visit.page.inner_text(".place") == "1 / 10,000"
        assert visit.page.evaluate("document.querySelectorAll('*').length") < 300
        assert listed(visit.page)[0] == "09999"
        visit.page.locator(".list").focus()
        visit.page.keyboard.press("End")
        assert (shown(visit.page), listed(visit.page)[-1]) == ("00000", "00000")
        assert visit.page.evaluate("document.querySelectorAll('*').length") < 300
        visit.check()


def test_relations_of_concepts_stand_between_the_nearest_mentions_and_too_many_are_listed(tmp_path: Path) -> None:
    text = "aa bb cc dd"
    entities = tuple(Entity(f"T{n}", "X", ((3 * n, 3 * n + 2),), f"C{n % 2}") for n in range(4))
    relations = (Relation("r", "C0", "C1"), *(Relation(f"s{n}", "T0", "T3") for n in range(15)))
    with opened(tmp_path, Document("1", text, entities, relations)) as visit:
        visit.page.wait_for_selector(".arc")
        assert visit.page.locator(".triples button").first.inner_text().startswith("aa r → bb")
        assert visit.page.locator(".triples button").count() == 16
        assert visit.page.locator(".arc").count() == 12
        assert visit.page.inner_text(".note") == "Relations without an arc: 4; the list has them all."
        visit.check()


def test_without_scripts_it_says_so(tmp_path: Path) -> None:
    with opened(tmp_path, FIRST, java_script_enabled=False) as visit:
        assert "switched off" in visit.page.content()
