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
from ranat.formats.notice import Notice


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
        "mentions with white space around them": 1,
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
        ('{"id": "1", "text": "b a"}', "a:3: 'a' is not the token that comes next in the document's text (mend the"),
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
    b"B-Disease\t0\t5\tFever\tfever\tNN\tB-NP\nO\t6\t10\tcame\tcome\tVBD\tB-VP\n\n",
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
