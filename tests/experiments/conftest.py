"""A small grid: a backbone and a corpus that a cell takes a second on, and a spec of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import tiny
from commandline import DISEASE, corpus


@pytest.fixture(scope="session")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With dropout, so that the generators matter."""
    return tiny.save("bert", tmp_path_factory.mktemp("models") / "tiny", dropout=0.1, positions=128)


@pytest.fixture(scope="session")
def diseases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return corpus(tmp_path_factory.mktemp("corpora") / "diseases", train_tsv=DISEASE * 40)


@pytest.fixture
def spec_file(tmp_path: Path, backbone: Path, diseases: Path) -> Callable[..., Path]:
    """Writes a spec of two rows; keywords add to it or replace what it has."""

    def write(**changes: Any) -> Path:
        values = {
            "title": "A small grid",
            "corpora": [str(diseases)],
            "model": str(backbone),
            "seeds": [0],
            "train": {"max_steps": 2, "batch_size": 4, "learning_rate": 0.001, "precision": "fp32"},
            "rows": [{"name": "standard"}, {"name": "RAT PGD", "attack": {"name": "pgd"}, "rat": {"p": 0.5}}],
        } | changes
        file = tmp_path / "small.yaml"
        file.write_text(yaml.safe_dump({key: value for key, value in values.items() if value is not None}))
        return file

    return write
