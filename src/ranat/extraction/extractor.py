"""Raw text in, entities and relation triples out (paper Eq. 26–32, end to end)."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self, TypeVar

import torch

from ranat.documents import Document
from ranat.errors import UsageError, UserError
from ranat.extraction.ahead import ahead
from ranat.extraction.merging import merge
from ranat.models.loading import quiet_libraries
from ranat.models.memory import release_freed_memory
from ranat.models.precision import cast, resolve_precision
from ranat.runs.loading import load
from ranat.tasks import Stage, Task

T = TypeVar("T")

CHUNK_DOCUMENTS = 256
CHUNK_CHARACTERS = 2_000_000
"""A chunk, within which batches are sorted by length, ends at whichever comes first."""

PRECISIONS = ("auto", "fp32", "bf16", "fp16")

FLAGS: dict[Stage, str] = {"entities": "--ner", "relations": "--re"}
"""What a stage's models are named by."""

_DIGITS = 4


@dataclass(frozen=True)
class Loaded:
    """A trained model with its task.

    Args:
        task: prepares and infers.
        model: on the device that it runs on.
    """

    task: Task
    model: Any


class Extractor:
    """Finds entities, then relations between them.

    Sentences are cut with offsets, words tagged in overlapping windows so that no character goes unseen, the mentions
    of several models merged (see `merging.merge`), and each pair of mentions of a sentence whose types the relation
    model knows classified. An entity's score is that of `ranat.tasks.NER`, a relation's the softmax of its label
    (Eq. 31); both are in [0, 1] and rounded to four digits.

    Args:
        ner: models that find entities, in place of those that documents bring; none: relations are found between these.
        relation: a model that finds relations, in place of those that documents bring; None: entities only.
        min_score: what scores less is left out; entities before they are paired.
    Raises:
        UsageError: there is no model at all, or `min_score` is not in [0, 1].
        UserError: the models find no pair of types that the relation model knows.
    """

    def __init__(self, ner: Sequence[Loaded] = (), relation: Loaded | None = None, *, min_score: float = 0.0) -> None:
        if not ner and relation is None:
            raise UsageError("name a model: --ner finds entities, --re relations between those of the input")
        _check(min_score)
        self.ner, self.relation, self.min_score = tuple(ner), relation, min_score
        self._one_at_a_time = threading.Lock()  # two models at once would fight over the processors
        if ner and relation is not None and relation.task.pairs:
            _check_types({kind for loaded in ner for kind in loaded.task.types}, relation.task.pairs.types)

    @classmethod
    def load(
        cls,
        ner: str | Path | Sequence[str | Path] | None = None,
        re: str | Path | None = None,
        *,
        min_score: float = 0.0,
        precision: str = "auto",
    ) -> Self:
        """An extractor of trained models.

        Args:
            ner: run folders, model folders or hub ids of models that find entities.
            re: one of a model that finds relations.
            min_score: see the class.
            precision: one of `PRECISIONS`, to which weights are cast; "auto" is bf16 where the hardware has it.
        Raises:
            UsageError: `min_score` is not in [0, 1], or there is no such precision.
            UserError: a model cannot be loaded, or has no part in its stage.
        """
        _check(min_score, precision)
        quiet_libraries()
        given = [ner] if isinstance(ner, str | Path) else list(ner or ())
        taggers = [_load(str(one), "entities", precision) for one in given]
        relation = None if re is None else _load(str(re), "relations", precision)
        return cls(taggers, relation, min_score=min_score)

    def extract(self, text: str | Document) -> Document:
        """The entities and relations of one text or document.

        Raises:
            UserError: the text holds half a surrogate pair.
            TypeError: it is neither a text nor a document.
        """
        (found,) = self.extract_stream([text])
        return found

    def extract_stream(self, texts: Iterable[str | Document]) -> Iterator[Document]:
        """The documents with what is found in them, in order; a bounded number of them is in memory at a time.

        Raises:
            UserError: a text holds half a surrogate pair.
            TypeError: one is neither a text nor a document, or a text was given where several are wanted.
        """
        if isinstance(texts, str):
            raise TypeError("extract_stream takes several texts; extract takes one")
        documents = (_document(text, number) for number, text in enumerate(texts, 1))
        for _, chunk in self.extract_chunks((None, chunk) for chunk in chunks(documents)):
            yield from chunk

    def extract_chunks(self, given: Iterable[tuple[T, list[Document]]]) -> Iterator[tuple[T, list[Document]]]:
        """Chunks of documents with what is found in them, each with whatever came with it.

        While the model is at one chunk, the next ones are read and tokenized. What is found in a chunk depends on that
        chunk alone.
        """
        found = iter(given)
        if self.ner:
            tokenized = ahead((tag, chunk, [one.task.prepare(chunk) for one in self.ner]) for tag, chunk in found)
            found = ((tag, self._entities(chunk, prepared)) for tag, chunk, prepared in tokenized)
        if self.relation is not None:
            paired = ahead((tag, chunk, self._prepared(chunk)) for tag, chunk in found)
            found = ((tag, self._relations(chunk, prepared)) for tag, chunk, prepared in paired)
        return found

    def _entities(self, chunk: list[Document], prepared: list[Any]) -> list[Document]:
        found = [self._infer(loaded, each) for loaded, each in zip(self.ner, prepared, strict=True)]
        merged = []
        for number, document in enumerate(chunk):
            kept = [replace(one[number], entities=self._scored(one[number].entities)) for one in found]
            merged.append(replace(document, entities=merge(kept).entities, relations=()))
        return merged

    def _prepared(self, chunk: list[Document]) -> Any:
        assert self.relation is not None
        task = self.relation.task
        return task.prepare([replace(task.normalise_type_case(document), relations=()) for document in chunk])

    def _relations(self, chunk: list[Document], prepared: Any) -> list[Document]:
        assert self.relation is not None
        found = self._infer(self.relation, prepared)
        return [
            replace(document, relations=self._scored(related.relations))
            for document, related in zip(chunk, found, strict=True)
        ]

    def _infer(self, loaded: Loaded, prepared: Any) -> list[Document]:
        with self._one_at_a_time:
            found = list(loaded.task.infer(loaded.model, prepared))
        release_freed_memory()
        return found

    def _scored(self, found: tuple[Any, ...]) -> tuple[Any, ...]:
        """Those that score enough, their scores rounded."""
        return tuple(replace(item, score=round(item.score, _DIGITS)) for item in found if item.score >= self.min_score)


def chunks(documents: Iterable[Document]) -> Iterator[list[Document]]:
    """Lists of documents that are worked on at once."""
    chunk: list[Document] = []
    characters = 0
    for document in documents:
        chunk.append(document)
        characters += len(document.text)
        if len(chunk) == CHUNK_DOCUMENTS or characters >= CHUNK_CHARACTERS:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk


def _document(text: str | Document, number: int) -> Document:
    if isinstance(text, Document):
        return text
    if not isinstance(text, str):
        raise TypeError(f"text {number} is neither a str nor a Document: {type(text).__name__}")
    try:
        return Document(str(number), text)
    except ValueError as error:
        raise UserError(str(error), where=f"text {number}", remedy="decode it as what it is") from None


def _check(min_score: float, precision: str = "auto") -> None:
    if not 0 <= min_score <= 1:
        raise UsageError(f"must be from 0 to 1, not {min_score}", where="--min-score")
    if precision not in PRECISIONS:
        raise UsageError(f"unknown: {precision}", where="--precision", remedy=", ".join(PRECISIONS))


def _load(name: str, stage: Stage, precision: str) -> Loaded:
    task, model = load(name)
    if task.stage is None:
        what = f"the task {task.name} has no part in extraction"
        raise UserError(what, where=f"{FLAGS[stage]} {name}", remedy=f"give a model that finds {stage}")
    if task.stage != stage:
        remedy = f"give it as {FLAGS[task.stage]}"
        raise UserError(f"finds {task.stage}, not {stage}", where=f"{FLAGS[stage]} {name}", remedy=remedy)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # threads wait for each other at each of hundreds of small tensors: ten times as long
    cast(model, resolve_precision(precision))
    torch.set_num_threads(threads)
    return Loaded(task, model.to("cuda" if torch.cuda.is_available() else "cpu"))


def _check_types(found: set[str], pairs: Iterable[tuple[str, str]]) -> None:
    known = {kind.casefold() for kind in found}
    if not any({head.casefold(), tail.casefold()} <= known for head, tail in pairs):
        wanted = ", ".join(sorted(f"{head} and {tail}" for head, tail in pairs))
        raise UserError(
            f"finds {', '.join(sorted(found))}, but the relation model pairs {wanted}",
            where="--ner",
            remedy="take models that find both types of a pair",
        )
