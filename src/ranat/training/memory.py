"""What an attack keeps of an example from one visit to the next: a vector a token, in 8 bits an element."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np
import torch
import torch.distributed
from safetensors.torch import load_file, save_file
from torch import Tensor

_LARGEST = 127

_Kept = tuple[Tensor, float]
"""(tokens, hidden) as int8, and what 1 stands for."""


class ExampleMemory:
    """Example → (tokens, hidden), the same on every process.

    Rounding to 8 bits turns a direction by less than a degree; a sentence of 30 tokens takes 11 KB at a
    hidden size of 384. Examples with the same tokens share an entry.
    """

    def __init__(self) -> None:
        self._kept: dict[int, _Kept] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def recall(self, tokens: Sequence[int]) -> Tensor | None:
        """(tokens, hidden) as kept last; None if there is nothing."""
        if (kept := self._kept.get(_digest(tokens))) is None:
            return None
        rounded, unit = kept
        return rounded.float() * unit

    def keep(self, examples: Sequence[tuple[Sequence[int], Tensor]]) -> None:
        """Keep values of examples: token ids, and (tokens, hidden), finite. Every process must call this.

        In the next epoch another process may meet the example, so all keep what any has met.
        """
        new = {_digest(tokens): _rounded(values) for tokens, values in examples}
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            parts: list[dict[int, _Kept]] = [{}] * torch.distributed.get_world_size()
            torch.distributed.all_gather_object(parts, new)
            new = {key: kept for part in parts for key, kept in part.items()}
        self._kept |= new

    def save(self, file: Path) -> None:
        """Write it as safetensors; nothing if nothing is kept."""
        if not self._kept:
            return
        values, units = zip(*self._kept.values(), strict=True)
        tensors = {
            "examples": torch.tensor(list(self._kept)),
            "units": torch.tensor(units, dtype=torch.float64),
            "tokens": torch.tensor([len(value) for value in values]),
            "values": torch.cat(values),
        }
        save_file(tensors, file)

    def load(self, file: Path) -> None:
        """Take what a file holds in place of what was kept; a file that is not there holds nothing."""
        self._kept = {}
        if file.is_file():
            stored = load_file(file)
            values = stored["values"].split(stored["tokens"].tolist())
            kept = zip(values, stored["units"].tolist(), strict=True)
            self._kept = dict(zip(stored["examples"].tolist(), kept, strict=True))


def _digest(tokens: Sequence[int]) -> int:
    """64 bits; that two of a million examples have the same is less likely than one in ten million."""
    data = np.asarray(tokens, dtype="<i8").tobytes()
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "little", signed=True)


def _rounded(values: Tensor) -> _Kept:
    unit = float(values.abs().max()) / _LARGEST if values.numel() else 0.0
    return (values / (unit or 1.0)).round().to(torch.int8), unit
