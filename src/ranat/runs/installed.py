"""Models that packages bring, each by an entry point whose name is the model's; none of their code is run."""

from __future__ import annotations

from importlib import metadata, util
from pathlib import Path

from ranat.errors import UserError

GROUP = "ranat.models"
MODEL_FOLDER = "model"


def names() -> list[str]:
    """The models that are installed."""
    return sorted({entry.name for entry in metadata.entry_points(group=GROUP)})


def folder(name: str) -> Path | None:
    """Where the package of a model keeps it; None: no package brings a model of that name.

    Raises:
        UserError: several do, or one whose files are gone.
    """
    modules = {entry.module for entry in metadata.entry_points(group=GROUP, name=name)}
    if not modules:
        return None
    if len(modules) > 1:
        raise UserError(f"is brought by {' and by '.join(sorted(modules))}", where=name, remedy="uninstall one of them")
    (module,) = modules
    spec = None if "." in module else util.find_spec(module)  # the parents of a dotted name would be imported
    for place in (spec.submodule_search_locations or ()) if spec else ():
        if (found := Path(place) / MODEL_FOLDER / "config.json").is_file():
            return found.parent
    raise UserError(f"its package {module} holds no model", where=name, remedy="install it again")
