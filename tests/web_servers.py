"""Servers of untrained models, in this process, for tests of the web application."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import uvicorn

import untrained
from ranat.extraction import Extractor
from ranat.web.app import create_app
from ranat.web.limits import Limits
from ranat.web.messages import Model
from ranat.web.server import describe
from ranat.web.store import Store

TEXT = untrained.TEXT


def app_of(extractor: Extractor, store: Store, models: dict[str, str], **options: Any) -> Any:
    runs: list[Model] = describe(extractor, [models["chemical"], models["gene"]], models["relation"])
    extract = lambda documents: list(extractor.extract_stream(documents))  # noqa: E731 - shorter than a function
    return create_app(extract, store, runs, **{"limits": Limits(), **options})


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """The address of a server in a thread of this process."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    try:
        wait_for(address)
        yield address
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def wait_for(address: str, seconds: float = 60) -> None:
    """Until a server is healthy."""
    end = time.monotonic() + seconds
    while True:
        try:
            if httpx.get(f"{address}/health").status_code == 200:
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < end, "the server does not come up"
        time.sleep(0.02)
