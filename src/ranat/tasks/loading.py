"""A trained model and its task, from a folder or the hub."""

from __future__ import annotations

from typing import Any

from ranat.errors import UserError
from ranat.models.loading import load_config, load_tokenizer, load_trained, window_size
from ranat.models.memory import keep_freed_memory
from ranat.tasks.base import Task, saved_in, tasks


def load(source: str, *, where: str | None = None) -> tuple[Task, Any]:
    """A task with the labels of a trained model, and the model: in float32, on the CPU, ready to predict.

    What a model is for stands in its configuration (`Task.saved`); one from elsewhere must be of the `DEFAULT_TASK`:
    a tagger of words whose labels are O and B-TYPE, I-TYPE (or those of BIOES, or of IO), as many on the hub are.
    Tags are read strictly, see `ranat.documents.bio.decode_strict`.

    Args:
        source: a folder that holds a model (config.json, model.safetensors, tokenizer.json), or a hub id.
        where: what errors name as the place; None: the source.
    Raises:
        UserError: the model is for another purpose or for a task that is not known here, or it cannot be loaded.
    """
    name = where or source
    config = load_config(source, where=name)
    tokenizer = load_tokenizer(source, where=name)
    try:
        task = _class(saved_in(config)["task"], name).for_model(
            config, tokenizer, window_size(config, tokenizer, where=name)
        )
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


def _class(task: str, model: str) -> type[Task]:
    if task not in tasks.names():
        raise UserError(
            f"the model is for the task {task!r}, which is not known here",
            where=model,
            remedy="name the file or module that has the task with --plugin",
        )
    return tasks.get(task)
