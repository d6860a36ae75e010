"""Documents that are added to those of a corpus to train on, such as predictions that a person corrected.

A corrected document takes the place of the one it corrects, and none that the run is scored on gets into training.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from ranat import formats
from ranat.corpora import Corpus
from ranat.disk import sha256
from ranat.documents import Document
from ranat.errors import UserError
from ranat.formats.notice import Notice
from ranat.tasks.base import known_spelling
from ranat.terminal import counted

_LEAST = 40
"""Characters, without white space, of a text whose being part of another is no chance."""


@dataclass(frozen=True)
class Additions:
    """What is added to a training split.

    Args:
        documents: what is added, each text once.
        left_out: how many were not taken, as the run is scored on their text.
        notices: what a person has to know of them.
        named: whether the ids of the corpus name documents, so that the same id means the same document.
    """

    documents: tuple[Document, ...] = ()
    left_out: int = 0
    notices: tuple[Notice, ...] = ()
    named: bool = False

    def to(self, train: Sequence[Document]) -> list[Document]:
        """Documents of the training split, those that are corrected replaced, and the added ones after them."""
        return [document for document in train if not self.replaces(document)] + list(self.documents)

    def replaces(self, document: Document) -> bool:
        """Whether one of the added documents is this one, corrected."""
        return _squeezed(document) in self._texts or (self.named and document.id in self._ids)

    @cached_property
    def _texts(self) -> Set[str]:
        return {_squeezed(document) for document in self.documents}

    @cached_property
    def _ids(self) -> Set[str]:
        return {document.id for document in self.documents}


def additions(files: Mapping[str, str], corpus: Corpus) -> Additions:
    """Read the documents to add.

    White space does not count when texts are compared, as corpora may have it between all words. A text is left out if
    it is in dev or test, has a sentence of theirs of 40 characters or more in it, or is itself part of one of them.

    Args:
        files: path → SHA-256.
        corpus: that they are added to.
    Raises:
        UserError: a file cannot be read, has no annotations, or is not what it was; or nothing of them can be added.
    """
    if not files:
        return Additions()
    notices: list[Notice] = []
    spelling = known_spelling({entity.type for document in corpus.splits["train"] for entity in document.entities})
    corrected: dict[str, tuple[str, Document]] = {}
    for name, digest in files.items():
        for document in _read(name, digest, notices):
            entities = tuple(replace(entity, type=spelling(entity.type)) for entity in document.entities)
            corrected.pop(_squeezed(document), None)
            corrected[_squeezed(document)] = name, replace(document, entities=entities)
    scored = [document for split in ("dev", "test") for document in corpus.splits.get(split, ())]
    named = not {document.id for document in scored} & {document.id for document in corpus.splits["train"]}
    leaks = _leaks({text: document.id for text, (_, document) in corrected.items()}, scored, named)
    for name in files:
        if ids := [document.id for text, (file, document) in corrected.items() if file == name and text in leaks]:
            what = f"{_told(ids)} of which the run is scored on the text, so it must not train on them"
            notices.append(Notice("left out", what, name, len(ids)))
    kept = tuple(document for text, (_, document) in corrected.items() if text not in leaks)
    if not kept:
        remedy = "add documents that are neither in dev nor in test"
        raise UserError("nothing of them can be added", where=", ".join(files), remedy=remedy)
    added = Additions(kept, len(leaks), named=named)
    replaced = [document.id for document in corpus.splits["train"] if added.replaces(document)]
    places = f"; {_told(replaced)} of train replaced by them" if replaced else ""
    notices.append(
        Notice("note", f"{counted(len(kept), 'documents')} added to train{places}", ", ".join(files), len(kept))
    )
    return replace(added, notices=tuple(notices))


def _read(name: str, digest: str, notices: list[Notice]) -> Iterable[Document]:
    path = Path(name).expanduser()
    if not path.exists():
        raise UserError("is not there", where=name, remedy="name a file of annotated documents with --add")
    if sha256(path) != digest:
        remedy = "put it back as it was, or begin another run with what it is now"
        raise UserError("is not what it was when the run was told to add it", where=name, remedy=remedy)
    format = formats.of_folder(path, None) or formats.recognise(path)
    if format in formats.READERS.names() and formats.READERS.get(format).raw:
        remedy = "add annotated documents, such as JSON Lines, PubTator, BioC or BRAT"
        raise UserError(f"is read as {format}, which has no annotations", where=name, remedy=remedy)
    return formats.read(path, name, format, notices=notices)


def _leaks(ids: Mapping[str, str], scored: Sequence[Document], named: bool) -> set[str]:
    """The texts, of text → id, that the run is scored on."""
    scored_ids = {document.id for document in scored} if named else set()
    texts = {_squeezed(document) for document in scored}
    together = "\n".join(texts)
    by_beginning: dict[str, list[str]] = defaultdict(list)
    for part in texts:
        if len(part) >= _LEAST:
            by_beginning[part[:_LEAST]].append(part)

    def has_a_part(text: str) -> bool:
        places = range(len(text) - _LEAST + 1)
        return any(text.startswith(part, at) for at in places for part in by_beginning.get(text[at : at + _LEAST], ()))

    return {
        text
        for text, id in ids.items()
        if id in scored_ids or text in texts or (len(text) >= _LEAST and text in together) or has_a_part(text)
    }


def _squeezed(document: Document) -> str:
    return "".join(document.text.split())


def _told(ids: Sequence[str], most: int = 3) -> str:
    """How many documents, and which."""
    some = ", ".join(repr(id) for id in ids[:most])
    return f"{counted(len(ids), 'documents')} ({some}{', …' if len(ids) > most else ''})"
