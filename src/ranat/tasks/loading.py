"""A trained model and its task, from a folder or the hub."""

from __future__ import annotations

from typing import Any

from ranat.errors import UserError
from ranat.models.loading import load_config, load_tokenizer, load_trained, window_size
from ranat.models.memory import keep_freed_memory
from ranat.tasks.base import Task, tasks


def load(source: str, *, where: str | None = None) -> tuple[Task, Any]:
    """A task with the labels of a trained model, and the model: in float32, on the CPU, ready to predict.

    What the model is for is told by its configuration: one with the pair types of ranat's relation task is for
    relations; any other must be a tagger of words whose labels are O and B-TYPE, I-TYPE (or those of BIOES, or of IO),
    as many on the hub are. Tags are read strictly, see `ranat.documents.bio.decode_strict`.

    Args:
        source: a folder that holds a model (config.json, model.safetensors, tokenizer.json), or a hub id.
        where: what errors name as the place; None: the source.
    Raises:
        UserError: the model is for another purpose, or it cannot be loaded.
    """
    name = where or source
    config = load_config(source, where=name)
    about = getattr(config, "ranat", None)
    kind = "relation" if isinstance(about, dict) and "pairs" in about else "ner"
    tokenizer = load_tokenizer(source, where=name)
    try:
        task = tasks.get(kind).for_model(config, tokenizer, window_size(config, tokenizer, where=name))
    except ValueError as error:
        raise UserError(
            f"the model is for no task known here: {error}",
            where=name,
            remedy="give a run of ranat, or a token classifier whose labels are tags",
        ) from error
    keep_freed_memory()
    model = load_trained(task.auto_class, source, where=name)
    known = model.get_input_embeddings().weight.shape[0]
    if len(tokenizer) > known:
        raise UserError(
            f"the tokenizer has {len(tokenizer)} tokens, the model knows {known}",
            where=name,
            remedy="save the model with the tokenizer it was trained with",
        )
    return task, model
