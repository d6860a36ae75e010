"""Load a corpus by name, or one's own by its folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ranat import formats
from ranat.corpora import own
from ranat.corpora.corpus import Corpus, Splits
from ranat.corpora.files import File, Folder
from ranat.documents.document import Document
from ranat.documents.pairs import PairTypes
from ranat.errors import UsageError, UserError
from ranat.formats import How
from ranat.formats.notice import Kind, Notice
from ranat.formats.source import Reading, Source
from ranat.registry import Registry


class NotFoundError(UserError):
    """A file of a known corpus is not on disk; `some_found` tells whether others of its form are."""

    some_found = False


class Release:
    """The published files of a corpus: finds them by the tail of their path and collects what is odd in them.

    Args:
        corpus: the corpus's name, for messages.
        folder: where to look.
    """

    def __init__(self, corpus: str, folder: Folder) -> None:
        self.corpus, self.folder = corpus, folder
        self.notices: list[Notice] = []
        self.files: dict[str, File] = {}

    def documents(self, tail: str, format: str) -> tuple[Document, ...]:
        """All documents of a file.

        Raises:
            NotFoundError: there is no such file.
            UserError: it cannot be read.
        """
        file = self.file(tail)
        return tuple(formats.read(file.open(), file.name, format, notices=self.notices, lenient=True))

    def source(self, tail: str) -> Source:
        """A file that is in no format of its own, to be read line by line."""
        file = self.file(tail)
        return Source(file.open(), file.name, self.notices, Reading(lenient=True))

    def note(self, kind: Kind, what: str, tail: str, count: int = 1) -> None:
        """Record what is odd in a file; a count of zero is nothing odd."""
        if count:
            self.notices.append(Notice(kind, what, self.file(tail).name, count))

    def file(self, tail: str) -> File:
        """The file whose path ends in `tail`."""
        file = self.folder.find(tail)
        if file is None:
            raise self._missing(f"file {tail}")
        self.files[file.name] = file
        return file

    def files_under(self, part: str, suffix: str) -> list[File]:
        """The files with a suffix in a folder whose path ends in `part`."""
        files = self.folder.under(part, suffix)
        if not files:
            raise self._missing(f"folder {part} with {suffix} files")
        self.files |= {file.name: file for file in files}
        return files

    def _missing(self, what: str) -> NotFoundError:
        error = NotFoundError(
            f"the corpus {self.corpus} is not there: no {what}",
            where=str(self.folder.path),
            remedy=f"`ranat corpora fetch {base(self.corpus)}`, or name the folder that has it with --data DIR",
        )
        error.some_found = bool(self.files)
        return error


@dataclass(frozen=True, slots=True)
class Definition:
    """How to read one form of a corpus."""

    read: Callable[[Release], Splits]
    form: str
    task: str
    instead: str | None
    pairs: PairTypes | None
    hub: str | None


CORPORA = Registry[Definition]("corpus", "ranat.corpora")


def corpus(
    name: str,
    *,
    form: str,
    task: str = "ner",
    instead: str | None = None,
    pairs: PairTypes | None = None,
    hub: str | None = None,
) -> Callable[[Callable[[Release], Splits]], Callable[[Release], Splits]]:
    """Decorate a function that turns the published files of a corpus into its splits.

    Args:
        name: what it is asked for by; a form other than the benchmark's is called "name/form".
        form: which release it reads.
        task: what it is for.
        instead: the name of the form to read where the files of this one are not there.
        pairs: which entities are candidates for a relation.
        hub: what the corpus is called among the data sets of huggingface.co, for the cards of models.
    """

    def add(read: Callable[[Release], Splits]) -> Callable[[Release], Splits]:
        CORPORA.register(name, read.__module__)(Definition(read, form, task, instead, pairs, hub))
        return read

    return add


def names() -> list[str]:
    """All corpora that can be asked for by name."""
    return CORPORA.names()


def task_of(name: str) -> str:
    """What a corpus is for, by its name alone; "ner" for one of one's own."""
    return CORPORA.get(name).task if name in names() else "ner"


def on_the_hub(name: str) -> str | None:
    """The data set of a corpus on the hub; None for one's own, and where there is none."""
    return CORPORA.get(name).hub if name in names() else None


def base(name: str) -> str:
    """The corpus of a form: "bc2gm" of "bc2gm/original"; the path of one's own as it is."""
    first = name.split("/")[0]
    return first if first in names() else name


def data_folder(data: Path | str | None = None) -> Path:
    """The folder of corpora: `data`, else the environment's RANAT_DATA, else one in the user's cache."""
    if data or (data := os.environ.get("RANAT_DATA")):
        return Path(data).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ranat" / "corpora"


def load(name_or_path: str | Path, data: Path | str | None = None, how: How | None = None) -> Corpus:
    """A corpus by its name, or one's own by its path.

    Args:
        name_or_path: a name, or a folder or archive with train, dev and test in any supported format, or a file or
            folder of documents that are not divided (see `own.load`).
        data: the folder of corpora; see `data_folder`.
        how: one's own files are to be read; None: strictly, each as its name and content tell.
    Raises:
        UserError: a known corpus is not under the folder, or a file is wrong; with file and line.
        UsageError: `how` is given for a known corpus.
        UsageError: nothing has that name or path.
    """
    name, path = str(name_or_path), Path(name_or_path).expanduser()
    if name not in names():
        if path.exists():
            return own.load(Folder(path), how or How())
        if "/" in name and base(name) not in names():
            raise UserError("no such folder", where=name, remedy="name a folder that holds train, dev and test")
    if how is not None and (how.format or how.columns):
        raise UsageError(f"{name} is a known corpus, whose files are read as they are", where="--from")
    return _published(name, Folder(data_folder(data)))


def overview(data: Path | str | None = None) -> list[dict[str, str | int | None]]:
    """Every form of every corpus: its name, form and task; where it was found and its documents, None if it is not."""
    folder = Folder(data_folder(data))
    rows: list[dict[str, str | int | None]] = []
    for name in names():
        definition = CORPORA.get(name)
        try:
            present = load_form(name, folder)
        except NotFoundError:
            present = None
        source = present.source if present else None
        sizes = {split: len(present.splits[split]) if present else None for split in ("train", "dev", "test")}
        rows.append({"corpus": name, "form": definition.form, "task": definition.task, **sizes, "found": source})
    return rows


def load_form(name: str, folder: Folder) -> Corpus:
    """One form of a corpus, and never another in its place.

    Raises:
        UserError: as `load`.
    """
    definition = CORPORA.get(name)
    release = Release(name, folder)
    splits = definition.read(release)
    source = ", ".join(dict.fromkeys(str(file.container) for file in release.files.values())) or "the package"
    notices, files = tuple(release.notices), tuple(release.files)
    return Corpus(name, definition.form, definition.task, splits, notices, source, files, definition.pairs)


def _published(name: str, folder: Folder) -> Corpus:
    try:
        return load_form(name, folder)
    except NotFoundError as missing:
        instead = CORPORA.get(name).instead
        if instead is None or missing.some_found:
            raise
        try:
            other = load_form(instead, folder)
        except NotFoundError:
            raise missing from None
    note = Notice(
        "note", f"no {CORPORA.get(name).form.upper()} files of {name}; read from the {other.form} release", other.source
    )
    return replace(other, name=name, notices=(note, *other.notices))
