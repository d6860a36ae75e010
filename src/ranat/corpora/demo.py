"""The small corpus that comes with the package: made-up abstracts with genes, chemicals, diseases and relations."""

from __future__ import annotations

from importlib import resources

from ranat import formats
from ranat.corpora.corpus import Splits
from ranat.corpora.loading import Release, corpus


@corpus("demo", form="packaged")
def read(release: Release) -> Splits:
    """Train, dev and test; needs no data folder."""
    folder = resources.files("ranat.corpora") / "data" / "demo"
    return {
        split: tuple(formats.read((folder / f"{split}.jsonl").open("rb"), f"demo/{split}.jsonl", "jsonl"))
        for split in ("train", "dev", "test")
    }
