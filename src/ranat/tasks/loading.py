"""A trained model and its task, from a run, a folder or the hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ranat.errors import UserError
from ranat.models.backbones import may_be_on_the_hub
from ranat.models.loading import load_config, load_tokenizer, load_trained, window_size
from ranat.models.memory import keep_freed_memory
from ranat.tasks.base import Task, saved_in, tasks


def load(name: str) -> tuple[Task, Any]:
    """A task with the labels of a trained model, and the model: in float32, on the CPU, ready to predict.

    What a model is for stands in its configuration (`Task.saved`); one from elsewhere must be of the `DEFAULT_TASK`:
    a tagger of words whose labels are O and B-TYPE, I-TYPE (or those of BIOES, or of IO), as many on the hub are.
    Tags are read strictly, see `ranat.documents.bio.decode_strict`.

    Args:
        name: a run folder, a folder that holds a model (config.json, model.safetensors, tokenizer.json), or a hub id,
            which alone may need the network.
    Raises:
        UserError: nothing is there, the run is not finished, the model is for another purpose or for a task that is not
            known here, or it cannot be loaded.
    """
    source = _source(name)
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


def _source(name: str) -> str:
    folder = Path(name).expanduser()
    if (folder / "config.yaml").is_file():
        if not (folder / "model" / "config.json").is_file():
            raise UserError("the run is not finished", where=name, remedy="`ranat train --resume` goes on with it")
        return str(folder / "model")
    if (folder / "config.json").is_file():
        return str(folder)
    if not folder.exists() and may_be_on_the_hub(name):
        return name
    raise UserError(
        "no run and no model is here",
        where=name,
        remedy="name a folder that `ranat train --out` wrote, a model's folder, or a hub id OWNER/NAME",
    )
