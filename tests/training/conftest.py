"""A backbone and a corpus that a run takes seconds on."""

import random
from pathlib import Path

import pytest

import tiny

KNOWN = ("Cisplatin", "Imatinib", "BRCA1", "cancer")


@pytest.fixture
def backbone(tmp_path: Path) -> Path:
    """With dropout, so that the generators matter."""
    return tiny.save("bert", tmp_path / "backbone", dropout=0.1)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    for split, count in (("train", 90), ("dev", 8), ("test", 8)):
        chooser = random.Random(split)
        with (folder / f"{split}.tsv").open("w") as stream:
            for _ in range(count):
                words = chooser.choice(tiny.TEXTS).split()[: chooser.randint(3, 10)]
                stream.writelines(f"{word}\t{'B-Gene' if word in KNOWN else 'O'}\n" for word in words)
                stream.write("\n")
    return folder
