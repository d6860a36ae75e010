"""Components from outside: files and modules named in RANAT_PLUGINS, and entry points of installed distributions.

Whatever is loaded registers its components by their decorators, as a file of the package does. The environment variable
reaches all processes that a command starts, so they know the same components.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import logging
import os
import sys
import traceback
from collections.abc import Iterable
from functools import cache
from importlib import metadata
from pathlib import Path

from ranat.errors import UsageError, UserError

VARIABLE = "RANAT_PLUGINS"
_log = logging.getLogger(__name__)
_modules: set[str] = set()
"""The names of the modules that are plug-ins."""
_groups: set[str] = set()
"""The groups of entry points that are loaded, or just being so: a plug-in may look into the registry it adds to."""


def add(plugins: Iterable[str]) -> None:
    """Load plug-ins, and those that RANAT_PLUGINS names, for this process and those that it starts.

    Args:
        plugins: paths of .py files, or names of modules that can be imported.
    Raises:
        UsageError: one of them is not there, or fails when it is loaded; with its file and line.
    """
    for plugin in plugins:
        if os.pathsep in plugin:
            raise UsageError(f"{os.pathsep!r} must not be in its name", where=f"plug-in {plugin}")
    if named := dict.fromkeys(map(_anywhere, [*_named(), *plugins])):
        os.environ[VARIABLE] = os.pathsep.join(named)
    load_named()


def load_named() -> None:
    """Load what RANAT_PLUGINS names, unless it is loaded.

    Raises:
        UsageError: see `add`.
    """
    for plugin in _named():
        _load(plugin)


def load_installed(group: str) -> None:
    """Load the entry points of a group; of one that fails a warning tells, as it may be of no use here anyway."""
    if group in _groups:
        return
    _groups.add(group)
    for entry in metadata.entry_points(group=group):
        _modules.add(entry.module)
        try:
            entry.load()
        except (Exception, SystemExit) as error:  # whatever somebody else's module does
            owner = f"{entry.dist.name} {entry.dist.version}" if entry.dist else "an installed distribution"
            what = " ".join(f"{type(error).__name__}: {error}".split())
            _log.warning("ranat: the plug-in %r of %s is left out: %s", entry.value, owner, what)


def place(error: BaseException) -> str | None:
    """The file and line of the innermost code of a plug-in that an error came through; None: of no plug-in."""
    found = None
    for frame, line in traceback.walk_tb(error.__traceback__):
        module = f"{frame.f_globals.get('__name__')}."
        # Its own modules, and the packages that it is in: these are loaded for its sake.
        if any(module.startswith(f"{name}.") or f"{name}.".startswith(module) for name in _modules):
            found = f"{frame.f_code.co_filename}:{line}"
    return found


def _named() -> list[str]:
    return [plugin for plugin in os.environ.get(VARIABLE, "").split(os.pathsep) if plugin]


def _anywhere(plugin: str) -> str:
    """What names the plug-in in any working directory."""
    return str(Path(plugin).expanduser().absolute()) if _is_path(plugin) else plugin


def _is_path(plugin: str) -> bool:
    return plugin.endswith(".py") or os.sep in plugin


@cache
def _load(plugin: str) -> None:
    if _is_path(plugin):
        _load_file(Path(plugin))
    else:
        _load_module(plugin)


def _load_file(file: Path) -> None:
    """Import a file under a name that is the same in every process, so that its classes can be pickled."""
    path = file.resolve()
    name = f"ranat_plugin_{path.stem}_{hashlib.sha256(os.fsencode(path)).hexdigest()[:8]}"
    if name in sys.modules:
        return
    if not path.is_file() or path.suffix != ".py":
        raise UsageError("is no Python file", where=f"plug-in {file}", remedy="name a .py file, or a module")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None  # as its suffix is that of Python
    assert spec.loader is not None
    _modules.add(name)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)  # before it runs, as dataclasses look it up
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # a script may parse arguments
        del sys.modules[name]
        raise _broken(error, str(path)) from error


def _load_module(name: str) -> None:
    if not all(part.isidentifier() for part in name.split(".")):
        raise UsageError("is no name of a module", where=f"plug-in {name}", remedy="name a .py file, or a module")
    _modules.add(name)
    try:
        importlib.import_module(name)
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and error.name and f"{name}.".startswith(f"{error.name}."):
            file = f"{name}.py"
            remedy = f"for the file here: --plugin {file}" if Path(file).is_file() else "is its folder on PYTHONPATH?"
            raise UsageError("there is no such module", where=f"plug-in {name}", remedy=remedy) from None
        raise _broken(error, f"plug-in {name}") from error


def _broken(error: BaseException, otherwise: str) -> UsageError:
    """What is wrong with a plug-in, and in which of its lines, or else what to name."""
    if isinstance(error, SyntaxError):
        where = f"{error.filename}:{error.lineno}" if error.filename else otherwise
        return UsageError(f"{type(error).__name__}: {error.msg}", where=where)
    where = place(error) or otherwise
    if isinstance(error, UserError):
        return UsageError(error.what, where=where, remedy=error.remedy)
    return UsageError(f"{type(error).__name__}: {error}", where=where)
