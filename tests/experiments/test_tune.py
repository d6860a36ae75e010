from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from ranat.errors import UsageError, UserError
from ranat.experiments.tune import standard_arm, tune, with_params
from ranat.runs.settings import Settings, read_settings


@pytest.fixture
def flags(backbone: Path, diseases: Path) -> dict[str, Any]:
    return {
        "corpus": str(diseases),
        "model": str(backbone),
        "attack": {"name": "pgd", "epsilon": 0.3},
        "train": {"max_steps": 3, "batch_size": 4, "learning_rate": 0.001, "precision": "fp32", "seed": 7},
    }


@pytest.fixture
def settings(flags: dict[str, Any]) -> Settings:
    return read_settings(flags=flags)


def test_a_study_goes_on_and_ends_as_if_it_had_not_stopped(tmp_path: Path, settings: Settings) -> None:
    whole = tune(settings, tmp_path / "whole", trials=4)
    part = tune(settings, tmp_path / "part", trials=2)
    assert part["trials"] == whole["trials"][:2]
    assert tune(settings, tmp_path / "part", trials=4) == whole
    assert tune(settings, tmp_path / "part", trials=3) == whole  # nothing is undone
    first, *others = [trial["params"] for trial in whole["trials"]]
    assert first == {"train.learning_rate": 0.001, "attack.epsilon": 0.3, "attack.steps": 3}
    assert len({tuple(params.values()) for params in [first, *others]}) == 4
    for params in others:
        assert 0.0002 <= params["train.learning_rate"] <= 0.005
        assert 0.03 <= params["attack.epsilon"] <= 3
        assert 1 <= params["attack.steps"] <= 5
    assert whole["best"]["dev_f1"] == max(trial["dev_f1"] for trial in whole["trials"])
    best = read_settings(tmp_path / "part" / "best.yaml")
    assert best == with_params(settings, whole["best"]["params"])
    assert best.model_dump() == whole["settings"]
    assert sorted(path.name for path in (tmp_path / "part" / "trials").iterdir()) == ["000", "001", "002", "003"]
    assert not list((tmp_path / "part" / "trials").glob("*/model"))


@pytest.mark.parametrize(
    ("attack", "keys"),
    [
        ({"name": "none"}, {"train.learning_rate"}),
        ({"name": "fgm"}, {"train.learning_rate", "attack.epsilon"}),
        ({"name": "freelb", "steps": 9}, {"train.learning_rate", "attack.epsilon", "attack.steps"}),
    ],
)
def test_what_is_searched_depends_on_the_attack(
    tmp_path: Path, flags: dict[str, Any], attack: dict[str, Any], keys: set[str]
) -> None:
    result = tune(read_settings(flags=flags | {"attack": attack}), tmp_path / "study", trials=1)
    assert result["best"]["params"].keys() == keys


def test_another_study_is_refused(tmp_path: Path, settings: Settings) -> None:
    tune(settings, tmp_path / "study", trials=1)
    other = with_params(settings, {"train.batch_size": 5})
    with pytest.raises(UserError, match=r"study: train.batch_size: the study began with 4, not 5 \(name"):
        tune(other, tmp_path / "study", trials=1)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").touch()
    with pytest.raises(UserError, match="holds something else"):
        tune(settings, tmp_path / "mine", trials=1)
    unknown = settings.model_copy(update={"corpus": "demoo"})
    with pytest.raises(UsageError, match="unknown corpus 'demoo'"):
        tune(unknown, tmp_path / "new", trials=1)
    with pytest.raises(UsageError, match="--trials: must be at least 1, not 0"):
        tune(settings, tmp_path / "new", trials=0)
    assert not (tmp_path / "new").exists()


def test_the_test_split_is_not_looked_at(tmp_path: Path, settings: Settings) -> None:
    tune(settings, tmp_path / "study", trials=1)
    (trial,) = (tmp_path / "study" / "trials").iterdir()
    assert [file.name for file in (trial / "predictions").iterdir()] == ["dev.jsonl"]
    assert "test" not in json.loads((trial / "metrics.json").read_text())


@pytest.mark.slow
def test_a_study_that_was_killed_ends_as_it_would_have(tmp_path: Path, flags: dict[str, Any]) -> None:
    flags["train"] = flags["train"] | {"max_steps": 60, "save_steps": 7}
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(flags))
    study = tmp_path / "study"
    command = [sys.executable, "-m", "ranat.cli", "tune", str(config), "--trials", "3", "--out", str(study)]
    chooser = random.Random()  # other moments every time
    kills = 0
    while kills < 3:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and not list(study.glob("trials/*/config.yaml")):
            time.sleep(0.01)
        try:
            process.wait(chooser.uniform(0, 1))
            break
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            kills += 1
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    assert kills > 0
    settings = read_settings(config)
    killed, whole = (tune(settings, folder, trials=3)["trials"] for folder in (study, tmp_path / "whole"))
    assert [(trial["params"], trial["dev_f1"]) for trial in killed] == [
        (trial["params"], trial["dev_f1"]) for trial in whole
    ]


def test_a_study_in_which_all_diverges_says_so(tmp_path: Path, flags: dict[str, Any]) -> None:
    flags["train"] |= {"learning_rate": 1e30}
    with pytest.raises(UserError) as caught:
        tune(read_settings(flags=flags), tmp_path / "study", trials=2)
    assert "all of 2 trials diverged" in str(caught.value)
    assert "lower train.learning_rate or attack.epsilon" in str(caught.value)
    assert not (tmp_path / "study" / "best.yaml").exists()


def test_standard_training_is_searched_as_long(tmp_path: Path, flags: dict[str, Any], settings: Settings) -> None:
    arm = standard_arm(settings)
    assert arm.regime == "standard"
    assert arm.train == settings.train
    with pytest.raises(UsageError, match="the study is one of standard training"):
        standard_arm(arm)
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(flags))
    command = [sys.executable, "-m", "ranat.cli", "tune", str(config), "--trials", "2", "--standard", "--json"]
    done = subprocess.run([*command, "--out", str(tmp_path / "study")], capture_output=True, check=True, text=True)
    result = json.loads(done.stdout)
    assert len(result["trials"]) == len(result["standard"]["trials"]) == 2
    assert (tmp_path / "study" / "standard" / "best.yaml").is_file()
    assert set(result["standard"]["best"]["params"]) == {"train.learning_rate"}
