"""A trained model and its task, from a run, a folder or the hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ranat import tasks
from ranat.errors import UserError
from ranat.models.backbones import may_be_on_the_hub
from ranat.runs.folder import RunFolder, check_model
from ranat.runs.seal import SEAL


def load(name: str) -> tuple[tasks.Task, Any]:
    """A task with the labels of a trained model, and the model: in float32, on the CPU, ready to predict.

    Args:
        name: a run folder, a folder that holds a model (config.json, model.safetensors, tokenizer.json), or a hub id,
            which alone may need the network.
    Raises:
        UserError: nothing is there, the run is not finished, the model is for another purpose, or it is damaged.
    """
    return tasks.load(_source(name), where=name)


def _source(name: str) -> str:
    folder = Path(name).expanduser()
    run = RunFolder(folder)
    if run.exists:
        return str(run.model())
    if (folder / "config.json").is_file():
        if (folder / SEAL).is_file():
            check_model(folder)
        return str(folder)
    if not folder.exists() and may_be_on_the_hub(name):
        return name
    raise UserError(
        "no run and no model is here",
        where=name,
        remedy="name a folder that `ranat train --out` wrote, a model's folder, or a hub id OWNER/NAME",
    )
