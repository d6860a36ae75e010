import io
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranat.documents import Document, Entity, Relation
from ranat.errors import UserError
from ranat.formats import WRITERS, brat, read, write
from ranat.formats.fitting.spelling import as_path
from ranat.formats.source import Notice, Reading

TEXT = "Ocular and auditory toxicity\nof 𝛼-x.\n"


def parse(
    ann: str | bytes, text: str | bytes = TEXT, notices: list[Notice] | None = None, *, lenient: bool = False
) -> Document:
    files: dict[str, Callable[[], IO[bytes]]] = {
        path: partial(io.BytesIO, data.encode() if isinstance(data, str) else data)
        for path, data in (("1.txt", text), ("1.ann", ann))
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


def test_what_is_written(tmp_path: Path) -> None:
    marked = (
        Entity("b", "Fine type", ((19, 32),), "D1", 0.5),
        Entity("a", "Disease", ((0, 6), (20, 28)), None, 0.5),
        Entity("c", "", ((0, 6),)),
    )
    relations = (Relation("a b", "a", "b"), Relation("CPR:4", "c", "b"), Relation("r", "D1", "D1"))
    assert write([Document("deep/1:2", TEXT, marked, relations)], tmp_path / "out", "brat") == {
        "concepts of mentions": 1,
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
        "T3\tFine_type 19 32\t toxicity of \nR1\ta_b Arg1:T2 Arg2:T3\nR2\tCPR:4 Arg1:T1 Arg2:T3\n",
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
        ("T1\tX 0 6", "is no mention (write T1<TAB>TYPE START END<TAB>MENTION"),
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


def test_other_files_in_the_folder_are_told(tmp_path: Path) -> None:
    write([Document("1", "ab"), Document("deep/1", "ab")], tmp_path / "out", "brat")
    (tmp_path / "out" / ".git").mkdir()
    for other in ("a.xml", "deep/b.jsonl", "annotation.conf", ".hidden", ".git/HEAD"):
        (tmp_path / "out" / other).write_text("")
    notices: list[Notice] = []
    assert [document.id for document in read(tmp_path / "out", notices=notices)] == ["1", "deep/1"]
    what = "left out: 2 files that are neither .txt nor .ann, in a folder read as BRAT's: a.xml, deep/b.jsonl"
    assert [(notice.kind, str(notice), notice.count) for notice in notices] == [
        ("left out", f"{tmp_path / 'out'}: {what}", 2)
    ]


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


def test_a_document_that_cannot_be_read_fails_alone(tmp_path: Path) -> None:
    write([Document(id, "ab") for id in "12345"], tmp_path / "out", "brat")
    (tmp_path / "out" / "1.txt").unlink()
    (tmp_path / "out" / "2.ann").unlink()
    (tmp_path / "out" / "3.ann").write_text("some prose")
    (tmp_path / "out" / "4.txt").write_bytes(b"a\n\xff")
    errors: list[UserError] = []
    assert [document.id for document in read(tmp_path / "out", failed=errors.append)] == ["5"]
    assert [f"{error.where}: {error.what}".removeprefix(f"{tmp_path}/out/") for error in errors] == [
        "1.ann: there is no 1.txt with it",
        "2.txt: there is no 2.ann with it",
        "3.ann:1: 'some prose' is no annotation of BRAT's",
        "4.txt:2: invalid UTF-8: byte 0xff at byte 1 of the line",
    ]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "1.txt").symlink_to("/proc/self/mem")
    (tmp_path / "1.ann").write_text("")
    with pytest.raises(UserError, match=r"1\.txt: cannot read"):
        list(read(tmp_path))
