"""BioCreative V chemical–disease corpus (Li et al. 2016, Database 2016:baw068): chemicals, diseases, and relations.

The originals mark both types and relate concepts of them: a chemical induces a disease (CID). The two corpora of
mentions keep those of their own type, and all relations. That of relations is scored as the task was: by the pairs of
concepts of each document.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ranat.corpora.corpus import Splits
from ranat.corpora.iob import iob_splits
from ranat.corpora.loading import Release, corpus
from ranat.documents.pairs import PairTypes
from ranat.documents.segment import sentences

_STEMS = {"train": "CDR_TrainingSet", "dev": "CDR_DevelopmentSet", "test": "CDR_TestSet"}


@corpus("bc5-chem", form="iob", instead="bc5-chem/original", hub="bigbio/bc5cdr")
def chemicals(release: Release) -> Splits:
    """Chemicals, the IOB release."""
    return iob_splits(release, "BC5CDR-chem-IOB")


@corpus("bc5-disease", form="iob", instead="bc5-disease/original", hub="bigbio/bc5cdr")
def diseases(release: Release) -> Splits:
    """Diseases, the IOB release."""
    return iob_splits(release, "BC5CDR-disease-IOB")


@corpus(
    "bc5-cid",
    form="original",
    task="relation",
    pairs=PairTypes(frozenset({("Chemical", "Disease")}), level="concept"),
    hub="bigbio/bc5cdr",
)
def induced(release: Release) -> Splits:
    """Chemicals, diseases and their relations; the release gives no sentences."""
    return {
        split: tuple(
            replace(document, sentences=sentences(document.text))
            for document in release.documents(f"{stem}.PubTator.txt", "pubtator")
        )
        for split, stem in _STEMS.items()
    }


def _original(kind: str, suffix: str, format: str) -> Callable[[Release], Splits]:
    def read(release: Release) -> Splits:
        splits: Splits = {}
        for split, stem in _STEMS.items():
            documents = release.documents(stem + suffix, format)
            others = sum(entity.type != kind for document in documents for entity in document.entities)
            release.note("left out", f"{others} mentions of the other type", stem + suffix, others)
            splits[split] = tuple(
                replace(document, entities=tuple(entity for entity in document.entities if entity.type == kind))
                for document in documents
            )
        return splits

    return read


for _name, _kind in (("bc5-chem", "Chemical"), ("bc5-disease", "Disease")):
    corpus(f"{_name}/original", form="original")(_original(_kind, ".PubTator.txt", "pubtator"))
    corpus(f"{_name}/bioc", form="bioc")(_original(_kind, ".BioC.xml", "bioc-xml"))
