"""A tenth of the training documents, for corpora that have no dev."""

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
    documents: tuple[Document, ...], name: str, types: Callable[[Document], Set[str]] = types
) -> tuple[tuple[Document, ...], tuple[Document, ...]]:
    """Train and dev, a seeded tenth, both in the old order; a document that is the last to have a type stays in train.

    Args:
        documents: all of them.
        name: the file's name, for messages.
        types: what must not vanish from train; default: the entity types.
    Raises:
        UserError: nothing can be taken.
    """
    if len(documents) < 2:
        raise UserError("one document cannot be both train and dev", where=name, remedy="add a file dev")
    wanted = max(1, round(len(documents) / 10))
    left = Counter(kind for document in documents for kind in types(document))
    order = list(range(len(documents)))
    random.Random(SEED).shuffle(order)  # noqa: S311  (a split, not a secret)
    dev: set[int] = set()
    for i in order:
        if len(dev) < wanted and all(left[kind] > 1 for kind in types(documents[i])):
            left.subtract(types(documents[i]))
            dev.add(i)
    if not dev:
        raise UserError("no document can be taken for dev without losing a type", where=name, remedy="add a file dev")
    return (
        tuple(document for i, document in enumerate(documents) if i not in dev),
        tuple(document for i, document in enumerate(documents) if i in dev),
    )
