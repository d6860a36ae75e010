"""The page when saving does not go smoothly: somebody else saves, the server cannot be reached, the browser is full."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from by_hand import RUNS, bring_marked, lookup, marks, paste, saved, until

from browsing import visiting
from ranat import formats
from ranat.documents import Document, Entity, Relation
from ranat.web.app import create_app
from ranat.web.limits import Limits
from ranat.web.store import Store
from web_servers import serving

PAIR = "Naloxone and pain."
CONFLICT = "document.getElementById('status').textContent.startsWith('Somebody else')"
SAID = "document.querySelector('.editor .said').textContent"
KEPT = "Object.keys(localStorage).filter(key => key.startsWith('ranat-unsaved')).length"


@pytest.fixture
def address(store: Store) -> Iterator[str]:
    with serving(create_app(lookup, store, RUNS, limits=Limits())) as address:
        yield address


def retype(page: Any, was: str, type: str) -> None:
    page.locator(f"mark[data-type={was}]").first.click()
    page.click(f"[data-do='type {type}']")


def by_bob(store: Store, *, checked: bool) -> None:
    """Bob saves the first document with a gene in place of its first entity."""
    row = store.all()[0]
    first, *others = row.document.entities
    entities = (replace(first, type="Gene"), *others)
    store.save(row.number, row.revision, replace(row.document, entities=entities), "Bob", checked=checked)


@contextmanager
def unsaved(address: str) -> Iterator[Any]:
    """A page with the first mention of a document made a gene, which the server could not be told."""
    with visiting(address) as visit:
        page = visit.page
        paste(page, PAIR)
        saves_fail(page)
        retype(page, "Chemical", "Gene")
        page.wait_for_selector(".said.wrong")
        yield page


def saved_at_last(page: Any, store: Store) -> None:
    page.click("[data-do=retry]")
    saved(page)
    assert [entity.type for entity in store.all()[0].document.entities] == ["Gene", "Disease"]


def saves_fail(page: Any) -> None:
    page.route("**/documents/*", lambda route: route.abort() if route.request.method == "PUT" else route.continue_())


@pytest.mark.parametrize("checked", [False, True])
def test_no_edit_that_waits_overwrites_what_somebody_else_saved(address: str, store: Store, checked: bool) -> None:
    with visiting(address) as visit:
        page = visit.page
        paste(page, PAIR)
        by_bob(store, checked=checked)
        held: list[Any] = []

        def hold(route: Any) -> None:
            """The first save takes long."""
            if route.request.method == "PUT" and not held:
                held.append(route)
            else:
                route.continue_()

        page.route("**/documents/*", hold)
        retype(page, "Chemical", "Disease")
        page.locator("mark[data-type=Disease]").last.click()
        page.click("[data-do='type Gene']")  # while the first edit is on its way
        while not held:
            page.wait_for_timeout(20)
        held[0].continue_()
        until(page, CONFLICT)
        until(page, f"{KEPT} === 0")
        assert marks(page) == [("Gene", "Naloxone"), ("Disease", "pain")]
        assert [(row.who, row.revision) for row in store.all()] == [("Bob", 2)]
        page.unroute("**/documents/*")
        page.click("[data-do='type Chemical']")  # an edit of what Bob saved is saved
        saved(page)
        assert [entity.type for entity in store.all()[0].document.entities] == ["Gene", "Chemical"]


def test_who_says_that_all_is_right_stays_where_somebody_else_was_faster(address: str, store: Store) -> None:
    store.add(lookup([Document("d0", PAIR), Document("d1", "BRCA1 and pain.")]), "names")
    with visiting(address) as visit:
        page = visit.page
        page.wait_for_selector("mark")
        assert page.locator(".board h2").text_content() == "d0"
        by_bob(store, checked=False)
        page.click("[data-do=done]")
        until(page, CONFLICT)
        page.wait_for_timeout(300)  # it does not go on
        assert page.evaluate(CONFLICT)
        assert page.locator(".board h2").text_content() == "d0"
        assert marks(page) == [("Gene", "Naloxone"), ("Disease", "pain")]
        assert store.all()[0].who == "Bob"
        page.click("[data-do=done]")  # now it is said of what Bob saved
        until(page, "document.querySelector('.board h2').textContent === 'd1'")
        assert store.all()[0].state == "checked"


def test_what_is_not_saved_outlives_documents_that_others_add(address: str, store: Store) -> None:
    with unsaved(address) as page:
        page.unroute("**/documents/*")
        store.add(lookup([Document("new", "BRCA1, Naloxone and Cisplatin.")]), "names")
        page.click("#next")
        until(page, "document.querySelector('.board h2').textContent === 'new'")
        page.keyboard.press("ArrowLeft")
        page.wait_for_selector(".said.wrong")
        assert marks(page) == [("Gene", "Naloxone"), ("Disease", "pain")]
        saved_at_last(page, store)


def test_what_is_not_saved_outlives_the_same_text_again(address: str, store: Store) -> None:
    with unsaved(address) as page:
        paste(page, PAIR)
        assert marks(page) == [("Gene", "Naloxone"), ("Disease", "pain")]
        page.unroute("**/documents/*")
        saved_at_last(page, store)


def test_a_browser_without_room_saves_all_the_same(address: str, store: Store) -> None:
    with visiting(address) as visit:
        page = visit.page
        paste(page, PAIR)
        page.evaluate(
            """() => {
              for (let size = 1 << 20; size >= 1; size >>= 1) {
                try {
                  for (let n = 0; ; n++) localStorage.setItem(`${size} ${n}`, "x".repeat(size));
                } catch {}
              }
            }"""
        )
        retype(page, "Chemical", "Gene")
        until(page, f"{SAID} === 'saved, not checked yet'")
        page.click("[data-do=done]")
        until(page, f"{SAID} === 'checked'")
        until(page, "document.getElementById('status').textContent === 'All documents are checked.'")
        assert [entity.type for entity in store.all()[0].document.entities] == ["Gene", "Disease"]
        visit.check()


def test_after_a_conflict_whose_outcome_could_not_be_fetched(address: str, store: Store) -> None:
    """It is told, kept, and fetched at the next try; after that all goes on."""
    with visiting(address) as visit:
        page = visit.page
        paste(page, PAIR)
        by_bob(store, checked=True)
        page.route(
            "**/documents/*", lambda route: route.abort() if route.request.method == "GET" else route.continue_()
        )
        retype(page, "Chemical", "Disease")
        page.wait_for_selector(".said.wrong")
        assert "somebody else has saved another revision" in page.evaluate(SAID)
        assert page.evaluate(KEPT) == 1
        page.unroute("**/documents/*")
        page.click("[data-do=retry]")
        until(page, CONFLICT)
        assert marks(page) == [("Gene", "Naloxone"), ("Disease", "pain")]
        page.locator("mark[data-type=Disease]").click()
        page.click("[data-do='type Chemical']")
        saved(page)
        assert [(row.revision, row.document.entities[1].type) for row in store.all()] == [(3, "Chemical")]


@pytest.mark.parametrize("edited_on", [False, True])
def test_a_save_whose_answer_is_lost_is_nobody_elses(address: str, store: Store, edited_on: bool) -> None:
    with visiting(address) as visit:
        page = visit.page
        paste(page, PAIR)

        def lose(route: Any) -> None:
            """The server saves it, and the page never hears of it."""
            if route.request.method == "PUT":
                route.fetch()
                route.abort()
            else:
                route.continue_()

        page.route("**/documents/*", lose)
        retype(page, "Chemical", "Gene")
        page.wait_for_selector(".said.wrong")
        page.unroute("**/documents/*")
        assert store.all()[0].revision == 2
        if edited_on:
            saves_fail(page)
            retype(page, "Disease", "Chemical")
            page.wait_for_function(f"{SAID} !== ''")
            page.unroute("**/documents/*")
        page.click("[data-do=retry]")
        saved(page)
        assert not page.evaluate(CONFLICT)
        (row,) = store.all()
        assert [entity.type for entity in row.document.entities] == ["Gene", "Chemical" if edited_on else "Disease"]
        assert row.revision == (3 if edited_on else 2)


def test_a_browser_that_keeps_nothing(address: str, store: Store) -> None:
    """Where storage is forbidden, looking at it is an error."""
    with visiting(address) as visit:
        page = visit.page
        page.add_init_script(
            "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no', 'SecurityError'); }})"
        )
        page.reload()
        page.wait_for_selector("#extract")
        paste(page, PAIR)
        retype(page, "Chemical", "Gene")
        until(page, f"{SAID} === 'saved, not checked yet'")
        assert [entity.type for entity in store.all()[0].document.entities] == ["Gene", "Disease"]
        visit.check()


@pytest.mark.parametrize(("removed", "left"), [("Disease", 0), ("Gene", 1)])
def test_a_relation_of_concepts_goes_with_the_last_mention(
    address: str, store: Store, tmp_path: Path, removed: str, left: int
) -> None:
    """Of D001, which another mention has as a part, one is left; of D002 none is."""
    entities = (
        Entity("T1", "Chemical", ((0, 8),), "D001"),
        Entity("T2", "Disease", ((13, 17),), "D002"),
        Entity("T3", "Gene", ((18, 23),), "D009|D001"),
    )
    document = Document("1", "Naloxone and pain BRCA1", entities, (Relation("CID", "D001", "D002"),))
    file = tmp_path / "concepts.jsonl"
    formats.write([document], file, "jsonl")
    with visiting(address) as visit:
        page = visit.page
        bring_marked(page, file)
        page.locator("mark[data-type=Chemical]").click()
        page.click("[data-do=remove]")  # the part is a mention still
        saved(page)
        assert len(store.all()[0].document.relations) == 1
        page.keyboard.press("Control+z")
        saved(page)
        page.locator(f"mark[data-type={removed}]").click()
        page.click("[data-do=remove]")
        saved(page)
        assert len(store.all()[0].document.relations) == left
        assert page.locator(".triples button").count() == left
        page.click("[data-do=done]")
        until(page, f"{SAID} === 'checked'")
        visit.check()


def test_undo_ends_at_what_the_model_found(address: str, store: Store) -> None:
    def types() -> list[str]:
        return [entity.type for entity in store.all()[0].document.entities]

    with visiting(address) as visit:
        page = visit.page
        paste(page, PAIR)
        retype(page, "Chemical", "Gene")
        saved(page)
        page.reload()  # what was saved before is asked of the server
        page.wait_for_selector("mark")
        retype(page, "Gene", "Disease")
        saved(page)
        for type in ("Gene", "Chemical"):
            page.keyboard.press("Control+z")
            until(page, f"document.querySelector('.board mark').dataset.type === '{type}'")
            saved(page)
            assert types() == [type, "Disease"]
        revision = store.all()[0].revision
        assert page.locator("[data-do=undo]").is_disabled()
        for _ in range(3):
            page.keyboard.press("Control+z")
        page.wait_for_timeout(300)
        assert (store.all()[0].revision, types()) == (revision, ["Chemical", "Disease"])
        visit.check()


class Either:
    """Two stores that are served at one address, one after the other."""

    def __init__(self, now: Store) -> None:
        self.now = now

    def __getattr__(self, name: str) -> Any:
        return getattr(self.now, name)


def test_what_is_kept_of_one_store_is_not_saved_to_another(store: Store, tmp_path: Path) -> None:
    """Both have the same document with the same number."""
    other = Store(tmp_path / "other.sqlite")
    either: Any = Either(store)
    with serving(create_app(lookup, either, RUNS, limits=Limits())) as address, visiting(address) as visit:
        page = visit.page
        paste(page, PAIR)
        other.add([store.all()[0].document], "names")
        saves_fail(page)
        retype(page, "Chemical", "Gene")
        page.wait_for_selector(".said.wrong")
        either.now = other
        second = page.context.new_page()
        second.goto(address)
        second.wait_for_selector("mark")
        retype(second, "Disease", "Chemical")
        until(second, f"{KEPT} === 1")  # what was edited here is saved
        assert [entity.type for entity in other.all()[0].document.entities] == ["Chemical", "Chemical"]
        either.now = store
        third = page.context.new_page()
        third.goto(address)
        third.wait_for_selector("mark")
        saved(third)
        assert [entity.type for entity in store.all()[0].document.entities] == ["Gene", "Disease"]
