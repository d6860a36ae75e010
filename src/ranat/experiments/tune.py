"""Search the attack's radius, its steps and the learning rate on dev F1; what was interrupted goes on."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from ranat.attacks import STANDARD
from ranat.disk import claimed, write_atomically
from ranat.errors import UsageError, UserError
from ranat.experiments.grid.cells import check_names
from ranat.experiments.grid.progress import duration
from ranat.runs.folder import RunFolder
from ranat.runs.settings import Settings, read_settings
from ranat.terminal import plain_console
from ranat.training.run import train
from ranat.training.runtrainer import Diverged

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

MOST_STEPS = 5
DIVERGED = -1.0
"""The value of a trial that diverged: below any F1."""


def tune(
    settings: Settings, out: Path, *, trials: int, data: Path | None = None, console: Console | None = None
) -> dict[str, Any]:
    """Try settings around the given ones, which are the first trial; TPE, seeded by the run's seed, chooses the others.

    ε is searched from a tenth to ten times what is given, the learning rate from a fifth to five times, both on a
    logarithmic scale, and the number of steps from 1 to 5. A choice depends on the finished trials alone, so an
    interrupted study ends as it would have ended.

    Args:
        settings: resolved settings, as `read_settings` gives them.
        out: the study's folder: study.db, trials/ with a run folder each (without weights), best.yaml.
        trials: how many there are in the end, ≥ 1.
        data: the folder of corpora; None: RANAT_DATA, else the user's cache folder.
        console: where progress is shown; None: nowhere.
    Returns:
        {"trials": [{"number", "params", "dev_f1", "remarks"}], "best": one of them, "settings": its settings, nested}
    Raises:
        UserError: Optuna is not installed, the corpus or backbone is unknown, all trials diverged, or the folder holds
            another study, or one that is running.
    """
    try:
        import optuna
    except ImportError:
        raise UserError("Optuna is not installed", where="tune", remedy="pip install 'ranat[tune]'") from None
    if trials < 1:
        raise UsageError(f"must be at least 1, not {trials}", where="--trials")
    check_names([settings.corpus], [settings.model])
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    console = plain_console(console)
    with claimed(out, "study.db", "ranat tune"):
        study = optuna.create_study(
            storage=f"sqlite:///{out.absolute() / 'study.db'}",
            study_name="ranat",
            direction="maximize",
            load_if_exists=True,
        )
        _check(study, settings, out)
        space = _space(settings)
        flat = settings.flat()
        study.enqueue_trial({key: flat[key] for key in space}, skip_if_exists=True)
        while (done := len(_finished(study))) < trials:
            began = time.monotonic()
            study.sampler = optuna.samplers.TPESampler(seed=(settings.train.seed + done) % 2**32)
            number, params = _next(study, space)
            console.rule(f"trial {done + 1} of {trials}: {_said(params)}", align="left")
            tried = with_params(settings, params)
            study.tell(number, _dev_f1(tried, _folder(out, number), data, console))
            left = (time.monotonic() - began) * (trials - done - 1)
            console.print(f"best dev F1 so far {100 * max(study.best_value, 0):.2f}; about {duration(left)} left")
        if all(trial.value == DIVERGED for trial in _finished(study)):
            lower = " or ".join(key for key in space if key != "attack.steps")
            raise UserError(
                f"all of {done} trials diverged", where=str(out), remedy=f"begin another with lower {lower}"
            )
        write_atomically(out / "best.yaml", with_params(settings, study.best_params).to_yaml())
    rows = [
        {
            "number": trial.number,
            "params": trial.params,
            "dev_f1": max(float(trial.value or 0), 0.0),
            "remarks": _remarks(RunFolder(_folder(out, trial.number))),
        }
        for trial in _finished(study)
    ]
    best = next(row for row in rows if row["number"] == study.best_trial.number)
    return {"trials": rows, "best": best, "settings": with_params(settings, study.best_params).model_dump()}


def standard_arm(settings: Settings) -> Settings:
    """The same settings without an attack: standard training must be searched as long, or a gain is one of searching.

    Raises:
        UsageError: they are of standard training.
    """
    if settings.attack["name"] == STANDARD:
        raise UsageError("the study is one of standard training", where="--standard", remedy="leave it out")
    return read_settings(flags={**settings.model_dump(), "attack": {"name": STANDARD}, "rat": {}})


def with_params(settings: Settings, params: Mapping[str, Any]) -> Settings:
    """Settings with some dotted keys changed, checked again."""
    values = settings.model_dump()
    for key, value in params.items():
        section, _, option = key.partition(".")
        values[section][option] = value
    return read_settings(flags=values)


def _space(settings: Settings) -> dict[str, BaseDistribution]:
    from optuna.distributions import FloatDistribution, IntDistribution

    rate = float(settings.train.learning_rate or 0)  # resolved, so it is there
    space: dict[str, BaseDistribution] = {"train.learning_rate": FloatDistribution(rate / 5, rate * 5, log=True)}
    if settings.attack["name"] != STANDARD:
        epsilon = settings.attack["epsilon"]
        space["attack.epsilon"] = FloatDistribution(epsilon / 10, epsilon * 10, log=True)
    if "steps" in settings.attack:
        space["attack.steps"] = IntDistribution(1, max(MOST_STEPS, settings.attack["steps"]))
    return space


def _check(study: Study, settings: Settings, out: Path) -> None:
    """The study's settings are those of its first call."""
    now = json.loads(json.dumps(settings.flat()))
    before = study.user_attrs.get("settings", now)
    for key in sorted(before.keys() | now.keys()):
        if before.get(key) != now.get(key):
            what = f"the study began with {before.get(key)!r}, not {now.get(key)!r}"
            raise UserError(what, where=f"{out}: {key}", remedy="name another folder with --out")
    study.set_user_attr("settings", now)


def _finished(study: Study) -> list[FrozenTrial]:
    from optuna.trial import TrialState

    return study.get_trials(states=[TrialState.COMPLETE])


def _next(study: Study, space: dict[str, BaseDistribution]) -> tuple[int, dict[str, Any]]:
    """The trial that was interrupted, if there is one, else a new one."""
    from optuna.trial import TrialState

    for trial in study.get_trials(states=[TrialState.RUNNING]):
        if trial.params.keys() == space.keys():
            return trial.number, trial.params
        study.tell(trial.number, state=TrialState.FAIL)  # interrupted before all was chosen
    new = study.ask(space)
    return new.number, new.params


def _folder(out: Path, number: int) -> Path:
    return out / "trials" / f"{number:03d}"


def _dev_f1(settings: Settings, folder: Path, data: Path | None, console: Console) -> float:
    """Dev F1, or that training diverged."""
    try:
        metrics = train(settings, folder, data=data, resume=True, test=False, console=console)
    except Diverged as error:
        console.print(f"note: {error}")
        return DIVERGED
    RunFolder(folder).drop_model()
    return float(metrics["dev"]["f1"])


def _remarks(run: RunFolder) -> list[str]:
    return list(run.metrics()["remarks"]) if run.finished else ["training diverged"]


def _said(params: Mapping[str, Any]) -> str:
    return ", ".join(f"{key.partition('.')[2]} {value:.3g}" for key, value in params.items())
