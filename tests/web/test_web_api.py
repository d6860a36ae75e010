"""The API, with real models behind it."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from ranat import formats
from ranat.documents import Document
from ranat.extraction import Extractor
from ranat.web.app import create_app
from ranat.web.files import safe_name
from ranat.web.limits import Limits
from ranat.web.store import Store
from web_servers import TEXT, app_of


def extracted(client: TestClient, text: str = TEXT) -> dict[str, Any]:
    answer = client.post("/extract", json={"text": text})
    assert answer.status_code == 200, answer.text
    (document,) = answer.json()["documents"]
    return dict(document)


def test_a_text_gives_what_the_extractor_gives(client: TestClient, extractor: Extractor) -> None:
    found = extracted(client)
    expected = json.loads(json.dumps(extractor.extract(Document(found["id"], TEXT)).to_dict()))
    assert found == expected
    assert found["entities"]
    assert found["relations"]


def test_documents_keep_their_order_ids_and_characters(client: TestClient) -> None:
    given = [{"id": f"é/{n}", "text": f"\U0001f600 Imatinib inhibits BCR-ABL in {n} patients."} for n in range(5)]
    found = client.post("/extract", json={"documents": given}).json()["documents"]
    assert [one["id"] for one in found] == [one["id"] for one in given]
    for one in found:
        for entity in one["entities"]:
            assert entity["text"] == " ".join(one["text"][start:end] for start, end in entity["spans"])


def test_service(client: TestClient) -> None:
    assert client.get("/health").json() == {"status": "ok", "waiting": 0}
    assert client.get("/version").json()["version"]
    runs = client.get("/runs").json()["runs"]
    assert [run["name"] for run in runs] == ["chemical", "gene", "relation"]
    assert [run["finds"] for run in runs] == ["entities", "entities", "relations"]
    assert "/" not in json.dumps(runs)  # no paths
    written = {one["name"]: one["suffix"] for one in client.get("/formats").json()["written"]}
    assert written["pubtator"] == ".pubtator"
    assert written["brat"] == ""


def test_the_api_is_described(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert {"/extract", "/files", "/convert", "/documents", "/runs", "/health", "/version"} <= paths.keys()
    assert "http" not in client.get("/docs").text.replace("https://", "http")  # nothing is fetched from elsewhere


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, "give either a text or documents"),
        ({"text": "a", "documents": []}, "give either a text or documents"),
        ({"text": 1}, "text: Input should be a valid string"),
        ({"txt": "a"}, "txt: Extra inputs are not permitted"),
        ({"documents": [{"text": "abc", "entities": [{"id": "T1", "type": "X", "spans": [[0, 9]]}]}]}, "past the text"),
        ({"documents": [{"text": "abc", "entities": [{"id": "T1", "type": "X", "spans": [[2, 1]]}]}]}, "empty span"),
        (
            {"documents": [{"text": "abc", "entities": [{"id": "T1", "type": "X", "spans": [[0, 1]], "text": "b"}]}]},
            "not the text at its spans",
        ),
        ({"documents": [{"text": "abc", "relations": [{"type": "r", "head": "T1", "tail": "T2"}]}]}, "no entity"),
    ],
)
def test_what_is_not_understood_is_told(client: TestClient, body: Any, told: str) -> None:
    answer = client.post("/extract", json=body)
    assert answer.status_code == 422
    assert told in answer.json()["detail"]


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b'{"text": "\\ud800"}', b"\xff\xfe", b"nul" * 1000])
def test_what_is_no_json_is_told(client: TestClient, body: bytes) -> None:
    answer = client.post("/extract", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert "Traceback" not in answer.text
    assert len(answer.json()["detail"]) < 300


def test_too_much_text(extractor: Extractor, store: Store, models: dict[str, str]) -> None:
    app = app_of(extractor, store, models, limits=Limits(characters=100, total=250, body=1000))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        assert client.post("/extract", json={"text": "a" * 100}).status_code == 200
        assert client.post("/extract", json={"text": "a" * 101}).status_code == 413
        assert client.post("/extract", json={"documents": [{"text": "a" * 90}] * 3}).status_code == 413
        assert client.post("/extract", content=b" " * 1001).status_code == 413
        piece = (b" " * 400 for _ in range(3))  # of no stated length
        assert client.post("/files?name=a.txt", content=piece).status_code == 413
        assert client.post("/files?name=a.txt", content=b"a" * 101).status_code == 422


@pytest.mark.parametrize("to", ["pubtator", "bioc-xml", "bioc-json", "brat", "csv", "jsonl", "conll"])
def test_what_is_downloaded_is_read_again(client: TestClient, to: str) -> None:
    found = extracted(client)
    answer = client.post(f"/convert?to={to}", json={"documents": [found]})
    assert answer.status_code == 200, answer.text
    assert isinstance(json.loads(answer.headers["Ranat-Lost"]), dict)
    name = answer.headers["Content-Disposition"].partition("''")[2]
    again = client.post("/files", params={"name": name}, content=answer.content)
    assert again.status_code == 200, again.text
    (document,) = again.json()["documents"]
    assert {(str(e["spans"]), e["type"]) for e in document["entities"]} <= {
        (str(e["spans"]), e["type"]) for e in found["entities"]
    }
    assert document["entities"]
    if to != "conll":  # which has words alone
        assert document["text"] == found["text"]


def test_every_format_is_written_or_says_what_it_needs(client: TestClient) -> None:
    found = extracted(client)
    for one in client.get("/formats").json()["written"]:
        answer = client.post(f"/convert?to={one['name']}", json={"documents": [found]})
        if answer.status_code == 422:
            assert "pip install" in answer.json()["detail"]
        else:
            assert (answer.status_code, bool(answer.content)) == (200, True)
            assert (answer.content[:2] == b"PK") == (one["suffix"] == "")


def test_what_a_format_cannot_hold_is_told(client: TestClient) -> None:
    found = extracted(client)
    answer = client.post("/convert?to=conll", json={"documents": [found]})
    assert json.loads(answer.headers["Ranat-Lost"])["relations"] == len(found["relations"])


def test_a_format_that_is_not(client: TestClient) -> None:
    answer = client.post("/convert?to=pubtater", json={"documents": []})
    assert (answer.status_code, "did you mean 'pubtator'?" in answer.text) == (422, True)


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "/etc/passwd", "..\\..\\x.txt", "<script>alert(1)</script>.txt", "\x00.txt", "", "." * 300],
)
def test_a_file_name_is_a_name_alone(client: TestClient, name: str) -> None:
    assert not set(safe_name(name)) & set("/\\<>\x00\"'&")
    answer = client.post("/files", params={"name": name}, content=TEXT.encode())
    assert answer.status_code == 200, answer.text
    assert answer.json()["documents"][0]["text"] == TEXT


def test_a_broken_file_is_told_without_the_servers_paths(client: TestClient, tmp_path: Path) -> None:
    answer = client.post("/files?name=a.jsonl", content=b'{"id": "1", "text": "a", "entities": [{"id"')
    assert answer.status_code == 422
    assert "a.jsonl" in answer.json()["detail"]
    folder = tmp_path / "broken"
    documents = [Document("1", TEXT)]
    formats.write(documents, folder, "brat")
    (folder / "1.ann").write_text("T1\tGene 0 x\tBRCA1\n")
    archive = shutil.make_archive(str(tmp_path / "broken"), "zip", folder)
    answer = client.post("/files?name=b.zip", content=Path(archive).read_bytes())
    assert answer.status_code in (200, 422)
    assert "ranat-" not in answer.text
    assert "/tmp" not in answer.text


def test_archives_that_want_out_or_are_too_large(
    extractor: Extractor, store: Store, models: dict[str, str], tmp_path: Path
) -> None:
    def archive(members: dict[str, bytes]) -> bytes:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as writing:
            for name, content in members.items():
                writing.writestr(name, content)
        return packed.getvalue()

    app = app_of(extractor, store, models, limits=Limits(body=100_000))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        bomb = archive({"a.txt": b"a" * 200_000})
        assert len(bomb) < 1000
        assert client.post("/files?name=a.zip", content=bomb).status_code == 413
        outside = archive({f"../../../..{tmp_path}/out.txt": TEXT.encode()})
        assert client.post("/files?name=a.zip", content=outside).status_code in (200, 422)
        assert not (tmp_path / "out.txt").exists()


def test_archives_that_are_damaged(client: TestClient) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as writing:
        writing.writestr("a.txt", TEXT * 20)
    whole = packed.getvalue()
    at = 30 + len("a.txt")  # where the deflated bytes begin
    damaged = whole[:at] + b"\xff" * 8 + whole[at + 8 :]
    nameless = whole.replace(b"a.txt", b"\xff.txt").replace(b"\0\0\x08\0", b"\0\x08\x08\0")  # said to be UTF-8
    for content in (b"PK\x03\x04junk", whole[: len(whole) // 2], damaged, nameless):
        answer = client.post("/files?name=a.zip", content=content)
        assert (answer.status_code, "the archive cannot be unpacked" in answer.json()["detail"]) == (422, True), content
        assert "pack it again" in answer.json()["detail"]


def test_the_first_error_of_the_server_is_no_traceback(store: Store) -> None:
    def fails(documents: list[Document]) -> list[Document]:
        raise RuntimeError("secret /path/of/the/server")

    app = create_app(fails, store, limits=Limits())
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        answer = client.post("/extract", json={"text": "a"})
        assert (answer.status_code, answer.json()) == (500, {"detail": "the server failed; its log tells why"})
        assert "Content-Security-Policy" in answer.headers
