"""Relations between concepts: what sentences hold of them, and what pairs of mentions say of concepts."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranat.documents import Document, Entity, Relation
from ranat.documents.concepts import between_concepts
from ranat.documents.pairs import REVERSED, PairTypes, candidates, relation_of

CID = PairTypes(frozenset({("Chemical", "Disease")}), level="concept")
TEXT = "Lithium and aspirin. Lithium caused fever and renal failure. Fever, cough."
SENTENCES = ((0, 20), (21, 60), (61, 74))


def mark(id: str, kind: str, mention: str, concept: str | None, after: int = 0) -> Entity:
    start = TEXT.index(mention, after)
    return Entity(id, kind, ((start, start + len(mention)),), concept)


ENTITIES = (
    mark("T1", "Chemical", "Lithium", "D1"),
    mark("T2", "Chemical", "aspirin", "D2"),
    mark("T3", "Chemical", "Lithium", "D1", 20),
    mark("T4", "Disease", "fever", "D3"),
    mark("T5", "Disease", "renal failure", "D4|D5"),
    mark("T6", "Disease", "Fever", "D3", 60),
    mark("T7", "Disease", "cough", None),
)


def document(*relations: Relation) -> Document:
    return Document("1", TEXT, ENTITIES, relations, SENTENCES)


def test_a_sentence_holds_a_relation_in_every_pair_of_its_mentions() -> None:
    found = candidates(
        document(
            Relation("CID", "D1", "D3"),
            Relation("CID", "D1", "D5"),  # a part of a composite mention
            Relation("CID", "D2", "D3"),  # no sentence has both
            Relation("CID", "D1", "D9"),  # nobody mentions it
        ),
        CID,
    )
    assert [(pair.first.id, pair.second.id, pair.label) for pair in found.pairs] == [
        ("T3", "T4", "CID"),
        ("T3", "T5", "CID"),
    ]
    assert [(relation.head, relation.tail) for relation in found.apart] == [("D2", "D3"), ("D1", "D9")]
    assert found.conflicts == []


def test_a_relation_of_concepts_that_a_later_one_overrules_is_counted_once() -> None:
    both = tuple(replace(entity, concept="D1" if entity.type == "Chemical" else "D3") for entity in ENTITIES)
    said = replace(document(Relation("treats", "D1", "D3"), Relation("CID", "D3", "D1")), entities=both)
    found = candidates(replace(said, sentences=((0, 74),)), CID)
    assert {pair.label for pair in found.pairs} == {"CID"}
    assert [relation.type for relation in found.conflicts] == ["treats"]


def test_a_mentions_id_goes_before_another_ones_concept() -> None:
    one = Entity("D3", "Chemical", ((0, 7),))
    said = replace(document(Relation("CID", "D3", "T2")), entities=(one, *ENTITIES[1:]))
    types = PairTypes.of([said])
    assert types == PairTypes(frozenset({("Chemical", "Chemical")}))
    assert [pair.label for pair in candidates(said, types).pairs if pair.label != "false"] == ["CID"]


def test_the_level_is_that_of_concepts_if_all_relations_are() -> None:
    concepts, mentions = document(Relation("CID", "D1", "D5")), document(Relation("CID", "T1", "T4"))
    assert PairTypes.of([concepts]) == CID
    assert PairTypes.of([mentions]) == PairTypes.of([concepts, mentions]) == replace(CID, level="mention")
    assert PairTypes.of([document()]).level == "mention"
    assert PairTypes.from_dict(CID.to_dict()) == CID
    with pytest.raises(ValueError, match="no level of relations: 'text'"):
        PairTypes.from_dict(CID.to_dict() | {"level": "text"})


def test_relations_of_mentions_become_those_of_their_concepts() -> None:
    found = between_concepts(
        document(
            Relation("CID", "T1", "T4", 0.6),
            Relation("CID", "T3", "T6", 0.9),  # the same two concepts
            Relation("CID", "T3", "T4", 0.7),
            Relation("CID", "T2", "T5", 0.8),  # each part
            Relation("CID", "T2", "T7", 0.9),  # no concept
            Relation("treats", "T1", "T4", 0.5),
        ),
        CID.types,
    )
    assert found == [
        Relation("CID", "D1", "D3", 0.9),
        Relation("CID", "D2", "D4", 0.8),
        Relation("CID", "D2", "D5", 0.8),
        Relation("treats", "D1", "D3", 0.5),
    ]


def test_relations_of_concepts_stay_each_once_and_in_the_order_of_the_types() -> None:
    said = document(
        Relation("CID", "D1", "D3"),
        Relation("CID", "D3", "D1"),  # the other way round, which the types do not have
        Relation("CID", "D2", "D4|D5"),  # the composite one by its whole name
        Relation("CID", "D8", "D9"),  # nobody mentions them
    )
    ends = [("D1", "D3"), ("D2", "D4"), ("D2", "D5"), ("D8", "D9")]
    assert between_concepts(said, CID.types) == [Relation("CID", *pair) for pair in ends]


@pytest.mark.parametrize("concept", ["-1", "-", "", " - ", None])
def test_what_means_no_concept_is_none(concept: str | None) -> None:
    assert Entity("T1", "Disease", ((0, 1),), concept).parts == ()
    assert Entity("T1", "Disease", ((0, 1),), f"D1|{concept or '-1'}").parts == ("D1",)


@st.composite
def annotated(draw: Any) -> tuple[Document, PairTypes]:
    length = draw(st.integers(4, 30))
    spans = draw(st.lists(st.tuples(st.integers(0, length - 1), st.integers(1, 5)), max_size=7))
    concepts = st.sampled_from([None, "D0", "D1", "D2", "D0|D1", "D1,D2", "D2|-1", "-1"])
    entities = tuple(
        Entity(f"T{number}", draw(st.sampled_from("AB")), ((start, min(start + size, length)),), draw(concepts))
        for number, (start, size) in enumerate(sorted(spans))
    )
    ends = st.sampled_from(["D0", "D1", "D2", "D3", *(entity.id for entity in entities)])
    relations = tuple(
        Relation(draw(st.sampled_from("rs")), draw(ends), draw(ends)) for _ in range(draw(st.integers(0, 4)))
    )
    cuts = sorted(draw(st.sets(st.integers(1, length - 1), max_size=3)))
    sentences = tuple(zip([0, *cuts], [*cuts, length], strict=True))
    types = st.sets(st.tuples(st.sampled_from("AB"), st.sampled_from("AB")), min_size=1, max_size=3)
    return Document("1", "x" * length, entities, relations, sentences), PairTypes(frozenset(draw(types)))


def is_of(end: str, entity: Entity) -> bool:
    return end == entity.id or end in (entity.concept or "").replace(",", "|").split("|")


@given(annotated())
def test_candidates_naively(example: tuple[Document, PairTypes]) -> None:
    document, types = example
    found = candidates(document, types)
    held = set()
    for pair in found.pairs:
        related = [
            relation
            for relation in document.relations
            for one, other in ((pair.first, pair.second), (pair.second, pair.first))
            if is_of(relation.head, one) and is_of(relation.tail, other)
        ]
        held.update(related)
        assert pair.label.removesuffix(REVERSED) == (related[-1].type if related else types.negative)
        if related and (pair.first.type, pair.second.type) in types.types >= {(pair.second.type, pair.first.type)}:
            said = relation_of(pair, pair.label, types)
            entities = {entity.id: entity for entity in document.entities}
            assert said
            assert is_of(related[-1].head, entities[said.head])
            assert is_of(related[-1].tail, entities[said.tail])
    assert found.apart == [relation for relation in document.relations if relation not in held]


@given(annotated())
def test_instances_say_at_least_the_relations_of_concepts_that_sentences_hold(
    example: tuple[Document, PairTypes],
) -> None:
    """And nothing that is not of the concepts of a pair."""
    document, types = example
    found = candidates(document, types)
    said = tuple(relation for pair in found.pairs if (relation := relation_of(pair, pair.label, types)))
    answers = {(r.type, r.head, r.tail) for r in between_concepts(replace(document, relations=said), types.types)}
    held = tuple(r for r in document.relations if r not in found.apart and r not in found.conflicts)
    for relation in between_concepts(replace(document, relations=held), types.types):
        if any(entity.id in (relation.head, relation.tail) for entity in document.entities):
            continue
        assert answers & {
            (relation.type, *ends) for ends in ((relation.head, relation.tail), (relation.tail, relation.head))
        }
    concepts = {pair: set(product(pair.first.parts, pair.second.parts)) for pair in found.pairs}
    assert all(
        any((head, tail) in ends or (tail, head) in ends for ends in concepts.values()) for _, head, tail in answers
    )
