"""The untrained models, an application that serves them, and a client of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the extra `web` is not installed")

from fastapi.testclient import TestClient

import untrained
from ranat.extraction import Extractor
from ranat.web.store import Store
from web_servers import app_of


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Folders of "chemical", "gene" (both find entities) and "relation"."""
    return untrained.save_all(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def extractor(models: dict[str, str]) -> Extractor:
    return Extractor.load([models["chemical"], models["gene"]], models["relation"], precision="fp32")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "corrections.sqlite")


@pytest.fixture
def client(extractor: Extractor, store: Store, models: dict[str, str]) -> Iterator[TestClient]:
    app = app_of(extractor, store, models)
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        yield client
