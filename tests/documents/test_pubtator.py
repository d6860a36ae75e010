import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
        "1\t29\t31\tOf\tDisease\t D3\n1\t32\t33\tx\tChemical\t-1\n1\tCID\tD3\tD1|D2\n1\tCID\tD3\tD1\n"
    )
    (document,) = parse(TEXT + rows, notices)
    assert document.text == "Ocular and auditory toxicity Of x."
    assert document.entities == (
        Entity("T1", "Disease", ((0, 28),), "D1|D2"),
        Entity("T2", "Disease", ((29, 31),), "D3"),
        Entity("T3", "Chemical", ((32, 33),)),
    )
    assert document.relations == (Relation("CID", "D3", "D1|D2"), Relation("CID", "D3", "D1"))
    assert [(notice.kind, notice.count) for notice in notices] == [("left out", 1)]


def test_a_title_alone_and_a_missing_blank_line() -> None:
    assert [document.text for document in parse("1|t|A | b|t|c\n2|t|B\n2|a|\n")] == ["A | b|t|c", "B "]


def test_relations_as_biored_has_them() -> None:
    notices: list[Notice] = []
    rows = (
        "1\t0\t6\tOcular\tGene\t79794,1017\n1\t29\t31\tOf\tDisease\tD3\n"
        "1\tAssociation\tD3\t1017\tNovel\n1\tBind\t79794\tD3\tNo\n"
    )
    (document,) = parse(TEXT + rows, notices)
    assert document.relations == (Relation("Association", "D3", "1017"), Relation("Bind", "79794", "D3"))
    assert [(notice.kind, notice.what, notice.count) for notice in notices] == [
        ("left out", "whether 2 relations are novel (5th column)", 2)
    ]


LINE = st.text(st.characters(codec="utf-8", exclude_characters="\t\r\n"), min_size=1, max_size=20)
NAME = st.text("ABCabc019", min_size=1, max_size=4)


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, Document]:
    """A file of one document, written out naively, and the document."""
    title, abstract = draw(LINE), draw(LINE)
    text = f"{title} {abstract}"
    cuts = st.lists(st.integers(0, len(text)), min_size=2, max_size=2, unique=True).map(sorted)
    spans = sorted(tuple(cut) for cut in draw(st.lists(cuts, max_size=4)))
    parts = st.lists(NAME, max_size=2).map("|".join)
    entities = [Entity(f"T{i}", draw(NAME), (span,), draw(parts) or None) for i, span in enumerate(spans, 1)]
    known = [name for e in entities if e.concept for name in (e.concept, *e.concept.split("|"))]
    ends = st.tuples(NAME.filter(lambda name: not name.isdecimal()), *[st.sampled_from(known or [""])] * 2)
    relations = [Relation(*draw(ends)) for _ in range(draw(st.integers(0, 2)) if known else 0)]
    rows = [f"1|t|{title}", f"1|a|{abstract}"]
    for e in entities:
        rows.append("\t".join(["1", str(e.start), str(e.end), text[e.start : e.end], e.type, e.concept or "-"]))
    rows += ["\t".join(["1", r.type, r.head, r.tail]) for r in relations]
    return "\n".join(rows) + "\n", Document("1", text, tuple(entities), tuple(relations))


@given(documents())
def test_what_is_written_out_is_read_back_equal(sample: tuple[str, Document]) -> None:
    text, document = sample
    assert parse(text) == [document]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1\t0\t6", "3 columns that are neither a mention nor a relation"),
        ("1\tx\t6\tOcular\tDisease", "5 columns that are neither"),
        ("1\t0\t6\tOcular", "4 columns that are neither"),
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
