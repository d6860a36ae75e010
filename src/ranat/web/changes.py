"""What a person changed in what a model had predicted.

A mention is the same as long as its id is; a relation, as long as its head and tail are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from ranat.documents import Document, Entity, Relation

Status = Literal["predicted", "accepted", "corrected", "added"]
"""Of a mention or relation: as the model found it; so, and checked; found by the model and changed; a person's own."""

Item = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """One thing that was done.

    Args:
        what: such as "entity moved"; see `changes`.
        before: the mention or relation as it was; None: it was not there.
        after: as it became; None: it was removed.
    """

    what: str
    before: Item | None
    after: Item | None


def with_scores_of(predicted: Document, document: Document) -> Document:
    """The document with the scores of the prediction where nothing was changed, and none elsewhere."""
    scores = {(entity.id, entity.type, entity.spans): entity.score for entity in predicted.entities}
    related = {(one.type, one.head, one.tail): one.score for one in predicted.relations}
    return replace(
        document,
        entities=tuple(replace(e, score=scores.get((e.id, e.type, e.spans))) for e in document.entities),
        relations=tuple(replace(r, score=related.get((r.type, r.head, r.tail))) for r in document.relations),
    )


def with_statuses(predicted: Document, document: Document, *, checked: bool) -> dict[str, Any]:
    """The document as JSON can hold it, each mention and relation with its "status".

    Args:
        predicted: as the model found it.
        document: as it is now.
        checked: somebody says that all of it is right.
    """
    untouched: Status = "accepted" if checked else "predicted"
    entities = {entity.id: (entity.type, entity.spans) for entity in predicted.entities}
    relations = {(one.type, one.head, one.tail) for one in predicted.relations}
    pairs = {(head, tail) for _, head, tail in relations}

    def of_entity(entity: Entity) -> Status:
        if entity.id not in entities:
            return "added"
        return untouched if entities[entity.id] == (entity.type, entity.spans) else "corrected"

    def of_relation(relation: Relation) -> Status:
        if (relation.type, relation.head, relation.tail) in relations:
            return untouched
        return "corrected" if (relation.head, relation.tail) in pairs else "added"

    shown = document.to_dict()
    for item, entity in zip(shown["entities"], document.entities, strict=True):
        item["status"] = of_entity(entity)
    for item, relation in zip(shown["relations"], document.relations, strict=True):
        item["status"] = of_relation(relation)
    return shown


def changes(before: Document, after: Document) -> list[Change]:
    """What was done between two revisions.

    Entities are "added", "removed", "retyped", "moved" or, if more than one thing differs, "changed"; relations are
    "added", "removed" or "retyped". So "entity moved" or "relation added".
    """
    return [*_of_entities(before, after), *_of_relations(before, after)]


def _of_entities(before: Document, after: Document) -> Iterator[Change]:
    old, new = ({entity.id: entity for entity in one.entities} for one in (before, after))
    shown = [{item["id"]: item for item in one.to_dict()["entities"]} for one in (before, after)]
    for id in [*old, *(id for id in new if id not in old)]:
        was, now = old.get(id), new.get(id)
        if was is None or now is None:
            what = "added" if was is None else "removed"
        elif was.spans != now.spans:
            what = "moved" if was.type == now.type else "changed"
        elif was.type != now.type:
            what = "retyped"
        elif was.concept != now.concept:
            what = "changed"
        else:
            continue
        yield Change(f"entity {what}", shown[0].get(id), shown[1].get(id))


def _of_relations(before: Document, after: Document) -> Iterator[Change]:
    old, new = ({(one.head, one.tail, one.type): one for one in document.relations} for document in (before, after))
    gone, come = ([key for key in one if key not in other] for one, other in ((old, new), (new, old)))
    for key in gone:
        turned = next((other for other in come if other[:2] == key[:2]), None)
        if turned is not None:
            come.remove(turned)
            yield Change("relation retyped", _shown(old[key]), _shown(new[turned]))
        else:
            yield Change("relation removed", _shown(old[key]), None)
    for key in come:
        yield Change("relation added", None, _shown(new[key]))


def _shown(relation: Relation) -> Item:
    shown: Item = {"type": relation.type, "head": relation.head, "tail": relation.tail}
    return shown if relation.score is None else shown | {"score": relation.score}
