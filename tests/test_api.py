"""The Python door does what the command line does."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml

import ranat
from ranat.attacks import FGM, PGD, Attack, PassCounts, Passes
from ranat.errors import UsageError, UserError
from ranat.gates import Bernoulli, Every, Exact
from small_runs import assert_alike

TRAIN = {"epochs": 2, "batch_size": 4, "learning_rate": 0.01, "precision": "fp32"}


@pytest.fixture
def given(corpus: Path, backbone: Path) -> dict[str, Any]:
    return {"corpus": corpus, "model": backbone, "train": TRAIN, "progress": False}


def test_it_trains_the_weights_of_the_command(given: dict[str, Any], tmp_path: Path) -> None:
    run = ranat.train(
        **given,
        attack=PGD(epsilon=0.3, steps=2),
        gate=Bernoulli(p=0.4),
        out=tmp_path / "here",
        rat={"dropout": "fresh"},
    )
    command = [sys.executable, "-m", "ranat.cli", "train", "--corpus", given["corpus"], "--model", given["model"]]
    flags = [f"--train.{key}={value}" for key, value in TRAIN.items()]
    flags += ["--attack.name=pgd", "--attack.epsilon=0.3", "--attack.steps=2", "--rat.p=0.4", "--rat.dropout=fresh"]
    subprocess.run([*command, *flags, "--out", tmp_path / "there"], check=True, capture_output=True)
    assert_alike(run.folder, tmp_path / "there")

    assert run == ranat.Run(str(tmp_path / "here"))
    assert repr(run) == f"Run({str(tmp_path / 'here')!r})"
    assert (run.settings.regime, run.settings.dropout) == ("pgd RAT p=0.4", "fresh")
    scores = run.evaluate(progress=False)
    assert scores["f1"] == run.metrics["test"]["f1"]
    assert f"<td>{100 * scores['f1']:.2f}</td>" in run._repr_html_()
    assert f"{run.cost['xfp']:,} forward-equivalents" in run._repr_html_()
    document = run.extractor(precision="fp32").extract("Cisplatin induced nephrotoxicity; BRCA1 mutations.")
    assert {entity.type for entity in document.entities} <= {"Gene"}


def test_it_goes_on_from_a_run_with_more_documents(given: dict[str, Any], tmp_path: Path) -> None:
    train = TRAIN | {"max_steps": 2}
    first = ranat.train(**given | {"train": train}, attack="fgm", out=tmp_path / "first")
    added = tmp_path / "added.jsonl"
    added.write_text(
        '{"id": "new", "text": "TP53 is mutated.", "entities": [{"id": "T1", "type": "Gene", "spans": [[0, 4]]}]}\n'
    )
    run = ranat.train(base=first, add=added, out=tmp_path / "here", progress=False)
    command = [sys.executable, "-m", "ranat.cli", "train", "--from", first.folder, "--add", added]
    subprocess.run([*command, "--out", tmp_path / "there"], check=True, capture_output=True)
    assert_alike(run.folder, tmp_path / "there")
    assert (run.settings.model, run.settings.regime) == (str(first.folder), first.settings.regime)
    assert list(run.settings.add) == [str(added)]
    with pytest.raises(UserError, match="no run is here"):
        ranat.train(base=tmp_path / "nothing")


def test_runs_are_compared(given: dict[str, Any], tmp_path: Path) -> None:
    short = given | {"train": TRAIN | {"max_steps": 2}}
    standard = ranat.train(**short, out=tmp_path / "standard")
    attacked = ranat.train(**short, attack="fgm", gate="always", out=tmp_path / "attacked")
    (compared,) = ranat.compare([standard, attacked.folder])["comparisons"]
    assert [group["name"] for group in compared["groups"]] == ["standard", "fgm AT"]
    with pytest.raises(UsageError, match="name at least one run folder"):
        ranat.compare([])


@pytest.mark.parametrize(
    ("attack", "gate", "told"),
    [
        ("pgd", "every", {"name": "pgd", "gate": "every"}),
        ({"name": "pgd", "steps": 2}, {"gate": "exact", "p": 0.3}, {"steps": 2, "gate": "exact", "p": 0.3}),
        (FGM(epsilon=0.2), Every(k=3), {"name": "fgm", "epsilon": 0.2, "epsilon_unit": "absolute", "k": 3}),
        (PGD(), None, {"epsilon": 0.04, "epsilon_unit": "relative", "gate": "bernoulli"}),
    ],
)
def test_attacks_and_gates_are_named_or_given(
    given: dict[str, Any], tmp_path: Path, attack: Any, gate: Any, told: dict[str, Any]
) -> None:
    (tmp_path / "taken").write_text("")  # so that nothing is trained
    seen: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ranat.training.run.train", lambda settings, folder, **_: seen.update(settings=settings))
        with pytest.raises(UserError, match="no run is here"):
            ranat.train(**given, attack=attack, gate=gate, out=tmp_path / "none")
    assert (seen["settings"].attack | seen["settings"].rat).items() >= told.items()


def test_a_file_of_settings_is_under_what_is_said(given: dict[str, Any], tmp_path: Path) -> None:
    config = {"corpus": str(given["corpus"]), "model": str(given["model"]), "train": TRAIN | {"max_steps": 1}}
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(config))
    run = ranat.train(file, train={"max_steps": 2}, out=tmp_path / "run", progress=False)
    assert (run.cost["optimizer_steps"], run.settings.train.epochs) == (2, 2)


@dataclass(frozen=True, kw_only=True)
class Unregistered(Attack):
    def __call__(self, passes: Passes) -> None: ...

    @property
    def counts(self) -> PassCounts:
        return PassCounts(1, 1, 0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"attack": "pdg"}, r"attack.name: unknown attack 'pdg' \(did you mean 'pgd'\?\)"),
        ({"attack": {"name": "fgm", "steps": 3}}, "attack.steps: the attack fgm has no option 'steps'"),
        ({"attack": Unregistered()}, "attack: is no attack that is registered"),
        ({"attack": PGD}, "attack: is no attack that is registered"),
        ({"gate": "always"}, "rat.gate: is set, but there is no attack"),
        ({"attack": "fgm", "gate": Bernoulli(p=0.5, seed=3)}, "gate.seed: is the run's"),
        ({"attack": "fgm", "gate": Exact(p=0.5, total_steps=9)}, "gate.total_steps: is the run's"),
        ({"epochs": 3}, "epochs: unknown key"),
        ({"rat": 0.5}, "rat: input should be a valid dictionary"),
        ({"train": {"epoch": 3}}, r"train.epoch: unknown key \(did you mean 'epochs'\?\)"),
    ],
)
def test_what_is_wrong_is_told_as_on_the_command_line(
    given: dict[str, Any], wrong: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        ranat.train(**given | wrong)


def test_no_run_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no run is here"):
        ranat.Run(tmp_path)


def test_the_package_is_light_until_it_is_used() -> None:
    code = "import ranat, sys; dir(ranat); sys.exit('torch' in sys.modules or 'pydantic' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert set(ranat.__all__) == set(dir(ranat))
    assert ranat.__version__ == metadata.version("ranat")
