"""Loading by hub id, against a hub on loopback: downloaded once, offline ever after, pickles refused."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch

import tiny

SCRIPT = """
import sys
from transformers import AutoModelForTokenClassification
from ranat.models.loading import load_model, load_tokenizer
from ranat.errors import UserError
from ranat.runs.loading import load
try:
    if "tagger" in sys.argv[1]:
        task, model = load(sys.argv[1])
        print(sorted(task.types), model.classifier.weight.sum().item())
        sys.exit()
    tokenizer, model = load_tokenizer(sys.argv[1]), load_model(AutoModelForTokenClassification, sys.argv[1])
    print(len(tokenizer), model.get_input_embeddings().weight.sum().item())
except UserError as error:
    print("refused:", error)
"""


class Hub(BaseHTTPRequestHandler):
    """Serves /OWNER/NAME/resolve/main/FILE from a folder OWNER/NAME."""

    folder: Path
    asked: list[str]

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, *, body: bool) -> None:
        self.asked.append(f"{self.command} {self.path}")
        repository, _, name = self.path.partition("/resolve/main/")
        file = self.folder / repository.strip("/") / name.split("?")[0]
        if not name or not file.is_file():
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        data = file.read_bytes()
        self.send_response(200)
        self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[str]:
    """The address of a hub with team/safe, team/pickled and team/tagger."""
    tiny.save("bert", tmp_path / "hub/team/safe")
    pickled = tiny.save("bert", tmp_path / "hub/team/pickled")
    (pickled / "model.safetensors").unlink()
    torch.save(tiny.model().state_dict(), pickled / "pytorch_model.bin")
    tagger = tiny.model()
    tagger.config.id2label = {0: "O", 1: "B-Gene", 2: "I-Gene"}
    tagger.save_pretrained(tmp_path / "hub/team/tagger")
    tiny.tokenizer("bert").save_pretrained(tmp_path / "hub/team/tagger")
    Hub.folder, Hub.asked = tmp_path / "hub", []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def load(name: str, address: str, home: Path, **more: str) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
    environment |= {"HF_ENDPOINT": address, "HF_HOME": str(home), "NO_PROXY": "127.0.0.1", **more}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, name], env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


@pytest.mark.slow
def test_a_hub_id_is_downloaded_once(hub: str, tmp_path: Path) -> None:
    expected = f"{len(tiny.tokenizer('bert'))} {tiny.model().get_input_embeddings().weight.sum().item()}"
    assert load("team/safe", hub, tmp_path / "home") == expected
    asked = len(Hub.asked)
    assert asked > 0
    assert load("team/safe", hub, tmp_path / "home", HF_HUB_OFFLINE="1") == expected
    assert len(Hub.asked) == asked


@pytest.mark.slow
def test_pickled_weights_are_refused(hub: str, tmp_path: Path) -> None:
    answer = load("team/pickled", hub, tmp_path / "home")
    assert answer.startswith("refused: model: ")
    assert "safetensors" in answer
    assert not any(asked.startswith("GET") and "pytorch_model.bin" in asked for asked in Hub.asked)


@pytest.mark.slow
def test_a_tagger_is_ready_to_use(hub: str, tmp_path: Path) -> None:
    assert load("team/tagger", hub, tmp_path / "home") == f"['Gene'] {tiny.model().classifier.weight.sum().item()}"
