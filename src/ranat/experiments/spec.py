"""A spec: the grid of a published table, an ablation or one's own, in one small YAML file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from ranat import corpora
from ranat.errors import UsageError
from ranat.experiments import specs
from ranat.plainyaml import dump_yaml, read_yaml
from ranat.registry import nearest
from ranat.runs.nested import merge
from ranat.runs.settings import TaskSections, first_wrong

HYPERPARAMETERS = Path(__file__).with_name("hyperparameters.yaml")
BASE = "base"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class PublishedValue(_Part):
    """A published micro-F1 in percent, and what is to be said about it."""

    f1: float = Field(ge=0, le=100)
    remark: str = ""


class Source(_Part):
    """Which table published values are from, and which backbone they were measured with."""

    table: str
    model: str


class Row(TaskSections):
    """One way of training; `model` is for rows about a backbone of their own. A task's options are a section, too."""

    name: str = Field(min_length=1)
    model: str | None = None
    attack: dict[str, Any] | None = None
    rat: dict[str, Any] | None = None
    train: dict[str, Any] | None = None
    published: dict[
        str, Annotated[PublishedValue, BeforeValidator(lambda v: {"f1": v} if isinstance(v, int | float) else v)]
    ] = Field(default_factory=dict)


class Spec(TaskSections):
    """Rows × corpora × seeds; a section that is called as a task has options of that task for all rows.

    Args:
        title: what the grid shows.
        name: what cards call it; default: the file's name.
        published: where the rows' published values are from.
        corpora: by name or folder.
        model: the backbone of the rows that name none.
        seeds: a run each.
        remarks: what a reader must know to compare.
        train: config keys for all rows.
        rows: the ways of training.
        vary: dotted config key → values; every attacked row is repeated with each combination.
        hyperparameters: in the form of hyperparameters.yaml, whose classes they replace.
    """

    title: str
    name: str = ""
    published: Source | None = None
    corpora: list[str] = Field(min_length=1)
    model: str
    seeds: list[Annotated[int, Field(ge=0, lt=2**32)]] = Field([0, 1, 2, 3, 4], min_length=1)
    remarks: list[str] = Field(default_factory=list)
    train: dict[str, Any] = Field(default_factory=dict)
    rows: list[Row] = Field(min_length=1)
    vary: dict[str, Annotated[list[Any], Field(min_length=1)]] = Field(default_factory=dict)
    hyperparameters: dict[str, dict[str, Any]] = Field(default_factory=dict)

    def to_yaml(self) -> str:
        """The spec as a file that gives it back."""
        return dump_yaml(self.model_dump(exclude_defaults=True))

    def hyperparameters_for(self, model: str, corpus: str, attack: str | None) -> dict[str, Any]:
        """Config keys for a backbone on a corpus under an attack, the narrower over the wider."""
        chosen = self.hyperparameters[_class(model, self.hyperparameters)]
        own = chosen.get("corpora", {}).get(corpora.base(corpus), {})
        values = merge({"train": chosen.get("train", {})}, {key: own[key] for key in own if key != "attack"})
        options = chosen.get("attack", {}).get(attack, {}) | own.get("attack", {}).get(attack, {})
        return merge(values, {"attack": options}) if options else values


def read_spec(
    name: str,
    *,
    model: str | None = None,
    corpora: Sequence[str] | None = None,
    seeds: Sequence[int] | None = None,
    train: Mapping[str, Any] | None = None,
) -> Spec:
    """A spec with flags over it, which win, and the hyperparameters it will use.

    Args:
        name: that of a spec of the package, or a YAML file.
        model: instead of the spec's backbone; rows about other backbones are left out.
        corpora: instead of the spec's.
        seeds: instead of the spec's.
        train: over the spec's `train`, the rows' and the hyperparameters'.
    Raises:
        UsageError: there is no such spec; a key is unknown, missing or wrong; a name is given twice.
    """
    file = Path(name)
    if file.suffix not in (".yaml", ".yml"):
        if name not in specs.titles():
            remedy = f"{nearest(name, specs.titles())}; or a file that ends in .yaml"
            raise UsageError(f"unknown spec {name!r}", remedy=remedy)
        file = specs.path(name)
    values = {"name": file.stem} | read_yaml(file)
    try:
        spec = Spec.model_validate(values)
    except ValidationError as error:
        raise _explained(error, str(file)) from None
    changes: dict[str, Any] = {}
    if model:
        rows = [row for row in spec.rows if row.model in (None, model)]
        others = [row.name for row in spec.rows if row not in rows]
        if not rows:
            raise UsageError("every row names a backbone of its own", where=str(file), remedy="leave --model out")
        left_out = [f"Left out, being about other backbones: {', '.join(others)}."] if others else []
        changes |= {"model": model, "rows": rows, "remarks": [*spec.remarks, *left_out]}
    if train:
        changes["train"] = merge(spec.train, train)
        changes["rows"] = [
            row.model_copy(update={"train": _without(row.train or {}, train) or None})
            for row in changes.get("rows", spec.rows)
        ]
    changes |= {key: list(given) for key, given in (("corpora", corpora), ("seeds", seeds)) if given}
    spec = spec.model_copy(update=changes)
    _check(spec, str(file))
    known = read_yaml(HYPERPARAMETERS) | spec.hyperparameters
    classes = sorted({_class(row.model or spec.model, known) for row in spec.rows})
    return spec.model_copy(update={"hyperparameters": {name: known[name] for name in classes}})


def _check(spec: Spec, place: str) -> None:
    given: dict[str, Sequence[object]] = {
        "row": [r.name for r in spec.rows],
        "corpus": spec.corpora,
        "seed": spec.seeds,
    }
    for what, values in given.items():
        for twice in [value for value in values if values.count(value) > 1]:
            raise UsageError(f"the {what} {twice!r} is there twice", where=place)
    if any("seed" in (train or {}) for train in (spec.train, *(row.train for row in spec.rows))):
        raise UsageError("a grid has several seeds", where=f"{place}: train.seed", remedy="write `seeds`, or --seeds")


def _class(model: str, known: Mapping[str, Any]) -> str:
    return model if model in known else BASE


def _without(values: Mapping[str, Any], keys: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in keys}


def _explained(error: ValidationError, place: str) -> UsageError:
    first, path, message = first_wrong(error)
    where = f"{place}: {'.'.join(path)}"
    if first["type"] == "unknown_key":
        return UsageError("unknown key", where=where, remedy=first["ctx"]["remedy"])
    if first["type"] == "extra_forbidden":
        part = PublishedValue if path[0] == "rows" else Source
        return UsageError("unknown key", where=where, remedy=nearest(path[-1], part.model_fields))
    if first["type"] == "missing":
        return UsageError("is missing", where=where)
    return UsageError(message, where=where)
