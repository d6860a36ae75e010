from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ranat.attacks import PGD, attacks
from ranat.errors import UsageError
from ranat.gates import Always, Bernoulli, Exact, Never
from ranat.runs.settings import Settings, read_settings
from ranat.tasks import tasks
from ranat.tasks.relation import RelationOptions

BASE = {"corpus": "demo", "model": "minilm"}


def written(folder: Path, values: Any) -> Path:
    file = folder / "config.yaml"
    file.write_text(values if isinstance(values, str) else yaml.safe_dump(values), encoding="utf-8")
    return file


def test_defaults_are_filled_in() -> None:
    settings = read_settings(flags=BASE)
    assert settings.attack == {"name": "none"}
    assert settings.make_attack() is None
    assert settings.regime == "standard"
    assert settings.train.learning_rate == 5e-4
    assert read_settings(flags=BASE | {"model": "pubmedbert"}).train.learning_rate == 5e-5
    assert read_settings(flags=BASE | {"corpus": "chemprot"}).train.learning_rate == 1e-4
    assert read_settings(flags=BASE | {"task": "relation"}).train.learning_rate == 1e-4
    assert settings.task is None


def test_a_flag_wins_over_the_file(tmp_path: Path) -> None:
    values = BASE | {
        "attack": {"name": "pgd", "epsilon": 0.3, "steps": 2},
        "rat": {"p": 0.25},
        "train": {"seed": 3, "epochs": 2},
    }
    flags = {"corpus": "bc2gm", "attack": {"epsilon": 0.7}, "train": {"seed": 4}, "model": None}
    settings = read_settings(written(tmp_path, values), flags)
    assert (settings.corpus, settings.model) == ("bc2gm", "minilm")
    assert (settings.attack["name"], settings.attack["epsilon"], settings.attack["steps"]) == ("pgd", 0.7, 2)
    assert (settings.rat["p"], settings.train.seed, settings.train.epochs) == (0.25, 4, 2)


def test_numbers_that_yaml_reads_as_strings(tmp_path: Path) -> None:
    """YAML 1.1 takes 1e-4 for a string."""
    file = written(
        tmp_path,
        "corpus: demo\nmodel: minilm\nattack: {name: pgd, epsilon: 1e-1, norm: inf}\n"
        "train: {learning_rate: 1e-4, weight_decay: 0}\n",
    )
    settings = read_settings(file)
    assert settings.train.learning_rate == 1e-4
    assert settings.attack["epsilon"] == 0.1
    assert settings.attack["norm"] == "inf"


def test_the_preset_decides_what_is_left_out() -> None:
    def options(**given: Any) -> dict[str, Any]:
        return read_settings(flags=BASE | {"attack": {"name": "pgd", **given}}).attack

    assert (options()["projection"], options()["clean_weight"]) == ("sphere", 1.0)
    assert (options(preset="original")["projection"], options(preset="original")["clean_weight"]) == ("ball", 0.0)
    assert options(preset="original", clean_weight=0.5)["clean_weight"] == 0.5


@pytest.mark.parametrize("preset", ["paper", "original"])
@pytest.mark.parametrize("name", attacks.names())
def test_a_written_config_gives_the_settings_back(tmp_path: Path, name: str, preset: str) -> None:
    settings = read_settings(
        flags=BASE
        | {"attack": {"name": name, "preset": preset, "epsilon": 0.3}, "rat": {"p": 0.25}, "train": {"max_steps": 7}}
    )
    again = read_settings(written(tmp_path, settings.to_yaml()))
    assert again == settings
    assert again.make_attack() == attacks.get(name)(preset=preset, epsilon=0.3)
    assert set(settings.attack) == {"name", *(field.name for field in dataclasses.fields(attacks.get(name)))}


def test_standard_training_gives_its_settings_back(tmp_path: Path) -> None:
    settings = read_settings(flags=BASE | {"train": {"report_to": ["tensorboard"]}})
    assert read_settings(written(tmp_path, settings.to_yaml())) == settings


def test_the_options_of_a_task_are_in_its_section(tmp_path: Path) -> None:
    given = BASE | {"task": "relation", "relation": {"representation": "entity"}}
    settings = read_settings(flags=given)
    assert settings.task_options() == RelationOptions("entity")
    assert settings.flat()["relation.marking"] == "dummy"
    assert read_settings(written(tmp_path, settings.to_yaml())) == settings
    assert "relation.marking" in read_settings(flags=BASE | {"task": "relation"}).flat()


def test_a_task_that_the_corpus_tells_gets_its_options_then() -> None:
    bare = read_settings(flags=BASE | {"train": {"learning_rate": 1e-4}})
    assert not any(key.startswith("relation") for key in bare.flat())
    assert bare.for_task("ner").flat() == bare.flat() | {"task": "ner"}
    assert bare.for_task("relation") == read_settings(flags=bare.model_dump() | {"task": "relation"})
    given = read_settings(flags=BASE | {"relation": {"marking": "typed"}})
    assert given.flat()["relation.representation"] == "cls"
    assert given.for_task("relation").task_options() == RelationOptions("cls", "typed")
    with pytest.raises(UsageError, match="relation: is set, but the task is ner"):
        given.for_task("ner")


def test_none_said_aloud_switches_an_attack_of_the_file_off(tmp_path: Path) -> None:
    file = written(tmp_path, BASE | {"attack": {"name": "pgd", "epsilon": 0.3}, "rat": {"p": 0.5}})
    settings = read_settings(file, {"attack": {"name": "none"}})
    assert (settings.attack, settings.regime) == ({"name": "none"}, "standard")


@pytest.mark.parametrize(
    ("attack", "rat", "regime"),
    [
        ({"name": "pgd"}, {}, "pgd RAT p=0.5"),
        ({"name": "fgm"}, {"p": 1}, "fgm AT"),
        ({"name": "fgm"}, {"gate": "always"}, "fgm AT"),
        ({"name": "fgm"}, {"gate": "exact", "p": 0.25}, "fgm RAT exact p=0.25"),
        ({"name": "fgm"}, {"gate": "every", "k": 3}, "fgm RAT every 3"),
        ({"name": "fgm"}, {"gate": "every", "k": 1}, "fgm AT"),
        ({"name": "fgm"}, {"gate": "delayed", "start": 0.25}, "fgm RAT p=0.5 from 25%"),
        ({"name": "fgm"}, {"gate": "rising"}, "fgm RAT rising p=0.5"),
        ({"name": "fgm"}, {"p": 0}, "standard"),
        ({"name": "fgm"}, {"gate": "never"}, "standard"),
        ({"name": "none"}, {}, "standard"),
    ],
)
def test_regimes(attack: dict[str, Any], rat: dict[str, Any], regime: str) -> None:
    assert read_settings(flags=BASE | {"attack": attack, "rat": rat}).regime == regime


@pytest.mark.parametrize(
    ("name", "gate"),
    [
        ("always", Always()),
        ("never", Never()),
        ("bernoulli", Bernoulli(0.3, 7)),
        ("exact", Exact(0.3, 7, total_steps=90)),
    ],
)
def test_gates_take_the_seed_of_the_run(name: str, gate: Any) -> None:
    settings = read_settings(
        flags=BASE
        | {
            "attack": {"name": "fgm"},
            "rat": {"gate": name} | ({"p": 0.3} if name not in ("always", "never") else {}),
            "train": {"seed": 7},
        }
    )
    assert settings.make_gate(90) == gate


def test_no_task_takes_the_name_of_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"^task: unknown task 'train' "):
        read_settings(flags=BASE | {"task": "train"})
    monkeypatch.setattr(tasks, "_components", {name: tasks.get("ner") for name in (*tasks.names(), "train")})
    with pytest.raises(UsageError, match=r"^task: no task can be called 'train', as settings have that key"):
        read_settings(flags=BASE | {"task": "train"})


def pgd(**options: Any) -> dict[str, Any]:
    return BASE | {"attack": {"name": "pgd", **options}}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"model": "minilm"}, "corpus: is missing (give it in the config file or as --corpus)"),
        ({"corpus": "demo"}, "model: is missing (give it in the config file or as --model)"),
        (BASE | {"corpsu": 1}, "corpsu: unknown key (did you mean 'corpus'?)"),
        (BASE | {"zzz": 1}, "zzz: unknown key (known: add, attack, corpus, "),
        ({"model": "minilm", "corpsu": "demo"}, "corpsu: unknown key (did you mean 'corpus'?)"),
        (BASE | {"task": "nerr"}, "task: unknown task 'nerr' (did you mean 'ner'?; --plugin names the file that has"),
        (BASE | {"task": 3}, "task: input should be a valid string, not 3"),
        (BASE | {"relatoin": {}}, "relatoin: unknown key (did you mean 'relation'?)"),
        (BASE | {"ner": {}}, "ner: unknown key (known: add, attack, corpus, "),  # it has no options
        (BASE | {"relation": "cls"}, "relation: must be a section of options, not 'cls'"),
        (
            BASE | {"relation": {"markin": "x"}},
            "relation.markin: the task relation has no option 'markin' (did you mean 'marking'?)",
        ),
        (BASE | {"relation": {"1": "x"}}, "relation.1: the task relation has no option '1' (known: marking,"),
        (
            BASE | {"relation": {"representation": "states"}},
            "relation.representation: input should be 'cls' or 'entity', not 'states'",
        ),
        (
            BASE | {"task": "ner", "relation": {}},
            "relation: is set, but the task is ner (`--task relation`, or leave it out)",
        ),
        (BASE | {"train": {"epoch": 1}}, "train.epoch: unknown key (did you mean 'epochs'?)"),
        (BASE | {"rat": {"prob": 1}}, "rat.prob: the gate bernoulli has no option 'prob' (known: dropout, gate, p)"),
        (BASE | {"rat": {"P": 1}}, "rat.P: the gate bernoulli has no option 'P' (did you mean 'p'?)"),
        (BASE | {"attack": {"name": "FreeLB"}}, "attack.name: unknown attack 'FreeLB' (did you mean 'freelb'?)"),
        (BASE | {"train": {"epochs": 0}}, "train.epochs: input should be greater than 0, not 0"),
        (BASE | {"train": {"epochs": float("inf")}}, "train.epochs: input should be a finite number, not inf"),
        (BASE | {"train": {"learning_rate": float("inf")}}, "train.learning_rate: input should be a finite number"),
        (BASE | {"train": {"seed": 2**32}}, "train.seed: input should be less than 4294967296, not 4294967296"),
        (BASE | {"train": {"epochs": "ten"}}, "train.epochs: input should be a valid number"),
        (BASE | {"train": {"batch_size": 1.5}}, "train.batch_size: input should be a valid integer"),
        (BASE | {"train": {"learning_rate": -1}}, "train.learning_rate: input should be greater than 0, not -1"),
        (BASE | {"train": {"precision": "fp8"}}, "train.precision: input should be 'auto', 'fp32', 'bf16' or 'fp16'"),
        (BASE | {"train": {"warmup": 1}}, "train.warmup: input should be less than 1, not 1"),
        (BASE | {"train": {"fraction": 0}}, "train.fraction: input should be greater than 0, not 0"),
        (BASE | {"train": 3}, "train: input should be a valid"),
        (BASE | {"train": {"report_to": 3}}, "train.report_to: input should be a valid list, not 3"),
        (pgd() | {"rat": {"p": 1.5}}, "rat.p: must be in [0, 1], not 1.5"),
        (pgd() | {"rat": {"p": -0.1}}, "rat.p: must be in [0, 1], not -0.1"),
        (pgd() | {"rat": {"p": float("nan")}}, "rat.p: must be in [0, 1], not nan"),
        (
            pgd() | {"rat": {"gate": "coin"}},
            "rat.gate: unknown gate 'coin' (known: always, bernoulli, delayed, every, ",
        ),
        (BASE | {"attack": "pgd"}, "attack: input should be a valid dictionary, not 'pgd'"),
        (BASE | {"attack": {"name": "pdg"}}, "attack.name: unknown attack 'pdg' (did you mean 'pgd'?)"),
        (
            BASE | {"attack": {"name": "zzz"}},
            "attack.name: unknown attack 'zzz' (known: carry, fgm, fgsm, ",
        ),
        (
            BASE | {"attack": {"epsilon": 1}},
            "attack.epsilon: is set, but there is no attack (attack.name is one of carry, fgm, fgsm, ",
        ),
        (BASE | {"rat": {"p": 0.5}}, "rat.p: is set, but there is no attack (attack.name is one of"),
        (pgd(epsilom=1), "attack.epsilom: the attack pgd has no option 'epsilom' (did you mean 'epsilon'?)"),
        (pgd(sigma=1), "attack.sigma: the attack pgd has no option 'sigma' (known: adversarial_weight,"),
        (pgd(epsilon=0), "attack.epsilon: must be above 0, not 0"),
        (pgd(epsilon=-1), "attack.epsilon: must be above 0, not -1"),
        (pgd(epsilon="big"), "attack.epsilon: input should be a valid number"),
        (pgd(epsilon=float("nan")), "attack.epsilon: must be a finite number above 0, not nan"),
        (pgd(steps=0), "attack.steps: must be a whole number of at least 1, not 0"),
        (pgd(step_size=0), "attack.step_size: must be above 0, not 0"),
        (pgd(norm=3), "attack.norm: "),
        (pgd(scope="word"), "attack.scope: input should be 'sequence', 'token' or 'batch', not 'word'"),
        (pgd(preset="mine"), "attack.preset: input should be 'paper' or 'original', not 'mine'"),
        (pgd(projection="cube"), "attack.projection: input should be 'sphere' or 'ball', not 'cube'"),
    ],
)
@pytest.mark.parametrize("place", ["flags", "file"])
def test_what_is_wrong_is_one_line_with_the_key(
    tmp_path: Path, values: dict[str, Any], message: str, place: str
) -> None:
    file = written(tmp_path, values) if place == "file" else None
    with pytest.raises(UsageError) as caught:
        read_settings(file, None if file else values)
    line = str(caught.value)
    assert line.startswith(message) or (file and message in line)
    assert "\n" not in line
    assert "{" not in line  # no dump of a validator


@pytest.mark.parametrize("key", ["corpus", "train.epochs", "attack.epsilon", "attack.name", "attack.sigma"])
def test_the_file_is_named_when_it_is_the_file(tmp_path: Path, key: str) -> None:
    values: dict[str, Any] = {
        "corpus": {"corpus": 3},
        "train.epochs": {"train": {"epochs": -1}},
        "attack.epsilon": {"attack": {"name": "pgd", "epsilon": -1}},
        "attack.name": {"attack": {"name": "pdg"}},
        "attack.sigma": {"attack": {"name": "pgd", "sigma": 1}},
    }[key]
    file = written(tmp_path, BASE | values)
    with pytest.raises(UsageError) as caught:
        read_settings(file)
    assert str(caught.value).startswith(f"{file}: {key}: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("corpus: [demo", ":1: not YAML: "),
        ("corpus: demo\nmodel: : x\n", ":2: not YAML: "),
        ("corpus: !!python/object/apply:os.system [ls]\n", ":1: tags such as "),
        ("- demo\n", ": not a mapping of config keys (write lines such as `corpus: ncbi-disease`)"),
        ("", ": not a mapping of config keys"),
        ("demo", ": not a mapping of config keys"),
        (b"corpus: \xff\n", ":1: not UTF-8 (save it as UTF-8)"),
    ],
)
def test_a_file_that_is_no_config(tmp_path: Path, text: str | bytes, message: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UsageError) as caught:
        read_settings(file)
    assert str(caught.value).startswith(f"{file}{message}")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.yaml: cannot read: No such file"):
        read_settings(tmp_path / "none.yaml")
    with pytest.raises(UsageError, match="cannot read: Is a directory"):
        read_settings(tmp_path)


KEYS = st.text("abcdeps.", min_size=1, max_size=6)
ANYTHING: Any = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.text("ab1.", max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=2),
    max_leaves=4,
)
NAMES = [*Settings.model_fields, "relation", "typo"]
PGD_OPTIONS = [field.name for field in dataclasses.fields(PGD)]


@given(
    st.dictionaries(st.sampled_from(NAMES), ANYTHING, max_size=3),
    st.dictionaries(st.sampled_from(PGD_OPTIONS), ANYTHING, max_size=2),
    st.sampled_from(["pgd", None, 3, "PGD"]),
)
def test_nothing_in_a_file_escapes_as_anything_but_a_usage_error(
    values: dict[str, Any], options: dict[str, Any], name: Any
) -> None:
    try:
        settings = read_settings(flags=BASE | {"attack": {"name": name, **options}} | values)
    except UsageError as error:
        line = str(error)
    else:
        line = settings.regime
        settings.make_attack()
        settings.make_gate(10)(0)
    assert "\n" not in line
