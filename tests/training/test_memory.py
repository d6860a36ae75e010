"""What is kept of examples, in 8 bits an element: rounding, files, and what tells examples apart."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from ranat.training.memory import ExampleMemory

TOKENS = [[5, 6, 7], [5, 6], [7, 6, 5], [-1, 2**40]]


def test_what_was_kept_last_is_recalled_to_half_a_step_of_its_largest() -> None:
    memory = ExampleMemory()
    assert (len(memory), memory.recall(TOKENS[0])) == (0, None)
    values = [torch.randn(len(tokens), 4) for tokens in TOKENS]
    memory.keep(list(zip(TOKENS, values, strict=True)))
    assert len(memory) == 4
    for tokens, value in zip(TOKENS, values, strict=True):
        recalled = memory.recall(tokens)
        step = float(value.abs().max()) / 127
        assert recalled.dtype == torch.float32
        assert float((recalled - value).abs().max()) <= step / 2 + 1e-7
        assert float(recalled.abs().max()) == pytest.approx(float(value.abs().max()), rel=1e-6)
    memory.keep([(TOKENS[0], -values[0])])
    assert len(memory) == 4
    assert torch.allclose(memory.recall(TOKENS[0]), -values[0], atol=float(values[0].abs().max()) / 254 + 1e-7)
    memory.keep([([8], torch.zeros(1, 4)), ([], torch.zeros(0, 4))])
    assert torch.equal(memory.recall([8]), torch.zeros(1, 4))
    assert memory.recall([]).shape == (0, 4)


def test_processes_keep_what_any_of_them_has_met(one_process: None) -> None:
    """Here there is one; several are in test_distributed.py."""
    memory = ExampleMemory()
    memory.keep([(tokens, torch.full((len(tokens), 4), 127.0)) for tokens in TOKENS])
    assert len(memory) == 4
    for tokens in TOKENS:
        assert torch.equal(memory.recall(tokens), torch.full((len(tokens), 4), 127.0))


def test_a_file_gives_it_back_to_the_bit(tmp_path: Path) -> None:
    memory, file = ExampleMemory(), tmp_path / "memory.safetensors"
    memory.save(file)
    assert not file.exists()
    memory.keep([(tokens, torch.randn(len(tokens), 4)) for tokens in TOKENS])
    memory.save(file)
    stored = load_file(file)
    assert stored["values"].dtype == torch.int8
    assert stored["tokens"].tolist() == [3, 2, 3, 2]
    other = ExampleMemory()
    other.keep([([9], torch.ones(1, 4))])
    other.load(file)
    assert len(other) == 4
    for tokens in TOKENS:
        assert torch.equal(other.recall(tokens), memory.recall(tokens))
    other.load(tmp_path / "none")
    assert len(other) == 0


def test_digests_are_the_same_on_every_machine() -> None:
    """A checkpoint may be gone on with on another one."""
    memory = ExampleMemory()
    memory.keep([([1, 2, 3], torch.ones(3, 1))])
    assert list(memory._kept) == [-5405627362230748553]
