"""The embedding hook: adds r to the output of the word-embedding module (x in the paper's Eq. 1 and 21)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from types import TracebackType
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import pad

from ranat.errors import UserError
from ranat.models.embedding import encoder_of, module_name, tables, word_embeddings


class Perturbed:
    """While entered, the model computes f(x + r): x is the output of the module that embeds `ids`.

    Token ids still reach the model, so RoBERTa derives its positions from them; no weight is touched, so frozen
    embeddings and adapters work; position and type embeddings are added after r. In an encoder-decoder model, what the
    decoder looks up is left alone. Every call of the module is checked to be with `ids`, which the model may have
    transposed (XLNet) or padded (Longformer); if it is called again with them, it adds the same r.

    A compiled model runs uncompiled meanwhile, since compiled code ignores hooks.

    Args:
        model: the unwrapped model.
        r: (batch, tokens, hidden), or None for zeros. A leaf of the graph, in float32 or wider.
        ids: (batch, tokens), the input_ids that the model is given.
        module: the word-embedding module or its dotted name; None: see `word_embeddings`.
    Raises:
        UserError: the module is not found, was called with other ids, gives no (batch, tokens, hidden), or, on leaving,
            was not called.
    """

    def __init__(
        self, model: nn.Module, r: Tensor | None = None, *, ids: Tensor, module: nn.Module | str | None = None
    ) -> None:
        self._model, self._given, self._ids = model, r, ids
        self._module = word_embeddings(model, module)
        self._tables = tables(self._module)
        self._encoder = encoder_of(model, self._module)
        self._encoding = self._encoder is None
        self._layout: _Layout | None = None
        self._leaf: Tensor | None = None
        self._x: dict[int, Tensor] = {}
        self.in_fp16 = False
        """Whether the model computes in fp16, whose numbers end at 65,504."""

    @property
    def x(self) -> Tensor:
        """The word embeddings of the pass, (batch, tokens, hidden), without a graph."""
        parts = [self._x[i] for i in range(len(self._tables))]
        return parts[0] if len(parts) == 1 else torch.cat(parts, -1)

    @property
    def r(self) -> Tensor:
        """The leaf that was added."""
        assert self._leaf is not None
        return self._leaf

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(torch.compiler.set_stance("force_eager"))
            if self._encoder is not None:
                stack.enter_context(self._encoder.register_forward_pre_hook(partial(self._set_encoding, True)))
                stack.enter_context(self._encoder.register_forward_hook(partial(self._set_encoding, False)))
            stack.enter_context(self._module.register_forward_pre_hook(self._arrange, with_kwargs=True))
            for i, table in enumerate(self._tables):
                stack.enter_context(table.register_forward_hook(partial(self._add, i)))
            self._hooks = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hooks.close()
        if kind is None and not self._x:
            raise UserError(
                f"the forward pass did not go through {self._name}, so nothing was perturbed",
                remedy="give the model input_ids, not inputs_embeds, or name the module that embeds them",
            )

    @property
    def _name(self) -> str:
        return f"the word-embedding module {module_name(self._model, self._module)}"

    def _set_encoding(self, encoding: bool, *_: Any) -> None:
        self._encoding = encoding

    def _arrange(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Before ids are embedded: see how the model has laid them out."""
        self._layout = self._layout_of(_first_ids(*args, *kwargs.values())) if self._encoding else None

    def _layout_of(self, called: Tensor | None) -> _Layout | None:
        if called is None:
            raise UserError(f"{self._name} was called without token ids", remedy="name another module")
        ids = self._ids.to(called.device, called.dtype)
        # Most models embed the very tensor that they are given; then no device has to be waited for to compare values.
        fits = [False] if called.is_set_to(ids) else [t for t in (False, True) if _begins_with(called, ids, t)]
        if not fits:
            padding = getattr(self._module, "padding_idx", None)
            if padding is not None and bool((called == padding).all()):
                return None  # LED embeds the padding that it adds in a call of its own
            raise UserError(
                f"{self._name} was called with other ids, {_shape(called)}, than the step's input_ids, {_shape(ids)}",
                remedy="put all texts of a step, such as both of a pair, into one batch, or name another module",
            )
        if len(fits) == 2 and ids.numel() > 1:
            raise UserError(
                f"input_ids, {_shape(ids)}, read the same transposed, so whether {self._name} got them so is not clear",
                remedy="use another batch size",
            )
        return _Layout(called.shape, ids.shape[1], transposed=fits[0])

    def _add(self, i: int, table: nn.Module, args: tuple[Any, ...], output: Any) -> Any:
        """After table i has embedded the ids: add its slice of r."""
        if self._layout is None:
            return output
        x, *rest = output if isinstance(output, tuple) else (output,)  # I-BERT returns (x, None) unless quantised
        if not isinstance(x, Tensor) or x.shape[:-1] != self._layout.shape or any(each is not None for each in rest):
            raise UserError(
                f"{self._name} gives something else than a vector for each token", remedy="name another module"
            )
        width = x.shape[-1]
        self.in_fp16 |= torch.float16 in (x.dtype, _autocast_to(x.device.type))
        self._x[i] = self._layout.as_given(x.detach())
        if self._leaf is None:
            wide = torch.promote_types(x.dtype, torch.float32)
            zeros = x.new_zeros(*self._ids.shape, width * len(self._tables), dtype=wide)
            self._leaf = (zeros if self._given is None else self._given.detach().to(wide)).requires_grad_()
        r = self._leaf[..., i * width : (i + 1) * width]
        x = x + self._layout.as_called(r).to(x.dtype)
        return (x, *rest) if isinstance(output, tuple) else x


@contextmanager
def embedded_once(model: nn.Module, module: nn.Module | str | None = None) -> Iterator[None]:
    """While a pass is differentiated: refuse a model that embeds again, where it would do so without r.

    Raises:
        UserError: it does, as gradient checkpointing around its embeddings makes it.
    """

    def refuse(*_: Any) -> None:
        raise UserError(
            "the model computes its word embeddings again in the backward pass, where nothing would be perturbed",
            remedy="checkpoint its layers alone, as gradient_checkpointing_enable does, or no part of it",
        )

    with word_embeddings(model, module).register_forward_pre_hook(refuse):
        yield


class _Layout(NamedTuple):
    """How a model laid out ids (batch, tokens): padded to more tokens or not, then transposed or not."""

    shape: torch.Size
    tokens: int
    transposed: bool

    def as_called(self, r: Tensor) -> Tensor:
        """From (batch, tokens, hidden); 0 at the padding."""
        more = self.shape[0 if self.transposed else 1] - self.tokens
        r = pad(r, (0, 0, 0, more)) if more else r
        return r.transpose(0, 1) if self.transposed else r

    def as_given(self, x: Tensor) -> Tensor:
        """To (batch, tokens, hidden)."""
        x = x.transpose(0, 1) if self.transposed else x
        return x[:, : self.tokens]


def look_up(model: nn.Module, ids: Tensor, module: nn.Module | str | None = None) -> Tensor:
    """x (batch, tokens, hidden) of ids (batch, tokens) without a pass through the model."""
    embeddings = word_embeddings(model, module)
    # Between passes a sharded model (FSDP) has a part of each weight; where it is whole, this changes nothing.
    weights: dict[str, Any] = dict(embeddings.named_parameters())
    whole = {name: w.full_tensor() if hasattr(w, "full_tensor") else w for name, w in weights.items()}
    with torch.no_grad(), Perturbed(embeddings, ids=ids, module=embeddings) as perturbed:
        functional_call(embeddings, whole, (ids,))
    return perturbed.x


def _autocast_to(device: str) -> torch.dtype | None:
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else None


def _first_ids(*inputs: Any) -> Tensor | None:
    return next(
        (
            each
            for each in inputs
            if isinstance(each, Tensor) and not (each.is_floating_point() or each.dtype == torch.bool)
        ),
        None,
    )


def _begins_with(called: Tensor, ids: Tensor, transposed: bool) -> bool:
    """Whether the first tokens of every row that was embedded are those of ids, and the rest is padding."""
    if called.dim() != 2:
        return False
    rows = called.T if transposed else called
    return len(rows) == len(ids) and torch.equal(rows[:, : ids.shape[1]], ids)


def _shape(ids: Tensor) -> str:
    return " × ".join(map(str, ids.shape))
