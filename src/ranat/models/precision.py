"""Which number format the matrix products of training and prediction use."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

_FORMATS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def resolve_precision(precision: str) -> str:
    """fp32, bf16 or fp16 for "auto": bf16 where the hardware has it, fp16 on older GPUs, else fp32."""
    if precision != "auto":
        return precision
    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported() else "fp16"
    return "bf16" if torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported() else "fp32"


def autocast(precision: str) -> AbstractContextManager[object]:
    """The context to predict in, as `Trainer` trains; it holds for the thread that enters it."""
    if precision == "fp32":
        return nullcontext()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.autocast(device, _FORMATS[precision])


def cast(model: Any, precision: str) -> Any:
    """The model itself with its weights in that format, to predict with and not to train.

    Faster than `autocast`, which casts weights and states in every pass, with practically the same predictions
    (docs/log.md), and the same in every thread.
    """
    return model.to(_FORMATS[precision])
