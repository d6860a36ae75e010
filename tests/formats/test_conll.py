import io
from collections import Counter
from itertools import accumulate, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranat.documents import Document, Entity, Relation
from ranat.errors import UserError
from ranat.formats import READERS, WRITERS, Sample, read, write
from ranat.formats.source import Notice


def parse(text: str, notices: list[Notice] | None = None, **options: Any) -> list[Document]:
    return list(read(io.BytesIO(text.encode()), "some/train.tsv", "conll", notices=notices, **options))


def mentions(document: Document) -> list[tuple[str, str]]:
    return [(document.mention(entity), entity.type) for entity in document.entities]


def test_each_sentence_is_a_document_called_by_its_first_line() -> None:
    first, second = parse("\nHeart\tB-D\nfailure\tI-D\n.\tO\n\n\nNone\tO\n")
    assert (first.id, second.id) == ("train:2", "train:7")
    assert first.text == "Heart failure ."
    assert first.tokens == ((0, 5), (6, 13), (14, 15))
    assert first.sentences == ((0, 15),)
    assert mentions(first) == [("Heart failure", "D")]
    assert mentions(second) == []


def test_docstart_groups_sentences() -> None:
    text = "-DOCSTART- -X- -X- O\n\nEU NNP I-NP B-ORG\n\nruns VBZ O O\n\n-DOCSTART- -X- O O\n\nUN NNP I-NP B-ORG\n"
    first, second = parse(text)
    assert first.text == "EU\nruns"
    assert [first.text[slice(*span)] for span in first.sentences] == ["EU", "runs"]
    assert [mentions(document) for document in (first, second)] == [[("EU", "ORG")], [("UN", "ORG")]]


@pytest.mark.parametrize(
    "tags",
    [
        ["B-D", "I-D", "B-D", "O"],
        ["I-D", "I-D", "B-D", "O"],
        ["B-D", "E-D", "S-D", "O"],
        ["B-D", "L-D", "U-D", "O"],
        ["B-D", "E-D", "W-D", "O"],
    ],
    ids=["IOB2", "IOB1", "BIOES", "BILOU", "BMEWO"],
)
def test_every_scheme(tags: list[str]) -> None:
    notices: list[Notice] = []
    (document,) = parse("".join(f"w{i} {tag}\n" for i, tag in enumerate(tags)), notices)
    assert mentions(document) == [("w0 w1", "D"), ("w2", "D")]
    assert notices == []


def test_illegal_tags_are_repaired_and_counted() -> None:
    notices: list[Notice] = []
    documents = parse("a\tO\n\nb\tO\nc\tI-D\n\nd\tB-D\ne\tI-C\n\nf\tB-D\n", notices)
    assert [mentions(document) for document in documents[1:3]] == [[("c", "D")], [("d", "D"), ("e", "C")]]
    assert [(notice.kind, notice.count, notice.where) for notice in notices] == [("illegal tag", 2, "some/train.tsv:3")]


def test_of_io_it_is_told_that_neighbours_are_one() -> None:
    notices: list[Notice] = []
    (document,) = parse("a\tI-D\nb\tI-D\nc\tI-C\nd\tO\n", notices)
    assert mentions(document) == [("a b", "D"), ("c", "C")]
    what = "note: no tag says where a mention begins (IO): neighbours of one type are one mention"
    assert [str(notice) for notice in notices] == [f"some/train.tsv: {what}"]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (["B-D|B-O", "I-D", "O"], [("w0", "O"), ("w0 w1", "D")]),
        (["B-D|B-O", "I-D|O", "O|B-O"], [("w0", "O"), ("w0 w1", "D"), ("w2", "O")]),
        (["B-D|O", "I-D|B-D", "O|O"], [("w0 w1", "D"), ("w1", "D")]),
        (["S-O|B-D", "E-D", "S-O"], [("w0", "O"), ("w0 w1", "D"), ("w2", "O")]),
        (["B-a|b", "I-a|b", "O"], [("w0 w1", "a|b")]),
        (["B|B-D", "I", "O"], [("w0", "D"), ("w0 w1", "Entity")]),
    ],
)
def test_several_tags_of_a_word_are_nested_mentions(tags: list[str], expected: list[tuple[str, str]]) -> None:
    notices: list[Notice] = []
    (document,) = parse("".join(f"w{i}\t{tag}\n" for i, tag in enumerate(tags)), notices)
    assert mentions(document) == expected
    assert notices == []


def test_a_word_with_one_type_twice_where_others_have_fewer_tags() -> None:
    text = "a\tB-D|B-D\nb\tO\n"
    with pytest.raises(
        UserError, match=r"train\.tsv:1: the tag 'B-D\|B-D' has one type twice, of which the first is read"
    ):
        parse(text)
    (document,) = parse(text, lenient=True)
    assert mentions(document) == [("a", "D")]


def test_word_pieces_are_joined_and_told() -> None:
    notices: list[Notice] = []
    text = "na B-C\n##lox X\n##one B-C\nand O\nfe B-D\n##ver I-D\n##ish O\n## O\n\n##x O\nco B-D\n##ugh B-C\n"
    first, second = parse(text, notices)
    assert first.text == "naloxone and feverish ##"
    assert [first.text[slice(*span)] for span in first.tokens] == ["naloxone", "and", "feverish", "##"]
    assert mentions(first) == [("naloxone", "C"), ("fever", "D")]
    assert second.text == "##x cough"
    assert mentions(second) == [("co", "D"), ("ugh", "C")]
    told = "mended: 5 word pieces (##) joined to their words"
    assert [(str(notice), notice.count) for notice in notices] == [(f"some/train.tsv:2: {told}", 5)]


def test_tags_without_a_type() -> None:
    (document,) = parse("a\tB\nb\tI\nc\tO\n")
    assert mentions(document) == [("a b", "Entity")]


def table(*rows: str) -> str:
    """A file with tabs, of rows with spaces."""
    return "".join("\t".join(row.split()) + "\n" for row in rows)


TAGS_FIRST = table("B-Disease 0 5 Fever fever NN B-NP", "O 6 10 came come VBD B-VP")
LONG = [f"s{i // 50} {'AB'[i % 2]} w{i % 90} {'B-X' if i % 7 else 'O'}" for i in range(200)]


@pytest.mark.parametrize(
    ("text", "message", "remedy"),
    [
        (
            TAGS_FIRST,
            "column 1 (B-Disease, O) holds tags, not tokens; column 7 (B-NP, B-VP) holds phrases",
            "token=4,tag=1",
        ),
        (
            table("B-X Fever", "O came"),
            "column 1 (B-X, O) holds tags, not tokens; column 2 (Fever, came) holds no",
            "token=2,tag=1",
        ),
        (
            table("1 Fever B-X", "2 came O"),
            "column 1 (1, 2) holds numbers, not tokens; column 2 (Fever, came) l",
            "token=2,tag=3",
        ),
        (
            table("d1 Fever B-X", "d1 came O"),
            "column 1 (d1) holds one value alone, not tokens; column 2",
            "token=2,tag=3",
        ),
        (table(*LONG), "column 1 (s0, s1) holds few different values, not tokens; column 3 (w0, w1)", "token=3,tag=4"),
        (
            table(*(f"t{i} {row}" for i, row in enumerate(LONG))),
            "(t0, t1) holds another value in each line",
            "token=4,tag=5",
        ),
        (table("Fever B-X NN", "came O VB"), "column 3 (NN, VB) holds no tags", "token=1,tag=2"),
        (table("Fever B-X B-NP", "came O O"), "column 3 (B-NP, O) holds phrases, not entities", "token=1,tag=2"),
        (
            table("1 B-X", "2 O", "3 O"),
            "column 1 (1, 2) holds numbers, not tokens; column 2 (B-X, O) looks",
            "token=N,tag=2",
        ),
        (table("Fever NN", "came VB"), "no column holds tags; the first line is 'Fever NN'", "TOKEN<TAB>TAG"),
        ("Fever\ncame\n", "no column holds tags; the first line is 'Fever'", "TOKEN<TAB>TAG"),
    ],
)
@pytest.mark.parametrize("lenient", [False, True])
def test_columns_that_hold_something_else(text: str, message: str, remedy: str, lenient: bool) -> None:
    with pytest.raises(UserError) as caught:
        parse(text, lenient=lenient)
    assert caught.value.where == "some/train.tsv:1"
    assert message in caught.value.what
    assert remedy in str(caught.value.remedy)


def test_columns_that_the_user_names() -> None:
    notices: list[Notice] = []
    (document,) = parse(TAGS_FIRST, notices, columns={"token": "4", "tag": "1"})
    assert (document.text, mentions(document), notices) == ("Fever came", [("Fever", "Disease")], [])
    assert parse(table("1 B-X", "2 O", "3 O"), columns={"token": "1", "tag": "2"})[0].text == "1 2 3"
    named = table("a Mine w", "B-X 0 Fever", "O 1 came")
    (document,) = parse(named, notices, columns={"tag": "A", "token": "w"})
    assert (document.text, mentions(document)) == ("Fever came", [("Fever", "X")])
    assert [str(notice) for notice in notices] == [
        "some/train.tsv:1: note: is read as a header: column 3 has the tokens, 1 the tags"
    ]


def test_one_column_that_the_user_names() -> None:
    text = table("a Mine w", "Fever 0 B-X", "came 1 O")
    (document,) = parse(text, columns={"token": "a"})
    assert (document.text, mentions(document)) == ("Fever came", [("Fever", "X")])
    with pytest.raises(UserError, match="no line at the top has the columns 'a' and 'x'"):
        parse(text, columns={"token": "a", "tag": "x"})


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"token": "9"}, "some/train.tsv:1: there is no column 9 (most lines have 7 columns)"),
        ({"tag": "0"}, "some/train.tsv:1: there is no column 0"),
        ({"token": "9" * 5000}, "some/train.tsv:1: there is no column 99"),
        (
            {"tag": "ner"},
            "some/train.tsv:1: no line at the top has the columns 'ner' (name them there, or say them by number: token",
        ),
    ],
)
def test_columns_that_are_not_there(columns: dict[str, str], message: str) -> None:
    with pytest.raises(UserError) as caught:
        parse(TAGS_FIRST, columns=columns)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "header",
    [
        "word pos ner",
        "Tag NER token",
        "# global.columns = LEMMA TAG WORD",
        "# form\tx\tlabel",
        "-DOCSTART-\n\nword pos tag",
    ],
)
def test_a_header_names_the_columns(header: str) -> None:
    names = header.removeprefix("-DOCSTART-").replace("=", " ").lower().split()[-3:]
    cells = {name: "Fever" if name in ("word", "token", "form") else "NN" for name in names}
    tag = "ner" if "ner" in names else "label" if "label" in names else "tag"
    rows = [" ".join((cells | {tag: value})[name] for name in names) for value in ("B-X", "O", "O")]
    text = "\n".join([header, *rows, rows[1].replace("Fever", "came"), ""])
    notices: list[Notice] = []
    (document,) = parse(text, notices)
    assert (document.text, mentions(document)) == ("Fever Fever Fever came", [("Fever", "X")])
    assert [notice.kind for notice in notices] == ["note"]
    assert "is read as a header: column" in notices[0].what


def test_tags_in_another_column_are_told() -> None:
    notices: list[Notice] = []
    (document,) = parse(table("Fever B-X B-NP B-Y O", "came O O O O"), notices, columns={"tag": "4"})
    assert mentions(document) == [("Fever", "Y")]
    assert [str(notice) for notice in notices] == [
        "some/train.tsv: left out: column 2 (B-X, O) holds tags, too; --columns tag=2 reads it"
    ]


def test_offsets_beside_the_tokens_are_passed_over() -> None:
    (document,) = parse(table("Fever 0 5 B-Disease", "came 6 10 O"))
    assert (document.text, mentions(document)) == ("Fever came", [("Fever", "Disease")])


def test_columns_may_be_aligned_by_spaces() -> None:
    (document,) = parse("-DOCSTART-  -X-   O  \n\nFever      NN    B-Disease \ncame       VBD   O\t\n")
    assert (document.text, mentions(document)) == ("Fever came", [("Fever", "Disease")])


def test_a_comment_that_ends_like_a_tag_is_one() -> None:
    (document,) = parse("# text = A vitamin B\nA\tO\nvitamin\tB-X\nB\tI-X\n")
    assert document.text == "A vitamin B"


def test_where_the_sample_ends_changes_nothing() -> None:
    """What is recognised by its beginning is so at any length of it."""
    block = "Fever\tB-D\ncame\tO\nand\tO\nwent\tO\n\n"
    for extra in range(40):
        data = (f"w{'x' * extra}\tO\n" + block * 4000).encode()
        documents = read(io.BytesIO(data), "train.txt")
        assert mentions(next(documents)) == [("Fever", "D")]


def test_a_bad_line_does_not_make_a_file_unknown() -> None:
    text = "Fever\tB-D\ncame\tO\n\n" * 20 + "lonely\n"
    with pytest.raises(UserError, match=r"train\.txt:61: 'lonely' is not a token and a tag"):
        list(read(io.BytesIO(text.encode()), "train.txt"))


@pytest.mark.parametrize("text", ["The cat sat.\nOn the mat.\n", "O\nO\nO\n", "a,B-X\nb,O\n", "a b\nc d\n"])
def test_what_is_no_file_of_words(text: str) -> None:
    assert not READERS.get("conll").sure(Sample("", text))


def test_comments_are_counted_but_a_hash_may_be_a_token() -> None:
    notices: list[Notice] = []
    documents = parse("# id = 1\n#\tO\n# B-D\n", notices)
    assert [document.text for document in documents] == ["# #"]
    assert [(notice.kind, notice.count) for notice in notices] == [("left out", 1)]


@pytest.mark.parametrize(
    ("line", "done", "left"),
    [
        ("token", "", ["fine", "too"]),
        ("token\t", "", ["fine", "too"]),
        ("\tO", "", ["fine", "too"]),
        ("token\tX-D", "; its tag is read as O", ["fine", "token", "too"]),
        ("token\tB-", "; its tag is read as O", ["fine", "token", "too"]),
        ("a b c", "; its tag is read as O", ["fine", "a", "too"]),
    ],
)
def test_a_malformed_line(line: str, done: str, left: list[str]) -> None:
    text = f"fine\tO\n{line}\ntoo\tB-D\n"
    with pytest.raises(UserError, match=r"some/train\.tsv:2: .* is not a token and a tag.* \(write TOKEN<TAB>TAG"):
        parse(text)
    notices: list[Notice] = []
    (document,) = parse(text, notices, lenient=True)
    assert [document.text[slice(*span)] for span in document.tokens] == left
    assert mentions(document) == [("too", "D")]
    kind = "mended" if done else "left out"
    assert [str(notice) for notice in notices] == [f"some/train.tsv:2: {kind}: {line!r} is not a token and a tag{done}"]


WORD = st.text(st.characters(codec="utf-8", exclude_characters=" \t\n\r#\ufeff"), min_size=1, max_size=5).filter(
    str.strip
)


@given(st.lists(st.lists(WORD, min_size=1, max_size=5), min_size=1, max_size=4))
def test_any_token_is_kept_as_it_is(sentences: list[list[str]]) -> None:
    text = "\n".join("".join(f"{word}\tO\n" for word in words) for words in sentences)
    documents = parse(text, columns={"token": "1", "tag": "2"})
    assert [[d.text[slice(*span)] for span in d.tokens] for d in documents] == sentences


def test_a_token_may_hold_a_line_separator() -> None:
    (document,) = read(io.BytesIO("a\u2028b\tO\nc\tB-D\n".encode()), "train")
    assert [document.text[slice(*span)] for span in document.tokens] == ["a\u2028b", "c"]


def test_a_document_that_cannot_be_read_fails_alone() -> None:
    text = "a\tO\n\nb\tO\nc\n\nd\tB-X\n\n\xe9\tO\n\nf\tI-X\n"
    errors: list[UserError] = []
    notices: list[Notice] = []
    data = io.BytesIO(text.encode("latin-1"))
    documents = list(read(data, "a.tsv", "conll", failed=errors.append, notices=notices))
    assert [document.text for document in documents] == ["a", "d", "f"]
    assert [error.where for error in errors] == ["a.tsv:4", "a.tsv:8"]
    assert [(notice.kind, notice.where) for notice in notices] == [("illegal tag", "a.tsv:10")]


def test_a_long_file_is_read_piece_by_piece() -> None:
    """The scheme is told by the beginning, repairs are counted to the end."""
    notices: list[Notice] = []
    stream = io.BytesIO(b"".join(b"a\tI-X\nb\tB-X\n\n" if i < 5000 else b"a\tB-X\nb\tE-X\n\n" for i in range(10_000)))
    documents = read(stream, "a", "conll", notices=notices)
    assert mentions(next(documents)) == [("a", "X"), ("b", "X")]
    assert stream.tell() < len(stream.getvalue())
    assert sum(1 for _ in documents) == 9_999
    assert notices == []
    notices.clear()
    data = b"a\tB-X\n\nb\tO\n\n" * 5000 + b"a\tI-X\n\n" * 7
    assert sum(1 for _ in read(io.BytesIO(data), "a", "conll", notices=notices)) == 10_007
    assert [(notice.count, notice.where) for notice in notices] == [(7, "a:20001")]


TEXT = 'Ocular  toxicity of (b)-x. It is so.\n\nNothing\there: "none".\n'


def test_what_is_written(tmp_path: Path) -> None:
    marked = (Entity("T1", "Disease type", ((0, 16),)), Entity("T2", "Chemical", ((20, 25),)))
    assert write([Document('"1"', TEXT[:26], marked), Document("2", "")], tmp_path / "a.conll", "conll") == {
        "exact spellings of names": 1
    }
    assert (tmp_path / "a.conll").read_bytes().decode() == (
        '-DOCSTART-\t{"id": "\\"1\\"", "text": "Ocular  toxicity of (b)-x."}\tO\n\n'
        "Ocular\tB-Disease_type\ntoxicity\tI-Disease_type\nof\tO\n(\tB-Chemical\nb\tI-Chemical\n)\tI-Chemical\n"
        "-\tI-Chemical\nx\tI-Chemical\n.\tO\n\n"
        '-DOCSTART-\t{"id": "2", "text": ""}\tO\n\n'
    )
    documents = list(read(tmp_path / "a.conll"))
    assert [(document.id, document.text) for document in documents] == [('"1"', TEXT[:26]), ("2", "")]
    assert mentions(documents[0]) == [("Ocular  toxicity", "Disease_type"), ("(b)-x", "Chemical")]
    others = list(read(io.BytesIO((tmp_path / "a.conll").read_bytes().replace(b'\t{"id"', b"\t[")), "x"))
    assert [document.text for document in others] == ["Ocular toxicity of ( b ) - x ."]  # as others see it


def test_a_type_that_reads_as_several_tags_is_spelled_otherwise(tmp_path: Path) -> None:
    kinds = ("X|B-Y", "X|O", "X|Y", "X|B-", "|I-Y|O")
    given_ = [Document(kind, "ab", (Entity("T1", kind, ((0, 2),)),)) for kind in kinds]
    assert write(given_, tmp_path / "a.conll", "conll") == {"exact spellings of names": 4}
    found = [entity.type for document in read(tmp_path / "a.conll") for entity in document.entities]
    assert found == ["X_B-Y", "X_O", "X|Y", "X_B-", "_I-Y_O"]


def fit(document: Document) -> tuple[Document, Counter[str]]:
    lost = Counter[str]()
    return WRITERS.get("conll").fit(document, lost), +lost


def test_what_tags_cannot_hold_is_counted() -> None:
    marked = (
        Entity("T1", "X", ((0, 6), (20, 25)), "D1", 0.5),
        Entity("T2", "X", ((0, 16),)),
        Entity("T3", "X", ((8, 19),)),
        Entity("T4", "Y", ((8, 19),)),
        Entity("T5", "Y", ((26, 27),)),
        Entity("T6", "Y", ((26, 29),)),
        Entity("T7", "Y", ((0, 6),)),
    )
    found, lost = fit(Document("1", TEXT, marked, (Relation("r", "T1", "T2"), Relation("r", "D1", "D1"))))
    assert lost == {
        "relations": 2,
        "concepts of mentions": 1,
        "scores": 1,
        "discontinuous mentions": 1,
        "mentions of white space": 1,
        "white space around mentions": 1,
        "nested or overlapping mentions": 3,
        "ids of mentions": 2,
    }
    assert mentions(found) == [("Ocular  toxicity", "X"), ("It", "Y")]


def words(document: Document) -> list[list[str]]:
    return [
        [document.text[a:b] for a, b in document.tokens if start <= a and b <= end] for start, end in document.sentences
    ]


def test_words_and_sentences_are_found_where_there_are_none() -> None:
    assert words(fit(Document("1", TEXT))[0]) == [
        ["Ocular", "toxicity", "of", "(", "b", ")", "-", "x", "."],
        ["It", "is", "so", "."],
        ["Nothing", "here", ":", '"', "none", '"', "."],
    ]


def test_its_own_words_and_sentences_are_kept_but_never_cut_a_mention() -> None:
    text = "a-b c. D e-f."
    tokens = ((0, 3), (4, 5), (5, 6), (7, 8), (9, 12), (12, 13))
    own = Document("1", text, (), (), ((0, 6), (7, 13)), tokens)
    assert fit(own) == (own, {})
    cut = Document("1", text, (Entity("T1", "X", ((2, 10),)),), (), own.sentences, tokens)
    assert words(fit(cut)[0]) == [["a-", "b", "c", ".", "D", "e", "-f", "."]]
    assert [word for sentence in words(fit(Document("1", text, tokens=tokens[1:]))[0]) for word in sentence] == [
        *"a-bc.De-f."
    ]


@pytest.mark.parametrize("tokens", [((0, 3),), ((0, 1), (2, 3), (1, 2)), ((0, 2), (1, 3)), ((0, 4), (4, 5)), ((0, 0),)])
def test_words_that_are_not_the_text_are_not_taken(tokens: tuple[tuple[int, int], ...]) -> None:
    assert words(fit(Document("1", "a-b c", tokens=tokens))[0]) == [["a", "-", "b", "c"]]


def test_what_stands_between_documents_is_no_word() -> None:
    text = "x-DOCSTART- -DOCSTART-"
    document = Document("1", text, (Entity("T1", "X", ((0, 1),)),), (), (), ((0, 11), (12, 22)))
    assert words(fit(document)[0]) == [["x", "-", "DOCSTART", "-", "-", "DOCSTART", "-"]]


PIECE = st.sampled_from(
    ["a", "b-c", "-DOCSTART-", "#", " ", "\n", "\r\n", "\t", ". B", "\u2028", "\x85", "\0", "\ufeff", "𝛼\u0301"]
)


@st.composite
def tagged(draw: st.DrawFn) -> Document:
    pieces = draw(st.lists(PIECE, max_size=20))
    text = "".join(pieces)
    cuts = [0, *accumulate(map(len, pieces))]
    offsets = st.integers(0, len(text))
    pairs = st.lists(st.tuples(offsets, offsets).map(sorted).filter(lambda pair: pair[0] < pair[1]), max_size=5)
    marked = sorted((start, end) for start, end in draw(pairs)) if text else []
    tokens = [(a, b) for a, b in pairwise(cuts) if draw(st.integers(0, 9)) and text[a:b].strip()]
    sentences = [(a, b) for a, b in draw(pairs)] if text else []
    return Document(
        "1",
        text,
        tuple(Entity(f"T{i}", "X", (span,)) for i, span in enumerate(marked, 1)),
        sentences=tuple(sentences),
        tokens=tuple(tokens) if draw(st.booleans()) else (),
    )


@given(st.lists(tagged(), min_size=1, max_size=3))
def test_what_is_written_is_read_back_equal(documents: list[Document]) -> None:
    fitted = [fit(document)[0] for document in documents]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.conll"
        write([Document(str(i), *as_parts(d)) for i, d in enumerate(documents)], path, "conll")
        found = list(read(path))
    assert [as_parts(document) for document in found] == [as_parts(document) for document in fitted]
    for before, after in zip(documents, fitted, strict=True):
        assert fit(after) == (after, {})
        assert "".join(word for sentence in words(after) for word in sentence) == "".join(before.text.split())
        if not fit(before)[1]:
            assert after.entities == before.entities


def as_parts(d: Document) -> tuple[object, ...]:
    return d.text, d.entities, d.relations, d.sentences, d.tokens


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ('{"id": "1"}', "a:1: after -DOCSTART-: 'text' is missing"),
        ('{"id": 1, "text": "a b"}', "a:1: after -DOCSTART-: 'id' must be a string"),
        ('{"id": "1", "text": "a', "a:1: after -DOCSTART-: not JSON: "),
        ("{" + '"a": [' * 100_000, "a:1: after -DOCSTART-: not JSON"),
        ('{"id": "1", "text": "b a"}', "a:4: 'b' is not in the document's text after the tokens before it (mend the"),
    ],
)
def test_a_stated_document_that_is_wrong(stated: str, message: str) -> None:
    data = f'-DOCSTART-\t{stated}\tO\n\na\tO\nb\tO\n\n-DOCSTART-\t{{"id": "2", "text": "c"}}\tO\n\nc\tO\n'.encode()
    with pytest.raises(UserError) as caught:
        list(read(io.BytesIO(data), "a"))
    assert str(caught.value).startswith(message)
    errors: list[UserError] = []
    (document,) = read(io.BytesIO(data), "a", failed=errors.append)
    assert (document.id, document.text, len(errors)) == ("2", "c", 1)


MANGLED = [
    TAGS_FIRST.encode(),
    b"word pos ner\nna NN B-D|B-C\n##lox NN X\n##one NN I-D\n\n# text = x I\nand CC O\n",
    b'-DOCSTART-\t{"id": "1", "text": "a b"}\tO\n\na\tB-X\nb\tL-X\n\n-DOCSTART- -X- O\n\nc\tU-X\n',
]


@given(st.data(), st.sampled_from(MANGLED), st.sampled_from([{}, {"tag": "1"}, {"token": "word", "tag": "3"}]))
def test_a_mangled_file_raises_nothing_but_user_errors(
    data: st.DataObject, sample: bytes, columns: dict[str, str]
) -> None:
    start = data.draw(st.integers(0, len(sample)))
    end = data.draw(st.integers(start, min(start + 20, len(sample))))
    pieces = [b"\t", b" ", b"\n\n", b"B-X", b"|B-", b"##", b"-DOCSTART-", b"#", b"{", b"O", b"X", b"\r"]
    insert = data.draw(st.one_of(st.binary(max_size=4), st.lists(st.sampled_from(pieces), max_size=4).map(b"".join)))
    mangled = sample[:start] + insert + sample[end:]
    for lenient in (False, True):
        message, documents = "", []
        try:
            documents = list(read(io.BytesIO(mangled), "a", "conll", lenient=lenient, columns=columns))
        except UserError as error:
            message = str(error)
        assert documents or message.startswith("a")
        assert "\n" not in message
        assert all(start < end <= len(d.text) for d in documents for start, end in d.tokens)
        assert not any("|B-" in entity.type for d in documents for entity in d.entities if columns == {})
