"""Which number format the matrix products of training and prediction use."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch


def resolve_precision(precision: str) -> str:
    """fp32, bf16 or fp16 for "auto": bf16 where the hardware has it, fp16 on older GPUs, else fp32."""
    if precision != "auto":
        return precision
    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported() else "fp16"
    return "bf16" if torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported() else "fp32"


def autocast(precision: str) -> AbstractContextManager[object]:
    """The context to predict in, as `Trainer` trains."""
    if precision == "fp32":
        return nullcontext()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.autocast(device, torch.bfloat16 if precision == "bf16" else torch.float16)
