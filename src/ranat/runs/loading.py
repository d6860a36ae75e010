"""A trained model and its task, from a run, a folder or the hub."""

from __future__ import annotations

from typing import Any

from ranat import tasks
from ranat.runs.identity import source


def load(name: str) -> tuple[tasks.Task, Any]:
    """A task with the labels of a trained model, and the model: in float32, on the CPU, ready to predict.

    Args:
        name: a run folder, a folder that holds a model (config.json, model.safetensors, tokenizer.json), or a hub id,
            which alone may need the network.
    Raises:
        UserError: nothing is there, the run is not finished, the model is for another purpose, or it is damaged.
    """
    return tasks.load(source(name), where=name)
