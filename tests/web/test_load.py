"""Many clients at once, over HTTP: health answers, what is too much is told, and nothing else goes wrong."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from ranat.documents import Document
from ranat.extraction import Extractor
from ranat.web.app import create_app
from ranat.web.limits import Limits
from ranat.web.store import Store
from web_servers import TEXT, app_of, serving


class Held:
    """A model that is at work until it is let go."""

    def __init__(self) -> None:
        self.go, self.at_work = threading.Event(), threading.Event()

    def __call__(self, documents: list[Document]) -> list[Document]:
        self.at_work.set()
        self.go.wait(20)
        return documents


@pytest.fixture
def held() -> Iterator[Held]:
    model = Held()
    yield model
    model.go.set()


def test_health_answers_while_the_model_works_and_a_full_queue_says_so(held: Held, store: Store) -> None:
    with (
        serving(create_app(held, store, limits=Limits(waiting=2))) as address,
        httpx.Client(base_url=address, timeout=30) as client,
        ThreadPoolExecutor(3) as others,
    ):

        def extract(_: int) -> int:
            return httpx.post(f"{address}/extract", json={"text": TEXT}, timeout=30).status_code

        taken = [others.submit(extract, 0)]
        assert held.at_work.wait(20)
        taken += [others.submit(extract, number) for number in (1, 2)]
        while client.get("/health").json()["waiting"] < 2:
            time.sleep(0.01)
        began = time.monotonic()
        assert client.get("/health").status_code == 200
        assert time.monotonic() - began < 2
        refused = client.post("/extract", json={"text": TEXT})
        assert refused.status_code == 503
        assert int(refused.headers["Retry-After"]) >= 1
        held.go.set()
        assert [one.result() for one in taken] == [200, 200, 200]


def test_a_request_has_so_much_time(held: Held, store: Store) -> None:
    with serving(create_app(held, store, limits=Limits(seconds=1))) as address:
        answer = httpx.post(f"{address}/extract", json={"text": TEXT}, timeout=30)
        assert (answer.status_code, "too long" in answer.json()["detail"]) == (504, True)
        assert httpx.get(f"{address}/health").status_code == 200
        held.go.set()
        assert httpx.post(f"{address}/extract", json={"text": TEXT}, timeout=30).status_code == 200


def test_many_clients_get_what_one_gets(extractor: Extractor, store: Store, models: dict[str, str]) -> None:
    texts = [f"{TEXT} {number}" for number in range(16)]
    with serving(app_of(extractor, store, models)) as address:

        def found(text: str) -> Any:
            answer = httpx.post(f"{address}/extract", json={"text": text}, timeout=60)
            assert answer.status_code == 200
            (document,) = answer.json()["documents"]
            return document["text"], [(one["spans"], one["type"]) for one in document["entities"]]

        with ThreadPoolExecutor(8) as clients:
            together = list(clients.map(found, texts * 2))
        alone = [found(text) for text in texts]
    assert together == alone * 2
    assert Counter(text for text, _ in together) == dict.fromkeys(texts, 2)
