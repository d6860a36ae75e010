"""Padded batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def padded(features: Sequence[dict[str, Any]], name: str, filler: int) -> Tensor:
    """(batch, tokens) of one field, filled up to the longest."""
    longest = max(len(feature[name]) for feature in features)
    return torch.tensor([feature[name] + [filler] * (longest - len(feature[name])) for feature in features])


def inputs(features: Sequence[dict[str, Any]], pad_token_id: int) -> dict[str, Tensor]:
    """input_ids, attention_mask and, where the features have one, special_tokens_mask, each (batch, tokens)."""
    lengths = torch.tensor([len(feature["input_ids"]) for feature in features])
    batch = {
        "input_ids": padded(features, "input_ids", pad_token_id),
        "attention_mask": (torch.arange(int(lengths.max())) < lengths[:, None]).long(),
    }
    if "special_tokens_mask" in features[0]:
        batch["special_tokens_mask"] = padded(features, "special_tokens_mask", 1)
    return batch
