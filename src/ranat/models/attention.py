"""How a model that is loaded computes its attention."""

from __future__ import annotations

import torch


def attention() -> str | None:
    """The `attn_implementation` of transformers that is fastest here; None: its own choice, on a GPU.

    On a CPU that is "eager", plain matrix products: at the lengths of sentences the fused kernel is slower, and where
    attention has dropout there is none (docs/log.md has what was measured, without AMX).
    """
    return None if torch.cuda.is_available() else "eager"
