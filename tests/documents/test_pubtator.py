import io

import pytest

from ranat.documents import Document, Entity, Relation
from ranat.documents.formats import read
from ranat.documents.source import Notice
from ranat.errors import UserError

TEXT = "1|t|Ocular and auditory toxicity\n1|a|Of x.\n"


def parse(text: str, notices: list[Notice] | None = None) -> list[Document]:
    return list(read(io.BytesIO(text.encode()), "a", "pubtator", notices=notices))


def test_title_space_abstract() -> None:
    notices: list[Notice] = []
    rows = (
        "1\t0\t28\tOcular and auditory toxicity\tDisease\tD1|D2\tOcular toxicity|auditory toxicity\n"
        "1\t29\t31\tOf\tDisease\t D3\n1\t32\t33\tx\tChemical\t-1\n1\tCID\tD4\tD1\n"
    )
    (document,) = parse(TEXT + rows, notices)
    assert document.text == "Ocular and auditory toxicity Of x."
    assert document.entities == (
        Entity("T1", "Disease", ((0, 28),), "D1|D2"),
        Entity("T2", "Disease", ((29, 31),), "D3"),
        Entity("T3", "Chemical", ((32, 33),)),
    )
    assert document.relations == (Relation("CID", "D4", "D1"),)
    assert [(notice.kind, notice.count) for notice in notices] == [("left out", 1)]


def test_a_title_alone_and_a_missing_blank_line() -> None:
    assert [document.text for document in parse("1|t|A | b|t|c\n2|t|B\n2|a|\n")] == ["A | b|t|c", "B "]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1\t0\t6", "3 columns that are neither a mention nor a relation"),
        ("1\tx\t6\tOcular\tDisease", "5 columns that are neither"),
        ("1\t6\t6\t\tDisease", "empty span"),
        ("1\t0\t99\tOcular\tDisease", "past the text's 34 characters"),
        ("1\t0\t6\tocular\tDisease", "'ocular' but 'Ocular'"),
        ("2\t0\t6\tOcular\tDisease", "'2' has no title line"),
        ("2|a|text", "'2' has no title line"),
        (f"1\t0\t{'9' * 5000}\tx\tDisease", "integer string conversion"),
    ],
)
def test_a_malformed_row(row: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        parse(f"{TEXT}{row}\n")
    assert message in str(caught.value)
    assert caught.value.where == "a:3"
