"""Settings of a run: a YAML file, dotted flags over it, every key checked, everything resolved."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar, cast, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    TypeAdapter,
    ValidationError,
    model_serializer,
    model_validator,
)
from pydantic_core import PydanticCustomError

from ranat import corpora
from ranat.attacks import STANDARD, Attack, Dropout, attacks
from ranat.errors import UsageError
from ranat.formats import How
from ranat.gates import Gate, gates
from ranat.models.backbones import learning_rate
from ranat.plainyaml import dump_yaml, read_yaml
from ranat.registry import nearest
from ranat.runs.continuing import added, defaults_from
from ranat.runs.nested import flattened, merge
from ranat.tasks import tasks

T = TypeVar("T")

GATE = "bernoulli"
FROM_RUN = ("seed", "total_steps")
"""Fields of a gate that the run fills in."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class TrainSettings(_Section):
    """The optimisation.

    Args:
        epochs: over the training split.
        batch_size: examples in a batch.
        learning_rate: the highest; by default that of the backbone.
        warmup: the share of steps in which the learning rate rises.
        weight_decay: of AdamW.
        seed: of everything that is drawn.
        precision: auto: bf16 where the hardware has it, fp16 on older GPUs, else fp32.
        gradient_accumulation: batches in an optimizer step.
        fraction: of the training split that is used.
        sample: which of the samples of that size, counted from 0; they share no document.
        max_steps: the most optimizer steps.
        keep: the epoch with the best dev F1, or the last, which saves the evaluations between.
        patience: epochs without a better dev F1 after which training ends.
        save_steps: optimizer steps between checkpoints; by default there is one after each epoch.
        report_to: trackers of transformers, such as tensorboard.
    """

    epochs: float = Field(5, gt=0)
    batch_size: int = Field(32, ge=1)
    learning_rate: float | None = Field(None, gt=0)
    warmup: float = Field(0.1, ge=0, lt=1)
    weight_decay: float = Field(0.01, ge=0)
    seed: int = Field(0, ge=0, lt=2**32)  # as NumPy and transformers want it
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    gradient_accumulation: int = Field(1, ge=1)
    fraction: float = Field(1.0, gt=0, le=1)
    sample: int = Field(0, ge=0)
    max_steps: int | None = Field(None, ge=1)
    keep: Literal["best", "last"] = "best"
    patience: int | None = Field(None, ge=1)
    save_steps: int | None = Field(None, ge=1)
    report_to: Annotated[list[str], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)] = []

    @model_validator(mode="after")
    def _patience_evaluates(self) -> Self:
        if self.patience and self.keep == "last":
            raise ValueError("patience needs the evaluations that keep: last leaves out")
        return self

    @model_validator(mode="after")
    def _samples_fit(self) -> Self:
        if (self.sample + 1) * self.fraction > 1:
            raise ValueError(f"there are {int(1 / self.fraction)} samples of {self.fraction:g}, counted from 0")
        return self

    @model_serializer(mode="wrap")
    def _without_the_usual_sample(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """So that settings written before there were samples are still the same."""
        values: dict[str, Any] = dump(self)
        if self.sample == 0:
            del values["sample"]
        return values


class ReadSettings(_Section):
    """How the files of a corpus of one's own are read.

    Args:
        format: of all of them; by default each is recognised.
        lenient: what is odd with a mark is told and left out or mended; otherwise it is an error.
        columns: what columns are for, such as {token: 3, tag: 1}, by number or by the name in the first line.
    """

    format: str | None = None
    lenient: bool = False
    columns: dict[str, Annotated[str, BeforeValidator(str)]] = {}

    def how(self) -> How:
        """As readers take it.

        Raises:
            UsageError: there is no such format, or it has no such columns.
        """
        return How(self.format, self.lenient, self.columns)


class TaskSections(BaseModel):
    """Beside its own keys, the options of tasks, each in a section that is called as its task."""

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _no_other_keys(cls, values: Any) -> Any:
        known = [*cls.model_fields, *(name for name in tasks.names() if _options(tasks.get(name).Options))]
        for key in values if isinstance(values, Mapping) else ():
            if key not in known:
                told = {"key": str(key), "remedy": nearest(str(key), known)}
                raise PydanticCustomError("unknown_key", "unknown key", told)
        return values

    @property
    def of_tasks(self) -> dict[str, Any]:
        """Task → its section, where one is given."""
        return dict(self.model_extra or {})


class Settings(TaskSections):
    """Everything a run depends on; `attack` and `rat` hold the name of a component and its options.

    `add` holds the SHA-256 of each file of documents that is added to those of the corpus to train on.
    """

    corpus: str
    model: str
    add: Annotated[dict[str, str], BeforeValidator(added)] = {}
    task: str | None = None
    attack: dict[str, Any] = Field(default_factory=lambda: {"name": STANDARD})
    rat: dict[str, Any] = Field(default_factory=dict)
    read: ReadSettings = ReadSettings()
    train: TrainSettings = TrainSettings()

    def flat(self) -> dict[str, Any]:
        """Dotted key → value."""
        return flattened(self.model_dump())

    def to_yaml(self) -> str:
        """The settings as a config file that gives them back."""
        return dump_yaml(self.model_dump())

    @model_serializer(mode="wrap")
    def _without_what_was_not_said(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """All of them, but how files are read and what is added only where something was said of it."""
        values: dict[str, Any] = dump(self)
        if self.read == ReadSettings():
            del values["read"]
        if not self.add:
            del values["add"]
        return values

    def for_task(self, name: str) -> Self:
        """The settings with a task, and with all of its options.

        Raises:
            UsageError: there is no such task, an option is wrong, or the options of another task are set.
        """
        _check_task(name)
        for other in self.of_tasks:
            if other != name:
                remedy = f"`--task {other}`, or leave it out"
                raise UsageError(f"is set, but the task is {name}", where=other, remedy=remedy)
        options = dataclasses.asdict(_task_options(name, self.of_tasks.get(name, {})))
        return self.model_copy(update={"task": name} | ({name: options} if options else {}))

    def task_options(self) -> Any:
        """The options of the task, as it takes them; `task` is set."""
        assert self.task is not None
        return _task_options(self.task, self.of_tasks.get(self.task, {}))

    def make_attack(self) -> Attack | None:
        """The attack with its options; None for standard training."""
        name, options = _named(self.attack, "name", STANDARD)
        return None if name == STANDARD else _attack(name, options)

    def make_gate(self, total_steps: int) -> Gate:
        """The gate; its stream is that of the run's seed."""
        name, options = _named(self.rat, "gate", GATE)
        options.pop("dropout", None)
        own = {"seed": self.train.seed, "total_steps": total_steps}
        return _gate(name, options | {key: own[key] for key in FROM_RUN if key in _options(gates.get(name))})

    @property
    def dropout(self) -> Dropout:
        """Whether the passes of an attacked batch share their dropout."""
        return cast(Dropout, self.rat["dropout"])

    @property
    def share(self) -> float:
        """The share of steps that are attacked, in [0, 1], on average."""
        return 0.0 if self.make_attack() is None else self.make_gate(total_steps=1).share

    @property
    def training(self) -> Literal["standard", "AT", "RAT"]:
        """Standard, adversarial or random adversarial training."""
        return "standard" if self.share == 0 else "AT" if self.share == 1 else "RAT"

    @property
    def regime(self) -> str:
        """What the run is called in tables: "standard", "pgd AT" or "pgd RAT p=0.5"."""
        if self.training == "standard":
            return "standard"
        of_gate = f" {self.make_gate(total_steps=1).label}" if self.training == "RAT" else ""
        return f"{self.attack['name']} {self.training}{of_gate}"


def read_settings(
    file: Path | None = None, flags: Mapping[str, Any] | None = None, *, base: Settings | None = None
) -> Settings:
    """Settings from a YAML file and flags, which win; each key checked and every default filled in.

    Args:
        file: a YAML mapping with the config keys.
        flags: a nested mapping with the same keys; None is "not given".
        base: what is not given is as it is here, not as by default; files to add are added to those of it.
    Raises:
        UsageError: the file cannot be read; a key is unknown or missing; a value is out of range.
    """
    values = merge(read_yaml(file) if file else {}, flags or {})
    if base:
        values = merge(defaults_from(base.model_dump(), values), values | {"add": added(values.get("add") or ())})
    place = f"{file}: " if file else ""
    with _located(place):
        _check_task(values.get("task"))  # before its section, which is unknown, too, where the task is
        settings = Settings.model_validate(values)
    return _resolved(settings, values, place)


def _resolved(settings: Settings, given: Mapping[str, Any], place: str) -> Settings:
    with _located(place, "rat."):
        rat = _resolved_rat(settings.rat)
    settings = _resolved_task(settings, place)
    name, options = _named(settings.attack, "name", STANDARD)
    if name == STANDARD:
        idle = [f"attack.{option}" for option in options] + [f"rat.{key}" for key in sorted(given.get("rat", {}))]
        if idle and "name" not in given.get("attack", {}):  # "none" said aloud switches off what a file sets
            remedy = f"attack.name is one of {', '.join(attacks.names())}"
            raise UsageError("is set, but there is no attack", where=f"{place}{idle[0]}", remedy=remedy)
    with _located(place, "attack."):
        attack = {"name": name} | ({} if name == STANDARD else dataclasses.asdict(_attack(name, options)))
    rate = settings.train.learning_rate or learning_rate(
        settings.model, settings.task or corpora.task_of(settings.corpus)
    )
    train = settings.train.model_copy(update={"learning_rate": rate})
    return settings.model_copy(update={"attack": attack, "rat": rat, "train": train})


def _check_task(name: object) -> None:
    if not isinstance(name, str):
        return
    if name not in tasks.names():
        remedy = f"{nearest(name, tasks.names())}; --plugin names the file that has another"
        raise UsageError(f"unknown task {name!r}", where="task", remedy=remedy)
    if name in Settings.model_fields:
        remedy = "give it another name where it is registered"
        raise UsageError(f"no task can be called {name!r}, as settings have that key", where="task", remedy=remedy)


def _resolved_task(settings: Settings, place: str) -> Settings:
    """Without a task, which the corpus then tells, only the sections that are given are resolved."""
    if settings.task is not None:
        with _located(place, f"{settings.task}."):
            return settings.for_task(settings.task)
    for name, section in settings.of_tasks.items():
        with _located(place, f"{name}."):
            settings = settings.model_copy(update={name: dataclasses.asdict(_task_options(name, section))})
    return settings


def _resolved_rat(given: Mapping[str, Any]) -> dict[str, Any]:
    name, options = _named(given, "gate", GATE)
    dropout = options.pop("dropout", "shared")
    if dropout not in get_args(Dropout):
        remedy = f"it is one of {', '.join(get_args(Dropout))}"
        raise UsageError(f"unknown: {dropout!r}", where="rat.dropout", remedy=remedy)
    for key in FROM_RUN:
        if key in options:
            raise UsageError("is the run's", where=f"rat.{key}", remedy="leave it out; train.seed sets the seed")
    known = _options(gates.get(name)) if name in gates.names() else ()
    made = _gate(name, options | ({"total_steps": 1} if "total_steps" in known else {}))
    values = {key: getattr(made, key) for key in known if key not in FROM_RUN}
    return {**values, "gate": name, "dropout": dropout}


def _named(section: Mapping[str, Any], key: str, default: str) -> tuple[str, dict[str, Any]]:
    """The component that a section names, and its options."""
    return str(section.get(key, default)), {name: value for name, value in section.items() if name != key}


def _attack(name: str, options: Mapping[str, Any]) -> Attack:
    if name not in attacks.names():
        remedy = nearest(name, [*attacks.names(), STANDARD])
        raise UsageError(f"unknown attack {name!r}", where="attack.name", remedy=remedy)
    return _made(attacks.get(name), f"the attack {name}", "attack", options)


def _gate(name: str, options: Mapping[str, Any]) -> Gate:
    if name not in gates.names():
        raise UsageError(f"unknown gate {name!r}", where="rat.gate", remedy=nearest(name, gates.names()))
    return _made(gates.get(name), f"the gate {name}", "rat", options, others=("dropout", "gate"))


def _task_options(name: str, section: Any) -> Any:
    if not isinstance(section, Mapping):
        raise UsageError(f"must be a section of options, not {section!r}", where=name)
    options = {str(key): value for key, value in section.items()}
    return _made(tasks.get(name).Options, f"the task {name}", name, options)


def _made(kind: type[T], who: str, section: str, options: Mapping[str, Any], others: tuple[str, ...] = ()) -> T:
    """A component, its options checked."""
    known = _options(kind)
    for key in options:
        if key not in known:
            remedy = nearest(key, [name for name in (*known, *others) if name not in FROM_RUN])
            raise UsageError(f"{who} has no option {key!r}", where=f"{section}.{key}", remedy=remedy)
    return TypeAdapter(kind).validate_python(dict(options))


def _options(kind: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))


@contextmanager
def _located(place: str, prefix: str = "") -> Iterator[None]:
    """Errors say where they stand."""
    try:
        yield
    except ValidationError as error:
        raise _explained(error, place, prefix) from None
    except UsageError as error:
        raise UsageError(error.what, where=f"{place}{error.where}", remedy=error.remedy) from None


def first_wrong(error: ValidationError) -> tuple[Any, list[str], str]:
    """The first thing wrong, where, in words; an unknown key before a missing one, which it may be meant to be."""
    first = min(error.errors(), key=lambda wrong: wrong["type"] == "missing")
    message = f"{first['msg'][0].lower()}{first['msg'][1:]}, not {first['input']!r}"
    path = [str(part) for part in first["loc"]]
    return first, [*path, first["ctx"]["key"]] if first["type"] == "unknown_key" else path, message


def _explained(error: ValidationError, place: str, prefix: str = "") -> UsageError:
    first, path, message = first_wrong(error)
    if first["type"] == "value_error":  # of an attack or a gate, whose messages begin with the option's name
        option, _, message = str(first["ctx"]["error"]).partition(" ")
        path.append(option)
    where = f"{place}{prefix}{'.'.join(path)}"
    if first["type"] == "unknown_key":
        return UsageError("unknown key", where=where, remedy=first["ctx"]["remedy"])
    if first["type"] == "extra_forbidden":
        return UsageError("unknown key", where=where, remedy=nearest(path[-1], _keys(Settings, path[:-1])))
    if first["type"] == "missing":
        return UsageError("is missing", where=where, remedy=f"give it in the config file or as --{'.'.join(path)}")
    return UsageError(message, where=where)


def _keys(model: type[BaseModel], path: list[str]) -> list[str]:
    for part in path:
        section: Any = model.model_fields[part].annotation
        model = section
    return list(model.model_fields)
