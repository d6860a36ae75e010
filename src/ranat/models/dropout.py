"""Dropout whose masks cost little on a CPU: torch draws one number at a time there, in one thread."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

_WORD_BITS, _BITS = 64, 16


class FastDropout(TorchFunctionMode):
    """While entered, dropout on a CPU draws four elements at a time.

        with FastDropout():
            loss = model(**batch).loss

    Every element is dropped with probability p, rounded to 1/65,536, independently of the others, and what stays is
    divided by 1 - p, as in torch. torch's generator gives each mask its seed, so a state of it that is set again, or
    comes back with a checkpoint, gives the same masks; but other ones than torch's own dropout. A mask that is still
    in use, as in an attack that compares two passes, is not made twice. What calls `torch.nn.functional.dropout` is
    served, as `nn.Dropout` and the eager attention of transformers do; fused kernels with dropout inside, such as
    those of `sdpa`, are not.
    """

    def __init__(self) -> None:
        super().__init__()
        self._in_use: WeakValueDictionary[Any, Tensor] = WeakValueDictionary()

    def __torch_function__(
        self, function: Callable[..., Any], types: Iterable[type], args: Any = (), kwargs: Any = None
    ) -> Any:
        """Dropout on a CPU; everything else is left to torch."""
        chosen = self._dropout if function is functional.dropout else function
        return chosen(*args, **(kwargs or {}))

    def _dropout(self, input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
        if p == 0:
            return input
        if not training or not 0 < p < 1 or inplace or input.device.type != "cpu":
            return functional.dropout(input, p, training, inplace)
        seed = int(torch.randint(0, torch.iinfo(torch.int64).max, ()))
        key = (seed, p, input.shape, input.dtype)
        mask = self._in_use.get(key)
        if mask is None:
            mask = self._in_use[key] = keep_mask(input, p, seed)
        return input * mask


def keep_mask(x: Tensor, p: float, seed: int) -> Tensor:
    """0 with probability p, else 1 / (1 - p), for each element of x, in its type and shape.

    Args:
        x: of any shape, on the CPU.
        p: in (0, 1), rounded to 1/65,536.
        seed: ≥ 0; the same mask for the same seed, everywhere.
    """
    words = np.random.SFC64(seed).random_raw(-(-x.numel() * _BITS // _WORD_BITS))
    drawn = torch.from_numpy(words.view(np.int16)[: x.numel()])
    dropped = round(p * 2**_BITS) - 2 ** (_BITS - 1)  # of the 65,536 values from -32,768 on, as many as are below it
    return drawn.ge_(dropped).to(x.dtype).div_(1 - p).view(x.shape)
