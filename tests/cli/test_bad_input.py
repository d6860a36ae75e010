"""Bad input on the command line: one line, the exit code, and nothing left on disk."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from commandline import DISEASE, Ranat, corpus
from ranat.runs.folder import RunFolder
from ranat.runs.settings import read_settings


def contents(folder: Path) -> dict[str, bytes | None]:
    """Everything under a folder, None for folders."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def jsonl(*entities: dict[str, Any]) -> str:
    return json.dumps({"id": "1", "text": "renal failure", "entities": list(entities)}) + "\n"


ENTITY = {"id": "T1", "type": "Disease", "spans": [[0, 5]], "text": "renal"}

BAD_CORPORA: dict[str, tuple[dict[str, str | bytes], str]] = {
    "malformed line": ({"train_tsv": DISEASE + "Naloxone B-Chemical extra-column\n"}, "train.tsv:6: 'Naloxone B-Chem"),
    "no tag": (
        {"dev_tsv": "Naloxone\n"},
        "dev.tsv:1: no column holds tags; the first line is 'Naloxone' (write TOKEN<TAB>TAG",
    ),
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
    assert done.code == 1
    assert message in done.out + done.complaint


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
        (["--task", "parsing"], 2, "unknown task 'parsing' (known: "),
        (["--attack.name", "pdg"], 2, "attack.name: unknown attack 'pdg' (did you mean 'pgd'?)"),
        ([*PGD, "--attack.epsilom", "1"], 2, "attack.epsilom: the attack pgd has no option 'epsilom' (did you mean"),
        ([*PGD, "--attack.epsilon", "0"], 2, "attack.epsilon: must be above 0, not 0"),
        ([*PGD, "--attack.epsilon", "-1"], 2, "attack.epsilon: must be above 0, not -1"),
        ([*PGD, "--attack.epsilon", "big"], 2, "attack.epsilon: input should be a valid number"),
        ([*PGD, "--attack.epsilon", "[1"], 2, "--attack.epsilon: cannot read '[1'"),
        ([*PGD, "--rat.p", "1.5"], 2, "rat.p: must be in [0, 1], not 1.5"),
        ([*PGD, "--rat.p", "-0.5"], 2, "rat.p: must be in [0, 1], not -0.5"),
        ([*PGD, "--rat.q", "1"], 2, "rat.q: the gate bernoulli has no option 'q' (known: dropout, gate, p)"),
        (["--rat.p", "0.5"], 2, "rat.p: is set, but there is no attack (attack.name is one of carry, fgm,"),
        (["--train.epoch", "1"], 2, "train.epoch: unknown key (did you mean 'epochs'?)"),
        (["--train.epochs", "0"], 2, "train.epochs: input should be greater than 0, not 0"),
        (["--epochs", "1"], 2, "--epochs"),
        (["--modle", "bert"], 2, "unknown option --modle (did you mean '--model'?)"),
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
    ("arguments", "code", "message"),
    [
        (["reproduce", "tabel1"], 2, "unknown spec 'tabel1' (did you mean 'table1'?; or a file that ends in .yaml)"),
        (["reproduce", "none.yaml"], 2, "none.yaml: cannot read: No such file or directory"),
        (["reproduce", "bad.yaml"], 2, "bad.yaml: tittle: unknown key (did you mean 'title'?)"),
        (["reproduce"], 2, "spec"),
        (["reproduce", "table2", "--seeds", "4-"], 2, "--seeds: cannot read '4-' (write 0-4 or 0,3,7)"),
        (["reproduce", "table2", "--seeds", "4-0"], 2, "--seeds: cannot read '4-0' (write 0-4 or 0,3,7)"),
        (["reproduce", "table2", "--seeds", "1,1"], 2, "table2.yaml: the seed 1 is there twice"),
        (["reproduce", "table2", "--jobs", "0"], 2, "--jobs: must be at least 1, not 0"),
        (["reproduce", "table2", "--model", "minilmm"], 2, "model: unknown backbone 'minilmm' (did you mean 'minilm'?"),
        (["reproduce", "table2", "--corpora", "ddi,bc2"], 2, "corpora: unknown corpus 'bc2' (did you mean 'bc2gm'?"),
        (["reproduce", "table2", "--train.epoch", "1"], 2, "train.epoch: unknown key (did you mean 'epochs'?)"),
        (["reproduce", "table2", "--train.seed", "1"], 2, "train.seed: a grid has several seeds"),
        (["reproduce", "table2", "--epochs", "1"], 2, "--epochs"),
        (["report"], 2, "name at least one results folder"),
        (["report", "results"], 1, "results: no result cards are here (`ranat reproduce --out` writes them)"),
        (["report", "results", "-o", "report.pdf"], 2, "report.pdf: no report ends in '.pdf'"),
        (["tune", "--corpus", "demo"], 2, "model: is missing"),
        (["tune", "--corpus", "demoo", "--model", "minilm"], 2, "unknown corpus 'demoo' (did you mean 'demo'?"),
        (["tune", "--corpus", "demo", "--model", "minilm", "--trials", "0"], 2, "--trials: must be at least 1, not 0"),
    ],
)
def test_a_wrong_experiment_is_one_line(
    ranat: Ranat, tmp_path: Path, arguments: list[str], code: int, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.yaml").write_text("tittle: A\n")
    before = contents(tmp_path)
    done = ranat(*arguments)
    assert (done.code, done.out) == (code, "")
    assert message in done.complaint
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("corpus: [demo", ":1: not YAML: "),
        ("- demo\n", ": not a mapping of config keys"),
        ("corpus: demo\nmodle: x\n", ": modle: unknown key (did you mean 'model'?)"),
        ("corpus: demo\n", ": model: is missing (give it in the config file or as --model)"),
        ("corpus: demo\nmodel: x/y\nrat: {p: 2}\n", ": rat.p: must be in [0, 1], not 2"),
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
        (["compare", "not/there"], 1, "not/there: no run is here (name a folder that `ranat train --out` wrote)"),
        (["verify", "not/there"], 1, "not/there: no run is here (name a folder that `ranat train --out` wrote)"),
        (["verify"], 2, "run"),
    ],
)
def test_other_commands_complain_in_one_line(ranat: Ranat, arguments: list[str], code: int, message: str) -> None:
    done = ranat(*arguments)
    assert (done.code, done.out) == (code, "")
    assert message in done.complaint


def an_old_run(out: Path) -> None:
    settings = read_settings(flags={"corpus": "demo", "model": "minilm", "task": "ner", "train": {"precision": "fp32"}})
    with RunFolder(out).held():
        RunFolder(out).begin(settings, resume=False)


def a_project_with_a_config(out: Path) -> None:
    out.mkdir()
    (out / "config.yaml").write_text("corpus: demo\nmodel: minilm\n")
    (out / ".git").mkdir()


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
        *((a_project_with_a_config, NO_RUN, flags) for flags in ([], ["--overwrite"], ["--resume"])),
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
