"""The commands as a person meets them: what they print and write."""

from __future__ import annotations

import dataclasses
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from commandline import DISEASE, Done, Ranat, corpus
from ranat import cli, corpora
from ranat.attacks import attacks
from ranat.runs.settings import Settings, TrainSettings

PGD = ["--attack.name", "pgd"]
COMMANDS = (
    "demo",
    "corpora list",
    "corpora fetch",
    "corpora check",
    "train",
    "evaluate",
    "verify",
    "compare",
    "runs",
    "reproduce",
    "report",
    "tune",
    "extract",
    "convert",
    "errors",
    "check-attack",
    "view",
    "serve",
    "init",
    "models",
    "doctor",
    "push",
    "package",
    "completion",
)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Callable[..., Path]:
    """Finished runs of two steps, trained once."""
    folder = tmp_path_factory.mktemp("runs")
    own = corpus(folder / "mine")

    def run(name: str, *flags: str) -> Path:
        if not (folder / name).is_dir():
            arguments = [
                "train", "--corpus", str(own), "--model", str(model), "--out", str(folder / name), "--train.max_steps",
                "2", "--train.batch_size", "2", "--train.precision", "fp32", *flags,
            ]  # fmt: skip
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(sys, "argv", ["ranat", *arguments])
                with pytest.raises(SystemExit, match=r"^0$"):
                    cli.main()
        return folder / name

    return run


def test_train_writes_a_run_and_its_scores(ranat: Ranat, tmp_path: Path, model: Path) -> None:
    own, out = corpus(tmp_path / "mine"), tmp_path / "out"
    config = tmp_path / "config.yaml"
    config.write_text(f"corpus: {own}\nmodel: {model}\ntrain: {{max_steps: 9, batch_size: 2, precision: fp32}}\n")
    done = ranat("train", config, *PGD, "--attack.epsilon", "1e-1", "--train.max_steps", 2, "--json", "--out", out)
    assert done.code == 0, done.err
    metrics = json.loads(done.out)
    assert metrics == json.loads((out / "metrics.json").read_text())
    assert {"dev", "test", "per_type", "definition", "splits"} <= metrics.keys()
    saved = (out / "config.yaml").read_text()
    assert "epsilon: 0.1" in saved
    assert "max_steps: 2" in saved
    assert json.loads((out / "cost.json").read_text())["batches"] == 2


def test_evaluate_scores_a_run(ranat: Ranat, runs: Callable[..., Path]) -> None:
    folder = runs("standard")
    metrics = json.loads((folder / "metrics.json").read_text())
    done = ranat("evaluate", folder, "--json")
    scores = json.loads(done.out)
    assert scores["split"] == "test"
    assert scores["f1"] == metrics["test"]["f1"]
    assert scores["gold"] == 1
    text = ranat("evaluate", folder, "--split", "dev").out.splitlines()
    assert text[0].split() == ["precision", "recall", "F1", "gold", "predicted"]
    assert [line.split()[0] for line in text[1:]] == ["dev", "Disease"]


def test_evaluate_complains_in_one_line(ranat: Ranat, runs: Callable[..., Path], tmp_path: Path) -> None:
    folder = runs("standard")
    done = ranat("evaluate", folder, "--split", "tets")
    assert (done.code, done.out) == (2, "")
    assert "--split: " in done.complaint
    assert "has no split 'tets' (it has train, dev, test)" in done.complaint
    genes = {name: DISEASE.replace("B-Disease", "B-Gene") for name in ("train_tsv", "dev_tsv", "test_tsv")}
    done = ranat("evaluate", folder, "--on", corpus(tmp_path / "genes", **genes))
    assert done.code == 1
    assert "none of its types (Gene) is known to the model (Disease)" in done.complaint


def test_verify_finds_one_flipped_bit(ranat: Ranat, runs: Callable[..., Path], tmp_path: Path) -> None:
    run = Path(shutil.copytree(runs("standard"), tmp_path / "run"))
    done = ranat("verify", run)
    assert (done.code, done.out, done.complaint) == (0, "", f"{run} is whole")
    assert json.loads(ranat("verify", run, "--json").out) == {"run": str(run), "finished": True, "findings": []}
    weights = run / "model" / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    finding = "model/model.safetensors: its SHA-256 is not what it was when it was written"
    done = ranat("verify", run)
    assert (done.code, done.out) == (1, finding + "\n")
    assert done.complaint == f"ranat: {run}: a file is damaged (train the run again)"
    assert json.loads(ranat("verify", run, "--json").out)["findings"] == [finding]
    assert ranat("evaluate", run).code == 1


def test_compare_marks_what_hardly_learned(ranat: Ranat, runs: Callable[..., Path]) -> None:
    lines = ranat("compare", runs("standard")).out.splitlines()
    assert " * " in lines[3]
    assert "* standard, seed 0: it made 2 optimizer steps, fewer than 50" in lines


def test_compare_puts_runs_side_by_side(ranat: Ranat, runs: Callable[..., Path]) -> None:
    folders = [runs("fgm", "--attack.name", "fgm", "--rat.p", "1"), runs("standard")]
    (result,) = json.loads(ranat("compare", *folders, "--json").out)["comparisons"]
    assert [group["name"] for group in result["groups"]] == ["standard", "fgm AT"]
    assert result["groups"][1]["xfp_ratio"] == 2
    lines = ranat("compare", *folders).out.splitlines()
    assert [line.split("  ")[0] for line in lines[2:5]] == ["training", "standard", "fgm AT"]
    assert lines[0].startswith("fgm AT ")
    assert lines[0].endswith("; one seed proves nothing, three or more of each are needed.")
    assert "100%" in lines[4]
    assert lines[-1].endswith("one seed proves nothing.")


def test_runs_under_a_folder(ranat: Ranat, runs: Callable[..., Path], tmp_path: Path) -> None:
    root = runs("standard").parent
    done = ranat("runs", root)
    assert done.out.splitlines()[0].split() == [
        "run",
        "corpus",
        "model",
        "training",
        "seed",
        "dev",
        "F1",
        "test",
        "F1",
        "cost",
    ]
    (line,) = [line for line in done.out.splitlines() if line.startswith("standard ")]
    assert line.split()[-1] == "1.00"
    result = json.loads(ranat("runs", root, "--json").out)
    assert {run["state"] for run in result["runs"]} == {"finished"}
    page = tmp_path / "runs.html"
    assert ranat("runs", root, "-o", page).err.splitlines()[-1] == f"wrote {page}"
    assert "training loss" in page.read_text()
    assert ranat("runs", tmp_path / "nothing").complaint.startswith(f"ranat: {tmp_path / 'nothing'}: is no folder")
    picture = tmp_path / "compare.svg"
    assert ranat("compare", runs("standard"), "-o", picture).code == 0
    assert picture.read_text().startswith("<svg")


def test_train_goes_on_from_a_run(ranat: Ranat, runs: Callable[..., Path], tmp_path: Path) -> None:
    first, added, out = runs("standard"), tmp_path / "added.jsonl", tmp_path / "next"
    entity = {"id": "T1", "type": "Disease", "spans": [[0, 5]]}
    added.write_text(json.dumps({"id": "new", "text": "Fever is one more disease.", "entities": [entity]}) + "\n")
    done = ranat("train", "--from", first, "--add", added, "--out", out)
    assert done.code == 0, done.err
    assert "note: 1 document added to train" in done.err
    assert f"model: {first}" in (out / "config.yaml").read_text()
    complaint = ranat("train", "--from", tmp_path / "nothing", "--out", out).complaint
    assert complaint == f"ranat: {tmp_path / 'nothing'}: no run is here (name a folder that `ranat train --out` wrote)"
    assert ranat("train", "--from", "jsonnl", "--corpus", "demo", "--model", "minilm").code == 2


def test_check_counts_a_corpus_of_ones_own(ranat: Ranat, tmp_path: Path) -> None:
    folder = corpus(tmp_path / "mine")
    rows = json.loads(ranat("corpora", "check", folder, "--json").out)["rows"]
    counted = {(row["split"], row["what"]): row["measured"] for row in rows}
    assert counted["train", "mentions"] == 4
    assert counted["test", "tokens"] == 4
    text = ranat("corpora", "check", folder).out
    assert re.search(r"own +train +mentions +4\n", text)


def test_check_fails_if_a_published_count_differs(ranat: Ranat, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "NCBI-disease-IOB"
    folder.mkdir(parents=True)
    for stem in ("train", "devel", "test"):
        (folder / f"{stem}.tsv").write_text(DISEASE)
    done = ranat("corpora", "check", "ncbi-disease", "--data", tmp_path / "data")
    assert done.code == 1
    assert "DIFFERS" in done.out
    assert re.fullmatch(r"ranat: \d+ counts differ from the published ones \(compare .*\)", done.complaint)


def test_list_needs_no_corpora(ranat: Ranat) -> None:
    rows = {row["corpus"]: row for row in json.loads(ranat("corpora", "list", "--json").out)}
    assert sorted(rows) == corpora.names()
    assert (rows["demo"]["train"], rows["demo"]["found"]) == (48, "the package")
    assert rows["bc2gm"]["found"] is None
    assert ranat("corpora").out == ranat("corpora", "list").out


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_examples_that_parse(ranat: Ranat, command: str) -> None:
    done = ranat(*command.split(), "--help")
    assert (done.code, done.err) == (0, "")
    examples = re.findall(r"^  (ranat .*)$", done.out.split("Examples:")[1], re.MULTILINE)
    assert any(example.startswith(f"ranat {command}") for example in examples)
    for example in examples:
        words = shlex.split(re.sub(r" (--plugin \S+|--debug|> \S+)", "", example))[1:]  # `main` takes those
        cli.app.parse_args(words, exit_on_error=False, print_error=False)


def test_the_command_line_has_those_commands_only(ranat: Ranat) -> None:
    """A new command must come with examples: add it to COMMANDS."""
    found = {name for name in cli.app if not name.startswith("-")}
    assert found == {command.split()[0] for command in COMMANDS}
    text = ranat("--help").out
    assert all(name in text for name in found)
    assert "Exit codes: 0 done, 1 could not do it, 2 wrong usage." in text


def test_help_of_train_names_every_key(ranat: Ranat) -> None:
    text = " ".join(ranat("train", "--help").out.replace("│", " ").split())
    options = {field.name for name in attacks.names() for field in dataclasses.fields(attacks.get(name))}
    keys = [
        *(Settings.model_fields.keys() - {"read"}),
        "from",
        "columns",
        "lenient",
        "strict",
        "gate",
        "dropout",
        "p",
        *TrainSettings.model_fields,
        *options,
        *attacks.names(),
    ]
    missing = [key for key in keys if not re.search(rf"(?<!\w){key}(?!\w)", text)]
    assert missing == []


def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    from ranat.errors import UsageError

    monkeypatch.setattr(sys, "argv", ["ranat", "compare", "--debug"])
    with pytest.raises(UsageError, match="name at least one run folder"):
        cli.main()


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (RuntimeError("one\n  two"), 1, "RuntimeError: one two (a fault of ranat; --debug shows where)"),
        (
            PermissionError(13, "Permission denied", "/locked/x"),
            1,
            "/locked/x: Permission denied (change its permissions, or name another place)",
        ),
        (KeyboardInterrupt(), 130, "interrupted; `--resume` goes on with a run, the same command with a grid"),
    ],
)
def test_whatever_happens_is_one_line(
    ranat: Ranat, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, message: str
) -> None:
    def fail(data: Any) -> Any:
        raise error

    monkeypatch.setattr(corpora, "overview", fail)
    done = ranat("corpora")
    assert (done.code, done.complaint) == (code, f"ranat: {message}")


def process(*arguments: str) -> Done:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=120)
    return Done(done.returncode, done.stdout, done.stderr)


def test_as_a_process(tmp_path: Path) -> None:
    done = process("-m", "ranat.cli", "train", "--corpus", "demoo", "--model", "minilm", "--out", str(tmp_path / "o"))
    assert (done.code, done.out) == (2, "")
    assert done.complaint == "ranat: unknown corpus 'demoo' (did you mean 'demo'?)"
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("command", ["corpora", "corpora list", "--help", "convert --help", "report -h"])
def test_what_needs_no_torch(command: str) -> None:
    code = (
        f"import sys; from ranat import cli; sys.argv = ['ranat', *{command.split()}];"
        "import atexit; atexit.register(lambda: print('torch' in sys.modules or 'transformers' in sys.modules));"
        "cli.main()"
    )
    done = process("-c", code)
    assert (done.code, done.err) == (0, "")
    assert done.out.endswith("False\n")


def test_an_unknown_option_is_refused_with_the_nearest(ranat: Ranat) -> None:
    """Though every --SECTION.KEY may be an option of some task."""
    base = ("train", "--corpus", "demo", "--model", "minilm")
    for flags, complaint in {
        ("--attack", "fgm"): "--attack takes options, not a value (write --attack.name fgm)",
        ("--rat", "0.5"): "--rat takes options, not a value (write --rat.p 0.5)",
        ("--rat", "exact"): "--rat takes options, not a value (write --rat.gate exact)",
        ("--train", "3"): "--train takes options, not a value (write --train.OPTION VALUE; --help lists them)",
        ("-o", "x"): "unknown option -o (known: --add, ",
        ("--resum",): "unknown option --resum (did you mean '--resume'?)",
        ("--modle", "x"): "unknown option --modle (did you mean '--model'?)",
        ("--attak.name", "pgd"): "attak: unknown key (did you mean 'attack'?)",
        ("--relation.markin", "x"): "relation.markin: the task relation has no option 'markin'",
    }.items():
        done = ranat(*base, *flags)
        assert done.code == 2
        assert done.complaint.startswith(f"ranat: {complaint}")
