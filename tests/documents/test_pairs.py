from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranat.documents import Document, Entity, Relation
from ranat.documents.pairs import REVERSED, PairTypes, candidates, dummified, relation_of

TEXT = "aspirin and ibuprofen inhibit COX-2. COX-1 binds aspirin."
TYPES = PairTypes(frozenset({("Chemical", "Gene")}))


def entity(id: str, kind: str, mention: str, after: int = 0) -> Entity:
    start = TEXT.index(mention, after)
    return Entity(id, kind, ((start, start + len(mention)),))


ENTITIES = (
    entity("T1", "Chemical", "aspirin"),
    entity("T2", "Chemical", "ibuprofen"),
    entity("T3", "Gene", "COX-2"),
    entity("T4", "Gene", "COX-1"),
    entity("T5", "Chemical", "aspirin", after=20),
)
SENTENCES = ((0, 36), (37, 57))


def document(*relations: Relation, entities: tuple[Entity, ...] = ENTITIES) -> Document:
    return Document("1", TEXT, entities, relations, SENTENCES)


def test_pairs_lie_in_one_sentence_and_have_the_types() -> None:
    pairs = candidates(document(Relation("inhibits", "T1", "T3")), TYPES).pairs
    assert [(pair.first.id, pair.second.id, pair.label) for pair in pairs] == [
        ("T1", "T3", "inhibits"),
        ("T2", "T3", "false"),
        ("T4", "T5", "false"),
    ]
    assert dummified(document(), pairs[1], TYPES) == "aspirin and @CHEMICAL$ inhibit @GENE$."
    assert dummified(document(), pairs[2], TYPES) == "@GENE$ binds @CHEMICAL$."


def test_the_last_label_of_a_pair_holds_and_the_others_are_counted() -> None:
    found = candidates(
        document(
            Relation("binds", "T1", "T3"),
            Relation("inhibits", "T1", "T3"),
            Relation("inhibits", "T2", "T4"),  # across sentences
            Relation("cures", "D001", "D002"),  # between concepts
            Relation("near", "T3", "T4"),  # types that are not paired
        ),
        TYPES,
    )
    assert found.pairs[0].label == "inhibits"
    assert [relation.type for relation in found.conflicts] == ["binds"]
    assert [relation.type for relation in found.apart] == ["inhibits", "cures", "near"]


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        (((4, 9), (0, 12)), "@GENE-FAMILY$ tail"),
        (((0, 7), (5, 12)), "@GENE-FAMILY$ tail"),
        (((0, 5), (5, 12)), "@GENE$@FAMILY$ tail"),
    ],
)
def test_overlapping_mentions_become_one_dummy(spans: Any, expected: str) -> None:
    entities = tuple(Entity(id, kind, (span,)) for id, kind, span in zip("ab", ("Gene", "Family"), spans, strict=True))
    types = PairTypes(frozenset({("Gene", "Family")}))
    text = Document("1", "ABCDE-FGHIJK\ttail", entities, (), ((0, 17),))
    (pair,) = candidates(text, types).pairs
    assert dummified(text, pair, types) == expected


def test_a_discontinuous_mention_reaches_over_its_gap() -> None:
    entities = (Entity("a", "Drug", ((0, 3), (8, 11))), Entity("b", "Drug", ((4, 7),)))
    types = PairTypes(frozenset({("Drug", "Drug")}), dummies={"Drug": "D"}, overlap="BOTH")
    text = Document("1", "abc def ghi.", entities)
    (pair,) = candidates(text, types).pairs
    assert dummified(text, pair, types) == "@BOTH$."


def test_types_come_from_what_is_related() -> None:
    assert PairTypes.of([document(Relation("x", "T1", "T3"), Relation("y", "T4", "T5"))]).types == {
        ("Chemical", "Gene"),
        ("Gene", "Chemical"),
    }
    assert PairTypes.from_dict(TYPES.to_dict()) == TYPES


@st.composite
def annotated(draw: Any) -> tuple[Document, PairTypes]:
    length = draw(st.integers(4, 40))
    kinds = st.sampled_from("ABC")
    spans = draw(st.lists(st.tuples(st.integers(0, length - 1), st.integers(1, 6)), max_size=7))
    entities = tuple(
        Entity(f"T{number}", draw(kinds), ((start, min(start + size, length)),))
        for number, (start, size) in enumerate(sorted(spans))
    )
    ids = st.sampled_from([entity.id for entity in entities] or ["T0"])
    relations = tuple(
        Relation(draw(st.sampled_from(["r", "s"])), *ends)
        for ends in draw(st.lists(st.tuples(ids, ids), max_size=5))
        if entities
    )
    cuts = sorted(draw(st.sets(st.integers(1, length - 1), max_size=3)))
    sentences = tuple(zip([0, *cuts], [*cuts, length], strict=True))
    types = PairTypes(frozenset(draw(st.sets(st.tuples(kinds, kinds), min_size=1, max_size=4))))
    return Document("1", "x" * length, entities, relations, sentences), types


@given(annotated())
def test_candidates_naively(example: tuple[Document, PairTypes]) -> None:
    document, types = example
    found = candidates(document, types)
    expected = {
        frozenset((one.id, other.id))
        for one in document.entities
        for other in document.entities
        if one.id != other.id
        and (one.type, other.type) in types.types
        and any(start <= min(one.start, other.start) and max(one.end, other.end) <= end
                for start, end in document.sentences)
    }  # fmt: skip
    pairs = {frozenset((pair.first.id, pair.second.id)): pair for pair in found.pairs}
    assert len(pairs) == len(found.pairs)
    assert pairs.keys() == expected
    for ends, pair in pairs.items():
        assert pair.first.start <= pair.second.start
        related = [relation for relation in document.relations if {relation.head, relation.tail} == ends]
        said = relation_of(pair, pair.label, types)
        if not related:
            assert said is None
            continue
        assert said is not None
        assert said.type == related[-1].type
        kinds = {entity.id: entity.type for entity in document.entities}
        if (kinds[related[-1].head], kinds[related[-1].tail]) in types.types:
            assert said == related[-1]
        assert pair.label.endswith(REVERSED) <= ((pair.first.type, pair.second.type) in types.types)
    outside = [r for r in document.relations if frozenset((r.head, r.tail)) not in expected]
    assert sorted(map(str, found.apart)) == sorted(map(str, outside))


@given(annotated())
def test_dummies_stand_for_the_mentions_alone(example: tuple[Document, PairTypes]) -> None:
    document, types = example
    for pair in candidates(document, types).pairs:
        start, end = pair.sentence
        last = max(pair.first.end, pair.second.end)
        text = dummified(document, pair, types)
        assert text.startswith("x" * (pair.first.start - start) + "@")
        assert text.endswith("$" + "x" * (end - last))
        assert text.count("@") == (1 if pair.first.end > pair.second.start else 2)
