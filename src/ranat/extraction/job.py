"""What is extracted from what, and how."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from importlib import metadata
from typing import Any, Self

from ranat.errors import UsageError, UserError
from ranat.extraction.extractor import Extractor
from ranat.formats import WRITERS, How
from ranat.models.memory import kept
from ranat.models.precision import resolve_precision
from ranat.runs.identity import identity


@dataclass(frozen=True)
class Job:
    """What is extracted from what; equal jobs make equal bytes.

    Args:
        inputs: files, folders, globs, or "-" for standard input.
        ner: models that find entities: run folders, model folders or hub ids.
        re: one that finds relations.
        format: of the output, one of `WRITERS`.
        how: the inputs are read.
        min_score: what scores less is left out.
        precision: "auto", "fp32", "bf16" or "fp16".
        shard_size: documents in a shard, ≥ 1.
        max_characters: a longer document is not read, ≥ 1.
    Raises:
        UsageError: a number is too small.
    """

    inputs: tuple[str, ...]
    ner: tuple[str, ...] = ()
    re: str | None = None
    format: str = "jsonl"
    how: How = How()
    min_score: float = 0.0
    precision: str = "auto"
    shard_size: int = 1000
    max_characters: int = 1_000_000

    def __post_init__(self) -> None:
        for flag, value in (("--shard-size", self.shard_size), ("--max-characters", self.max_characters)):
            if value < 1:
                raise UsageError(f"must be at least 1, not {value}", where=flag)

    def made(self) -> dict[str, Any]:
        """The first line of the manifest.

        Raises:
            UserError: a model is not there, or damaged.
        """
        precision = resolve_precision(self.precision)
        settings = asdict(self) | {"inputs": [*self.inputs], "ner": [*self.ner], "precision": precision}
        hashes = {name: identity(name) for name in self.models}
        return {"ranat": metadata.version("ranat"), **settings, "sha256": hashes}

    @classmethod
    def of(cls, made: dict[str, Any]) -> Self:
        """The job of the first line of a manifest.

        Raises:
            ValueError: it tells of none.
        """
        names = {field.name for field in fields(cls)}
        if made.keys() != {"ranat", "sha256", *names} or not isinstance(made["sha256"], dict):
            raise ValueError("is not the first line of a manifest")
        try:
            settings = {name: made[name] for name in names} | {"how": How(**made["how"])}
            job = cls(**settings | {name: tuple(made[name]) for name in ("inputs", "ner")})
        except (TypeError, AttributeError, UserError):
            raise ValueError("has settings that cannot be") from None
        if made["format"] not in WRITERS.names() or not all(isinstance(name, str) for name in job.inputs):
            raise ValueError("has settings that cannot be")
        return job

    @property
    def models(self) -> tuple[str, ...]:
        """The names of all models."""
        return (*self.ner, *filter(None, [self.re]))

    def load(self) -> Extractor:
        """The models, which stay until the end of the process, so that memory is not searched for what is free of them.

        Raises:
            UserError: one cannot be loaded.
        """
        with kept():
            return Extractor.load(self.ner, self.re, min_score=self.min_score, precision=self.precision)
