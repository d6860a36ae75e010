import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranat.documents import Document
from ranat.documents.formats import read
from ranat.documents.source import Notice
from ranat.errors import UserError


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
    assert [(notice.kind, notice.count, notice.where) for notice in notices] == [("repaired", 2, "some/train.tsv:3")]


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
