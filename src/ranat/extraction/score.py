"""End-to-end score: how many of a corpus' triples are found from raw text, and where the others are lost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from ranat import corpora
from ranat.documents import Document, Entity
from ranat.documents.pairs import candidates
from ranat.errors import UsageError, UserError
from ranat.evaluation.f1 import Answer, micro_scores
from ranat.extraction.extractor import Extractor
from ranat.formats import How
from ranat.tasks import Task
from ranat.terminal import plain_console

DEFINITION = (
    "strict triple micro-F1 from raw text: a triple is right if the spans and types of both mentions and the "
    "relation's type equal a gold triple's; types are compared without case. All gold relations between mentions "
    "count, also those across sentences"
)


def end_to_end(
    ner: Sequence[str],
    re: str,
    on: str,
    *,
    split: str = "test",
    how: How | None = None,
    data: Path | None = None,
    console: Console | None = None,
) -> dict[str, Any]:
    """Score entities and triples found from the raw text of a corpus' documents.

    Args:
        ner: models that find entities.
        re: one that finds relations.
        on: a corpus with relations between mentions.
        split: of it.
        how: its files are read, if it is one's own.
        data: the folder of corpora.
        console: where progress is shown.
    Returns:
        "entities" (of the corpus' types), "triples" and "triples_with_gold_entities": scores with "per_type"; "lost":
        how many of the gold triples each stage loses: "sentences" (no sentence has both mentions, or they are no
        candidates), "ner" (one of the two is not found), "re" (both are found, the relation is not), and "found";
        "definition", "corpus", "split"
    Raises:
        UserError: a model or the corpus cannot be loaded, or the split has no relation between mentions.
        UsageError: there is no such split.
    """
    console = plain_console(console)
    with console.status(f"reading {on}"):
        corpus = corpora.load(on, data, how)
    if split not in corpus.splits:
        raise UsageError(f"{on} has no split {split!r}", where="--split", remedy=f"it has {', '.join(corpus.splits)}")
    gold = corpus.splits[split]
    wanted = [triples(document) for document in gold]
    if not any(wanted):
        if any(document.relations for document in gold):
            what = f"{split} relates concepts, and mentions that are found in raw text have none"
            raise UserError(what, where=on, remedy=f"`ranat evaluate {re} --on {on}` scores with gold mentions")
        raise UserError(f"{split} has no relation between mentions", where=on, remedy="evaluate on chemprot or ddi")
    extractor = Extractor.load(ner, re)
    assert extractor.relation is not None
    with console.status("finding entities and relations"):
        found = list(extractor.extract_stream(Document(document.id, document.text) for document in gold))
    with console.status("finding relations between the gold entities"):
        bare = (replace(document, relations=(), sentences=(), tokens=()) for document in gold)
        related = list(Extractor(relation=extractor.relation).extract_stream(bare))
    kinds = {entity.type.casefold() for document in gold for entity in document.entities}
    lost = {"sentences": 0, "ner": 0, "re": 0, "found": 0}
    for answers, one, other in zip(wanted, found, related, strict=True):
        together, there, given = _together(other, extractor.relation.task), _mentions(one), triples(one)
        for answer in answers:
            lost[_stage(answer, together, there, given)] += 1
    return {
        "corpus": on,
        "split": split,
        "definition": DEFINITION,
        "entities": micro_scores(_answers(gold, kinds), _answers(found, kinds)),
        "triples": micro_scores(wanted, [triples(document) for document in found]),
        "triples_with_gold_entities": micro_scores(wanted, [triples(document) for document in related]),
        "lost": lost,
    }


def triples(document: Document) -> set[Answer]:
    """The relations between mentions: ((head's spans and type, tail's spans and type), the relation's type)."""
    places = {entity.id: _place(entity) for entity in document.entities}
    return {
        ((places[relation.head], places[relation.tail]), relation.type)
        for relation in document.relations
        if relation.head in places and relation.tail in places
    }


def _stage(answer: Answer, together: set[Any], found: set[Any], triples: set[Answer]) -> str:
    """Where a gold triple is lost; what is found although its stage failed before is found."""
    if answer in triples:
        return "found"
    if frozenset(answer[0]) not in together:  # type: ignore[call-overload]  # it is the pair of places
        return "sentences"
    return "re" if set(answer[0]) <= found else "ner"  # type: ignore[call-overload]  # as above


def _together(document: Document, task: Task) -> set[frozenset[Any]]:
    """The candidate pairs of gold mentions, with the sentences that are found in the raw text."""
    assert task.pairs is not None  # it is of the stage "relations"
    pairs = candidates(task.normalise_type_case(document), task.pairs).pairs
    return {frozenset((_place(pair.first), _place(pair.second))) for pair in pairs}


def _mentions(document: Document) -> set[Any]:
    return {_place(entity) for entity in document.entities}


def _answers(documents: Iterable[Document], kinds: set[str]) -> list[set[Answer]]:
    """The mentions of those types, whatever their case."""
    return [
        {(entity.spans, entity.type.casefold()) for entity in document.entities if entity.type.casefold() in kinds}
        for document in documents
    ]


def _place(entity: Entity) -> tuple[Any, str]:
    return entity.spans, entity.type.casefold()
