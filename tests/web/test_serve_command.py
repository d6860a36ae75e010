"""The command: where it listens, what it tells, and how it ends."""

from __future__ import annotations

import math
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from ranat.errors import UserError
from ranat.terminal import Console
from ranat.web.limits import Limits
from ranat.web.server import TOKEN, serve
from web_servers import TEXT


@contextmanager
def command(tmp_path: Path, *options: str, **environment: str) -> Iterator[tuple[Any, str, list[str]]]:
    """The process, its address, and what it told until then."""
    arguments = [sys.executable, "-m", "ranat.cli", "serve", "--store", str(tmp_path / "s.sqlite"), "--port", "0"]
    variables = {"COLUMNS": "200", **environment}
    process = subprocess.Popen(
        [*arguments, *options], stderr=subprocess.PIPE, text=True, env={**os.environ, **variables}
    )
    assert process.stderr is not None
    told: list[str] = []
    try:
        for line in process.stderr:
            told.append(line)
            if found := re.search(r"serving at (http://\S+)/ until", line):
                yield process, found[1], told
                return
        raise AssertionError(f"it does not start: {told}")
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stderr.close()


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_told_to_end_finishes_what_runs(tmp_path: Path, models: dict[str, str], end: int) -> None:
    with command(tmp_path, "--ner", models["chemical"], "--ner", models["gene"], "--re", models["relation"]) as started:
        process, address, _ = started
        answers: list[httpx.Response] = []
        documents = [{"text": f"{TEXT} {number}"} for number in range(400)]

        def ask() -> None:
            answers.append(httpx.post(f"{address}/extract", json={"documents": documents}, timeout=60))

        asking = threading.Thread(target=ask)
        asking.start()
        while httpx.get(f"{address}/health").json()["waiting"] == 0 and asking.is_alive():
            pass
        assert asking.is_alive(), "it was answered before the server could be told to end"
        process.send_signal(end)
        asking.join()
        assert answers[0].status_code == 200
        assert len(answers[0].json()["documents"]) == 400
        said = process.stderr.read()
        assert process.wait(timeout=30) in (0, -end)
        assert "Traceback" not in said


@pytest.mark.slow
def test_open_to_all_it_wants_a_token(tmp_path: Path, models: dict[str, str]) -> None:
    with command(tmp_path, "--ner", models["gene"], "--host", "0.0.0.0") as (process, address, _):
        token = process.stderr.readline().split()[-1]
        here = address.replace("0.0.0.0", "127.0.0.1")
        assert httpx.post(f"{here}/extract", json={"text": TEXT}).status_code == 401
        bearer = {"Authorization": f"Bearer {token}"}
        assert httpx.post(f"{here}/extract", json={"text": TEXT}, headers=bearer).status_code == 200


def test_a_port_that_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TOKEN, raising=False)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=rf"127.0.0.1:{port}: cannot listen there: .*in use.*--port"):
            serve([], None, tmp_path / "s.sqlite", Console(quiet=True), port=port, limits=Limits())
    assert not (tmp_path / "s.sqlite").exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"characters": 0}, "--max-characters: must be at least 1"),
        ({"waiting": 0}, "--queue: must be at least 1"),
        ({"seconds": 0.5}, "--timeout: must be at least 1"),
        ({"seconds": math.nan}, "--timeout: must be at least 1, and a finite number, not nan"),
        ({"seconds": math.inf}, "--timeout: must be at least 1, and a finite number, not inf"),
    ],
)
def test_limits_that_are_none(options: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError, match=told):
        Limits(**options)
