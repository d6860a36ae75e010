"""Whole checkpoints: one that was being written, or deleted, when the process died is never taken for one.

`Trainer` writes a checkpoint file by file into its final folder. So each is sealed when it is complete, with the size
of every file; a checkpoint without a seal that fits is no checkpoint.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from ranat.disk import write_atomically

SEAL = "complete.json"


def seal(checkpoint: Path) -> None:
    """Declare a checkpoint complete: its files reach the disk first, then the seal appears at once."""
    sizes = {}
    for file in sorted(path for path in checkpoint.rglob("*") if path.is_file()):
        with file.open("rb") as stream:
            os.fsync(stream.fileno())
        sizes[file.relative_to(checkpoint).as_posix()] = file.stat().st_size
    write_atomically(checkpoint / SEAL, json.dumps(sizes))


def unseal(checkpoint: Path) -> None:
    """Before a checkpoint is written again."""
    (checkpoint / SEAL).unlink(missing_ok=True)


def is_whole(checkpoint: Path) -> bool:
    """Whether the checkpoint is sealed and every file in the seal is there in full."""
    try:
        sizes = json.loads((checkpoint / SEAL).read_text())
        return all((checkpoint / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError):
        return False


def last_whole(folder: Path) -> Path | None:
    """The newest whole checkpoint of a folder."""
    whole = [checkpoint for checkpoint in folder.glob("checkpoint-*") if is_whole(checkpoint)]
    return max(whole, key=lambda checkpoint: int(checkpoint.name.rsplit("-", 1)[1]), default=None)


def remove_incomplete(folder: Path) -> None:
    """Delete the checkpoints that are not whole."""
    for checkpoint in folder.glob("checkpoint-*"):
        if not is_whole(checkpoint):
            shutil.rmtree(checkpoint)


def load_weights(checkpoint: Path, model: Any) -> None:
    """Give the model the weights of a checkpoint."""
    model.load_state_dict(load_file(checkpoint / "model.safetensors"))
