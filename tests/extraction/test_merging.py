from hypothesis import given
from hypothesis import strategies as st

from ranat.documents import Document, Entity
from ranat.extraction.merging import merge

TEXT = "x" * 20


@st.composite
def found(draw: st.DrawFn) -> Document:
    entities = []
    for number in range(draw(st.integers(0, 6))):
        start = draw(st.integers(0, 18))
        end = draw(st.integers(start + 1, 20))
        kind, score = draw(st.sampled_from("AaB")), draw(st.sampled_from([0.25, 0.5, 0.75]))
        entities.append(Entity(f"x{number}", kind, ((start, end),), score=score))
    return Document("1", TEXT, tuple(entities))


def overlap(one: Entity, other: Entity) -> bool:
    return one.type.lower() == other.type.lower() and one.start < other.end and other.start < one.end


@given(st.lists(found(), min_size=1, max_size=3))
def test_the_best_of_overlapping_mentions_of_a_type_stay(documents: list[Document]) -> None:
    merged = merge(documents).entities
    everything = [entity for document in documents for entity in document.entities]
    places = {(entity.spans, entity.type, entity.score) for entity in merged}
    assert places <= {(entity.spans, entity.type, entity.score) for entity in everything}
    assert not any(overlap(one, other) for one in merged for other in merged if one is not other)
    for entity in everything:
        rivals = [kept for kept in merged if overlap(kept, entity)]
        assert any((kept.score, kept.end - kept.start) >= (entity.score, entity.end - entity.start) for kept in rivals)
    assert [entity.id for entity in merged] == [f"T{number}" for number in range(1, len(merged) + 1)]
    assert [entity.spans for entity in merged] == sorted(entity.spans for entity in merged)


@given(st.lists(found(), min_size=1, max_size=3))
def test_it_is_what_comparing_each_with_each_gives(documents: list[Document]) -> None:
    """Naively: the best first, each against all that stay."""
    kept: list[Entity] = []
    everything = [entity for document in documents for entity in document.entities]
    for entity in sorted(everything, key=lambda entity: (-(entity.score or 0), entity.start - entity.end)):
        if not any(overlap(entity, other) for other in kept):
            kept.append(entity)
    expected = sorted((entity.spans, entity.type, entity.score) for entity in kept)
    assert [(entity.spans, entity.type, entity.score) for entity in merge(documents).entities] == expected


def test_of_equals_the_first_models_stays() -> None:
    one, other = (Document("1", TEXT, (Entity("T1", "A", (span,), score=0.5),)) for span in ((0, 4), (2, 6)))
    assert merge([one, other]).entities[0].spans == ((0, 4),)
    assert merge([other, one]).entities[0].spans == ((2, 6),)


def test_types_may_differ_in_case() -> None:
    given = (("Chemical", 0.5), ("CHEMICAL", 0.75))
    kinds = [Document("1", TEXT, (Entity("T1", kind, ((0, 4),), score=score),)) for kind, score in given]
    assert [(entity.id, entity.type) for entity in merge(kinds).entities] == [("T1", "CHEMICAL")]


def test_types_do_not_compete() -> None:
    kinds = [Document("1", TEXT, (Entity("T1", kind, ((0, 4),), score=0.5),)) for kind in "BA"]
    assert [(entity.id, entity.type) for entity in merge(kinds).entities] == [("T1", "A"), ("T2", "B")]
