"""The page in a real browser, used as a person uses it: paste, filter, correct, reload, download."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from by_hand import RUNS, WORDS, bring_marked, lookup, marks, paste, saved, select, until

from browsing import visiting
from ranat import formats
from ranat.documents import Document, Entity, Relation
from ranat.extraction import Extractor
from ranat.web.app import create_app
from ranat.web.limits import Limits
from ranat.web.store import Store
from web_servers import TEXT, app_of, serving


@pytest.fixture
def address(store: Store) -> Iterator[str]:
    with serving(create_app(lookup, store, RUNS, limits=Limits())) as address:
        yield address


def test_a_pasted_text_is_shown_with_what_real_models_find(
    extractor: Extractor, store: Store, models: dict[str, str]
) -> None:
    """Entities stand at their characters, arcs and the list of triples are there, whatever the models say."""
    expected = extractor.extract(TEXT)
    with serving(app_of(extractor, store, models)) as address, visiting(address) as visit:
        paste(visit.page, TEXT)
        visit.page.wait_for_selector(".board .arc")
        assert marks(visit.page) == [(e.type, expected.mention(e)) for e in expected.entities if len(e.spans) == 1]
        assert visit.page.locator(".triples button").count() == len(expected.relations)
        assert visit.page.locator("#models").text_content() == "chemical · gene · relation"
        visit.check()


def test_entities_and_arcs_at_the_right_characters(address: str) -> None:
    with visiting(address) as visit:
        paste(visit.page)
        found = marks(visit.page)
        assert found == [
            ("Chemical", "Cisplatin"),
            ("Disease", "nephrotoxicity"),
            ("Gene", "BRCA1"),
            ("Chemical", "Naloxone"),
        ]
        assert visit.page.locator(".triples button").text_content() == "Cisplatin induces → nephrotoxicity0.600"
        assert visit.page.locator(".arc").count() >= 1
        visit.page.click("#table-open")
        cells = [cell.text_content() for cell in visit.page.locator("#table td").all()]
        assert cells[1:] == ["Cisplatin", "Chemical", "induces", "nephrotoxicity", "Disease", "0.600"]
        visit.check()
        visit.accessible()


def test_a_filter_hides_a_type_and_its_relations(address: str) -> None:
    with visiting(address) as visit:
        paste(visit.page)
        visit.page.locator(".filters input[value=Disease]").uncheck()
        assert ("Disease", "nephrotoxicity") not in marks(visit.page)
        assert visit.page.locator(".triples button").count() == 0
        visit.page.locator(".filters input[value=Disease]").check()
        assert len(marks(visit.page)) == 4
        visit.check()


def test_a_corrected_boundary_is_there_after_a_reload(address: str, store: Store) -> None:
    with visiting(address) as visit:
        page = visit.page
        paste(page)
        page.fill("#who", "Ann")
        page.locator("mark[data-type=Disease]").click()
        page.click("[data-do='start -1']")  # one word earlier
        saved(page)
        page.click("[data-do='end -1']", modifiers=["Shift"])  # one character
        saved(page)
        assert ("Disease", "acute nephrotoxicit") in marks(page)
        page.click("[data-do='end 1']")
        saved(page)
        page.reload()
        page.wait_for_selector("mark")
        assert ("Disease", "acute nephrotoxicity") in marks(page)
        visit.check()
    (row,) = store.all()
    (entity,) = [one for one in row.document.entities if one.type == "Disease"]
    assert row.document.mention(entity) == "acute nephrotoxicity"  # code points, behind an emoji
    assert (row.who, row.state, entity.score) == ("Ann", "open", None)


def test_mark_retype_relate_turn_remove_and_undo(address: str, store: Store) -> None:
    def relations() -> list[tuple[str, str, str]]:
        (row,) = store.all()
        names = {one.id: row.document.mention(one) for one in row.document.entities}
        return [(names[one.head], one.type, names[one.tail]) for one in row.document.relations]

    with visiting(address) as visit:
        page = visit.page
        paste(page)
        select(page, "BRCA1 mutations")
        page.click("[data-do='mark Gene']")
        saved(page)
        assert ("Gene", "BRCA1 mutations") in [
            (e.type, store.all()[0].document.mention(e)) for e in store.all()[0].document.entities
        ]
        page.click("[data-do='type Disease']")
        saved(page)
        page.click("[data-do=relate]")
        page.click("[data-do='relation treats']")
        page.locator("mark[data-type=Chemical]").first.click()
        saved(page)
        assert ("BRCA1 mutations", "treats", "Cisplatin") in relations()
        page.click("[data-do=turn]")
        saved(page)
        assert ("Cisplatin", "treats", "BRCA1 mutations") in relations()
        page.click("[data-do='relation induces']")
        saved(page)
        assert ("Cisplatin", "induces", "BRCA1 mutations") in relations()
        page.keyboard.press("Delete")
        saved(page)
        assert relations() == [("Cisplatin", "induces", "nephrotoxicity")]
        page.keyboard.press("Control+z")
        saved(page)
        assert ("Cisplatin", "induces", "BRCA1 mutations") in relations()
        page.reload()
        page.wait_for_selector("mark")
        revision = store.all()[0].revision
        page.click("[data-do=undo]")  # also after a reload
        until(page, "document.querySelectorAll('.triples button').length === 1")
        saved(page)
        assert store.all()[0].revision == revision + 1
        visit.check()
        visit.accessible()


def test_all_of_it_by_keyboard(address: str, store: Store) -> None:
    store.add(lookup([Document(f"d{n}", f"Naloxone and pain in {n} rats.") for n in range(3)]), "names")
    with visiting(address) as visit:
        page = visit.page
        page.wait_for_selector("mark")
        seen = []
        for _ in range(3):
            seen.append(page.locator(".board h2").text_content())
            page.keyboard.press("ArrowRight")
        assert seen == ["d0", "d1", "d2"]
        page.locator(".board mark[tabindex]").first.focus()
        page.keyboard.press("Enter")
        page.wait_for_selector("[data-do='end 1']")
        page.locator("[data-do='end 1']").focus()
        page.keyboard.press("Enter")
        saved(page)
        assert page.evaluate("document.activeElement.dataset.do") == "end 1"  # it can be pressed again
        assert ("Chemical", "Naloxone and") in marks(page)
        page.keyboard.press("Escape")
        page.locator(".board h2").click()
        page.locator("#words").focus()
        page.keyboard.type("rats")
        page.keyboard.press("Enter")
        page.keyboard.press("Enter")  # the first type
        saved(page)
        assert ("Chemical", "rats") in marks(page)
        page.keyboard.press("Control+Enter")
        until(page, "document.querySelector('.board h2').textContent !== 'd2'")
        assert [row.state for row in store.all()] == ["predicted", "predicted", "checked"]
        visit.check()


def test_the_most_uncertain_comes_next_until_all_is_checked(address: str, store: Store) -> None:
    texts = ["Naloxone.", "Naloxone and Cisplatin.", "BRCA1, Naloxone and Cisplatin."]
    store.add(lookup([Document(f"d{n}", text) for n, text in enumerate(texts)]), "names")
    with visiting(address) as visit:
        page = visit.page
        page.wait_for_selector("mark")
        page.click("#next")
        until(page, "document.querySelector('.board h2').textContent === 'd1'")  # d2 was shown before
        for _ in range(3):
            page.click("[data-do=done]")
            page.wait_for_timeout(300)
        until(page, "document.getElementById('status').textContent === 'All documents are checked.'")
        assert {row.state for row in store.all()} == {"checked"}
        with page.expect_download() as downloading:
            page.click("#corrections")
        lines = Path(downloading.value.path()).read_text().splitlines()
        assert len(lines) == 3
        assert {one["status"] for line in lines for one in json.loads(line)["entities"]} == {"accepted"}
        visit.check()


def test_a_file_goes_in_and_pubtator_comes_out(address: str, tmp_path: Path) -> None:
    file = tmp_path / "two.jsonl"
    documents = [Document("one", WORDS.removeprefix("\U0001f600 ")), Document("two", "Naloxone and pain.")]
    formats.write(documents, file, "jsonl")
    with visiting(address, accept_downloads=True) as visit:
        page = visit.page
        page.wait_for_selector("#format option", state="attached")
        page.set_input_files("#file", file)
        page.wait_for_selector("mark")
        page.select_option("#format", "pubtator")
        page.select_option("#scope", "all")
        with page.expect_download() as downloading:
            page.click("#download")
        out = tmp_path / downloading.value.suggested_filename
        downloading.value.save_as(out)
        until(page, "document.getElementById('status').textContent.includes('cannot hold')")
        visit.check()
    read = list(formats.read(out))
    expected = lookup(documents)
    assert [one.text for one in read] == [one.text for one in expected]
    assert [[(e.type, e.spans) for e in one.entities] for one in read] == [
        [(e.type, e.spans) for e in one.entities] for one in expected
    ]


def test_a_file_is_dropped_and_its_triples_are_copied(address: str) -> None:
    with visiting(address, permissions=["clipboard-read", "clipboard-write"]) as visit:
        page = visit.page
        page.wait_for_selector("#format option", state="attached")
        dropped = page.evaluate_handle(
            """text => {
              const carried = new DataTransfer();
              carried.items.add(new File([text], "dropped.txt"));
              return carried;
            }""",
            WORDS,
        )
        page.dispatch_event("body", "drop", {"dataTransfer": dropped})
        page.wait_for_selector("mark")
        page.click("#table-open")
        page.click("#table button")
        until(page, "document.getElementById('status').textContent === '1 triples were copied.'")
        rows = page.evaluate("navigator.clipboard.readText()").split("\n")
        assert rows[1].split("\t")[1:] == ["Cisplatin", "Chemical", "induces", "nephrotoxicity", "Disease", "0.600"]
        page.select_option("#format", "pubtator")
        page.click("#copy")
        until(page, "document.getElementById('status').textContent.includes('was copied')")
        assert "Cisplatin\tChemical" in page.evaluate("navigator.clipboard.readText()")
        visit.check()


def test_hostile_text_is_text(address: str, store: Store, tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&"
    document = Document(
        hostile, f"{hostile} Naloxone", (Entity(hostile, hostile, ((0, 8),)), Entity("T2", "X", ((8, 13),)))
    )
    document = Document(hostile, document.text, document.entities, (Relation(hostile, hostile, "T2"),))
    file = tmp_path / "<img src=x onerror=alert(3)>.jsonl"
    formats.write([document], file, "jsonl")
    with visiting(address) as visit:
        page = visit.page
        bring_marked(page, file)
        assert page.locator(".board h2").text_content() == hostile
        assert page.locator(".board .text").text_content().startswith(hostile)
        page.click("#table-open")
        page.fill("#who", hostile)
        page.locator("mark[tabindex]").first.click()
        page.click("[data-do='start 1']", modifiers=["Shift"])
        saved(page)
        visit.check()
        page.set_input_files(
            "#file", {"name": "<b>x</b>.jsonl", "mimeType": "text/plain", "buffer": b'{"id": "<script>"'}
        )
        page.wait_for_selector("#status.wrong")
        assert page.locator("script:not([src])").count() == 0
        assert page.locator("img").count() == 0
        assert len(visit.said) == 1  # the browser tells of the answer 422
    assert store.all()[0].who == hostile


def test_what_could_not_be_saved_is_told_kept_and_saved_again(store: Store, tmp_path: Path) -> None:
    app = create_app(lookup, store, RUNS, limits=Limits())
    with serving(app) as address, visiting(address) as visit:
        page = visit.page
        paste(page)
        page.route("**/documents/*", lambda route: route.abort())
        page.locator("mark[data-type=Gene]").click()
        page.click("[data-do='type Disease']")
        page.wait_for_selector(".said.wrong")
        assert store.all()[0].revision == 1
        other = page.context.new_page()  # as after a crash: the first page saves nothing more
        other.goto(address)
        other.wait_for_selector("mark")
        saved(other)
        assert [entity.type for entity in store.all()[0].document.entities] == [
            "Chemical",
            "Disease",
            "Disease",
            "Chemical",
        ]


def test_somebody_else_was_faster(address: str, store: Store) -> None:
    with visiting(address) as visit:
        page = visit.page
        paste(page)
        row = store.all()[0]
        store.save(row.number, 1, row.document, "Bob", checked=True)
        page.locator("mark[data-type=Gene]").click()
        page.click("[data-do='type Disease']")
        until(page, "document.getElementById('status').textContent.includes('Somebody else')")
        assert ("Gene", "BRCA1") in marks(page)
        assert store.all()[0].who == "Bob"


def test_signing_in(store: Store) -> None:
    token = "a-token-of-some-length"
    with serving(create_app(lookup, store, RUNS, limits=Limits(), token=token)) as address, visiting(address) as visit:
        page = visit.page
        assert page.url.endswith("/login")
        visit.accessible()
        page.fill("#token", "guess")
        page.keyboard.press("Enter")
        page.wait_for_url("**/login#wrong")  # until all of it is loaded: it is the same form again
        page.wait_for_selector("#wrong", state="visible")
        page.fill("#token", token)
        page.keyboard.press("Enter")
        page.wait_for_selector("#text")
        paste(page)
        assert len(marks(page)) == 4
        visit.check()


def test_the_api_is_described_without_a_network(address: str) -> None:
    with visiting(f"{address}/docs") as visit:
        visit.page.wait_for_selector("section")
        assert "POST /extract" in visit.page.locator("h2").all_text_contents()
        visit.check()
        visit.accessible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_fits_and_can_be_read(address: str, width: int, scheme: str) -> None:
    with visiting(address, width=width, color_scheme=scheme) as visit:
        visit.page.wait_for_selector("#format option", state="attached")
        visit.accessible()
        paste(visit.page)
        visit.page.locator("mark[data-type=Disease]").click()
        assert visit.page.evaluate("document.documentElement.scrollWidth") == width
        visit.accessible()
        visit.check()
