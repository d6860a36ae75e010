"""Who may come in."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from ranat.errors import UsageError
from ranat.view.assets import SCRIPTS, STYLES
from ranat.web.app import create_app
from ranat.web.guard import POLICY, is_loopback
from ranat.web.limits import Limits
from ranat.web.server import TOKEN, token_for
from ranat.web.store import Store

SECRET = "a-token-of-some-length"


def client_of(store: Store, **options: object) -> TestClient:
    app = create_app(lambda documents: documents, store, limits=Limits(), **options)  # type: ignore[arg-type]  # options are of several types
    return TestClient(app, base_url="http://127.0.0.1:8765", follow_redirects=False)


@pytest.fixture
def local(store: Store) -> Iterator[TestClient]:
    with client_of(store) as client:
        yield client


@pytest.fixture
def open_to_all(store: Store) -> Iterator[TestClient]:
    with client_of(store, host="0.0.0.0", token=SECRET) as client:
        yield client


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8765", "127.0.0.1.evil.example", "", "a@b", "[::1", "10.0.0.1"]
)
def test_a_name_that_was_rebound(local: TestClient, host: str) -> None:
    assert local.get("/health", headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:9000", "[::1]:8765", "LOCALHOST"])
def test_this_machines_own_names(local: TestClient, host: str) -> None:
    assert local.get("/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.2", "0:0:0:0:0:0:0:1"])
def test_the_address_of_this_machine_that_it_listens_at(store: Store, host: str) -> None:
    with client_of(store, host=host) as client:
        printed = f"[{host}]:8765" if ":" in host else f"{host}:8765"
        assert client.get("/health", headers={"Host": printed}).status_code == 200
        assert client.get("/health", headers={"Host": "127.0.0.3:8765"}).status_code == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:8766"},
        {"Origin": "http://localhost:8765"},
        {"Origin": "http://[::1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_other_sites_cannot_post(local: TestClient, headers: dict[str, str], method: str) -> None:
    answer = local.request(method, "/documents", json={"documents": []}, headers=headers)
    assert answer.status_code == 403


def test_its_own_page_and_programs_can_post(local: TestClient) -> None:
    for headers in ({"Origin": "http://127.0.0.1:8765", "Sec-Fetch-Site": "same-origin"}, {}):
        assert local.post("/documents", json={"documents": []}, headers=headers).status_code == 200


@pytest.mark.parametrize("path", ["/", "/docs", "/health", "/static/app.js", "/static/view.js", "/nowhere", "/login"])
def test_every_answer_has_the_policy(local: TestClient, path: str) -> None:
    answer = local.get(path)
    assert answer.headers["Content-Security-Policy"] == POLICY
    assert "unsafe" not in POLICY
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(
    "path", ["/static/../app.py", "/static/..%2fapp.py", "/static/%2e%2e/store.py", "/static/index.html"]
)
def test_no_request_names_a_file_of_the_server(local: TestClient, path: str) -> None:
    assert local.get(path).status_code == 404


def test_the_page_has_all_of_the_view_in_its_order(local: TestClient) -> None:
    page = local.get("/").text
    named = re.findall(r'(?:src|href)="/static/([^"]+)"', page)
    assert [name for name in named if name in (*STYLES, *SCRIPTS)] == [*STYLES, *SCRIPTS]
    assert all(local.get(f"/static/{name}").status_code == 200 for name in named)


def test_without_the_token_there_is_nothing_but_health(open_to_all: TestClient) -> None:
    for path in ("/", "/runs", "/documents", "/openapi.json", "/corrections.jsonl", "/next"):
        assert open_to_all.get(path).status_code == 401
    assert open_to_all.post("/extract", json={"text": "a"}).status_code == 401
    assert open_to_all.get("/health").status_code == 200
    page = open_to_all.get("/", headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["Location"]) == (303, "/login")


def test_a_program_brings_the_token(open_to_all: TestClient) -> None:
    assert open_to_all.get("/runs", headers={"Authorization": f"Bearer {SECRET}"}).status_code == 200
    for wrong in (f"Bearer {SECRET}x", f"Basic {SECRET}", "Bearer ", "Bearer \xe9".encode("latin-1")):
        assert open_to_all.get("/runs", headers={"Authorization": wrong}).status_code == 401  # type: ignore[dict-item]  # bytes, too


def test_a_person_signs_in(open_to_all: TestClient) -> None:
    refused = open_to_all.post("/login", data={"token": "guess"})
    assert refused.headers["Location"] == "/login#wrong"
    assert "set-cookie" not in refused.headers
    answer = open_to_all.post("/login", data={"token": SECRET})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert SECRET not in cookie
    assert open_to_all.get("/runs").status_code == 200  # the client keeps it
    assert open_to_all.post("/login", content=b"a" * 5000).status_code == 413


def test_an_address_open_to_all_is_called_by_its_numbers(open_to_all: TestClient) -> None:
    assert open_to_all.get("/health", headers={"Host": "192.168.1.5:8765"}).status_code == 200
    assert open_to_all.get("/health", headers={"Host": "evil.example:8765"}).status_code == 421


def test_a_name_of_a_proxy(store: Store) -> None:
    with client_of(store, names=["Ranat.Example"], token=SECRET) as client:
        assert client.get("/health", headers={"Host": "ranat.example"}).status_code == 200
        assert client.get("/health", headers={"Host": "other.example"}).status_code == 421
        bearer = {"Authorization": f"Bearer {SECRET}", "Host": "ranat.example", "Origin": "https://ranat.example"}
        assert client.post("/documents", json={"documents": []}, headers=bearer).status_code == 200


def test_when_there_is_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TOKEN, raising=False)
    assert token_for("127.0.0.1") is None
    assert token_for("localhost") is None
    assert token_for("127.0.0.1", ["ranat.example"])
    assert len(token_for("0.0.0.0") or "") > 30
    assert token_for("0.0.0.0") != token_for("0.0.0.0")
    monkeypatch.setenv(TOKEN, SECRET)
    assert token_for("127.0.0.1") == SECRET
    monkeypatch.setenv(TOKEN, "short")
    with pytest.raises(UsageError, match="shorter than 16"):
        token_for("127.0.0.1")


def test_what_is_loopback() -> None:
    assert all(map(is_loopback, ["127.0.0.1", "127.9.9.9", "::1", "localhost"]))
    assert not any(map(is_loopback, ["0.0.0.0", "::", "10.0.0.1", "example.org", ""]))
