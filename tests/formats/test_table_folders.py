"""Folders of three tables: CSV and Parquet keep one contract, so most tests are of both."""

import csv
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranat.documents import Document, Entity, Relation
from ranat.errors import UserError
from ranat.formats import WRITERS, parquet, read, write
from ranat.formats.notice import Notice

DOCUMENTS = [
    Document(
        "a/1",
        'Ocular, "and"\r\nauditory\r toxicity\0\n',
        (
            Entity("T1", "Disease", ((0, 6), (24, 32)), "D1", 0.1 + 0.2),
            Entity("T1b", "", ((15, 23),), "", 1.0),
            Entity("x,\n", "Y;Z", ((15, 23),), None, None),
            Entity("", "Y", ((15, 24),), '"', 0.0),
            Entity("T3", "Y", ((15, 25),), '""', 5e-324),
        ),
        (Relation("r", "T1", "D1", 0.5), Relation("", "", "T1b")),
    ),
    Document("", ""),
    Document("none", "-", (Entity("T1", "A", ((0, 1),)),), (Relation("r", "T1", "T1"),)),
]


@pytest.fixture(params=["csv", "parquet"])
def format(request: pytest.FixtureRequest) -> str:
    return str(request.param)


Tables = dict[str, list[dict[str, Any]]]


def written(tables: Tables, format: str, folder: Path) -> Path:
    """The tables as any other program might store them; spans as CSV has them."""
    folder.mkdir()
    for name, rows in tables.items():
        path = folder / f"{name}.{format}"
        if format == "csv":
            with path.open("w", newline="", encoding="utf-8") as stream:
                to = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
                to.writeheader()
                to.writerows(rows)
        else:
            pq.write_table(pa.Table.from_pylist([row | spans(row) for row in rows]), path)
    return folder


def spans(row: dict[str, Any]) -> dict[str, Any]:
    if "spans" not in row:
        return {}
    return {
        "spans": [dict(zip(("start", "end"), map(int, s.split("-")), strict=True)) for s in row["spans"].split(";")]
    }


def tables(*ids: str) -> Tables:
    return {
        "documents": [{"id": id, "text": "ab"} for id in ids],
        "entities": [{"document": id, "id": "T1", "type": "X", "spans": "0-1"} for id in ids],
        "relations": [{"document": id, "type": "r", "head": "T1", "tail": "T1"} for id in ids],
    }


def read_with_failures(folder: Path) -> tuple[list[Document], list[UserError]]:
    errors: list[UserError] = []
    return list(read(folder, failed=errors.append)), errors


def test_everything_is_kept_but_sentences_and_words(format: str, tmp_path: Path) -> None:
    marked = (Entity("T1", "X", ((2, 3),)), Entity("T2", "X", ((0, 1),)))
    layout = Document("layout", "a b", marked, sentences=((0, 3),), tokens=((0, 1),))
    assert write([*DOCUMENTS, layout], tmp_path / "out", format) == {}
    assert list(read(tmp_path / "out")) == [*DOCUMENTS, Document("layout", "a b", marked[::-1])]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        f"{name}.{format}" for name in ("documents", "entities", "relations")
    ]


def test_csv_is_rfc_4180(tmp_path: Path) -> None:
    write(DOCUMENTS[2:], tmp_path / "out", "raw-csv")
    files = {path.stem: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert files == {
        "documents": b"id,text\r\nnone,-\r\n",
        "entities": b"document,id,type,spans,start,end,text,concept,score\r\nnone,T1,A,0-1,0,1,-,,\r\n",
        "relations": b"document,type,head,tail,head_text,tail_text,score\r\nnone,r,T1,T1,-,-,\r\n",
    }


FORMULAS = ["=1+1", "+1", "-1", "@A1", "\t=1", "\r=1", "\n=1", "'=1", "''-1"]
PLAIN = ["a=1", "'a", " =1", "1-1", "'", ""]


def test_no_cell_of_csv_is_a_formula(tmp_path: Path) -> None:
    documents = [
        Document(text, text, (Entity(text, text, ((0, len(text)),), text),), (Relation(text, text, text),))
        for text in FORMULAS
    ]
    changed = Counter[str]()
    assert write(documents, tmp_path / "out", "csv", changed) == {}
    assert changed == {"cells like formulas, written with a ' before them": len(FORMULAS) * (2 + 5 + 6)}
    for path in (tmp_path / "out").iterdir():
        with path.open(newline="") as stream:
            cells = [cell for row in csv.reader(stream) for cell in row]
        assert not any(cell.startswith(tuple("=+-@\t\r\n")) for cell in cells)
    assert list(read(tmp_path / "out")) == documents


def test_what_is_no_formula_stands_as_it_is(tmp_path: Path) -> None:
    changed = Counter[str]()
    write([Document(text, text) for text in PLAIN], tmp_path / "out", "csv", changed)
    with (tmp_path / "out" / "documents.csv").open(newline="") as stream:
        assert [row["text"] for row in csv.DictReader(stream)] == PLAIN
    assert not changed


def test_raw_csv_has_formulas_as_they_are(tmp_path: Path) -> None:
    documents = [Document(text, text) for text in [*FORMULAS, *PLAIN]]
    write(documents, tmp_path / "out", "raw-csv")
    with (tmp_path / "out" / "documents.csv").open(newline="") as stream:
        cells = [row["text"] for row in csv.DictReader(stream)]
    assert cells == [f"'{text}" if text in ("'=1", "''-1") else text for text in [*FORMULAS, *PLAIN]]
    assert list(read(tmp_path / "out")) == documents


def test_a_relation_has_the_texts_of_its_ends(tmp_path: Path) -> None:
    marked = (Entity("T1", "X", ((0, 1),), "C"), Entity("T2", "X", ((2, 3),), "C"), Entity("T3", "X", ((4, 5),), "T2"))
    relations = (Relation("r", "C", "T2"), Relation("r", "T3", "C|D"))
    composite = (Entity("T4", "X", ((4, 5),), "C|D"),)
    write([Document("1", "a b c", marked + composite, relations)], tmp_path / "out", "parquet")
    rows = pq.read_table(tmp_path / "out" / "relations.parquet").to_pylist()
    assert [(row["head_text"], row["tail_text"]) for row in rows] == [("a", "b"), ("c", "c")]


def test_tables_of_others_need_few_columns_and_may_have_more(format: str, tmp_path: Path) -> None:
    given = tables("1", "2")
    given["documents"] = [row | {"score": "high", "spans": "1-2"} for row in given["documents"]]
    given["entities"] = [row | {"annotator": "me", "text": ""} for row in given["entities"]]
    notices: list[Notice] = []
    found = list(read(written(given, format, tmp_path / "in"), notices=notices))
    assert found == [Document(id, "ab", (Entity("T1", "X", ((0, 1),)),), (Relation("r", "T1", "T1"),)) for id in "12"]
    assert [str(notice) for notice in notices] == [
        f"{tmp_path}/in/documents.{format}: left out: columns that are not read: 'score', 'spans'",
        f"{tmp_path}/in/entities.{format}: left out: columns that are not read: 'annotator'",
    ]


def test_a_column_or_a_file_that_is_not_there(format: str, tmp_path: Path) -> None:
    given = tables("1")
    for row in given["entities"]:
        del row["spans"]
    folder = written(given, format, tmp_path / "in")
    message = (
        rf"entities\.{format}: there is no column 'spans' \(the columns of entities are document, id, type, spans, s"
    )
    with pytest.raises(UserError, match=message):
        list(read(folder))
    (folder / f"relations.{format}").unlink()
    with pytest.raises(UserError, match=rf"relations\.{format}: cannot read: No such file"):
        list(read(folder))


def test_rows_of_no_document_or_out_of_order(format: str, tmp_path: Path) -> None:
    given = tables("1", "2")
    given["relations"].reverse()
    lines = {"csv": 3, "parquet": 2}
    with pytest.raises(UserError) as caught:
        list(read(written(given, format, tmp_path / "a")))
    where = f"{tmp_path}/a/relations.{format}:{lines[format]}"
    assert str(caught.value).startswith(f"{where}: a row of document '1', which is not among the documents or not in")
    given = tables("1", "2")
    given["documents"].pop()
    with pytest.raises(
        UserError, match=rf"entities\.{format}:{lines[format]}: a row of document '2', which is not among"
    ):
        list(read(written(given, format, tmp_path / "b")))


def test_documents_of_one_id(format: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"out: document '1' is there twice \(give each document an id of its own"):
        write([Document("1", "a"), Document("1", "b")], tmp_path / "out", format)
    write([Document("1", "a"), Document("2", ""), Document("1", "b")], tmp_path / "again", format)
    with pytest.raises(UserError, match=rf"documents\.{format}:\d: document '1' is there twice"):
        list(read(tmp_path / "again"))


def change(table: str, **cells: object) -> Callable[[Tables], None]:
    return lambda given: given[table][1].update(cells)


@pytest.mark.parametrize(
    ("mangle", "message"),
    [
        (change("entities", spans="0-9"), "documents.{}:{}: entity 'T1' reaches to 9, past the text's 2 characters"),
        (change("entities", spans="1-1"), "entities.{}:{}: entity 'T1' has an empty span"),
        (change("relations", head="T9"), "documents.{}:{}: the relation 'r' of 'T9' and 'T1': document '2' has no"),
    ],
)
def test_a_wrong_row_fails_its_document_alone(
    mangle: Callable[[Tables], None], message: str, format: str, tmp_path: Path
) -> None:
    given = tables("1", "2", "3")
    mangle(given)
    folder = written(given, format, tmp_path / "in")
    place = {"csv": 3, "parquet": 2}[format]
    documents, errors = read_with_failures(folder)
    assert [document.id for document in documents] == ["1", "3"]
    assert [str(error).startswith(f"{folder}/{message.format(format, place)}") for error in errors] == [True]
    with pytest.raises(UserError):
        list(read(folder))


@pytest.mark.parametrize("score", ["2", "nan", "-0.5"])
def test_a_score_that_is_none(score: str, format: str, tmp_path: Path) -> None:
    for table in ("entities", "relations"):
        given = tables("1", "2", "3")
        given[table] = [row | {"score": 0.5} for row in given[table]]
        change(table, score=float(score))(given)
        documents, errors = read_with_failures(written(given, format, tmp_path / table))
        assert [document.id for document in documents] == ["1", "3"]
        assert [error.what for error in errors] == [f"the score {float(score)} is not from 0 to 1"]
        assert f"/{table}.{format}:" in str(errors[0].where)


@pytest.mark.parametrize(
    ("cells", "what"),
    [
        ({"spans": "0-x"}, "'0-x' are no spans, such as 0-4 or 0-4;6-8"),
        ({"spans": ""}, "'' are no spans, such as 0-4 or 0-4;6-8"),
        ({"spans": "0-" + "9" * 5000}, "Exceeds the limit (4300 digits) for integer string conversion"),
        ({"score": "high"}, "could not convert string to float: 'high'"),
    ],
)
def test_a_wrong_cell_of_csv(cells: dict[str, str], what: str, tmp_path: Path) -> None:
    given = tables("1", "2", "3")
    given["entities"] = [row | {"score": ""} for row in given["entities"]]
    change("entities", **cells)(given)
    documents, errors = read_with_failures(written(given, "csv", tmp_path / "in"))
    assert [document.id for document in documents] == ["1", "3"]
    assert [(error.what.startswith(what), error.where) for error in errors] == [(True, f"{tmp_path}/in/entities.csv:3")]


@pytest.mark.parametrize("table", ["documents", "entities"])
def test_a_row_of_csv_that_is_cut_off(table: str, tmp_path: Path) -> None:
    folder = written(tables("1", "2", "3"), "csv", tmp_path / "in")
    path = folder / f"{table}.csv"
    text = path.read_text()
    path.write_text(text.replace("2,ab", "2").replace("2,T1,X", "2,X"))
    documents, errors = read_with_failures(folder)
    assert [document.id for document in documents] == ["1", "3"]
    assert [str(error.where) for error in errors] == [f"{path}:3"]
    path.write_text(text.replace("\n2,", '\n"2"2,'))  # nobody knows whose row this is
    documents, errors = read_with_failures(folder)
    assert [document.id for document in documents] == {"documents": ["1"], "entities": []}[table]
    assert [str(error).startswith(f"{path}:3: no row of CSV: ',' expected after '\"'") for error in errors] == [True]


@settings(deadline=None)
@given(data=st.data())
def test_mangled_csv_raises_nothing_but_user_errors(data: st.DataObject) -> None:
    with TemporaryDirectory() as parent:
        folder = Path(parent) / "in"
        write(DOCUMENTS, folder, "csv")
        path = folder / f"{data.draw(st.sampled_from(['documents', 'entities', 'relations']))}.csv"
        content = path.read_bytes()
        start = data.draw(st.integers(0, len(content)))
        end = data.draw(st.integers(start, min(start + 20, len(content))))
        insert = data.draw(st.one_of(st.binary(max_size=4), st.sampled_from([b'"', b"\r\n", b",", b"9" * 9])))
        path.write_bytes(content[:start] + insert + content[end:])
        documents, errors = read_with_failures(folder)
        assert documents or errors
        assert all("\n" not in str(error) for error in errors)


@pytest.mark.parametrize("keep", [0, 4, 100, -20])
def test_a_damaged_parquet_file(keep: int, tmp_path: Path) -> None:
    write(DOCUMENTS, tmp_path / "out", "parquet")
    path = tmp_path / "out" / "entities.parquet"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match=r"entities\.parquet: cannot be read: Parquet") as caught:
        list(read(tmp_path / "out"))
    assert "\n" not in str(caught.value)


@settings(deadline=None)
@given(data=st.data())
def test_mangled_parquet_raises_nothing_but_user_errors(data: st.DataObject) -> None:
    with TemporaryDirectory() as parent:
        folder = Path(parent) / "in"
        write(DOCUMENTS, folder, "parquet")
        path = folder / f"{data.draw(st.sampled_from(['documents', 'entities', 'relations']))}.parquet"
        content = path.read_bytes()
        start = data.draw(st.integers(0, len(content) - 1))
        path.write_bytes(content[:start] + data.draw(st.binary(min_size=1, max_size=4)) + content[start + 1 :])
        documents, errors = read_with_failures(folder)
        assert documents or errors
        assert all("\n" not in str(error) for error in errors)


SPAN = pa.struct([pa.field("start", pa.int64(), nullable=False), pa.field("end", pa.int64(), nullable=False)])


@pytest.mark.parametrize(
    ("table", "column", "values", "message"),
    [
        ("documents", "text", pa.array([None, "b"]), "Casting field 'text' with null values to non-nullable"),
        ("entities", "spans", pa.array(["0-1", "0-1"]), "cannot be read: Unsupported cast from string to list"),
        (
            "entities",
            "spans",
            pa.array([[{"start": None, "end": 1}]] * 2),
            "cannot be read: field 'start' of type null has nulls",
        ),
        ("entities", "spans", pa.array([[{"start": 0, "end": 1}], [None]], pa.list_(SPAN)), "2: a span is null"),
        ("relations", "head", pa.array([{"a": 1}, {"a": 2}]), "cannot be read: Unsupported cast from struct"),
    ],
)
def test_parquet_of_other_types(table: str, column: str, values: Any, message: str, tmp_path: Path) -> None:
    folder = written(tables("1", "2"), "parquet", tmp_path / "in")
    path = folder / f"{table}.parquet"
    found = pq.read_table(path)
    pq.write_table(found.set_column(found.column_names.index(column), column, values), path)
    with pytest.raises(UserError) as caught:
        list(read(folder))
    assert str(caught.value).startswith(f"{path}:")
    assert message in str(caught.value)


def test_parquet_of_like_types(tmp_path: Path) -> None:
    folder = written(tables("1", "2"), "parquet", tmp_path / "in")
    expected = list(read(folder))
    entities = pq.read_table(folder / "entities.parquet")
    span = pa.large_list(pa.struct([("start", pa.int32()), ("end", pa.uint16())]))
    ids = entities["document"].cast(pa.large_string()).dictionary_encode()
    changed = entities.set_column(0, "document", ids).set_column(3, "spans", entities["spans"].cast(span))
    pq.write_table(changed, folder / "entities.parquet")
    assert list(read(folder)) == expected


def test_row_groups_are_bounded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(parquet, "GROUP_ROWS", 10)
    monkeypatch.setattr(parquet, "GROUP_CHARACTERS", 1000)
    documents = [
        Document(str(i), "a" * (1 if i < 25 else 500), tuple(Entity(f"T{j}", "", ((0, 1),)) for j in range(i % 3)))
        for i in range(30)
    ]
    write(documents, tmp_path / "out", "parquet")
    found = pq.ParquetFile(tmp_path / "out" / "documents.parquet").metadata
    assert [found.row_group(i).num_rows for i in range(found.num_row_groups)] == [10, 10, 7, 2, 1]
    assert found.row_group(0).column(0).compression == "ZSTD"
    assert list(read(tmp_path / "out")) == documents


def test_documents_are_taken_one_at_a_time(format: str, tmp_path: Path) -> None:
    def endless() -> Iterator[Document]:
        for i in count():
            if i == 1000:
                raise KeyboardInterrupt
            yield Document(str(i), "a")

    with pytest.raises(KeyboardInterrupt):
        WRITERS.get(format).write(endless(), tmp_path / "out")


def test_without_pyarrow_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write(DOCUMENTS, tmp_path / "out", "parquet")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    for use in (lambda: list(read(tmp_path / "out")), lambda: write(DOCUMENTS, tmp_path / "new", "parquet")):
        with pytest.raises(UserError, match=r"pyarrow is not installed \(pip install 'ranat\[parquet\]'\)"):
            use()
    assert not (tmp_path / "new").exists()
