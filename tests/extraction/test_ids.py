from hypothesis import given
from hypothesis import strategies as st

from ranat.extraction.ids import UniqueIds


@given(st.lists(st.sampled_from(["a", "a#2", "b", "a#2#2"]), max_size=12))
def test_no_id_is_given_twice(ids: list[str]) -> None:
    given = UniqueIds()
    names = [given.unique(id) for id in ids]
    assert len(set(names)) == len(names)
    assert all(name.startswith(id) for id, name in zip(ids, names, strict=True))


def test_copies_are_numbered() -> None:
    ids = UniqueIds()
    assert ids.add(["1", "2", "1"]) == ["1"]
    assert [ids.unique("1"), ids.unique("1"), ids.unique("3")] == ["1#2", "1#3", "3"]
