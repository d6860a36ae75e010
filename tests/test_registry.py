from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ranat
from ranat.attacks import attacks
from ranat.corpora.loading import CORPORA
from ranat.errors import UsageError
from ranat.formats import READERS
from ranat.registry import Registry, nearest, wrong_class, wrong_options
from ranat.tasks import tasks

SOURCE = Path(ranat.__file__).parent
MODULES = sorted(SOURCE.rglob("*.py"))


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package `herbs` with a registry, and a component in each of two other files."""
    folder = tmp_path / "herbs"
    folder.mkdir()
    (folder / "__init__.py").write_text(
        "from ranat.registry import Registry\nherbs = Registry('herb', 'herbs')\nimported = []\n"
    )
    for name in ("thyme", "sage"):
        (folder / f"{name}.py").write_text(
            f"from herbs import herbs, imported\nimported.append({name!r})\n"
            f"@herbs.register({name!r})\ndef {name}(): return {name!r}\n"
        )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "herbs"
    for module in [name for name in sys.modules if name.split(".")[0] == "herbs"]:
        del sys.modules[module]


def test_it_finds_the_files_of_its_package_when_it_is_asked(package: str) -> None:
    import herbs  # type: ignore[import-not-found]  # written above

    assert herbs.imported == []
    assert herbs.herbs.names() == ["sage", "thyme"]
    assert herbs.herbs.get("thyme")() == "thyme"
    assert herbs.imported == ["sage", "thyme"]


def test_get_alone_finds_them_too(package: str) -> None:
    import herbs

    assert herbs.herbs.get("sage")() == "sage"


def test_a_new_file_is_all_a_new_component_needs(package: str, tmp_path: Path) -> None:
    (tmp_path / "herbs" / "basil.py").write_text("from herbs import herbs\nherbs.register('basil')(42)\n")
    import herbs

    assert herbs.herbs.get("basil") == 42


def test_two_components_of_one_name_are_refused_and_both_places_named(package: str, tmp_path: Path) -> None:
    """The package's own is there first, even if nobody has asked for it yet."""
    import herbs

    def thyme() -> None: ...

    with pytest.raises(UsageError) as caught:
        herbs.herbs.register("thyme")(thyme)
    places = f"in {tmp_path / 'herbs' / 'thyme.py'} and in {__file__}"
    assert str(caught.value) == f"two components are called herb 'thyme': {places} (give one another name)"
    assert herbs.herbs.get("thyme")() == "thyme"


def test_a_file_that_is_imported_under_two_names_brings_its_components_once(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import herbs

    (tmp_path / "basil.py").write_text("from herbs import herbs\n@herbs.register('basil')\ndef basil(): ...\n")
    monkeypatch.setitem(sys.modules, "basil", None)  # so that it is taken out again
    del sys.modules["basil"]
    importlib.import_module("basil")
    monkeypatch.setenv("RANAT_PLUGINS", str(tmp_path / "basil.py"))
    assert herbs.herbs.names() == ["basil", "sage", "thyme"]
    assert herbs.herbs.get("basil") is sys.modules["basil"].basil


class Herb(ABC):
    @abstractmethod
    def smell(self) -> str: ...


class Thyme(Herb):
    def smell(self) -> str:
        return "thyme"


@dataclasses.dataclass(frozen=True)
class Mint(Thyme):
    name: str = "mint"


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (len, "it is no class derived from Herb"),
        (str, "it is no class derived from Herb"),
        (Thyme(), "it is no class derived from Herb"),
        (Herb, "its class lacks smell"),
        (Thyme, None),
    ],
)
def test_what_is_no_such_class_is_refused(kind: Any, wrong: str | None) -> None:
    registry = Registry[Any]("herb", "ranat", lambda name, component: wrong_class(component, Herb))
    if wrong is None:
        assert registry.register("sage")(kind) is kind
    else:
        with pytest.raises(UsageError, match=f"^the herb 'sage' cannot be registered: {wrong}$"):
            registry.register("sage")(kind)


@pytest.mark.parametrize(
    ("kind", "taken", "wrong"),
    [
        (Thyme, ("name",), "its class is no dataclass"),
        (Mint, ("name",), "no option can be called 'name'"),
        (Mint, ("other",), ""),
    ],
)
def test_options_that_could_not_be_given_are_told(kind: Any, taken: tuple[str, ...], wrong: str) -> None:
    assert (wrong_options(kind, taken) or "").partition(":")[0] == wrong


def test_registering_leaves_the_component_as_it_is(package: str) -> None:
    import herbs

    component = object()
    assert herbs.herbs.register("dill")(component) is component
    assert herbs.herbs.get("dill") is component


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("tyme", "did you mean 'thyme'?"),
        ("SAGE", "did you mean 'sage'?"),
        ("cinnamon", "known: sage, thyme"),
        ("", "known: sage, thyme"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(package: str, name: str, remedy: str) -> None:
    import herbs

    with pytest.raises(UsageError) as caught:
        herbs.herbs.get(name)
    assert str(caught.value) == f"unknown herb {name!r} ({remedy})"


@given(st.text(), st.lists(st.text(min_size=1), min_size=1))
def test_nearest_always_helps(word: str, choices: list[str]) -> None:
    offers = {f"did you mean {choice!r}?" for choice in choices}
    assert nearest(word, choices) in offers | {f"known: {', '.join(sorted(choices))}"}
    assert nearest(choices[0], choices) in offers


@pytest.mark.parametrize(
    ("registry", "least"),
    [
        (attacks, {"fgsm", "fgm", "pgd", "freelb", "smart"}),
        (READERS, {"conll", "jsonl", "pubtator", "bioc-xml"}),
        (CORPORA, {"bc5-chem", "bc5-disease", "bc2gm", "ncbi-disease", "demo"}),
        (tasks, {"ner"}),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_what_is_registered(registry: Registry[Any], least: set[str]) -> None:
    assert least <= set(registry.names())
    assert all(registry.get(name) is not None for name in registry.names())


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_module_says_what_it_is_and_is_read_in_one_sitting(module: Path) -> None:
    text = module.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    assert ast.get_docstring(ast.parse(text))


@pytest.mark.parametrize("registry", [attacks, CORPORA, READERS, tasks], ids=lambda registry: registry.kind)
def test_every_file_of_a_registered_package_is_described(registry: Registry[Any]) -> None:
    registry.names()
    own = [module for name, module in sys.modules.items() if name.startswith(f"{registry.package}.")]
    assert own
    for module in own:
        assert (module.__doc__ or "").strip(), module.__name__


@pytest.mark.parametrize("name", attacks.names())
def test_an_attack_is_one_short_file_with_its_equation(name: str) -> None:
    attack = attacks.get(name)
    lines = Path(inspect.getfile(attack)).read_text(encoding="utf-8").splitlines()
    assert len(lines) < 100
    assert Path(inspect.getfile(attack)).stem == name
    text = inspect.getdoc(attack) or ""
    assert "paper Eq. " in text or "Not in the paper" in text
