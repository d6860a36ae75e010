"""Every script of examples/ runs, and ends as it should."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import untrained
from ranat import formats
from ranat.extraction import Extractor

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
MODULES = {"sentences.py"}
"""What the scripts import."""

NEEDS = {"lora.py": "peft", "with_spacy.py": "spacy"}
LAST = {
    "plain.py": None,
    "trainer.py": "7 of 12 batches were attacked; 57 forward-equivalents",
    "plain_loop.py": "7 of 12 batches were attacked",
    "accelerate_loop.py": "14 of 24 batches were attacked",
    "lora.py": "7 of 12 batches were attacked",
    "own_attack.py": "12 of 12 batches were attacked",
}
"""The last line that a script prints; the others are asked below for more."""


WITH_COMPONENT = "import runpy, sys, ranat.extraction.spacypipe; del sys.argv[0]; runpy.run_path(sys.argv[0])"
"""Runs a script where ranat may not be installed, so that spaCy would not find its component."""


def run(script: str, *arguments: object, folder: Path, before: tuple[str, ...] = ()) -> str:
    paths = [str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, *before, str(EXAMPLES / script), *map(str, arguments)],
        cwd=folder,
        env=os.environ | {"HF_HUB_OFFLINE": "1", "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_script_is_asked() -> None:
    there = {path.name for path in EXAMPLES.glob("*.py")}
    assert there - MODULES == {*LAST, "with_spacy.py", "client.py"}


@pytest.mark.slow
@pytest.mark.parametrize("script", sorted(LAST))
def test_a_script_runs(script: str, tmp_path: Path) -> None:
    pytest.importorskip(NEEDS.get(script, "torch"), reason="an extra is not installed")
    printed = run(script, folder=tmp_path)
    last = LAST[script]
    assert last is None or printed.splitlines()[-1] == last


@pytest.mark.slow
def test_the_attack_of_ones_own_keeps_what_an_attack_promises() -> None:
    command = ["check-attack", "one-word", "--plugin", str(EXAMPLES / "own_attack.py")]
    paths = os.pathsep.join([str(EXAMPLES), str(ROOT / "src")])
    done = subprocess.run(
        [sys.executable, "-m", "ranat.cli", *command], env=os.environ | {"PYTHONPATH": paths}, timeout=300
    )
    assert done.returncode == 0


@pytest.mark.slow
def test_spacy_has_the_entities_and_relations_of_the_extractor(tmp_path: Path) -> None:
    pytest.importorskip("spacy", reason="spacy is not installed")
    models = untrained.save_all(tmp_path)
    named = [models[name] for name in ("chemical", "gene", "relation")]
    printed = run("with_spacy.py", *named, folder=tmp_path, before=("-c", WITH_COMPONENT))
    (text,) = re.findall(r'^TEXT = "(.*)"$', (EXAMPLES / "with_spacy.py").read_text(), re.MULTILINE)
    document = Extractor.load([models["chemical"], models["gene"]], models["relation"]).extract(text)
    mentions = {entity.id: document.mention(entity) for entity in document.entities}
    assert document.relations
    assert printed.splitlines() == [
        f"entities: {[(mentions[entity.id], entity.type) for entity in document.entities]}",
        *(f"relation: {mentions[one.head]} {one.type} {mentions[one.tail]}" for one in document.relations),
    ]


@pytest.mark.slow
def test_the_client_fetches_what_it_corrected(tmp_path: Path) -> None:
    pytest.importorskip("fastapi", reason="the extra `web` is not installed")
    from ranat.web.store import Store
    from web_servers import app_of, serving

    models = untrained.save_all(tmp_path)
    extractor = Extractor.load([models["chemical"], models["gene"]], models["relation"])
    with serving(app_of(extractor, Store(tmp_path / "store.sqlite"), models)) as address:
        printed = run("client.py", address, folder=tmp_path)
    assert printed.splitlines()[-1] == "1 corrected document is in corrections.jsonl"
    (document,) = formats.read((tmp_path / "corrections.jsonl").open("rb"), "corrections.jsonl", "jsonl")
    assert [(document.mention(entity), entity.type) for entity in document.entities] == [("nephrotoxicity", "Disease")]
