"""Name → component: attacks, gates, corpora, formats and tasks register themselves here.

A registry belongs to one package and finds that package's modules by itself, so a new component is one new file. The
file may as well stand outside the package: see `ranat.plugins`.
"""

from __future__ import annotations

import dataclasses
import difflib
import importlib
import pkgutil
import sys
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from ranat import plugins
from ranat.errors import UsageError

T = TypeVar("T")


def nearest(word: str, choices: Iterable[str]) -> str:
    """A remedy for a name nobody knows: the nearest known one, or all of them."""
    known = sorted(choices)
    lower = {choice.lower(): choice for choice in known}
    close = difflib.get_close_matches(word.lower(), lower, n=1, cutoff=0.6)
    return f"did you mean {lower[close[0]]!r}?" if close else f"known: {', '.join(known)}"


def wrong_class(kind: object, base: type) -> str | None:
    """What keeps something from being a class that is derived from `base` and can be made; None: nothing."""
    if not (isinstance(kind, type) and issubclass(kind, base)):
        return f"it is no class derived from {base.__name__}"
    missing = sorted(getattr(kind, "__abstractmethods__", ()))
    return f"its class lacks {', '.join(missing)}" if missing else None


def wrong_options(kind: Any, taken: Iterable[str]) -> str | None:
    """What keeps the fields of a class from being options in a section whose keys `taken` mean something else."""
    if not dataclasses.is_dataclass(kind):
        return "its class is no dataclass: write @dataclass(frozen=True) below the line that registers it"
    for field in dataclasses.fields(kind):
        if field.name in taken:
            return f"no option can be called {field.name!r}: that key of settings means something else"
    return None


class Registry(Generic[T]):
    """The components of one kind, by name.

    They come from the modules of a package, from installed distributions that have entry points for it (those of
    `ranat.attacks` are called so, those of `ranat.formats` `ranat.formats`), and from plug-ins.

    Args:
        kind: what a component is called in messages, such as "attack".
        package: the package whose modules register components when they are imported.
        wrong: what is wrong with a component of a certain name; None: nothing.
    """

    def __init__(
        self, kind: str, package: str, wrong: Callable[[str, Any], str | None] = lambda name, component: None
    ) -> None:
        self.kind, self.package, self._wrong = kind, package, wrong
        self._components: dict[str, T] = {}
        self._homes: dict[str, str] = {}
        self._own_loaded = False

    def register(self, name: str, home: str | None = None) -> Callable[[T], T]:
        """Decorate a component with the name it is asked for by.

        Args:
            name: of the component.
            home: the module where it stands; default: the component's `__module__`.
        Raises:
            UsageError: another component has that name, and both modules are named; or the component is no such thing.
        """

        def add(component: T) -> T:
            if what := self._wrong(name, component):
                raise UsageError(f"the {self.kind} {name!r} cannot be registered: {what}")
            here = home or str(getattr(component, "__module__", ""))
            if not f"{here}.".startswith(f"{self.package}."):
                self._load_own()  # so that a plug-in of the same name is the one that is refused
            if name in self._components:
                there = self._homes[name]
                if here == there or _file(here) != _file(there):
                    what = f"two components are called {self.kind} {name!r}: in {_file(there)} and in {_file(here)}"
                    raise UsageError(what, remedy="give one another name")
                return component  # of a file that is imported under two names
            self._components[name], self._homes[name] = component, here
            return component

        return add

    def names(self) -> list[str]:
        """All names, sorted.

        Raises:
            UsageError: a plug-in cannot be loaded.
        """
        self._load()
        return sorted(self._components)

    def get(self, name: str) -> T:
        """The component of that name.

        Raises:
            UsageError: there is none, and the message names the nearest one; or a plug-in cannot be loaded.
        """
        self._load()
        if name not in self._components:
            raise UsageError(f"unknown {self.kind} {name!r}", remedy=nearest(name, self._components))
        return self._components[name]

    def _load(self) -> None:
        self._load_own()
        plugins.load_installed(f"ranat.{self.package.rpartition('.')[2]}")
        plugins.load_named()

    def _load_own(self) -> None:
        if not self._own_loaded:
            self._own_loaded = True
            package = importlib.import_module(self.package)
            for module in pkgutil.iter_modules(package.__path__):
                importlib.import_module(f"{self.package}.{module.name}")


def _file(module: str) -> str:
    return getattr(sys.modules.get(module), "__file__", None) or module
