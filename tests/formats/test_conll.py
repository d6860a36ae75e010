import io
from collections import Counter
from itertools import accumulate, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranat.documents import Document, Entity, Relation
from ranat.errors import UserError
from ranat.formats import WRITERS, read, write
from ranat.formats.source import Notice


def parse(text: str, notices: list[Notice] | None = None) -> list[Document]:
    return list(read(io.BytesIO(text.encode()), "some/train.tsv", "conll", notices=notices))


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
    [["B-D", "I-D", "B-D", "O"], ["I-D", "I-D", "B-D", "O"], ["B-D", "E-D", "S-D", "O"]],
    ids=["IOB2", "IOB1", "BIOES"],
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


def test_tags_without_a_type() -> None:
    (document,) = parse("a\tB\nb\tI\nc\tO\n")
    assert mentions(document) == [("a b", "Entity")]


def test_comments_are_counted_but_a_hash_may_be_a_token() -> None:
    notices: list[Notice] = []
    documents = parse("# id = 1\n#\tO\n# B-D\n", notices)
    assert [document.text for document in documents] == ["# #"]
    assert [(notice.kind, notice.count) for notice in notices] == [("left out", 1)]


@pytest.mark.parametrize("line", ["token", "token\t", "\tO", "token\tX-D", "token\tB-", "a b c"])
def test_a_malformed_line(line: str) -> None:
    with pytest.raises(UserError, match=r"some/train\.tsv:2: .* is not a token and a tag \(write TOKEN<TAB>TAG"):
        parse(f"fine\tO\n{line}\n")


WORD = st.text(st.characters(codec="utf-8", exclude_characters="\t\n\r#"), min_size=1, max_size=5).filter(str.strip)


@given(st.lists(st.lists(WORD, min_size=1, max_size=5), min_size=1, max_size=4))
def test_any_token_is_kept_as_it_is(sentences: list[list[str]]) -> None:
    documents = parse("\n".join("".join(f"{word}\tO\n" for word in words) for words in sentences))
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
    data = b"a\tB-X\n\n" * 5000 + b"a\tI-X\n\n" * 7
    assert sum(1 for _ in read(io.BytesIO(data), "a", "conll", notices=notices)) == 5007
    assert [(notice.count, notice.where) for notice in notices] == [(7, "a:10001")]


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
