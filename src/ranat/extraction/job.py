"""What is extracted from what, and how."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Any

from ranat.errors import UsageError
from ranat.extraction.extractor import Extractor
from ranat.formats import How
from ranat.models.precision import resolve_precision


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

    def made(self, extractor: Extractor) -> dict[str, Any]:
        """The first line of the manifest."""
        precision = resolve_precision(self.precision)
        settings = asdict(self) | {"inputs": [*self.inputs], "ner": [*self.ner], "precision": precision}
        hashes = {
            "ner": [loaded.sha256 for loaded in extractor.ner],
            "re": extractor.relation.sha256 if extractor.relation else None,
        }
        return {"ranat": metadata.version("ranat"), **settings, "sha256": hashes}
