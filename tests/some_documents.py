"""Documents of any kind, for properties that must hold of all."""

from hypothesis import strategies as st

from ranat.documents import Document, Entity, Relation

NAME = st.text(st.characters(codec="utf-8"), max_size=8)
SCORE = st.one_of(st.none(), st.floats(0, 1))


@st.composite
def spans(draw: st.DrawFn, length: int) -> tuple[tuple[int, int], ...]:
    """One to three spans in order within a text."""
    cuts = sorted(draw(st.lists(st.integers(0, length), min_size=2, max_size=6, unique=True)))
    return tuple(zip(cuts[::2], cuts[1::2], strict=False))


@st.composite
def documents(draw: st.DrawFn) -> list[Document]:
    result = []
    for id in draw(st.lists(NAME, min_size=1, max_size=3, unique=True)):
        text = draw(st.text(st.characters(codec="utf-8"), min_size=1, max_size=30))
        marked = sorted(draw(st.lists(spans(len(text)), max_size=4)))
        entities = tuple(
            Entity(f"T{i}", draw(NAME), found, draw(st.one_of(st.none(), NAME)), draw(SCORE))
            for i, found in enumerate(marked)
        )
        ends = st.sampled_from([name for e in entities for name in (e.id, e.concept) if name] or [""])
        relations = tuple(
            Relation(draw(NAME), draw(ends), draw(ends), draw(SCORE))
            for _ in range(draw(st.integers(0, 2)) if entities else 0)
        )
        result.append(Document(id, text, entities, relations, draw(spans(len(text))), draw(spans(len(text)))))
    return result
