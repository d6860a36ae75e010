"""What makes a step fast, counted rather than timed: no machine is too busy for that."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import small_runs
from operations import Operations
from ranat import corpora
from ranat.documents.segment import sentences
from ranat.runs.folder import RunFolder
from ranat.runs.settings import read_settings
from ranat.terminal import plain_console
from ranat.training.prepare import prepare
from ranat.training.runtrainer import RunTrainer
from ranat.training.sampler import LengthGroupedSampler

DROPOUTS = 8
"""In the encoder of 2 layers: of the embeddings, three a layer, of the head."""


@pytest.fixture
def counted(tmp_path: Path) -> Any:
    """The operations of one step of a run under an attack."""
    small_runs.corpus(tmp_path / "corpus")
    model = str(small_runs.backbone(tmp_path / "backbone"))

    def count(**attack: Any) -> Counter[str]:
        flags = {
            "corpus": str(tmp_path / "corpus"),
            "model": model,
            "train": {"batch_size": 8, "learning_rate": 0.01, "precision": "bf16", "max_steps": 1, "keep": "last"},
            **({"attack": {"epsilon": 0.3, **attack}, "rat": {"p": 1}} if attack else {}),
        }
        prepared = prepare(read_settings(flags=flags), None, test=False, console=plain_console(None))
        folder = RunFolder(tmp_path / "run")
        trainer = RunTrainer(prepared.settings, folder, prepared.task, prepared.new_model(), prepared.encoded, [], None)
        batch = prepared.task.collate(prepared.encoded.features[:8])
        with Operations() as operations:
            trainer.training_step(trainer.model.train(), batch)
        return operations.names

    return count


PASSES = [
    ({}, 1, 1),
    ({"name": "fgm"}, 2, 2),
    ({"name": "pgd", "steps": 3}, 4, 2),
    ({"name": "freelb", "steps": 3}, 4, 4),
]


@pytest.mark.parametrize(("attack", "forward", "learnt"), PASSES, ids=str)
def test_passes_and_masks_of_a_step(counted: Any, attack: dict[str, Any], forward: int, learnt: int) -> None:
    names = counted(**attack)
    assert names["embedding_dense_backward"] == 3 * learnt  # words, positions, types: an ascent needs none of them
    assert names["randint"] == DROPOUTS * forward
    assert not names.keys() & {"bernoulli", "bernoulli_", "native_dropout"}
    assert not [name for name in names if "scaled_dot_product" in name]


@pytest.mark.parametrize("size", [8, 32])
def test_little_of_a_batch_is_padding(size: int) -> None:
    """On the packaged corpus: at most 15% with batches of like lengths, where a shuffle alone pays for a third."""
    documents = corpora.load("demo").splits["train"]
    lengths = [
        len(document.text[start:end].split()) for document in documents for start, end in sentences(document.text)
    ]

    def padding(order: Any) -> float:
        groups = [[lengths[index] for index in order[n : n + size]] for n in range(0, len(order), size)]
        return 1 - sum(lengths) / sum(max(group) * len(group) for group in groups)

    grouped = padding(list(LengthGroupedSampler(lengths, size, 0)))
    shuffled = padding(np.random.default_rng(0).permutation(len(lengths)))
    assert grouped < 0.15
    assert grouped < shuffled / 2
