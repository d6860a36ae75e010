"""The IOB release of four corpora (Crichton et al. 2017), whose splits the benchmarks use."""

from __future__ import annotations

from ranat.corpora.corpus import Splits
from ranat.corpora.loading import Release

_STEMS = {"train": "train", "dev": "devel", "test": "test"}


def iob_splits(release: Release, folder: str) -> Splits:
    """The splits of one folder of that release, such as "NCBI-disease-IOB"."""
    return {split: release.documents(f"{folder}/{stem}.tsv", "conll") for split, stem in _STEMS.items()}
