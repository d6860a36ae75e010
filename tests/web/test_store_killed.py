"""A server that is killed while corrections come in: none that it has answered is lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from ranat.documents import Document, Entity
from ranat.web.store import Store
from web_servers import wait_for

KILLS = int(os.environ.get("RANAT_KILLS", "20"))
CLIENTS = 4
SERVERS = """
import os, socket, sys
from pathlib import Path
from ranat.web.app import create_app
from ranat.web.limits import Limits
from ranat.web.server import run_server
from ranat.web.store import Store
for _ in sys.stdin:
    if child := os.fork():
        os.waitpid(child, 0)
        continue
    listening = socket.create_server(("127.0.0.1", 0))
    print(os.getpid(), listening.getsockname()[1], flush=True)
    run_server(create_app(lambda documents: documents, Store(Path(sys.argv[1])), limits=Limits()), listening, Limits())
"""
"""For each line a server, in a process of its own that need not import all again. It has everything but the models,
which take seconds to load and have no part in corrections."""


def correct(address: str, number: int, acknowledged: dict[int, tuple[int, str]], stop: threading.Event) -> None:
    """Correct a document again and again; what the server has answered is remembered."""
    with httpx.Client(base_url=address) as client:
        while not stop.is_set():
            try:
                stored = client.get(f"/documents/{number}").json()
                kind = f"Type{random.random()}"
                document = stored["document"]
                document["entities"] = [{"id": "T1", "type": kind, "spans": [[0, 9]]}]
                body = {"revision": stored["revision"], "document": document, "who": "Ann"}
                answer = client.put(f"/documents/{number}", json=body)
                if answer.status_code == 200:
                    acknowledged[number] = (answer.json()["revision"], kind)
            except (httpx.TransportError, ValueError):
                return


@pytest.mark.slow
def test_no_answered_correction_is_lost(tmp_path: Path) -> None:
    """RANAT_KILLS says how many times."""
    path = tmp_path / "corrections.sqlite"
    store = Store(path)
    rows = store.add(
        [Document(str(n), "Cisplatin", (Entity("T1", "X", ((0, 9),), score=0.5),)) for n in range(CLIENTS)], "runs"
    )
    store.close()
    acknowledged: dict[int, tuple[int, str]] = {}
    chooser = random.Random()  # other moments every time
    servers = subprocess.Popen(
        [sys.executable, "-c", SERVERS, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert servers.stdin is not None
    assert servers.stdout is not None
    for _ in range(KILLS):
        before = dict(acknowledged)
        servers.stdin.write("next\n")
        pid, port = map(int, servers.stdout.readline().split())
        address = f"http://127.0.0.1:{port}"
        wait_for(address)
        stop = threading.Event()
        clients = [threading.Thread(target=correct, args=(address, row.number, acknowledged, stop)) for row in rows]
        for client in clients:
            client.start()
        while acknowledged == before:
            assert any(client.is_alive() for client in clients), "nothing can be saved"
            time.sleep(0.001)
        time.sleep(chooser.uniform(0, 0.3))
        os.kill(pid, signal.SIGKILL)
        stop.set()
        for client in clients:
            client.join()
        again = Store(path)
        assert acknowledged
        for number, (revision, kind) in acknowledged.items():
            kept = {row.revision: row.document.entities[0].type for row, _ in again.history(number)}
            assert kept[revision] == kind
            assert sorted(kept) == list(range(1, len(kept) + 1))
            assert len(kept) <= revision + 1  # at most one that was written and not answered
        again.close()
    servers.stdin.close()
    assert servers.wait(timeout=30) == 0
