"""Attacks, gates, tasks, formats and corpora from outside the package, each one file, used from the command line.

Each command is a process of its own, so that what it loads is known to no other test.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from commandline import DISEASE, Done, corpus

PLUGINS = Path(__file__).parents[1] / "plugins"
FEW = ("--train.max_steps", "4", "--train.batch_size", "2", "--train.precision", "fp32")

pytestmark = pytest.mark.slow
Process = Callable[..., Done]


@pytest.fixture
def process(tmp_path: Path) -> Process:
    """Runs a command as the script `ranat` does, in another working directory; keywords are environment variables."""

    def run(*arguments: object, **environment: str) -> Done:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "ranat.cli", *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=300,
            cwd=tmp_path,
            env=os.environ | {"HF_HUB_OFFLINE": "1"} | environment,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The folder of corpora that has the plug-in's."""
    folder = tmp_path / "data"
    folder.mkdir()
    corpus(folder / "herbs", train_tsv=DISEASE * 8)
    return folder


def plugins(*names: str) -> list[str]:
    return [part for name in names for part in ("--plugin", str(PLUGINS / f"{name}.py"))]


def entity(id: str, type: str, start: int, end: int) -> dict[str, Any]:
    return {"id": id, "type": type, "spans": [[start, end]]}


def distribution(folder: Path, name: str, entry_points: str, **modules: str) -> str:
    """A distribution as pip would install it; what PYTHONPATH must be for it to be found."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(entry_points)
    for module, code in modules.items():
        (folder / f"{module}.py").write_text(code)
    return os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))


def test_a_corpus_an_attack_and_a_gate_train(process: Process, data: Path, model: Path, tmp_path: Path) -> None:
    done = process(
        "train", *plugins("herbs", "rdrop", "bursts"), "--corpus", "herbs", "--data", data, "--model", model,
        "--attack.name", "rdrop", "--attack.adversarial_weight", "0.5",
        "--rat.gate", "bursts", "--rat.off", "3", *FEW, "--out", "run",
    )  # fmt: skip
    assert done.code == 0, done.err
    settings = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())
    assert settings["corpus"] == "herbs"
    assert settings["attack"] | {"name": "rdrop", "adversarial_weight": 0.5} == settings["attack"]
    assert settings["rat"] == {"gate": "bursts", "on": 1, "off": 3, "dropout": "shared"}
    cost = json.loads((tmp_path / "run" / "cost.json").read_text())
    assert (cost["batches"], cost["attacked_batches"]) == (4, 1)


def test_a_task_trains_and_its_options_are_flags(process: Process, model: Path, tmp_path: Path) -> None:
    classes = {"Cisplatin .": "Drug", "No entity here .": "None"}
    lines = [
        json.dumps({"id": str(n), "text": text, "entities": [entity("T1", classes[text], 0, len(text))]})
        for n, text in enumerate([*classes] * 4)
    ]
    (tmp_path / "texts").mkdir()
    for split in ("train", "dev", "test"):
        (tmp_path / "texts" / f"{split}.jsonl").write_text("\n".join(lines) + "\n")
    base = ["train", *plugins("document_classification"), "--corpus", "texts", "--model", model, "--task", "document"]
    done = process(*base, "--document.keep", "tail", *FEW, "--out", "run")
    assert done.code == 0, done.err
    settings = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())
    assert (settings["task"], settings["document"]) == ("document", {"keep": "tail"})
    done = process(*base, "--document.kep", "tail", "--out", "other")
    assert done.code == 2
    assert done.complaint == "ranat: document.kep: the task document has no option 'kep' (did you mean 'keep'?)"


def test_a_format_is_written_and_recognised(process: Process, tmp_path: Path) -> None:
    entities = [entity("T1", "Drug", 0, 9) | {"score": 0.5}, entity("T2", "Disease", 18, 32)]
    given = {"id": "d", "text": "Cisplatin induced nephrotoxicity .", "entities": entities}
    (tmp_path / "a.jsonl").write_text(json.dumps(given) + "\n")
    done = process("convert", *plugins("standoff"), "a.jsonl", "-o", "b.standoff")
    assert done.code == 0, done.err
    assert "left out, as the format cannot hold it: 1 score" in done.err
    mentions = [[0, 9, "Drug"], [18, 32, "Disease"]]
    assert json.loads((tmp_path / "b.standoff").read_text()) == ["d", given["text"], mentions]
    assert process("convert", *plugins("standoff"), "b.standoff", "-o", "c.jsonl").code == 0
    back = json.loads((tmp_path / "c.jsonl").read_text())
    assert [entity["type"] for entity in back["entities"]] == ["Drug", "Disease"]
    (tmp_path / "b.standoff").write_text('["d", "text", [[0]]]\n')
    done = process("convert", *plugins("standoff"), "b.standoff", "-o", "d.jsonl")
    assert done.code == 1
    assert "b.standoff:1: is no document" in done.err


def test_a_corpus_is_listed_and_counted(process: Process, data: Path) -> None:
    done = process("corpora", "check", "herbs", *plugins("herbs"), "--data", data, "--json")
    assert done.code == 0, done.err
    counted = {(row["split"], row["what"]): row["measured"] for row in json.loads(done.out)["rows"]}
    assert (counted["train", "mentions"], counted["test", "mentions"]) == (8, 1)
    listed = process("corpora", *plugins("herbs"), "--data", data).out
    assert re.search(r"^herbs +iob +ner +8 +1 +1 ", listed, re.MULTILINE)


def test_help_lists_them_with_their_options(process: Process) -> None:
    everything = plugins("rdrop", "bursts", "herbs", "standoff", "document_classification")
    text = process("train", "--help", *everything, COLUMNS="200").out
    for line in (
        "  rdrop  Two passes with dropout of their own, whose predictions shall agree.",
        "  --attack.adversarial_weight (1)  of rdrop: λ > 0.",
        "  bursts  So many attacked steps, then so many plain ones, over and over.",
        "  --rat.on (1)  of bursts: ≥ 1, attacked steps in a row.",
        "  --document.keep head|tail (head)",
    ):
        assert f"{line}\n" in text
    assert re.search(r"\bherbs,", text)
    assert process("convert", "-h", *everything).out.count("standoff (.standoff)") == 2


def test_check_attack_runs_the_contract(process: Process, tmp_path: Path) -> None:
    done = process("check-attack", "rdrop", *plugins("rdrop"))
    assert (done.code, done.err) == (0, "")
    states = [line.split()[0] for line in done.out.splitlines()]
    assert states.count("ok") == 5
    assert states.count("-") == 4
    code = (PLUGINS / "rdrop.py").read_text().replace("last=True", "last=False").replace('"rdrop"', '"mine"')
    (tmp_path / "mine.py").write_text(code)
    done = process("check-attack", "mine", "--plugin", "mine.py", "--json")
    assert done.code == 1
    assert done.complaint == "ranat: the attack mine breaks 1 of 9 promises"
    wrong = {row["check"]: row["wrong"] for row in json.loads(done.out) if row["wrong"]}
    assert wrong == {"says_which_pass_is_the_last": "of 2 passes, none say so"}


@pytest.mark.parametrize("more", [(), ("--ray", "local")], ids=["processes", "ray"])
def test_cells_of_a_grid_know_them(
    process: Process, model: Path, data: Path, tmp_path: Path, more: tuple[str, ...]
) -> None:
    """They are named by relative paths, and a cell is a process of its own."""
    if more:
        pytest.importorskip("ray", reason="ray is not installed")
    for name in ("herbs", "bursts"):
        shutil.copy(PLUGINS / f"{name}.py", tmp_path)
    row = {"name": "FGM in bursts", "attack": {"name": "fgm"}, "rat": {"gate": "bursts"}}
    train = {"max_steps": 2, "batch_size": 2, "precision": "fp32"}
    spec = {"title": "Bursts", "corpora": ["herbs"], "model": str(model), "seeds": [0], "train": train, "rows": [row]}
    (tmp_path / "grid.yaml").write_text(yaml.safe_dump(spec))
    done = process(
        "reproduce", "grid.yaml", "--plugin", "herbs.py", "--plugin=bursts.py", "--data", data, *more, "--out", "out"
    )
    assert done.code == 0, done.err
    (card,) = (json.loads(file.read_text()) for file in (tmp_path / "out" / "cards").iterdir())
    assert card["settings"]["rat"]["gate"] == "bursts"
    assert card["cost"]["attacked_batches"] == 1


def test_an_installed_distribution_brings_components(process: Process, tmp_path: Path) -> None:
    path = distribution(
        tmp_path / "site",
        "herbarium",
        "[ranat.corpora]\nherbs = herbarium\n[ranat.formats]\nstandoff = herbarium_format:read\n",
        herbarium=(PLUGINS / "herbs.py").read_text(),
        herbarium_format=(PLUGINS / "standoff.py").read_text(),
    )
    done = process("corpora", PYTHONPATH=path)
    assert (done.code, done.err) == (0, "")
    assert re.search(r"^herbs +iob ", done.out, re.MULTILINE)
    assert process("convert", "--help", PYTHONPATH=path).out.count("standoff (.standoff)") == 2
    assert "herbs" not in process("corpora").out


def test_an_installed_attack_may_be_derived_from_another_by_name(process: Process, tmp_path: Path) -> None:
    """Its module asks the registry that is just loading it."""
    code = (
        "from ranat.attacks import attacks, register_attack\n"
        "@register_attack('mine')\nclass Mine(attacks.get('pgd')):\n    'PGD again.'\n"
    )
    path = distribution(tmp_path / "site", "mine", "[ranat.attacks]\nmine = its_module:Mine\n", its_module=code)
    done = process("train", "--help", PYTHONPATH=path)
    assert (done.code, done.err) == (0, "")
    assert "  mine  PGD again.\n" in done.out


def test_what_a_plugin_raises_is_no_fault_of_ranat(process: Process, model: Path, tmp_path: Path) -> None:
    code = (PLUGINS / "rdrop.py").read_text().replace("first = passes.clean()", "first = passes.clear()")
    (tmp_path / "mine.py").write_text(code)
    line = code[: code.index("passes.clear()")].count("\n") + 1
    mine, where = ("--attack.name", "rdrop", "--plugin", "mine.py"), f"{tmp_path / 'mine.py'}:{line}"
    done = process("train", "--corpus", corpus(tmp_path / "corpus"), "--model", model, *mine, *FEW, "--out", "run")
    assert done.code == 1
    assert "has no attribute 'clear'" in done.complaint
    assert done.complaint.endswith(f"(raised by a plug-in, {where}; --debug shows all)")
    rows = json.loads(process("check-attack", "rdrop", "--plugin", "mine.py", "--json").out)
    assert all(row["wrong"].endswith(f" at {where}") for row in rows if row["applies"])


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("raise RuntimeError('one\\ntwo')", "RuntimeError: one two"),
        ("import not_installed", "ModuleNotFoundError: No module named 'not_installed'"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        (
            "from ranat.corpora.loading import corpus\n@corpus('demo', form='iob')\ndef read(release): ...",
            "UsageError: two components are called corpus 'demo': in ",
        ),
    ],
    ids=["raises", "imports", "exits", "name taken"],
)
def test_a_broken_distribution_is_named_and_breaks_nothing(
    process: Process, tmp_path: Path, code: str, what: str
) -> None:
    path = distribution(tmp_path / "site", "weeds", "[ranat.corpora]\nweeds = weeds\n", weeds=code)
    done = process("corpora", "check", "demo", PYTHONPATH=path)
    assert done.code == 0
    (line,) = done.err.splitlines()
    assert line.startswith(f"ranat: the plug-in 'weeds' of weeds 1.0 is left out: {what}")


def test_a_module_is_a_plugin_and_the_same_one_twice_is_no_error(process: Process, tmp_path: Path, data: Path) -> None:
    shutil.copy(PLUGINS / "herbs.py", tmp_path)
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    arguments = ("corpora", "--data", data, "--plugin", "herbs", "--plugin", "herbs.py", "--plugin", "./herbs.py")
    done = process(*arguments, PYTHONPATH=path, RANAT_PLUGINS="herbs.py")
    assert (done.code, done.err) == (0, "")
    assert len(re.findall(r"^herbs ", done.out, re.MULTILINE)) == 1


CODES = {
    "syntax.py": "x = 1\ndef f(:\n",
    "raises.py": "def f():\n    raise ValueError('no\\ngood')\n\nf()\n",
    "exits.py": "import argparse\nargparse.ArgumentParser().error('wrong')\n",
    "demo.py": "from ranat.corpora.loading import corpus\n\n@corpus('demo', form='iob')\ndef read(release): ...\n",
    "a_module.py": "\nimport not_installed\n",
    "a_package/__init__.py": "raise ValueError('no package')\n",
    "a_package/part.py": "",
    "bytes.py": "x = 1\0",
    "function.py": "from ranat.gates import register_gate\n\n@register_gate('f')\ndef f(step): ...\n",
    "notes.txt": "",
}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--plugin", "syntax.py"], "{here}/syntax.py:2: SyntaxError: invalid syntax"),
        (["--plugin=raises.py"], "{here}/raises.py:2: ValueError: no good"),
        (["--plugin", "demo.py"], "{here}/demo.py:3: two components are called corpus 'demo': in /"),
        (["--plugin", "herbs.py", "--plugin", "more.py"], "corpus 'herbs': in {here}/herbs.py and in {here}/more.py"),
        (["--plugin", "a_module"], "{here}/a_module.py:2: ModuleNotFoundError: No module named 'not_installed'"),
        (["--plugin", "a_package.part"], "{here}/a_package/__init__.py:1: ValueError: no package"),
        (["--plugin", "bytes.py"], "{here}/bytes.py: SyntaxError: source code"),
        (["--plugin", ".relative"], "plug-in .relative: is no name of a module (name a .py file, or a module)"),
        (["--plugin", "function.py"], "{here}/function.py:3: the gate 'f' cannot be registered: it is no class"),
        (["--plugin", "missing.py"], "plug-in {here}/missing.py: is no Python file (name a .py file, or a module)"),
        (["--plugin", "./notes.txt"], "plug-in {here}/notes.txt: is no Python file (name a .py file, or a module)"),
        (["--plugin", "raises_"], "plug-in raises_: there is no such module (is its folder on PYTHONPATH?)"),
        (["--plugin", "json.herbs"], "plug-in json.herbs: there is no such module"),
        (["--plugin"], "--plugin: needs a file or a module"),
        (["--plugin", "a:b.py"], "plug-in a:b.py: ':' must not be in its name"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_a_broken_plugin_is_one_line(process: Process, tmp_path: Path, arguments: list[str], complaint: str) -> None:
    herbs = (PLUGINS / "herbs.py").read_text()
    (tmp_path / "a_package").mkdir()
    for name, code in {**CODES, "herbs.py": herbs, "more.py": herbs}.items():
        (tmp_path / name).write_text(code)
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    done = process("corpora", *arguments, PYTHONPATH=path)
    assert (done.code, done.out) == (2, "")
    assert complaint.format(here=tmp_path) in done.complaint


def test_a_file_without_its_suffix_is_offered(process: Process, tmp_path: Path) -> None:
    shutil.copy(PLUGINS / "herbs.py", tmp_path)
    done = process("corpora", "--plugin", "herbs")
    assert done.code == 2
    assert done.complaint == "ranat: plug-in herbs: there is no such module (for the file here: --plugin herbs.py)"
