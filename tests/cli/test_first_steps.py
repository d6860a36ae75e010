"""What a newcomer asks first: what to begin with, which backbones there are, and what is missing here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import commandline
from commandline import Ranat
from ranat import cli, corpora, doctor
from ranat.documents import Document, Entity
from ranat.formats import jsonl
from ranat.models.backbones import BACKBONES
from ranat.runs.settings import read_settings

SHORT = ("--train.max_steps", 1, "--train.keep", "last", "--train.precision", "fp32")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(folder: Path, splits: dict[str, list[Document]]) -> Path:
    folder.mkdir()
    for split, documents in splits.items():
        (folder / f"{split}.jsonl").write_text("".join(f"{jsonl.dumped(document)}\n" for document in documents))
    return folder


def test_a_config_is_written_and_trains(ranat: Ranat, model: Path, here: Path) -> None:
    done = ranat("init", "demo", "--model", model, "-o", "config.yaml")
    assert done.code == 0
    text = (here / "config.yaml").read_text()
    assert text.startswith(
        "# Train with: ranat train config.yaml\n#\n#                         train      dev     test\n"
    )
    assert "# documents                  48        8       16\n" in text
    assert "# 6 mentions of train cannot be learnt: 6 discontinuous. In dev and test such count as missed.\n" in text
    assert "# On the machine where this was written a run takes about " in text
    assert "cannot be learnt: 6 discontinuous\n" in done.out
    settings = read_settings(here / "config.yaml")
    assert (settings.regime, settings.task, settings.train.epochs, settings.train.batch_size) == (
        "standard",
        "ner",
        20,
        16,
    )

    again = ranat("init", "demo", "--model", model, "-o", "config.yaml")
    assert (again.code, again.complaint) == (
        1,
        "ranat: config.yaml: is there already (name another with --out, or delete it)",
    )
    assert ranat("train", "config.yaml", *SHORT, "--out", "run").code == 0
    (here / "config.yaml").write_text(text.replace("# attack:", "attack:").replace("# rat:", "rat:"))
    attacked = read_settings(here / "config.yaml")
    assert (attacked.regime, attacked.attack["epsilon"], attacked.attack["epsilon_unit"]) == (
        "fgm RAT p=0.5",
        0.04,
        "relative",
    )


@pytest.mark.parametrize("format", ["brat", "pubtator", "doccano", "bioc-json", "conll"])
def test_a_folder_of_any_format_gets_a_config_that_trains(ranat: Ranat, model: Path, here: Path, format: str) -> None:
    suffix = {"pubtator": ".pubtator", "doccano": ".jsonl", "bioc-json": ".json", "conll": ".conll"}.get(format, "")
    (here / "mine").mkdir()
    for split, documents in corpora.load("demo").splits.items():
        source = written(here / f"{split} source", {"all": list(documents)}) / "all.jsonl"
        assert ranat("convert", source, "-o", here / "mine" / f"{split}{suffix}", "--to", format).code == 0
    done = ranat("init", "mine", "--model", model, "--no-estimate")
    assert (done.code, Path("mine.yaml").is_file()) == (0, True)
    assert ranat("train", "mine.yaml", *SHORT, "--out", "run").code == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bc5-chem", "bc5-disease", "bc2gm", "ncbi-disease", "chemprot", "ddi"])
def test_a_known_corpus_gets_a_config_that_trains(
    ranat: Ranat, model: Path, here: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delenv("RANAT_DATA")
    done = ranat("init", name, "--model", model, "--data", data_dir, "--no-estimate", "--json")
    assert done.code == 0
    told = json.loads(done.out)
    assert told["settings"]["train"]["batch_size"] == 32
    file = here / told["config"]
    assert f"ranat train {name}.yaml --data {data_dir}" in file.read_text()
    # Steps are really made, and documents predicted, but not all of dev and test.
    done = ranat("train", file, "--estimate", "--data", data_dir, "--json")
    assert done.code == 0
    assert json.loads(done.out)["steps"] >= 900


@pytest.mark.parametrize(
    ("files", "wrong"),
    [
        ({"train_tsv": b"\xff\xfe\x00broken"}, "train.tsv"),
        ({"train_tsv": "", "dev_tsv": "", "test_tsv": ""}, "no file of training documents"),
        (
            {"train_tsv": "Cisplatin\tO\n\n", "dev_tsv": "Fever\tO\n\n", "test_tsv": ""},
            "the training split has no mention to learn",
        ),
    ],
)
def test_a_broken_folder_gets_one_clear_line(
    ranat: Ranat, model: Path, here: Path, files: dict[str, Any], wrong: str
) -> None:
    folder = commandline.corpus(here / "mine", **files)
    done = ranat("init", folder, "--model", model)
    assert done.code == 1
    assert wrong in done.complaint
    assert not list(here.glob("*.yaml"))


def test_what_cannot_be_learnt_is_told_with_its_reason(ranat: Ranat, model: Path, here: Path) -> None:
    text = "Left and right ventricular failure came. It went."
    spans = [((0, 4), (15, 34)), ((15, 34),), ((27, 34),), ((35, 43),), ((1, 4),)]
    entities = tuple(Entity(f"T{i}", "Odd\n type", span) for i, span in enumerate(spans))
    document = Document("1", text, entities, sentences=((0, 40), (41, 49)))
    folder = written(here / "mine", {"train": [document], "dev": [document]})
    done = ranat("init", folder, "--model", model, "--task", "ner", "--no-estimate", "--json")
    assert done.code == 0
    lost = {"nested or overlapping": 1, "not along words": 1, "discontinuous": 1, "across sentences": 1}
    assert json.loads(done.out)["lost"] == lost
    assert read_settings(here / "mine.yaml").corpus == str(folder)


def test_relations_are_examples_where_they_are_the_task(ranat: Ranat, here: Path) -> None:
    done = ranat("init", "demo", "--model", "minilm", "--task", "relation", "--no-estimate", "--json")
    told = json.loads(done.out)
    assert told["counts"]["pairs of a sentence, which are the examples"]["train"] > 400
    assert told["settings"]["relation"]["representation"] == "entity"
    settings = read_settings(here / "demo.yaml")
    assert (settings.task, settings.task_options().representation) == ("relation", "entity")
    assert settings.train.learning_rate == 1e-4


def test_without_a_backbone_at_hand_the_config_says_so(ranat: Ranat, here: Path) -> None:
    done = ranat("init", "demo", "--model", "pubmedbert")
    assert done.code == 0
    assert "# How long a run takes is not known: cannot load microsoft/" in (here / "demo.yaml").read_text()


def test_backbones_are_listed(ranat: Ranat) -> None:
    rows = json.loads(ranat("models", "--json").out)
    assert [row["name"] for row in rows] == list(BACKBONES)
    (minilm,) = [row for row in rows if row["name"] == "minilm"]
    assert (minilm["parameters"], minilm["needs"]) == ("23M", "nothing more")
    assert "pubmedbert" in ranat("models").out


def test_the_doctor_looks_at_everything(ranat: Ranat, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = {row["name"]: row for row in json.loads(ranat("doctor", "--json").out)}
    assert found["versions"]["ok"]
    assert {"threads", "processor", "gpu", "memory", "disk here", "corpora", "hub cache", "backbones"} <= found.keys()
    assert {"extra web", "extra report", "extra spacy"} <= found.keys()
    assert found["corpora"]["said"] == f"no folder {tmp_path / 'no corpora'}"

    monkeypatch.setattr(doctor.torch, "get_num_threads", lambda: 1000)
    done = ranat("doctor")
    assert done.code == 1
    (line,) = [line for line in done.out.splitlines() if line.startswith("MEND  threads: ")]
    assert "OMP_NUM_THREADS=" in line
    assert "to be mended: threads" in done.complaint


def test_the_shell_completes_commands(ranat: Ranat, tmp_path: Path) -> None:
    for shell in ("bash", "zsh", "fish"):
        done = ranat("completion", shell)
        assert done.code == 0
        assert "evaluate" in done.out
    script = tmp_path / "ranat.bash"
    script.write_text(ranat("completion", "bash").out)
    asked = f"source {script}; COMP_WORDS=(ranat ev); COMP_CWORD=1; _ranat; echo ${{COMPREPLY[@]}}"
    assert subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True).stdout == "evaluate\n"


def test_the_package_is_the_command() -> None:
    said = subprocess.run([sys.executable, "-m", "ranat", "--version"], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == cli.app.version
