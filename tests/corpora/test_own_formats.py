"""Splits of a corpus of one's own in every format that has annotations, as any program or `convert` wrote them."""

from pathlib import Path

import pytest

from ranat import corpora
from ranat.documents import Document, Entity
from ranat.formats import FOLDERS, READERS, WRITERS, write

NEEDS = {"docbin": "spacy", "hf-parquet": "pyarrow", "parquet": "pyarrow"}
DOCUMENTS = [Document(str(i), "Lung cancer helps.", (Entity("T1", "Disease", ((0, 11),)),)) for i in range(30)]


@pytest.mark.parametrize("format", WRITERS.names())
def test_a_corpus_of_any_format(format: str, tmp_path: Path) -> None:
    pytest.importorskip(NEEDS.get(format, "json"), reason="an extra is not installed")
    suffix = WRITERS.get(format).suffix
    for split, documents in (("train", DOCUMENTS), ("dev", DOCUMENTS[:5])):
        write(documents, tmp_path / f"{split}{suffix}", format)
    corpus = corpora.load(tmp_path)
    for split, n in (("train", 30), ("dev", 5)):
        found = [document.mention(entity) for document in corpus.splits[split] for entity in document.entities]
        assert found == ["Lung cancer"] * n
    assert corpus.task == "ner"
    assert format in (*READERS.names(), *FOLDERS.names(), "raw-csv")


def test_a_corpus_that_the_library_datasets_saved(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    tags = datasets.Sequence(datasets.ClassLabel(names=["O", "B-Disease", "I-Disease"]))
    features = datasets.Features({"tokens": datasets.Sequence(datasets.Value("string")), "ner_tags": tags})
    rows = {"tokens": [["Lung", "cancer", "helps"]] * 30, "ner_tags": [[1, 2, 0]] * 30}
    found = datasets.Dataset.from_dict(rows, features=features)
    datasets.DatasetDict({"train": found, "validation": found.select(range(5))}).save_to_disk(
        tmp_path / "corpus", num_shards={"train": 2, "validation": 1}
    )
    corpus = corpora.load(tmp_path / "corpus")
    assert {split: len(documents) for split, documents in corpus.splits.items()} == {"train": 30, "dev": 5}
    assert {document.mention(document.entities[0]) for document in corpus.splits["train"]} == {"Lung cancer"}
