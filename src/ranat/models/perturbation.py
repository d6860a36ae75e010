"""The embedding hook: adds r to the output of the word-embedding module (x in the paper's Eq. 1 and 21)."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import torch
from torch import Tensor, nn


class Perturbed:
    """While entered, the model computes f(x + r): x is the output of `get_input_embeddings()`.

    Token ids still reach the model, so RoBERTa derives its positions from them; no weight is touched, so frozen
    embeddings and adapters work; position and type embeddings are added after r.

    Args:
        model: the unwrapped model.
        r: (batch, tokens, hidden), or None for zeros. A leaf of the graph, in float32 or wider.
    Raises:
        RuntimeError: on leaving, if no forward pass went through the word-embedding module.
    """

    def __init__(self, model: Any, r: Tensor | None = None, *, ids: Any = None, module: Any = None) -> None:
        self._module: nn.Module = model.get_input_embeddings()
        self._r = r
        self._x: Tensor | None = None

    @property
    def x(self) -> Tensor:
        """The word embeddings of the pass, (batch, tokens, hidden), without a graph."""
        assert self._x is not None
        return self._x

    @property
    def r(self) -> Tensor:
        """The leaf that was added."""
        assert self._r is not None
        return self._r

    def __enter__(self) -> Self:
        self._handle = self._module.register_forward_hook(self._add)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._handle.remove()
        if kind is None and self._x is None:
            raise RuntimeError(
                f"the forward pass did not go through the word-embedding module {type(self._module).__name__} that "
                "get_input_embeddings() names, so nothing was perturbed; give the model input_ids, not inputs_embeds"
            )

    def _add(self, module: nn.Module, inputs: tuple[Any, ...], x: Tensor) -> Tensor:
        self._x = x.detach()
        wide = torch.promote_types(x.dtype, torch.float32)
        r = torch.zeros_like(x, dtype=wide) if self._r is None else self._r.detach().to(wide)
        self._r = r.requires_grad_()
        return x + self._r.to(x.dtype)
