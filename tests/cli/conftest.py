"""The command line in this process, with no network and no corpora."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

import tiny
from commandline import Done, Ranat
from ranat import cli


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setenv("RANAT_DATA", str(tmp_path / "no corpora"))
    monkeypatch.setenv("COLUMNS", "220")


@pytest.fixture
def ranat(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ranat:
    def run(*arguments: object) -> Done:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["ranat", *map(str, arguments)])
        code: Any = 0
        try:
            cli.main()
        except SystemExit as stopped:
            code = stopped.code or 0
        return Done(code, *capsys.readouterr())

    return run


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backbone of 2 layers of 16 columns."""
    return tiny.save("bert", tmp_path_factory.mktemp("backbone"), positions=128)
