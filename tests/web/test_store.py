"""Corrections: what is kept, what is told of them, and what they do not do."""

from __future__ import annotations

import json
import resource
import sqlite3
import stat
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from ranat import formats
from ranat.documents import Document, Entity, Relation
from ranat.errors import UserError
from ranat.web.changes import changes, with_statuses
from ranat.web.store import ConflictError, MissingError, Store

PREDICTED = Document(
    "1",
    "Cisplatin induced nephrotoxicity in BRCA1 carriers.",
    (
        Entity("T1", "Chemical", ((0, 9),), score=0.9),
        Entity("T2", "Disease", ((18, 32),), score=0.4),
        Entity("T3", "Gene", ((36, 41),), score=0.8),
    ),
    (Relation("induces", "T1", "T2", 0.7),),
)
MOVED = replace(PREDICTED.entities[2], spans=((36, 50),))
CORRECTED = replace(
    PREDICTED,
    entities=(PREDICTED.entities[0], MOVED, Entity("A1", "Species", ((42, 50),))),
    relations=(Relation("binds", "T1", "T3"),),
)


def plain(document: Document) -> dict[str, Any]:
    return dict(json.loads(json.dumps(document.to_dict())))


def test_what_was_changed() -> None:
    made = changes(PREDICTED, CORRECTED)
    assert [one.what for one in made] == [
        "entity removed",
        "entity moved",
        "entity added",
        "relation removed",
        "relation added",
    ]
    assert made[0].before is not None
    assert (made[0].before["text"], made[0].after) == ("nephrotoxicity", None)
    assert (made[1].before or {})["text"] == "BRCA1"
    assert (made[1].after or {})["text"] == "BRCA1 carriers"
    assert changes(PREDICTED, PREDICTED) == []
    retyped = replace(
        PREDICTED,
        entities=(replace(PREDICTED.entities[0], type="Drug"), *PREDICTED.entities[1:]),
        relations=(Relation("causes", "T1", "T2"),),
    )
    assert [one.what for one in changes(PREDICTED, retyped)] == ["entity retyped", "relation retyped"]
    assert [one.what for one in changes(retyped, PREDICTED)] == ["entity retyped", "relation retyped"]


@pytest.mark.parametrize(("checked", "untouched"), [(False, "predicted"), (True, "accepted")])
def test_where_each_mark_is_from(checked: bool, untouched: str) -> None:
    shown = with_statuses(PREDICTED, CORRECTED, checked=checked)
    assert [one["status"] for one in shown["entities"]] == [untouched, "corrected", "added"]
    assert [one["status"] for one in shown["relations"]] == ["added"]
    other = replace(CORRECTED, relations=(Relation("inhibits", "T1", "T2"),), entities=PREDICTED.entities)
    assert with_statuses(PREDICTED, other, checked=checked)["relations"][0]["status"] == "corrected"


def test_a_correction_is_there_after_the_file_is_opened_again(store: Store) -> None:
    (row,) = store.add([PREDICTED], "runs")
    saved = store.save(row.number, row.revision, CORRECTED, "Ann", checked=True)
    store.close()
    again = Store(store.path)
    found = again.get(row.number)
    assert found == saved
    assert (found.who, found.state, found.revision) == ("Ann", "checked", 2)
    scores = {entity.id: entity.score for entity in found.document.entities}
    assert scores == {"T1": 0.9, "T3": None, "A1": None}  # a moved boundary has no score of the model's any more
    assert found.document.relations[0].score is None
    assert again.predicted(row.number) == PREDICTED
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600


def test_who_changed_what_and_when(store: Store) -> None:
    (row,) = store.add([PREDICTED], "runs")
    store.save(row.number, 1, replace(CORRECTED, relations=()), "Ann", checked=False)
    store.save(row.number, 2, CORRECTED, "Bob", checked=True)
    (exported,) = store.export()
    made = exported["corrections"]["changes"]
    assert [(one["who"], one["what"]) for one in made] == [
        ("Ann", "entity removed"),
        ("Ann", "entity moved"),
        ("Ann", "entity added"),
        ("Ann", "relation removed"),
        ("Bob", "relation added"),
    ]
    assert all(one["when"].endswith("+00:00") for one in made)
    assert [entity["status"] for entity in exported["entities"]] == ["accepted", "corrected", "added"]
    assert (exported["corrections"]["who"], exported["corrections"]["checked"]) == ("Bob", True)


def test_only_what_is_checked_is_exported_unless_asked_for(store: Store) -> None:
    one, other, third = store.add([replace(PREDICTED, id=id) for id in "abc"], "runs")
    store.save(one.number, 1, replace(CORRECTED, id="a"), "Ann", checked=True)
    store.save(other.number, 1, replace(CORRECTED, id="b"), "Ann", checked=False)
    assert [value["id"] for value in store.export()] == ["a"]
    assert [value["id"] for value in store.export(unchecked=True)] == ["a", "b"]
    assert store.get(third.number).state == "predicted"


def test_the_export_is_read_as_documents(store: Store, tmp_path: Path) -> None:
    (row,) = store.add([PREDICTED], "runs")
    store.save(row.number, 1, CORRECTED, "Ann", checked=True)
    file = tmp_path / "corrections.jsonl"
    file.write_text("".join(json.dumps(value) + "\n" for value in store.export()))
    (read,) = formats.read(file)
    assert [(e.id, e.type, e.spans) for e in read.entities] == [(e.id, e.type, e.spans) for e in CORRECTED.entities]
    assert [(r.type, r.head, r.tail) for r in read.relations] == [("binds", "T1", "T3")]


def test_two_who_correct_the_same_revision(store: Store) -> None:
    (row,) = store.add([PREDICTED], "runs")
    store.save(row.number, 1, CORRECTED, "Ann", checked=False)
    with pytest.raises(ConflictError):
        store.save(row.number, 1, PREDICTED, "Bob", checked=True)
    other = Store(store.path)  # of another process
    other.save(row.number, 2, PREDICTED, "Bob", checked=True)
    with pytest.raises(ConflictError):
        store.save(row.number, 2, CORRECTED, "Ann", checked=True)
    assert store.get(row.number).who == "Bob"


def test_many_at_once(store: Store) -> None:
    """Of all that save the same revision exactly one is answered, and nothing is torn."""
    (row,) = store.add([PREDICTED], "runs")
    saved: list[str] = []

    def correct(name: str) -> None:
        for revision in range(1, 11):
            try:
                store.save(row.number, revision, CORRECTED, name, checked=False)
                saved.append(name)
            except ConflictError:
                pass

    threads = [threading.Thread(target=correct, args=(f"{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.get(row.number).revision == 1 + len(saved)


def test_the_same_text_again_keeps_its_corrections(store: Store) -> None:
    (row,) = store.add([PREDICTED], "runs")
    again = replace(PREDICTED, entities=PREDICTED.entities[:1], relations=())
    (other,) = store.add([again], "better runs")
    assert (other.number, other.revision) == (row.number, 2)  # nobody had corrected it
    store.save(row.number, 2, CORRECTED, "Ann", checked=True)
    (kept,) = store.add([PREDICTED], "runs")
    assert (kept.number, kept.revision, kept.who) == (row.number, 3, "Ann")
    (renamed,) = store.add([replace(PREDICTED, text=PREDICTED.text + " More.")], "runs")
    assert renamed.id == "1#2"


def test_what_is_taken_off_the_list(store: Store) -> None:
    (row,) = store.add([PREDICTED], "runs")
    store.save(row.number, 1, CORRECTED, "Ann", checked=True)
    store.remove(row.number, "Ann")
    assert store.all() == []
    assert list(store.export(unchecked=True)) == []
    with pytest.raises(MissingError):
        store.get(row.number)
    assert len(store.history(row.number)) == 3
    (again,) = store.add([PREDICTED], "runs")
    assert (again.number, again.state) == (row.number, "predicted")


def test_the_most_uncertain_comes_first(store: Store) -> None:
    scores = [0.9, 0.2, 0.5, None]
    documents = [
        Document(str(n), "Cisplatin", (Entity("T1", "X", ((0, 9),), score=score),)) for n, score in enumerate(scores)
    ]
    rows = store.add(documents, "runs")
    order = []
    while (row := store.next()) is not None:
        order.append(row.id)
        store.save(row.number, row.revision, row.document, "Ann", checked=True)
    assert order == ["1", "2", "0", "3"]
    store.save(rows[1].number, 2, documents[1], "Ann", checked=False)
    assert (store.next(rows[1].number) or rows[0]).id == "1"  # the only one that is left


def test_no_row_is_changed_or_deleted(store: Store) -> None:
    store.add([PREDICTED], "runs")
    other = sqlite3.connect(store.path)
    for statement in ("UPDATE revisions SET who = 'x'", "DELETE FROM revisions"):
        with pytest.raises(sqlite3.IntegrityError, match="never"):
            other.execute(statement)


@pytest.mark.parametrize("what", ["text", "other store", "marked", "later"])
def test_what_is_no_store(tmp_path: Path, what: str) -> None:
    file = tmp_path / "file"
    if what == "text":
        file.write_text("something else entirely, of some length" * 100)
    elif what == "later":
        Store(file).close()
    made = {
        "other store": "CREATE TABLE x (y)",
        "marked": "PRAGMA application_id = 7",
        "later": "PRAGMA user_version = 99",
    }
    if what in made:
        with closing(sqlite3.connect(file)) as other:
            other.execute(made[what])
    before = file.read_bytes()
    with pytest.raises(UserError, match="is no store of corrections"):
        Store(file)
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is a folder, not a store of corrections"):
        Store(tmp_path)


def test_a_disk_without_room_is_told_and_leaves_no_file(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(UserError, match=r"cannot be used for corrections: .*disk.*--store"):
            Store(tmp_path / "s.sqlite")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_another_program_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ranat.web.store._BUSY_SECONDS", 0)
    Store(tmp_path / "s.sqlite").close()
    holding = sqlite3.connect(tmp_path / "s.sqlite", isolation_level=None)
    holding.execute("PRAGMA locking_mode = EXCLUSIVE")
    holding.execute("BEGIN EXCLUSIVE")
    with pytest.raises(UserError, match="cannot be used for corrections: database is locked"):
        Store(tmp_path / "s.sqlite")
    holding.close()
    Store(tmp_path / "s.sqlite").close()


def test_over_the_api(client: TestClient) -> None:
    (stored,) = client.post("/documents", json={"documents": [plain(PREDICTED)]}).json()["documents"]
    number = stored["number"]
    assert (stored["revision"], stored["checked"], stored["corrected"]) == (1, False, False)
    assert client.get("/next").json() == {"number": number}
    body = {"revision": 1, "document": plain(CORRECTED), "who": "<b>Ann</b>", "checked": True}
    saved = client.put(f"/documents/{number}", json=body)
    assert (saved.status_code, saved.json()["revision"]) == (200, 2)
    assert client.put(f"/documents/{number}", json=body).status_code == 409
    other = body | {"revision": 2, "document": plain(CORRECTED) | {"text": PREDICTED.text + "x"}}
    assert client.put(f"/documents/{number}", json=other).status_code == 422
    assert client.put("/documents/77", json=body).status_code == 404
    for beyond in (2**63, 10**22, -(10**22)):  # what SQLite has no integer for
        assert client.get(f"/documents/{beyond}").status_code == 422
        assert client.get(f"/documents/{beyond}/history").status_code == 422
        assert client.put(f"/documents/{beyond}", json=body).status_code == 422
        assert client.delete(f"/documents/{beyond}").status_code == 422
        assert client.get(f"/next?after={beyond}").status_code == 422
    assert client.get(f"/documents/{2**63 - 1}").status_code == 404
    assert client.get("/next").json() == {"number": None}
    history = client.get(f"/documents/{number}/history").json()["revisions"]
    assert [one["who"] for one in history] == ["chemical, gene, relation", "<b>Ann</b>"]
    assert len(history[1]["changes"]) == 5
    exported = client.get("/corrections.jsonl")
    assert exported.headers["Content-Disposition"].startswith("attachment")
    assert json.loads(exported.text)["corrections"]["who"] == "<b>Ann</b>"
    assert client.delete(f"/documents/{number}").status_code == 204
    assert client.get("/documents").json() == {"documents": []}
    assert client.get(f"/documents/{number}").status_code == 404
