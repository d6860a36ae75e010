import io
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranat.documents import Document, Entity, Relation
from ranat.errors import UserError
from ranat.formats import read, write
from ranat.formats.source import Notice

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
        ("1\t0\t6\tOcular\tDisease\nsome prose", "1 columns that are neither"),
        ("\nsome prose", "'some prose' has no title line"),
        ("1|a|More.", "document '1' has two abstracts, which are joined (write one line ID|a|ABSTRACT)"),
        (f"1\t0\t{'9' * 5000}\tx\tDisease", "5 columns that are neither"),
    ],
)
def test_a_malformed_row(row: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        parse(f"{TEXT}{row}\n")
    assert message in str(caught.value)
    assert caught.value.where == f"a:{3 + row.count(chr(10))}"


def test_a_wrong_block_fails_alone() -> None:
    text = f"no title\n1|a|x\n\n{TEXT}1\t0\t6\tOcular\n1\tx\ty\n\n2|t|One\n3|t|Two\n4\t0\t1\tT\tX\n4|t|Three\n".encode()
    data = text.replace(b"Three", b"\xff").replace(b"4|t", b"5|t|Three\n4|t")
    failed: list[UserError] = []
    found = list(read(io.BytesIO(data), "a", "pubtator", failed=failed.append))
    assert [(document.id, document.text) for document in found] == [("2", "One"), ("3", "Two"), ("5", "Three")]
    assert [error.where for error in failed] == ["a:1", "a:2", "a:6", "a:11", "a:13"]


def test_a_document_without_title_takes_no_other_with_it() -> None:
    data = f"{TEXT}1\t0\t6\tOcular\tDisease\n\n2|a|An abstract.\n2\t0\t2\tAn\tX\n\n3|t|Three\n4\t0\t1\tT\tX\n"
    failed: list[UserError] = []
    found = list(read(io.BytesIO(data.encode()), "a", "pubtator", failed=failed.append))
    assert [(document.id, len(document.entities)) for document in found] == [("1", 1), ("3", 0)]
    assert [error.where for error in failed] == ["a:5", "a:9"]


def written(tmp_path: Path, document: Document) -> tuple[list[str], Counter[str]]:
    out = tmp_path / "a.pubtator"
    lost = write([document], out, "pubtator")
    return out.read_text(encoding="utf-8").split("\n"), lost


@pytest.mark.parametrize(
    ("text", "title", "abstract", "changed"),
    [
        ("A title\nand more. And more.", "A title", "and more. And more.", 1),
        ("\n A title\r\nand\tmore", "  A title", " and more", 4),
        ("A title\n", "A title", "", 1),
        ("A title.", "A title.", None, 0),
        ("This is a title of E. coli. This is more.", "This is a title of E. coli.", "This is more.", 0),
        ("A title of\u2028two lines", "A title of", "two lines", 1),
        ("", "", None, 0),
        ("  ", "  ", None, 0),
    ],
)
def test_the_first_line_or_else_the_first_sentence_is_the_title(
    tmp_path: Path, text: str, title: str, abstract: str | None, changed: int
) -> None:
    lines, lost = written(tmp_path, Document("1", text))
    assert lines == [f"1|t|{title}", *([] if abstract is None else [f"1|a|{abstract}"]), "", ""]
    assert lost == Counter({"tabs and line ends of texts": changed} if changed else {})
    assert [len(document.text) for document in read(tmp_path / "a.pubtator")] == [len(text)]


def test_known_sentences_come_before_those_that_would_be_found(tmp_path: Path) -> None:
    lines, _ = written(tmp_path, Document("1", "One. Two. Three.", sentences=((0, 9), (10, 16))))
    assert lines[:2] == ["1|t|One. Two.", "1|a|Three."]


def test_what_is_written_and_what_is_lost(tmp_path: Path) -> None:
    entities = (
        Entity("a", "Gene", ((0, 3),), " G1\t", 0.5),
        Entity("b", "Part", ((0, 1), (2, 3))),
        Entity("T2", "A\tB", ((4, 7),), "D1|D2"),
        Entity("d", "X", ((4, 7),), "-"),
    )
    relations = (
        Relation("12", "a", "D2"),
        Relation("near", " G1\t", "T2", 0.25),
        Relation("of", "b", "a"),
        Relation("is", "-", "a"),
    )
    lines, lost = written(tmp_path, Document("1|2", "abc def", entities, relations, tokens=((0, 3),)))
    assert lines == [
        "1%7C2|t|abc def",
        "1%7C2\t0\t3\tabc\tGene\tG1",
        "1%7C2\t4\t7\tdef\tA B\tD1|D2",
        "1%7C2\t4\t7\tdef\tX\t-",
        "1%7C2\trelation 12\tT1\tD2",
        "1%7C2\tnear\tG1\tT2\t0.25",
        "",
        "",
    ]
    assert lost == {
        "scores of mentions": 1,
        "discontinuous mentions": 1,
        "relations of discontinuous mentions": 1,
        "ids of mentions": 2,
        "exact spellings of names": 3,
        "concepts that mean none": 1,
        "relations of what is lost": 1,
        "exact spellings of relation types": 1,
        "exact spellings of ids": 1,
    }
