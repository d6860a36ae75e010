import io
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ranat.documents import Document, Entity, Relation
from ranat.errors import UserError
from ranat.formats import WRITERS, brat, read, write
from ranat.formats.fitting.spelling import as_path
from ranat.formats.notice import Notice
from ranat.formats.source import Reading

TEXT = "Ocular and auditory toxicity\nof 𝛼-x.\n"


def parse(
    ann: str | bytes,
    text: str | bytes = TEXT,
    notices: list[Notice] | None = None,
    *,
    lenient: bool = False,
    conf: bytes = b"",
) -> Document:
    files: dict[str, Callable[[], IO[bytes]]] = {
        path: partial(io.BytesIO, data.encode() if isinstance(data, str) else data)
        for path, data in (("1.txt", text), ("1.ann", ann), ("annotation.conf", conf))
    }
    (document,) = brat.read_folder("a", files, notices, Reading(lenient=lenient))
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
        "T1\tX 0 6\tOcular\nT2\tX 11 19\tauditory\nT3\tEvent 7 10\tand\nE1\tEvent:T3 Theme:T2\nE2\tEvent:T3 Cause:E1\n"
        "A1\tNegation E1\nM1\tDoubt T1\nM2\tNegation E1\n#1\tAnnotatorNotes T1\t?\n#2\tAnnotatorNotes T2\t!\n"
        "*\tEquiv T1 T2\nN1\tReference E1 GO:1\tand\nN2\tReference T3 GO:1\tand\nR1\tR Arg1:T1 Arg2:E1\n"
        "R2\tR Arg1:T1 Arg2:T3\nR3\tR Arg1:T1 Arg2:T2 Arg3:T1\nR4\tR Arg1:T1 Arg2:A1\n\n",
        notices=notices,
    )
    assert [document.mention(entity) for entity in document.entities] == ["Ocular", "auditory"]
    assert document.relations == ()
    assert {notice.what: notice.count for notice in notices} == {
        "1 trigger": 1,
        "2 events": 2,
        "1 attribute": 1,
        "2 modifications": 2,
        "2 notes": 2,
        "1 equivalence": 1,
        "2 normalisations of what is no mention": 2,
        "2 relations of events": 2,
        "2 relations that are not between two mentions": 2,
    }
    assert {(notice.kind, notice.where) for notice in notices} == {("left out", "a")}


PAIR = "T1\tX 0 6\tOcular\nT2\tX 11 19\tauditory\n"


@pytest.mark.parametrize(
    ("line", "ends"),
    [
        ("R1\tR From:T1 To:T2", ("T1", "T2")),
        ("R1\tR To:T2 From:T1", ("T2", "T1")),
        ("R1\tR Same:T2 Same:T1", ("T2", "T1")),
        ("R1\tR Arg2:T1 Arg1:T2", ("T2", "T1")),
        ("R1\tR Arg1:T1 Arg2:T2", ("T1", "T2")),
    ],
)
def test_roles_of_any_name_are_in_written_order(line: str, ends: tuple[str, str]) -> None:
    assert parse(f"{PAIR}{line}\n").relations == (Relation("R", *ends),)


def test_roles_are_in_the_order_of_the_nearest_settings(tmp_path: Path) -> None:
    above = "[entities]\nX\n[relations]\n# R To:X, From:X\nR\tFrom:X|Y, To:<ANY>\n  S   From:X, To:X, <A>:b\n"
    for folder in ("own", "deep/er"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "annotation.conf").write_text(above)
    (tmp_path / "own" / "annotation.conf").write_text("[relations]\nR To:X, From:X\n[events]\nS To:X, From:X\n")
    for name in ("1", "own/2", "deep/er/3"):
        (tmp_path / f"{name}.txt").write_text(TEXT)
        (tmp_path / f"{name}.ann").write_text(f"{PAIR}R1\tR To:T1 From:T2\nR2\tS To:T1 From:T2\n")
    ends = {document.id: [(r.head, r.tail) for r in document.relations] for document in read(tmp_path)}
    assert ends == {
        "1": [("T2", "T1"), ("T2", "T1")],
        "own/2": [("T1", "T2"), ("T1", "T2")],
        "deep/er/3": [("T2", "T1"), ("T2", "T1")],
    }


def test_concepts() -> None:
    document = parse(
        f"N1\tReference T2 MESH:D1\tauditory\n{PAIR}N2\tReference T2 OMIM:1:2\tx y\nN3\tReference T1 concept:C 1\tx\n",
        lenient=True,
    )
    assert [entity.concept for entity in document.entities] == [None, "MESH:D1|OMIM:1:2"]
    assert parse(f"{PAIR}N1\tReference T1 concept:C1\n").entities[0].concept == "C1"


CONCEPT = st.one_of(
    st.lists(st.sampled_from(["concept:", "MESH", ":", "|", "D1", " ", "\t", "-"]), max_size=5).map("".join),
    st.text(st.characters(codec="utf-8"), max_size=5),
)


@given(st.lists(CONCEPT, min_size=1, max_size=3))
@example(["MESH:D1|MESH:D1", "concept:|concept:", "D1||D2"])
def test_concepts_come_back_but_for_their_white_space(concepts: list[str]) -> None:
    marked = tuple(Entity(f"T{i}", "X", ((0, i),), concept) for i, concept in enumerate(concepts, 1))
    with TemporaryDirectory() as parent:
        lost = write([Document("1", "abc", marked)], Path(parent) / "out", "brat")
        (document,) = read(Path(parent) / "out")
    assert [entity.concept for entity in document.entities] == [re.sub(r"\s", "_", c) or "_" for c in concepts]
    assert lost.total() == sum(not c or re.search(r"\s", c) is not None for c in concepts)


def test_what_is_mended_without_being_an_error() -> None:
    notices: list[Notice] = []
    document = parse(
        "T1\tX 20 28;0 6\ttoxicity Ocular\nT2\tX 0 6\nT3\tX 11 19\t\nT4\tX 20 28;11 19\tauditory toxicity\n",
        notices=notices,
    )
    assert [(e.id, document.mention(e)) for e in document.entities] == [
        ("T2", "Ocular"),
        ("T1", "Ocular toxicity"),
        ("T3", "auditory"),
        ("T4", "auditory toxicity"),
    ]
    assert sorted(map(str, notices)) == [
        "a: mended: 2 mentions have parts out of order, put in order",
        "a: mended: 2 mentions lack their text, taken from their offsets",
    ]


def test_an_empty_mark_is_told_and_left_out() -> None:
    notices: list[Notice] = []
    document = parse("T1\tX 0 6\tOcular\nT2\tMark 6 6\t\n", notices=notices, lenient=True)
    assert [entity.id for entity in document.entities] == ["T1"]
    assert [(notice.kind, notice.where) for notice in notices] == [("left out", "a/1.ann:2")]


@pytest.mark.parametrize(
    ("text", "ann", "unit"),
    [
        ("One\r\ntwo\r\nx", "T1\tX 4 9\ttwo x\n", "characters with CRLF as one"),
        ("One\ntwo\nx", "T1\tX 5 11\ttwo x\n", "characters with a line end as two (CRLF)"),
        ("𝛼 two\nx", "T1\tX 3 8\ttwo x\n", "UTF-16 units"),
        ("é two\nx", "T1\tX 3 8\ttwo x\n", "bytes of UTF-8"),
        ("\ufeffOne two\nx", "T1\tX 4 9\ttwo x\n", "characters without the byte order mark"),
    ],
)
def test_offsets_of_another_unit(text: str, ann: str, unit: str) -> None:
    """A mention that goes over a line end has a space there."""
    with pytest.raises(UserError, match=r"a/1\.ann:1: the offsets of document '1' fit only as "):
        parse(ann, text)
    notices: list[Notice] = []
    document = parse(ann, text, notices, lenient=True)
    assert "".join(document.mention(document.entities[0]).split()) == "twox"
    assert [notice.what for notice in notices] == [
        f"the offsets of document '1' fit only as {unit}; they are converted"
    ]


def test_the_text_is_kept_as_it_is_and_a_mention_may_go_over_a_line_end() -> None:
    document = parse("T1\tX 1 7\tab  cd\r\nT2\tX 9 11\tef\r\n", "\ufeffab\r\ncd\n\nef\r")
    assert document.text == "\ufeffab\r\ncd\n\nef\r"
    assert [document.mention(entity) for entity in document.entities] == ["ab\r\ncd", "ef"]


def test_what_is_written(tmp_path: Path) -> None:
    marked = (
        Entity("b", "Fine type", ((19, 32),), "D1|MESH:2", 0.5),
        Entity("a", "Disease", ((0, 6), (20, 28)), None, 0.5),
        Entity("c", "", ((0, 6),)),
    )
    relations = (Relation("a b", "a", "b"), Relation("CPR:4", "c", "b"), Relation("r", "D1", "D1"))
    assert write([Document("deep/1:2", TEXT, marked, relations)], tmp_path / "out", "brat") == {
        "relations between concepts": 1,
        "scores": 2,
        "ids of mentions": 3,
        "exact spellings of names": 3,
        "ids of documents": 1,
    }
    files = {path.relative_to(tmp_path / "out").as_posix(): path for path in (tmp_path / "out").rglob("*.*")}
    assert {name: path.read_bytes().decode() for name, path in files.items()} == {
        "deep/1%3A2.txt": TEXT,
        "deep/1%3A2.ann": "T1\t_ 0 6\tOcular\nT2\tDisease 0 6;20 28\tOcular toxicity\n"
        "T3\tFine_type 19 32\t toxicity of \nR1\ta_b Arg1:T2 Arg2:T3\nR2\tCPR:4 Arg1:T1 Arg2:T3\n"
        "N1\tReference T3 concept:D1\t toxicity of \nN2\tReference T3 MESH:2\t toxicity of \n",
    }


CHARACTER = st.one_of(st.sampled_from("\n\r\t 𝛼\u2028\ufeff\0"), st.characters(codec="utf-8"))


@given(st.data(), st.text(CHARACTER, min_size=2))
def test_any_text_and_mention_is_kept_as_it_is(data: st.DataObject, text: str) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), min_size=2, max_size=6, unique=True)))
    document = Document("1", text, (Entity("T1", "X", tuple(zip(cuts[::2], cuts[1::2], strict=False))),))
    with TemporaryDirectory() as parent:
        write([document], Path(parent) / "out", "brat")
        assert list(read(Path(parent) / "out")) == [document]


IDS = st.one_of(
    st.sampled_from(["..", "../../etc/passwd", "/etc", "a//b", ".hidden", "a\\b", "C:", "a\0", "~", "a/", "A.txt/b"]),
    st.lists(st.sampled_from(["", ".", "..", "a", "A", "a.txt", "é", "\u0301", "x" * 300, "/", " ", "%"])).map("".join),
    st.lists(st.sampled_from(["a", "..", "", "b" * 150])).map("/".join),
    st.text(st.characters(codec="utf-8")),
)


@given(IDS)
def test_any_id_becomes_a_path_within_the_folder(id: str) -> None:
    document = Document(id, "a\r\n", (Entity("T1", "X", ((0, 2),)),))
    with TemporaryDirectory() as parent:
        out = Path(parent) / "x" / "out"
        out.parent.mkdir()
        lost = write([document], out, "brat")
        assert {path for path in Path(parent).rglob("*") if path.is_file() and out not in path.parents} == set()
        (found,) = read(out)
    assert (found.text, found.entities) == (document.text, document.entities)
    assert lost == ({} if found.id == id else {"ids of documents": 1})
    assert as_path(found.id) == found.id
    parts = found.id.split("/")
    assert all(0 < len(part.encode()) <= 200 and part[0] != "." and part[-1] not in ". " for part in parts)
    assert not set(found.id) & set('\\:*?"<>|\0\n')


def test_usual_ids_stay() -> None:
    for id in ("227508", "PMC1/sec-2.1_a", "notes 2020 (new)", "a.txt", "Müller", "train+dev=all@home,100%"):
        assert as_path(id) == id


def test_ids_that_are_cut_stay_apart() -> None:
    ids = ["a" * 201, "a" * 202, "a/" * 1000 + "b", "a/" * 1000 + "c", "é" * 101]
    assert len({as_path(id) for id in ids}) == len(ids)


def test_a_folder_is_never_called_like_a_file(tmp_path: Path) -> None:
    given = [Document("a", "1"), Document("a.txt/b", "2"), Document("a.ann/b", "3")]
    write(given, tmp_path / "out", "brat")
    assert [(d.id, d.text) for d in read(tmp_path / "out")] == [("a", "1"), ("a%2Eann/b", "3"), ("a%2Etxt/b", "2")]


def test_two_documents_of_one_path(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        write([Document("a:", "one"), Document("a%3A", "two")], tmp_path / "out", "brat")
    what = "document 'a%3A' is to be called a%3A, and so is another (give each document an id of its own)"
    assert str(caught.value) == f"{tmp_path}/out: {what}"
    assert (tmp_path / "out" / "a%3A.txt").read_text() == "one"


def test_what_is_not_fitted_is_not_written_outside_either(tmp_path: Path) -> None:
    WRITERS.get("brat").write([Document("../a", "text")], tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


MANGLED = (
    b"T1\tX 0 6;7 10\tOcular and\nT2\tX 11 19\tauditory\nT3\tY 7 10\tand\nR1\tR Arg1:T1 Arg2:T2\nE1\tY:T3 Theme:T1\n"
    b"N1\tReference T1 MESH:D1\tx\n#1\tNote T1\tx\n*\tEquiv T1 T2\nM1\tNegation E1\nR2\tR Of:T2 To:T1\n"
)


@given(st.data(), st.booleans())
def test_mangled_annotations_raise_nothing_but_user_errors(data: st.DataObject, lenient: bool) -> None:
    start = data.draw(st.integers(0, len(MANGLED)))
    end = data.draw(st.integers(start, min(start + 20, len(MANGLED))))
    pieces = [b"-1", b"\t", b";", b"9" * 5000, b"T1", b"\n", b"E1", b"concept:", b"|", b" 0 1"]
    insert = data.draw(st.one_of(st.binary(max_size=4), st.sampled_from(pieces)))
    conf = data.draw(st.one_of(st.binary(max_size=40), st.just(b"[relations]\nR Of:X, To:X\n")))
    message = ""
    try:
        document = parse(MANGLED[:start] + insert + MANGLED[end:], lenient=lenient, conf=conf)
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
        ("T1\tX 0", "is no mention (write T1<TAB>TYPE START END<TAB>MENTION"),
        ("N1\tReference T0", "is no normalisation (write N1<TAB>Reference T1 SOURCE:ID<TAB>MENTION)"),
        ("T1 X 0 6 Ocular", "is no mention"),
        ("T1\tX 0-6\tOcular", "is no mention"),
        (f"T1\tX 0 {'9' * 5000}\tOcular", "is no mention"),
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
    document = parse("T1\tX 0 6\tocular\nR1\tBinds Arg1:T1 Arg2:T9\n", notices=notices, lenient=True)
    assert (len(document.entities), document.relations) == (1, ())
    assert [(notice.kind, notice.where) for notice in notices] == [("mismatch", "a/1.ann:1"), ("left out", "a/1.ann:2")]


def test_invalid_utf8_names_its_line() -> None:
    with pytest.raises(UserError, match=r"a/1\.txt:2: invalid UTF-8: byte 0xff at byte 3"):
        parse("", b"fine\nno\xff\n")
    with pytest.raises(UserError, match=r"a/1\.ann:1: invalid UTF-8"):
        parse(b"T1\tX 0 6\t\xff\n")
