import io
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranat.documents import Document, Entity, Relation
from ranat.errors import UserError
from ranat.formats import read, write
from ranat.formats.notice import Notice

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


def told(notices: list[Notice]) -> list[tuple[str, int, str]]:
    return [(notice.kind, notice.count, notice.where) for notice in notices]


def test_the_fifth_column_of_a_relation_may_be_its_score() -> None:
    rows = "1\t0\t6\tOcular\tGene\tG1\n1\t29\t31\tOf\tDisease\tD3\n1\t32\t33\tx\t0.5\tNo\n"
    scores = {"0.9731": 0.9731, "1": 1.0, "0": 0.0, "1e-05": 1e-05}
    notices: list[Notice] = []
    relations = "".join(f"1\tAssociation\tG1\tD3\t{score}\n" for score in scores)
    (document,) = parse(TEXT + rows + relations, notices)
    assert document.relations == tuple(Relation("Association", "G1", "D3", score) for score in scores.values())
    assert document.entities[2] == Entity("T3", "0.5", ((32, 33),), "No")
    assert not notices
    for other in ("1.01", "-1", "nan", "high", ""):
        with pytest.raises(UserError, match="a:6: 5 columns, neither a mention nor a relation"):
            parse(f"{TEXT}{rows}1\tAssociation\tG1\tD3\t{other}\n")


@pytest.mark.parametrize("lenient", [False, True])
def test_a_text_that_goes_on_in_the_next_lines_is_joined(lenient: bool) -> None:
    text = (
        "1|t|Fever after\n aspirin.\n1|a|AIM: Fever.\nRESULTS: Cough.\n1\t26\t31\tFever\tD\n1\t42\t47\tCough\tD\n\n"
        "2|t|Cough.\n2|a|\n"
    )
    notices: list[Notice] = []
    first, second = read(io.BytesIO(text.encode()), "a", lenient=lenient, notices=notices)
    assert first.text == "Fever after aspirin. AIM: Fever. RESULTS: Cough."
    assert [first.mention(entity) for entity in first.entities] == ["Fever", "Cough"]
    assert second.text == "Cough. "
    assert told(notices) == [("mended", 1, "a:2"), ("mended", 1, "a:4")]


def test_prose_after_a_blank_line_belongs_to_no_document() -> None:
    failed: list[UserError] = []
    text = "1|t|One.\n\nSome prose.\n\n2|t|Two.\n\n2|a|More.\n"
    found = list(read(io.BytesIO(text.encode()), "a", lenient=True, failed=failed.append))
    assert [document.text for document in found] == ["One.", "Two. More."]
    assert [error.where for error in failed] == ["a:3"]


def test_prose_after_rows_costs_no_document() -> None:
    notices: list[Notice] = []
    rows = "1\t0\t6\tOcular\tDisease\nand prose\n"
    (document,) = read(io.BytesIO(f"{TEXT}{rows}".encode()), "a", lenient=True, notices=notices)
    assert len(document.entities) == 1
    assert told(notices) == [("left out", 1, "a:4")]


def test_a_second_abstract_is_joined_in_lenient_reading() -> None:
    notices: list[Notice] = []
    rows = "1|a|Or y.\n1|a|Or z.\n1\t38\t39\ty\tX\n1\t44\t45\tz\tX\n"
    (document,) = read(io.BytesIO(f"{TEXT}{rows}".encode()), "a", lenient=True, notices=notices)
    assert document.text == "Ocular and auditory toxicity Of x. Or y. Or z."
    assert [document.mention(entity) for entity in document.entities] == ["y", "z"]
    assert told(notices) == [("mended", 1, "a:3")]


@pytest.mark.parametrize("lenient", [False, True])
def test_what_tmvar_adds(lenient: bool) -> None:
    text = (
        "1|t|The V600E change.\n1|a|None.\n"
        "1\t4\t9\tV600E\tProteinMutation\tp|SUB|V|600|E\tRSID:113488022\n"
        "1\t10\t16\tchange\tSNP\t-\tRSID:2234671\n"
        "1\tV600E\tVal600Glu\n"
        "1\tAssociation\tp|SUB|V|600|E\tRSID:2234671\n"
    )
    notices: list[Notice] = []
    (document,) = read(io.BytesIO(text.encode()), "a", lenient=lenient, notices=notices)
    assert [entity.concept for entity in document.entities] == ["p|SUB|V|600|E;RSID:113488022", "RSID:2234671"]
    assert document.relations == (Relation("Association", "p|SUB|V|600|E", "RSID:2234671"),)
    assert [str(notice) for notice in notices] == ["a: left out: 1 rows that normalise a mention (3 columns)"]


def test_a_part_of_a_variant_is_no_concept() -> None:
    rows = "1\t0\t6\tOcular\tProteinMutation\tp|SUB|V|600|E\n1\t29\t31\tOf\tDisease\tD1|D3\n"
    text = f"{TEXT}{rows}1\tAssociation\t600\tD3\n1\tAssociation\tp|SUB|V|600|E\tD3\n"
    with pytest.raises(UserError, match=r"a:5: the relation 'Association' of '600' and 'D3': .* concept '600'"):
        parse(text)
    notices: list[Notice] = []
    (document,) = read(io.BytesIO(text.encode()), "a", lenient=True, notices=notices)
    assert document.relations == (Relation("Association", "p|SUB|V|600|E", "D3"),)
    assert told(notices) == [("left out", 1, "a:5")]


def test_an_id_that_is_there_again_is_another_document() -> None:
    notices: list[Notice] = []
    text = "1|t|One.\n1|a|Fever.\n1\t5\t10\tFever\tD\n\n1|t|Two.\n1|a|Fever.\n1\t5\t10\tFever\tD\n"
    found = list(read(io.BytesIO(text.encode()), "a", lenient=True, notices=notices))
    assert [(document.id, document.text, len(document.entities)) for document in found] == [
        ("1", "One. Fever.", 1),
        ("1#2", "Two. Fever.", 1),
    ]
    assert told(notices) == [("repeat", 1, "a:5")]


def test_a_document_of_many_lines_is_not_longer_than_may_be_read() -> None:
    text = "1|t|One.\n\n2|t|Two.\n" + "and more\n" * 100
    found = read(io.BytesIO(text.encode()), "a", longest=100)
    assert next(found).text == "One."
    with pytest.raises(UserError, match="a:15: more than 100 bytes of one document"):
        next(found)


def test_an_end_of_a_relation_may_have_its_type_before_it() -> None:
    rows = "1\t0\t6\tOcular\tGene\t5\n1\t29\t31\tOf\tDisease\tMESH:D3\n1\t32\t33\tx\tX\tGene|5\n"
    (document,) = parse(f"{TEXT}{rows}1\ttreat\tDisease|MESH:D3\tGene|5\n1\ttreat\tT1\tDisease|MESH:D3\n")
    assert document.relations == (Relation("treat", "MESH:D3", "Gene|5"), Relation("treat", "T1", "MESH:D3"))


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
        ("1\t0\t6", "3 columns, neither a mention nor a relation"),
        ("1\tx\t6\tOcular\tDisease", "5 columns, neither"),
        ("1\t0\t6\tOcular", "4 columns, neither"),
        ("1\t6\t6\t\tDisease", "empty span"),
        ("1\t0\t99\tOcular\tDisease", "past the text's 34 characters"),
        ("1\t0\t6\tocular\tDisease", "'ocular' but 'Ocular'"),
        ("2\t0\t6\tOcular\tDisease", "'2' has no title line"),
        ("2|a|text", "'2' has no title line"),
        ("1\t0\t6\tOcular\tDisease\nsome prose", "1 column, neither"),
        ("\nsome prose", "'some prose' has no title line"),
        ("1|a|More.", "document '1' has two abstracts, which are joined (write one line ID|a|ABSTRACT)"),
        (f"1\t0\t{'9' * 5000}\tx\tDisease", "5 columns, neither"),
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
