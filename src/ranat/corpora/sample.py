"""A tenth of the documents, for corpora that have no dev, or no splits at all."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Set

from ranat.documents.document import Document
from ranat.errors import UserError

SEED = 0


def types(document: Document) -> set[str]:
    """The entity types in a document."""
    return {entity.type for entity in document.entities}


def relation_types(document: Document) -> set[str]:
    """The relation types in a document."""
    return {relation.type for relation in document.relations}


def labels(document: Document) -> set[str]:
    """Both, told apart."""
    return types(document) | {f"relation {kind}" for kind in relation_types(document)}


def tenth(
    documents: tuple[Document, ...], name: str, types: Callable[[Document], Set[str]] = types, split: str = "dev"
) -> tuple[tuple[Document, ...], tuple[Document, ...]]:
    """Train and a seeded tenth, both in the old order; a document that is the last to have a type stays in train.

    Args:
        documents: all of them.
        name: the file's name, for messages.
        types: what must not vanish from train; default: the entity types.
        split: what the tenth is for, for messages.
    Raises:
        UserError: nothing can be taken.
    """
    if len(documents) < 2:
        raise UserError(f"one document cannot be both train and {split}", where=name, remedy=f"add a file {split}")
    wanted = max(1, round(len(documents) / 10))
    left = Counter(kind for document in documents for kind in types(document))
    order = list(range(len(documents)))
    random.Random(SEED).shuffle(order)  # noqa: S311  (a split, not a secret)
    taken: set[int] = set()
    for i in order:
        if len(taken) < wanted and all(left[kind] > 1 for kind in types(documents[i])):
            left.subtract(types(documents[i]))
            taken.add(i)
    if not taken:
        what = f"no document can be taken for {split} without losing a type"
        raise UserError(what, where=name, remedy=f"add a file {split}")
    return (
        tuple(document for i, document in enumerate(documents) if i not in taken),
        tuple(document for i, document in enumerate(documents) if i in taken),
    )
