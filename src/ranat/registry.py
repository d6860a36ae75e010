"""Name → component: attacks, corpora, formats and tasks register themselves here.

A registry belongs to one package and finds that package's modules by itself, so a new component is one new file.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from ranat.errors import UsageError

T = TypeVar("T")


def nearest(word: str, choices: Iterable[str]) -> str:
    """A remedy for a name nobody knows: the nearest known one, or all of them."""
    known = sorted(choices)
    lower = {choice.lower(): choice for choice in known}
    close = difflib.get_close_matches(word.lower(), lower, n=1, cutoff=0.6)
    return f"did you mean {lower[close[0]]!r}?" if close else f"known: {', '.join(known)}"


class Registry(Generic[T]):
    """The components of one kind, by name.

    Args:
        kind: what a component is called in messages, such as "attack".
        package: the package whose modules register components when they are imported.
    """

    def __init__(self, kind: str, package: str) -> None:
        self.kind, self.package = kind, package
        self._components: dict[str, T] = {}
        self._searched = False

    def register(self, name: str) -> Callable[[T], T]:
        """Decorate a component with the name it is asked for by."""

        def add(component: T) -> T:
            if name in self._components:
                raise ValueError(f"two components are registered as {self.kind} {name!r}")
            self._components[name] = component
            return component

        return add

    def names(self) -> list[str]:
        """All names, sorted."""
        self._search()
        return sorted(self._components)

    def get(self, name: str) -> T:
        """The component of that name.

        Raises:
            UsageError: there is none; the message names the nearest one.
        """
        self._search()
        if name not in self._components:
            raise UsageError(f"unknown {self.kind} {name!r}", remedy=nearest(name, self._components))
        return self._components[name]

    def _search(self) -> None:
        if not self._searched:
            self._searched = True
            package = importlib.import_module(self.package)
            for module in pkgutil.iter_modules(package.__path__):
                importlib.import_module(f"{self.package}.{module.name}")
