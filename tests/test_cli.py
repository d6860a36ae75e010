"""The command line, as a person meets it: what it prints, how it exits, and what it leaves on disk."""

from __future__ import annotations

import dataclasses
import gzip
import json
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from huggingface_hub import constants

import tiny
from ranat import cli, corpora
from ranat.attacks import attacks
from ranat.training.settings import RatSettings, Settings, TrainSettings

COMMANDS = ("demo", "corpora list", "corpora fetch", "corpora check", "train", "evaluate", "compare")
DISEASE = "Cisplatin\tO\ninduced\tO\nnephrotoxicity\tB-Disease\n.\tO\n\n"


class Done(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The one line on standard error that is no note."""
        (line,) = [line for line in self.err.splitlines() if not line.startswith("note: ")]
        return line


Ranat = Callable[..., Done]


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


def corpus(folder: Path, **files: str | bytes) -> Path:
    """A corpus of one's own; a name of "train_tsv" is the file train.tsv."""
    folder.mkdir(exist_ok=True)
    for name, contents in ({"train_tsv": DISEASE * 4, "dev_tsv": DISEASE, "test_tsv": DISEASE} | files).items():
        if contents:
            path = folder / name.replace("_", ".")
            path.write_bytes(contents if isinstance(contents, bytes) else contents.encode())
    return folder


def contents(folder: Path) -> dict[str, bytes | None]:
    """Everything under a folder, None for folders."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def jsonl(*entities: dict[str, Any]) -> str:
    return json.dumps({"id": "1", "text": "renal failure", "entities": list(entities)}) + "\n"


ENTITY = {"id": "T1", "type": "Disease", "spans": [[0, 5]], "text": "renal"}

BAD_CORPORA: dict[str, tuple[dict[str, str | bytes], str]] = {
    "malformed line": ({"train_tsv": DISEASE + "Naloxone B-Chemical extra-column\n"}, "train.tsv:6: 'Naloxone B-Chem"),
    "no tag": ({"dev_tsv": "Naloxone\n"}, "dev.tsv:1: 'Naloxone' is not a token and a tag (write TOKEN<TAB>TAG"),
    "not JSON": ({"dev_tsv": "", "dev_jsonl": jsonl(ENTITY) + "{oh no\n"}, "dev.jsonl:2: not JSON: "),
    "text unlike its offsets": (
        {"dev_tsv": "", "dev_jsonl": jsonl(ENTITY | {"text": "renale"})},
        "dev.jsonl:1: entity 'T1' is said to be 'renale' but 'renal' stands at ((0, 5),) (mend its offsets",
    ),
    "past the end": (
        {"dev_tsv": "", "dev_jsonl": jsonl({"id": "T1", "type": "Disease", "spans": [[6, 99]]})},
        "dev.jsonl:1: entity 'T1' reaches to 99, past the text's 13 characters",
    ),
    "empty": ({"test_tsv": "\n\n"}, "test.tsv: the file is empty"),
    "not UTF-8": ({"test_tsv": b"ab\tO\nna\xefve\tO\n"}, "test.tsv:2: invalid UTF-8: byte 0xef at byte 3 of the line"),
    "cut off": ({"train_tsv": "", "train_tsv_gz": gzip.compress(DISEASE.encode())[:-9]}, "the gzip file is damaged"),
    "a type that train lacks": (
        {"dev_tsv": DISEASE.replace("B-Disease", "B-Gene")},
        "dev.tsv: document 'dev:1' has the type 'Gene', which train lacks (train has 'Disease';",
    ),
    "no train": ({"train_tsv": ""}, "no file of training documents (name it train, such as train.tsv)"),
    "nothing marked": (
        {name: DISEASE.replace("B-Disease", "O") * 4 for name in ("train_tsv", "dev_tsv", "test_tsv")},
        "the training split has no entity",
    ),
}


@pytest.mark.parametrize("what", BAD_CORPORA)
def test_a_bad_corpus_is_one_line_with_the_place(ranat: Ranat, tmp_path: Path, model: Path, what: str) -> None:
    files, message = BAD_CORPORA[what]
    folder, out = corpus(tmp_path / "mine", **files), tmp_path / "out"
    done = ranat("train", "--corpus", folder, "--model", model, "--out", out)
    assert (done.code, done.out) == (1, "")
    assert done.complaint.startswith(f"ranat: {folder}")
    assert message in done.complaint
    assert not out.exists()


@pytest.mark.parametrize("what", [what for what in BAD_CORPORA if what != "nothing marked"])
def test_check_finds_what_train_would(ranat: Ranat, tmp_path: Path, what: str) -> None:
    files, message = BAD_CORPORA[what]
    done = ranat("corpora", "check", corpus(tmp_path / "mine", **files))
    assert (done.code, done.out) == (1, "")
    assert message in done.complaint


PGD = ["--attack.name", "pgd"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--corpus", "ncbi-diseas"], 2, "unknown corpus 'ncbi-diseas' (did you mean 'ncbi-disease'?)"),
        (["--corpus", "zzz"], 2, "unknown corpus 'zzz' (known: bc2gm, "),
        (["--corpus", "./not/there"], 1, "./not/there: no such folder (name a folder that holds train, dev and test)"),
        (["--corpus", "ncbi-disease"], 1, "the corpus ncbi-disease is not there: no file"),
        (["--model", "pubmedbrt"], 2, "model: unknown backbone 'pubmedbrt' (did you mean 'pubmedbert'?"),
        (["--model", "some/model"], 1, "model: cannot load some/model: "),
        (["--model", "."], 1, ".: the folder holds no model (it needs config.json, weights, tokenizer)"),
        (["--task", "parsing"], 2, "unknown task 'parsing' (known: ner)"),
        (["--attack.name", "pdg"], 2, "attack.name: unknown attack 'pdg' (did you mean 'pgd'?)"),
        ([*PGD, "--attack.epsilom", "1"], 2, "attack.epsilom: the attack pgd has no option 'epsilom' (did you mean"),
        ([*PGD, "--attack.epsilon", "0"], 2, "attack.epsilon: must be above 0, not 0"),
        ([*PGD, "--attack.epsilon", "-1"], 2, "attack.epsilon: must be above 0, not -1"),
        ([*PGD, "--attack.epsilon", "big"], 2, "attack.epsilon: input should be a valid number"),
        ([*PGD, "--attack.epsilon", "[1"], 2, "--attack.epsilon: cannot read '[1'"),
        ([*PGD, "--rat.p", "1.5"], 2, "rat.p: input should be less than or equal to 1, not 1.5"),
        ([*PGD, "--rat.p", "-0.5"], 2, "rat.p: input should be greater than or equal to 0, not -0.5"),
        ([*PGD, "--rat.q", "1"], 2, "rat.q: unknown key (known: dropout, gate, p)"),
        (["--rat.p", "0.5"], 2, "rat.p: is set, but there is no attack (attack.name is one of fgm,"),
        (["--train.epoch", "1"], 2, "train.epoch: unknown key (did you mean 'epochs'?)"),
        (["--train.epochs", "0"], 2, "train.epochs: input should be greater than 0, not 0"),
        (["--epochs", "1"], 2, "--epochs"),
        (["--modle", "bert"], 2, "Unknown option: --modle. Did you mean --model?"),
        (["--train.seed"], 2, "--train.seed"),
        (["none.yaml"], 2, "none.yaml: cannot read: No such file or directory"),
        (["a.yaml", "b.yaml"], 2, "b.yaml"),
    ],
)
def test_wrong_usage_is_one_line(
    ranat: Ranat, tmp_path: Path, model: Path, arguments: list[str], code: int, message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    given = {"--corpus": str(corpus(tmp_path / "mine")), "--model": str(model)}
    needed = [part for flag, value in given.items() if flag not in arguments for part in (flag, value)]
    before = contents(tmp_path)
    done = ranat("train", *arguments, *needed, "--out", "out")
    assert (done.code, done.out) == (code, "")
    assert done.complaint.startswith("ranat: ")
    assert message in done.complaint
    assert "Traceback" not in done.err
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("corpus: [demo", ":1: not YAML: "),
        ("- demo\n", ": not a mapping of config keys"),
        ("corpus: demo\nmodle: x\n", ": modle: unknown key (did you mean 'model'?)"),
        ("corpus: demo\n", ": model: is missing (give it in the config file or as --model)"),
        ("corpus: demo\nmodel: x/y\nrat: {p: 2}\n", ": rat.p: input should be less than or equal to 1, not 2"),
        ("corpus: demo\nmodel: x/y\nattack: {name: fgm, steps: 2}\n", ": attack.steps: the attack fgm has no option"),
    ],
)
def test_a_bad_config_is_one_line_with_the_file(ranat: Ranat, tmp_path: Path, text: str, message: str) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(text)
    done = ranat("train", config, "--out", tmp_path / "out")
    assert (done.code, done.out) == (2, "")
    assert done.complaint.startswith(f"ranat: {config}{message}")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["trian"], 2, 'Unknown command "trian". Did you mean "train"?'),
        (["corpora", "chekc"], 2, "chekc"),
        (["corpora", "check", "ncbi"], 2, "unknown corpus 'ncbi' (known: bc2gm, "),
        (["corpora", "check", "NCBI-disease"], 2, "unknown corpus 'NCBI-disease' (did you mean 'ncbi-disease'?)"),
        (["corpora", "check", "ncbi-disease"], 1, "the corpus ncbi-disease is not there"),
        (["corpora", "fetch"], 2, "name at least one corpus (`ranat corpora list` shows them)"),
        (["corpora", "fetch", "ncbi"], 2, "unknown corpus 'ncbi' (known: "),
        (["evaluate"], 2, "run"),
        (["evaluate", "not/there"], 1, "not/there: no run is here (name a folder that `ranat train --out` wrote)"),
        (["compare"], 2, "name at least one run folder"),
        (["compare", "not/there"], 1, "not/there: no finished run is here"),
    ],
)
def test_other_commands_complain_in_one_line(ranat: Ranat, arguments: list[str], code: int, message: str) -> None:
    done = ranat(*arguments)
    assert (done.code, done.out) == (code, "")
    assert message in done.complaint


def an_old_run(out: Path) -> None:
    out.mkdir()
    (out / "config.yaml").write_text("corpus: demo\nmodel: minilm\n")
    (out / "metrics.json").write_text("{}")


def something_else(out: Path) -> None:
    out.mkdir()
    (out / "thesis.tex").write_text("years of work")


def a_file(out: Path) -> None:
    out.write_text("years of work")


RUN_THERE = "the folder holds a run already (--resume, --overwrite or another --out)"
NO_RUN = "the folder is not empty and holds no run (name another with --out)"
A_FILE = "is a file (name a folder with --out)"


@pytest.mark.parametrize(
    ("make", "message", "flags"),
    [
        (an_old_run, RUN_THERE, []),
        *((something_else, NO_RUN, flags) for flags in ([], ["--overwrite"], ["--resume"])),
        *((a_file, A_FILE, flags) for flags in ([], ["--overwrite"], ["--resume"])),
    ],
)
def test_what_is_in_the_way_stays_as_it_is(
    ranat: Ranat, tmp_path: Path, model: Path, make: Callable[[Path], None], message: str, flags: list[str]
) -> None:
    make(tmp_path / "out")
    before = contents(tmp_path)
    done = ranat("train", "--corpus", "demo", "--model", model, "--out", tmp_path / "out", *flags)
    assert done.code == 1
    assert done.complaint == f"ranat: {tmp_path / 'out'}: {message}"
    assert contents(tmp_path) == before


def test_overwrite_keeps_the_old_run_until_the_new_can_begin(ranat: Ranat, tmp_path: Path, model: Path) -> None:
    an_old_run(tmp_path / "out")
    before = contents(tmp_path)
    done = ranat("train", "--corpus", "demo", "--model", "some/model", "--out", tmp_path / "out", "--overwrite")
    assert done.code == 1
    assert contents(tmp_path) == before


def test_resume_with_other_settings_is_refused(ranat: Ranat, tmp_path: Path, model: Path) -> None:
    an_old_run(tmp_path / "out")
    done = ranat("train", "--corpus", "demo", "--model", model, "--out", tmp_path / "out", "--resume")
    assert done.code == 1
    assert f"{tmp_path / 'out'}: model: the run began with 'minilm', not {str(model)!r} (resume" in done.complaint


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


def test_compare_puts_runs_side_by_side(ranat: Ranat, runs: Callable[..., Path]) -> None:
    folders = [runs("fgm", "--attack.name", "fgm", "--rat.p", "1"), runs("standard")]
    result = json.loads(ranat("compare", *folders, "--json").out)
    assert [group["name"] for group in result["groups"]] == ["standard", "fgm AT"]
    assert result["groups"][1]["xfp_ratio"] == 2
    lines = ranat("compare", *folders).out.splitlines()
    assert [line.split("  ")[0] for line in lines[:3]] == ["training", "standard", "fgm AT"]
    assert "100%" in lines[2]
    assert lines[-1].endswith("One seed proves nothing.")


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
    assert examples
    for example in examples:
        words = shlex.split(example)[1:]
        assert words[: len(command.split())] == command.split()
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
    keys = [*Settings.model_fields, *RatSettings.model_fields, *TrainSettings.model_fields, *options, *attacks.names()]
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
        (PermissionError(13, "Permission denied", "/root/x"), 1, "/root/x: Permission denied"),
        (KeyboardInterrupt(), 130, "interrupted; `--resume` goes on with a run"),
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


def test_help_and_corpora_need_no_torch() -> None:
    code = (
        "import sys; from ranat import cli; sys.argv = ['ranat', 'corpora']; cli.main();"
        "sys.exit(bool({'torch', 'transformers'} & sys.modules.keys()))"
    )
    done = process("-c", code)
    assert (done.code, done.err) == (0, "")
    assert "demo" in done.out
