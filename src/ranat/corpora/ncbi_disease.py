"""NCBI disease corpus (Doğan, Leaman, Lu 2014, J. Biomed. Inform. 47:1–10)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from ranat.corpora.corpus import Splits
from ranat.corpora.iob import iob_splits
from ranat.corpora.loading import Release, corpus


@corpus("ncbi-disease", form="iob", instead="ncbi-disease/original", hub="bigbio/ncbi_disease")
def benchmark(release: Release) -> Splits:
    """The IOB release."""
    return iob_splits(release, "NCBI-disease-IOB")


@corpus("ncbi-disease/original", form="original")
def original(release: Release) -> Splits:
    """The authors' release; its four classes of mentions are one type here, as in the benchmark."""
    splits: Splits = {}
    for split, stem in (("train", "train"), ("dev", "develop"), ("test", "test")):
        tail = f"NCBI{stem}set_corpus.txt"
        documents = release.documents(tail, "pubtator")
        classes = Counter(entity.type for document in documents for entity in document.entities)
        what = ", ".join(f"{count} {name}" for name, count in sorted(classes.items()))
        release.note("note", f"read as Disease: {what}", tail)
        splits[split] = tuple(
            replace(document, entities=tuple(replace(entity, type="Disease") for entity in document.entities))
            for document in documents
        )
    return splits
