"""Where a model embeds its words: the module whose output is x (paper Eq. 1 and 21)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import nn

from ranat.errors import UserError

_SHARD = "HashBucketCodepointEmbedder_"


def word_embeddings(model: nn.Module, module: nn.Module | str | None = None) -> nn.Module:
    """The module that embeds input_ids.

    Args:
        model: the unwrapped model: of transformers, or one's own with a model of transformers in it, or any other.
        module: the module itself, or its dotted name in the model; None: what `get_input_embeddings()` names, that of
            the encoder if the model has an encoder and a decoder.
    Raises:
        UserError: there is no module of that name; or none was named and the model does not tell, or tells of several.
    """
    if isinstance(module, nn.Module):
        return module
    if module is not None:
        named: dict[str, nn.Module] = dict(model.named_modules())
        if module not in named:
            raise UserError(f"{type(model).__name__} has no module named {module!r}", remedy=_candidates(model))
        return named[module]
    told = list(dict.fromkeys(_told(model)))
    if len(told) == 1:
        return told[0]
    names = ", ".join(module_name(model, each) for each in told)
    raise UserError(
        f"{type(model).__name__} embeds words in more than one module: {names}"
        if told
        else f"{type(model).__name__} does not tell which module embeds its words",
        remedy=_candidates(model),
    )


def encoder_of(model: nn.Module, embeddings: nn.Module) -> nn.Module | None:
    """The encoder that holds the embeddings, where a decoder may share them for ids of its own; else None."""
    for part in model.modules():
        encoder = _encoder(part)
        if encoder is None or not getattr(getattr(part, "config", None), "is_encoder_decoder", False):
            continue
        if any(each is embeddings for each in encoder.modules()):
            return encoder
    return None


def tables(embeddings: nn.Module) -> list[nn.Module]:
    """The modules whose outputs, concatenated, are x: the module itself, but for CANINE its hashed tables."""
    return [table for name, table in embeddings.named_children() if name.startswith(_SHARD)] or [embeddings]


def module_name(model: nn.Module, module: nn.Module) -> str:
    """Its dotted name in the model and its class, to be shown."""
    names = (name for name, each in model.named_modules() if each is module)
    return f"{next(names, '')} ({type(module).__name__})".lstrip()


def _told(part: nn.Module) -> Iterator[nn.Module]:
    """What the outermost parts that can tell say."""
    told = _says(part)
    if told is not None:
        yield told
    else:
        for child in part.children():
            yield from _told(child)


def _says(part: Any) -> nn.Module | None:
    if tables(part) != [part]:
        return part  # type: ignore[no-any-return]  # it has children, so it is a module
    embedders: tuple[Any, ...] = (_encoder(part), part)
    for embedder in embedders:
        try:
            told = embedder.get_input_embeddings()
        except (AttributeError, NotImplementedError):  # no model of transformers, or one where its own guess fails
            continue
        if isinstance(told, nn.Module):  # Perceiver's are a parameter: the latents
            return told
    return None


def _encoder(part: Any) -> nn.Module | None:
    """What a model of transformers names as its encoder; else None."""
    if not hasattr(type(part), "get_encoder"):  # asked of the class, since a module is slow to say what it lacks
        return None
    encoder: nn.Module = part.get_encoder()
    return None if encoder is part else encoder


def _candidates(model: nn.Module) -> str:
    names = [name for name, each in model.named_modules() if isinstance(each, nn.Embedding)]
    return f"name the module that embeds input_ids{', one of ' + ', '.join(names) if names else ''}"
