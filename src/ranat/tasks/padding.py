"""Padded batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

MULTIPLE = 8


def rounded(tokens: int) -> int:
    """How long a sequence of so many tokens becomes if the model only infers: one of 8, 16 … 64, 80 … 128, 160 … 256 …

    oneDNN compiles its kernels anew for each number of tokens in a batch, and keeps a thousand of them: few sizes save
    time and memory.
    """
    step = max(MULTIPLE, (1 << (tokens - 1).bit_length()) // MULTIPLE)
    return -(-tokens // step) * step


def padded(features: Sequence[dict[str, Any]], name: str, filler: int, length: int) -> Tensor:
    """(batch, length) of one field."""
    return torch.tensor([feature[name] + [filler] * (length - len(feature[name])) for feature in features])


def inputs(features: Sequence[dict[str, Any]], pad_token_id: int, window: int) -> dict[str, Tensor]:
    """A padded batch, each tensor (batch, tokens).

    "input_ids", "attention_mask" and, where the features have them, "special_tokens_mask".

    Args:
        features: if they have labels, they are padded to the longest, else to what `rounded` says.
        pad_token_id: what they are padded with.
        window: the most tokens that the model takes.
    """
    lengths = torch.tensor([len(feature["input_ids"]) for feature in features])
    longest = int(lengths.max())
    if "labels" not in features[0]:
        longest = min(rounded(longest), window)
    batch = {
        "input_ids": padded(features, "input_ids", pad_token_id, longest),
        "attention_mask": (torch.arange(longest) < lengths[:, None]).long(),
    }
    if "special_tokens_mask" in features[0]:
        batch["special_tokens_mask"] = padded(features, "special_tokens_mask", 1, longest)
    return batch
