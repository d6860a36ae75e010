"""The cells of a spec: one run each, with resolved settings and what was published for it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ranat import corpora
from ranat.errors import UsageError
from ranat.experiments.cards import Card, why_not_comparable
from ranat.experiments.spec import Row, Spec
from ranat.models.backbones import resolve
from ranat.registry import nearest
from ranat.runs.nested import merge
from ranat.runs.settings import Settings, read_settings


@dataclass(frozen=True)
class Cell:
    """One run of a grid.

    Args:
        spec: the spec's name.
        name: of its run folder and its card; unique in the grid.
        row: the row's name, with what was varied.
        settings: resolved.
        published: as a card holds it.
        why_not: why it does not measure what was published.
    """

    spec: str
    name: str
    row: str
    settings: Settings
    published: dict[str, Any] | None
    why_not: list[str]

    def failed(self, error: str) -> Card:
        """The card of a cell that measured nothing."""
        training = self.settings.training
        return Card(
            status="failed",
            error=error,
            spec=self.spec,
            cell=self.name,
            row=self.row,
            corpus=self.settings.corpus,
            task=self.settings.task,
            model=self.settings.model,
            training=training,
            attack=None if training == "standard" else self.settings.attack["name"],
            p=self.settings.share,
            seed=self.settings.train.seed,
            settings=self.settings.model_dump(),
            published=self.published,
            comparable=not self.why_not,
            why_not=self.why_not,
        )


def expand(spec: Spec) -> list[Cell]:
    """All cells, seeds outermost, so that a part of the grid is a whole grid with fewer seeds.

    Raises:
        UsageError: a setting, corpus or backbone is unknown or out of range, or two cells have one name.
    """
    check_names(spec.corpora, {row.model or spec.model for row in spec.rows})
    cells: dict[str, Cell] = {}
    for seed, corpus in itertools.product(spec.seeds, spec.corpora):
        for row, varied in _rows(spec):
            cell = _cell(spec, row, varied, corpus, seed)
            if cell.name in cells:
                raise UsageError(f"two cells would be called {cell.name}", where=spec.name, remedy="rename a row")
            cells[cell.name] = cell
    return list(cells.values())


def check_names(names: Iterable[str], models: Iterable[str]) -> None:
    """Corpora and backbones are known names, or paths.

    Raises:
        UserError: one is not.
    """
    for name in names:
        if name not in corpora.names() and not Path(name).exists():
            remedy = f"{nearest(name, corpora.names())}; or a file or folder"
            raise UsageError(f"unknown corpus {name!r}", where="corpora", remedy=remedy)
    for model in models:
        resolve(model)


def _rows(spec: Spec) -> Iterator[tuple[Row, dict[str, Any]]]:
    for row in spec.rows:
        for values in itertools.product(*spec.vary.values()) if row.attack else [()]:
            yield row, dict(zip(spec.vary, values, strict=False))


def _cell(spec: Spec, row: Row, varied: Mapping[str, Any], corpus: str, seed: int) -> Cell:
    model = row.model or spec.model
    name = " ".join([row.name, *(_said(key, value) for key, value in varied.items())])
    values = spec.hyperparameters_for(model, corpus, (row.attack or {}).get("name"))
    for layer in (
        {"train": spec.train, **spec.of_tasks},
        {"attack": row.attack, "rat": row.rat, "train": row.train, **row.of_tasks},
        *(_nested(key, value) for key, value in varied.items()),
        {"corpus": corpus, "model": model, "train": {"seed": seed}},
    ):
        values = merge(values, layer)
    try:
        settings = read_settings(flags=values)
    except UsageError as error:
        where = f"{spec.name}: row {name!r}: {error.where}"
        raise UsageError(error.what, where=where, remedy=error.remedy) from None
    published = None
    if spec.published and corpus in row.published:
        value = row.published[corpus]
        source = {"table": spec.published.table, "model": row.model or spec.published.model}
        published = {**source, "f1": round(value.f1 / 100, 6), "remark": value.remark}
    stem = "-".join(_slug(part) for part in (Path(corpus).name, Path(model).name, name))
    return Cell(spec.name, f"{stem}-seed{seed}", name, settings, published, _why_not(settings, published))


def _why_not(settings: Settings, published: Mapping[str, Any] | None) -> list[str]:
    if published is None:
        return ["nothing was published for it"]
    return why_not_comparable(settings.flat(), settings.training, settings.share, published["model"])


def _said(key: str, value: Any) -> str:
    short = key.rpartition(".")[2]
    return str(value) if isinstance(value, str) else f"{short}={value}"


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9._]+", "-", text.lower().replace("=", "")).strip("-")


def _nested(key: str, value: Any) -> dict[str, Any]:
    """{"a": {"b": value}} for "a.b"."""
    for part in reversed(key.split(".")):
        value = {part: value}
    return dict(value)
