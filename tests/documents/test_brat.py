import io
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranat.documents import Document, Entity, Relation
from ranat.documents.formats import brat, read
from ranat.documents.source import Notice
from ranat.errors import UserError

TEXT = "Ocular and auditory toxicity\nof 𝛼-x.\n"


def parse(
    ann: str | bytes, text: str | bytes = TEXT, notices: list[Notice] | None = None, *, published: bool = False
) -> Document:
    files: dict[str, Callable[[], IO[bytes]]] = {
        path: partial(io.BytesIO, data.encode() if isinstance(data, str) else data)
        for path, data in (("1.txt", text), ("1.ann", ann))
    }
    (document,) = brat.read_folder("a", files, notices, published=published)
    return document


def test_mentions_and_relations() -> None:
    document = parse(
        "T2\tDisease 11 28\tauditory toxicity\nT1\tDisease 0 6;20 28\tOcular toxicity\n"
        "T3\tChemical 32 35\t𝛼-x\nR1\tCauses Arg1:T3 Arg2:T1\nR2\tLike Arg2:T1 Arg1:T2\t\n"
    )
    assert document == Document(
        "1",
        TEXT,
        (
            Entity("T1", "Disease", ((0, 6), (20, 28))),
            Entity("T2", "Disease", ((11, 28),)),
            Entity("T3", "Chemical", ((32, 35),)),
        ),
        (Relation("Causes", "T3", "T1"), Relation("Like", "T2", "T1")),
    )


def test_what_is_left_out_is_counted() -> None:
    notices: list[Notice] = []
    document = parse(
        "T1\tX 0 6\tOcular\nT2\tX 11 19\tauditory\nE1\tEvent:T1 Theme:T2\nA1\tNegation E1\nM1\tDoubt T1\n"
        "N1\tReference T1 MESH:D1\tocular\n#1\tAnnotatorNotes T1\t?\n#2\tAnnotatorNotes T2\t!\n*\tEquiv T1 T2\n"
        "R1\tR Arg1:T1 Arg2:E1\nR2\tR Cause:T1 Effect:T2\nR3\tR Arg1:T1 Arg2:T2 Arg3:T1\nR4\tR Arg1:T1 Arg1:T2\n\n",
        notices=notices,
    )
    assert document.relations == ()
    assert {notice.what: notice.count for notice in notices} == {
        "1 events": 1,
        "2 attributes": 2,
        "1 normalisations": 1,
        "2 notes": 2,
        "1 equivalences": 1,
        "4 relations that are not between two mentions, Arg1 and Arg2": 4,
    }
    assert {(notice.kind, notice.where) for notice in notices} == {("left out", "a")}


def test_the_text_is_kept_as_it_is_and_a_mention_may_go_over_a_line_end() -> None:
    document = parse("T1\tX 1 7\tab  cd\r\nT2\tX 9 11\tef\r\n", "\ufeffab\r\ncd\n\nef\r")
    assert document.text == "\ufeffab\r\ncd\n\nef\r"
    assert [document.mention(entity) for entity in document.entities] == ["ab\r\ncd", "ef"]


CHARACTER = st.one_of(st.sampled_from("\n\r\t 𝛼\u2028"), st.characters(codec="utf-8"))
NAME = st.text("ABCabc-_:", min_size=1, max_size=4)


@st.composite
def spans(draw: st.DrawFn, length: int) -> tuple[tuple[int, int], ...]:
    cuts = sorted(draw(st.lists(st.integers(0, length), min_size=2, max_size=6, unique=True)))
    return tuple(zip(cuts[::2], cuts[1::2], strict=False))


@st.composite
def documents(draw: st.DrawFn) -> Document:
    text = draw(st.text(CHARACTER, min_size=1, max_size=30))
    marked = sorted(draw(st.lists(spans(len(text)), max_size=4)))
    entities = tuple(Entity(f"T{i}", draw(NAME), found) for i, found in enumerate(marked, 1))
    ends = st.sampled_from([entity.id for entity in entities] or [""])
    relations = tuple(
        Relation(draw(NAME), draw(ends), draw(ends)) for _ in range(draw(st.integers(0, 3)) if entities else 0)
    )
    return Document("1", text, entities, relations)


def as_ann(document: Document) -> str:
    """Written out naively, as BRAT does."""
    lines = []
    for e in document.entities:
        offsets = ";".join(f"{start} {end}" for start, end in e.spans)
        mention = document.mention(e).replace("\n", " ").replace("\r", " ")
        lines.append(f"{e.id}\t{e.type} {offsets}\t{mention}\n")
    for i, r in enumerate(document.relations, 1):
        lines.append(f"R{i}\t{r.type} Arg1:{r.head} Arg2:{r.tail}\n")
    return "".join(lines)


@given(documents())
def test_what_is_written_out_is_read_back_equal(document: Document) -> None:
    assert parse(as_ann(document), document.text) == document


@given(st.data())
def test_mangled_annotations_raise_nothing_but_user_errors(data: st.DataObject) -> None:
    sample = b"T1\tX 0 6;7 10\tOcular and\nT2\tX 11 19\tauditory\nR1\tR Arg1:T1 Arg2:T2\n#1\tNote T1\tx\n"
    start = data.draw(st.integers(0, len(sample)))
    end = data.draw(st.integers(start, min(start + 20, len(sample))))
    insert = data.draw(st.one_of(st.binary(max_size=4), st.sampled_from([b"-1", b"\t", b";", b"9" * 5000, b"T1"])))
    message = ""
    try:
        document = parse(sample[:start] + insert + sample[end:])
    except UserError as error:
        message = str(error)
    assert message.startswith("a/1.ann:") or all(entity.end <= len(document.text) for entity in document.entities)
    assert "\n" not in message


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("T1\tX 0 6\tocular", "said to be 'ocular' but 'Ocular' stands at ((0, 6),) (mend its offsets"),
        ("T1\tX 0 6;20 28\tOcular  toxicity", "'Ocular  toxicity' but 'Ocular toxicity'"),
        ("T1\tX 0 99\tOcular", "reaches to 99, past the text's 37 characters"),
        ("T1\tX 6 6\t", "empty span"),
        ("T1\tX 11 19;0 6\tauditory Ocular", "spans out of order"),
        ("T1\tX 0 6", "is no mention (write T1<TAB>TYPE START END<TAB>MENTION"),
        ("T1 X 0 6 Ocular", "is no mention"),
        ("T1\tX 0-6\tOcular", "is no mention"),
        (f"T1\tX 0 {'9' * 5000}\tOcular", "integer string conversion"),
        ("T0\tX 0 6\tOcular", "two entities with the id 'T0'"),
        ("R1\tBinds Arg1:T0 Arg2:T9", "relation 'Binds' of 'T0' and 'T9': document '1' has no entity with the id"),
        ("R1\tBinds T0 T0", "is no relation (write R1<TAB>TYPE Arg1:T1 Arg2:T2)"),
        ("R1\tBinds", "is no relation"),
        ("some prose", "'some prose' is no annotation of BRAT's"),
    ],
)
def test_a_malformed_line(line: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        parse(f"T0\tX 0 6\tOcular\n{line}\n")
    assert message in str(caught.value)
    assert caught.value.where == "a/1.ann:2"


def test_in_a_published_folder_what_cannot_be_mended_is_noted() -> None:
    notices: list[Notice] = []
    document = parse("T1\tX 0 6\tocular\nR1\tBinds Arg1:T1 Arg2:T9\n", notices=notices, published=True)
    assert (len(document.entities), document.relations) == (1, ())
    assert [(notice.kind, notice.where) for notice in notices] == [("mismatch", "a/1.ann:1"), ("left out", "a/1.ann:2")]


def test_invalid_utf8_names_its_line() -> None:
    with pytest.raises(UserError, match=r"a/1\.txt:2: invalid UTF-8: byte 0xff at byte 3"):
        parse("", b"fine\nno\xff\n")
    with pytest.raises(UserError, match=r"a/1\.ann:1: invalid UTF-8"):
        parse(b"T1\tX 0 6\t\xff\n")


def test_a_folder_of_pairs(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for path, text, ann in (("b", "ab", "T1\tX 0 2\tab\n"), ("deep/a.ann", "", "")):
        (tmp_path / f"{path}.txt").write_text(text)
        (tmp_path / f"{path}.ann").write_text(ann)
    for other in ("annotation.conf", ".hidden.ann"):
        (tmp_path / other).write_text("[entities]\n")
    documents = list(read(tmp_path))
    assert [(document.id, document.text) for document in documents] == [("b", "ab"), ("deep/a.ann", "")]
    assert list(read(str(tmp_path))) == documents


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("txt", "1.ann: there is no 1.txt with it (put the text beside it)"),
        ("ann", "1.txt: there is no 1.ann with it (put its annotations beside it, an empty file if there are none)"),
    ],
)
def test_half_a_pair(tmp_path: Path, missing: str, message: str) -> None:
    for name in ("1.txt", "1.ann", "2.txt", "2.ann"):
        if name != f"1.{missing}":
            (tmp_path / name).write_text("")
    with pytest.raises(UserError) as caught:
        list(read(tmp_path))
    assert str(caught.value) == f"{tmp_path}/{message}"


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "1.txt").symlink_to("/proc/self/mem")
    (tmp_path / "1.ann").write_text("")
    with pytest.raises(UserError, match=r"1\.txt: cannot read"):
        list(read(tmp_path))
