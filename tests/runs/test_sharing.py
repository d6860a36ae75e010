"""Models for others: on a stand-in of the hub, and as a wheel that is really installed."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path
from typing import Any

import pytest

import hub
import small_runs
from ranat.errors import UsageError, UserError
from ranat.extraction import Extractor
from ranat.runs import installed
from ranat.runs.folder import RunFolder
from ranat.runs.identity import source
from ranat.runs.sharing import package, push
from ranat.training.run import train

TEXT = "Cisplatin induced nephrotoxicity. BRCA1 mutations were seen in cancer."


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shared")
    backbone, corpus = small_runs.backbone(folder / "backbone"), small_runs.corpus(folder / "corpus")
    train(small_runs.settings(corpus, backbone), folder / "Gene_tagger")
    return folder / "Gene_tagger"


@pytest.fixture
def damaged(run: Path, tmp_path: Path) -> Path:
    copy = shutil.copytree(run, tmp_path / "damaged")
    file = copy / "model" / "config.json"
    file.write_text(file.read_text() + " ")
    return copy


def pushed(hub_address: str, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """By the command itself, as the hub's address is read when its library is imported."""
    own = {"HF_ENDPOINT": hub_address, "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": hub.TOKEN, "HF_HUB_OFFLINE": "0"}
    command = [sys.executable, "-m", "ranat.cli", "push", *map(str, arguments)]
    env = {**os.environ, "NO_PROXY": "*", **own, **environment}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env)


def test_a_model_is_pushed_and_nothing_else_of_its_run(run: Path) -> None:
    with hub.running() as there:
        done = pushed(there.address, run, "lab/gene-tagger", "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == {
            "name": "lab/gene-tagger", "commit": f"{there.address}/lab/gene-tagger/commit/{'0' * 40}"
        }  # fmt: skip
        assert there.private == {"lab/gene-tagger": True}
        assert there.files == {file.name: file.read_bytes() for file in (run / "model").iterdir()}
        assert pushed(there.address, run, "lab/open", "--public").returncode == 0
        assert there.private["lab/open"] is False


def test_a_damaged_run_is_not_pushed(damaged: Path) -> None:
    with hub.running() as there:
        done = pushed(there.address, damaged, "lab/gene-tagger")
        assert done.returncode == 1
        assert "is damaged: model/config.json: its SHA-256 is not what it was when it was written" in done.stderr
        assert not there.asked


def test_what_the_hub_refuses_is_one_line(run: Path) -> None:
    with hub.running() as there:
        done = pushed(there.address, run, "lab/gene-tagger", HF_TOKEN="hf_wrong")
        assert done.returncode == 1
        assert "ranat: lab/gene-tagger: the hub refuses: " in done.stderr
        assert "`hf auth login`" in done.stderr
        assert not there.files
    offline = pushed(there.address, run, "lab/gene-tagger", HF_HUB_OFFLINE="1")
    assert "ranat: lab/gene-tagger: the hub is switched off (unset HF_HUB_OFFLINE)" in offline.stderr
    gone = pushed(there.address, run, "lab/gene-tagger")
    assert gone.returncode == 1
    assert "lab/gene-tagger: cannot be uploaded: " in gone.stderr.splitlines()[-1]


def test_a_name_without_an_owner_is_none(run: Path) -> None:
    with pytest.raises(UsageError, match="gene: is no OWNER/NAME"):
        push(run, "gene")


def test_a_wheel_is_installed_in_a_fresh_environment_and_its_model_extracts(run: Path, tmp_path: Path) -> None:
    wheel = package(run, tmp_path / "dist")
    assert wheel.name == "ranat_model_gene_tagger-1.0.0-py3-none-any.whl"
    python = environment(tmp_path / "fresh")
    install = [python, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = subprocess.run(
        [python, "-m", "ranat.cli", "extract", "--ner", "gene-tagger", "--precision", "fp32", "-"],
        input=TEXT, capture_output=True, text=True, check=True, cwd=elsewhere,
    )  # fmt: skip
    entities = json.loads(done.stdout)["entities"]
    assert entities
    expected = Extractor.load(run, precision="fp32").extract(TEXT).to_dict()["entities"]
    assert [(one["type"], one["spans"], one["score"]) for one in entities] == [
        (one["type"], [list(span) for span in one["spans"]], one["score"]) for one in expected
    ]


def environment(folder: Path) -> str:
    """A new virtual environment that also finds the packages of this one; returns its Python."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = str(folder / "bin" / "python")
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(subprocess.run([python, "-c", where], check=True, capture_output=True, text=True).stdout.strip())
    here = sysconfig.get_path("purelib")
    (site / "beside.pth").write_text(f"import site; site.addsitedir({here!r})\n")
    return python


def test_a_wheel_is_as_the_standard_says_and_the_same_each_time(run: Path, tmp_path: Path) -> None:
    first, second = (package(run, tmp_path / name, name="Chem.NER", version="2.0") for name in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        names = archive.namelist()
        record = list(csv.reader(io.StringIO(archive.read("ranat_model_chem_ner-2.0.dist-info/RECORD").decode())))
        assert [row[0] for row in record] == names
        for name, digest, size in record[:-1]:
            data = archive.read(name)
            told = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            assert (digest, int(size)) == (f"sha256={told}", len(data))
        metadata = archive.read("ranat_model_chem_ner-2.0.dist-info/METADATA").decode()
        assert metadata.startswith("Metadata-Version: 2.1\nName: ranat-model-chem-ner\nVersion: 2.0\n")
        assert not [name for name in names if name.endswith((".bin", ".pt", ".pkl", ".jsonl"))]
    with pytest.raises(UserError, match="is there already"):
        package(run, tmp_path / "a", name="chem-ner", version="2.0")


def test_what_is_no_model_to_share_is_refused(run: Path, damaged: Path, tmp_path: Path) -> None:
    for options, message in (({"name": "chäm"}, "--name"), ({"version": "new"}, "--version")):
        with pytest.raises(UsageError, match=message):
            package(run, tmp_path, **options)
    with pytest.raises(UserError, match="is damaged: model/config"):
        package(damaged, tmp_path)
    dropped = shutil.copytree(run, tmp_path / "dropped")
    RunFolder(dropped).drop_model()
    with pytest.raises(UserError, match="its model was not kept"):
        package(dropped, tmp_path)
    with pytest.raises(UserError, match="no run is here"):
        package(tmp_path / "nothing", tmp_path)
    assert not list(tmp_path.glob("*.whl"))


class Entry:
    """An entry point that a distribution has."""

    def __init__(self, module: str) -> None:
        self.name, self.module = "mine", module


def test_a_package_without_its_model_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)

    def having(*modules: str) -> Any:
        return lambda group, name=None: [Entry(module) for module in modules if group == installed.GROUP]

    monkeypatch.setattr(installed.metadata, "entry_points", having("no_such_module"))
    assert installed.names() == ["mine"]
    with pytest.raises(UserError, match="mine: its package no_such_module holds no model"):
        source("mine")
    monkeypatch.setattr(installed.metadata, "entry_points", having("one", "two"))
    with pytest.raises(UserError, match="mine: is brought by one and by two"):
        source("mine")
    monkeypatch.setattr(installed.metadata, "entry_points", having())
    with pytest.raises(UserError, match="no run and no model is here"):
        source("mine")
