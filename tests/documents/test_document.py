import pytest

from ranat.documents import Entity


@pytest.mark.parametrize(
    ("concept", "parts"),
    [
        ("D1", ["D1"]),
        ("D1|D2", ["D1", "D2"]),
        ("79794,1017", ["79794", "1017"]),
        ("MESH:D1; MESH:D2", ["MESH:D1", "MESH:D2"]),
        ("p|SUB|V|600|E", ["p|SUB|V|600|E"]),
        ("|SUB|A|1166|C", ["|SUB|A|1166|C"]),
        ("c|DEL|1234_1236|AG", ["c|DEL|1234_1236|AG"]),
        ("p|Allele|V|600", ["p|Allele|V|600"]),
        ("c|SUB|G|1691|A;RSID:6025", ["c|SUB|G|1691|A", "RSID:6025"]),
        ("tmVar:p|SUB|V|600|E;HGVS:p.V600E;RS#:1", ["tmVar:p|SUB|V|600|E", "HGVS:p.V600E", "RS#:1"]),
        ("p|600|V", ["p", "600", "V"]),
    ],
)
def test_a_relation_may_name_a_concept_or_a_part_of_a_composite_one(concept: str, parts: list[str]) -> None:
    assert Entity("T1", "X", ((0, 1),), concept).concepts == (concept, *parts)


def test_no_concept_has_no_parts() -> None:
    assert Entity("T1", "X", ((0, 1),)).concepts == ()
    assert Entity("T1", "X", ((0, 1),), "").concepts == ()
