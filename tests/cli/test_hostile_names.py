"""Names of files and folders that are markup, escape sequences or no text at all, wherever a command tells of them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from commandline import Done, Ranat, corpus
from ranat.documents.document import is_text

NAMES = {
    "closing markup": "x[/b]",
    "markup": "[bold]x",
    "escape": "x\x1b[31m\x1b]0;title\x07",
    "newline": "x\ny",
    "bidi": "x\u202ey",
    "C1": "x\x9b31m",
    "latin-1": os.fsdecode(b"caf\xe9"),
}
RAW = {"\x1b", "\x07", "\x9b", "\u202e", "\udce9"}


@pytest.fixture(params=NAMES.values(), ids=NAMES)
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of that name, which is where we are, too."""
    folder = tmp_path / request.param
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


def told(done: Done, code: int, place: Path) -> None:
    """The command ended as it should, and what it said can be read and names the place."""
    assert done.code == code, done.err
    assert not RAW & {*done.out, *done.err}
    assert "fault of ranat" not in done.err
    assert "Traceback" not in done.err


def test_a_run_and_its_evaluation_errors_and_comparison(ranat: Ranat, place: Path, model: Path) -> None:
    mine = corpus(place / "corpus")
    run = place / f"run {place.name}"
    if not is_text(str(run)):
        told(ranat("train", "--corpus", mine, "--model", model, "--out", run), 1, place)
        assert not run.exists()
        run = Path("run")  # from here its name can be written
    short = ("--train.max_steps", 1, "--train.batch_size", 2)
    told(ranat("train", "--corpus", mine, "--model", model, *short, "--out", run), 0, place)
    told(ranat("train", "--corpus", mine, "--model", model, *short, "--out", run, "--resume"), 0, place)
    told(ranat("train", "--corpus", mine, "--model", model, *short, "--out", run), 1, place)
    told(ranat("evaluate", run, "--on", mine), 0, place)
    told(ranat("errors", run, "-o", place / f"{place.name}.html"), 0, place)
    told(ranat("compare", run), 0, place)
    text = place / f"{place.name}.txt"
    text.write_text("Cisplatin induced nephrotoxicity.")
    told(ranat("extract", "--ner", run, text, "-o", place / "found"), 0, place)
    told(ranat("extract", "--verify", place / "found"), 0, place)


def test_corpora_and_conversion(ranat: Ranat, place: Path) -> None:
    told(ranat("corpora", "check", corpus(place / place.name)), 0, place)
    document = {"id": "1", "text": "ab", "entities": [{"id": "T1", "type": "X", "spans": [[0, 1]], "score": 0.5}]}
    source = place / f"{place.name}.jsonl"
    source.write_text(json.dumps(document) + "\n{}\n")
    told(ranat("convert", source, "-o", place / f"{place.name} out", "--to", "brat"), 1, place)


def test_what_is_wrong_or_not_there(ranat: Ranat, place: Path, model: Path) -> None:
    missing = place / f"no {place.name}"
    config = place / f"{place.name}.yaml"
    config.write_text("a: [")
    told(ranat("train", missing.with_suffix(".yaml")), 2, place)
    told(ranat("train", config), 2, place)
    told(ranat("reproduce", config), 2, place)
    told(ranat("train", "--corpus", missing, "--model", model), 1, place)
    told(ranat("evaluate", missing), 1, place)
    told(ranat("errors", missing), 1, place)
    told(ranat("compare", missing), 1, place)
    told(ranat("report", missing, "-o", "report.html"), 1, place)
    told(ranat("corpora", "check", missing), 1, place)
    told(ranat("extract", "--verify", missing), 1, place)
    told(ranat("corpora", "fetch", place.name), 2, place)
    told(ranat(place.name), 2, place)
    told(ranat("train", f"--{place.name}", "x"), 2, place)
    told(ranat("train", "--attack.name", place.name, "--corpus", "demo", "--model", model), 2, place)
