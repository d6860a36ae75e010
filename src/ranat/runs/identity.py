"""Which model a name means: its folder, and a hash that another model does not have; nothing is loaded."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from ranat.disk import files, sha256
from ranat.errors import UserError
from ranat.models.backbones import may_be_on_the_hub
from ranat.runs import installed
from ranat.runs.folder import RunFolder, check_model
from ranat.runs.seal import SEAL, sealed
from ranat.runs.settings import Settings

_OF_A_MODEL = (".json", ".safetensors", ".txt", ".model")
"""Suffixes of its configuration, weights and tokenizer; a hub's folder may have the same weights in other forms."""


def source(name: str) -> str:
    """The folder or hub id that a name stands for; a folder of that name comes first.

    Args:
        name: a run folder, a folder that holds a model (config.json, model.safetensors, tokenizer.json), a model that a
            package brings, or a hub id.
    Raises:
        UserError: nothing is there, the run is not finished, or its model is damaged.
    """
    folder = Path(name).expanduser()
    run = RunFolder(folder)
    if run.exists:
        return str(run.model())
    if (folder / "config.json").is_file():
        if (folder / SEAL).is_file():
            check_model(folder)
        return str(folder)
    if not folder.exists() and (brought := installed.folder(name)):
        check_model(brought)
        return str(brought)
    if not folder.exists() and may_be_on_the_hub(name):
        return name
    raise UserError(
        "no run and no model is here",
        where=name,
        remedy="name a folder that `ranat train --out` wrote, a model's folder, an installed model, or a hub id",
    )


def backbone(name: str) -> str:
    """What training begins with: the model of a run, if that is what the name means, else what it was.

    Raises:
        UserError: the run is not finished, or its model is damaged.
    """
    run = RunFolder(Path(name).expanduser())
    return str(run.model()) if run.exists else name


def to_go_on_from(run: Path) -> Settings:
    """The settings of a run, with that run as the model to begin with.

    Raises:
        UserError: no run is here, it is not finished, or its model was deleted or damaged.
    """
    RunFolder(run).model()
    return RunFolder(run).settings().model_copy(update={"model": str(run)})


def identity(name: str) -> str:
    """SHA-256 of the names and hashes of a model's files.

    A sealed model's are taken from its seal, against which `source` has just checked the files.

    Raises:
        UserError: as `source`; or the model is on the hub and cannot be fetched.
    """
    found = source(name)
    folder = Path(found) if Path(found).is_dir() else _fetched(found)
    hashes = sealed(folder) or {
        file.relative_to(folder).as_posix(): sha256(file)
        for file in files(folder)
        if file.suffix in _OF_A_MODEL and file.name != SEAL
    }
    return hashlib.sha256(
        json.dumps({name: hashes[name] for name in sorted(hashes) if name.endswith(_OF_A_MODEL)}).encode()
    ).hexdigest()


def _fetched(hub_id: str) -> Path:
    from transformers.utils.hub import cached_file  # which takes seconds to import

    try:
        return Path(str(cached_file(hub_id, "config.json"))).parent
    except (OSError, ValueError) as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(f"cannot be fetched: {first}", where=hub_id) from None
