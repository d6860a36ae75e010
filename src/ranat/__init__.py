"""RanAT4BIE: biomedical information extraction with random adversarial training.

Everything public is loaded when it is first used, so that reading corpora needs no torch.
"""

from __future__ import annotations

import importlib
from importlib import metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ranat.api import Run, compare, train
    from ranat.corpora import Corpus
    from ranat.documents import Document, Entity, Relation
    from ranat.extraction import Extractor
    from ranat.formats.frames import to_pandas
    from ranat.training import AdversarialStep, AdversarialTrainer

_HOMES = {
    "AdversarialStep": "ranat.training",
    "AdversarialTrainer": "ranat.training",
    "Corpus": "ranat.corpora",
    "Document": "ranat.documents",
    "Entity": "ranat.documents",
    "Extractor": "ranat.extraction",
    "Relation": "ranat.documents",
    "Run": "ranat.api",
    "compare": "ranat.api",
    "to_pandas": "ranat.formats.frames",
    "train": "ranat.api",
}

__all__ = [
    "AdversarialStep", "AdversarialTrainer", "Corpus", "Document", "Entity", "Extractor", "Relation", "Run", "compare",
    "to_pandas", "train",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return metadata.version("ranat")
    if name not in _HOMES:
        raise AttributeError(f"module 'ranat' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
