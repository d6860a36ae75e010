import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranat.documents import Document
from ranat.errors import UserError
from ranat.formats import READERS, Sample, read, recognise
from ranat.formats.notice import Notice


def row(number: str, form: str, misc: str = "_") -> str:
    return "\t".join([number, form, *"______0", misc]) + "\n"


def parse(text: str, notices: list[Notice] | None = None, **options: Any) -> list[Document]:
    return list(read(io.BytesIO(text.encode()), "some/dev.conllu", notices=notices, **options))


def mentions(document: Document) -> list[tuple[str, str]]:
    return [(document.mention(entity), entity.type) for entity in document.entities]


def words(document: Document) -> list[str]:
    return [document.text[start:end] for start, end in document.tokens]


SENTENCE = (
    "# sent_id = s1\n# text = Naloxone doesn't  help lung cancer.\n"
    + row("1", "Naloxone", "NER=S-Chemical")
    + row("2-3", "doesn't")
    + row("2", "does")
    + row("3", "n't")
    + row("4", "help")
    + row("4.1", "against")
    + row("5", "lung", "Gloss=x|NER=B-Disease")
    + row("6", "cancer", "NER=E-Disease|SpaceAfter=No")
    + row("7", ".", "NER=O")
)


def test_a_sentence_is_a_document_of_its_own_text() -> None:
    notices: list[Notice] = []
    first, second = parse(SENTENCE + "\n" + row("1", "Help", "SpaceAfter=No") + row("2", "!") + "\n", notices)
    assert (first.id, first.text) == ("s1", "Naloxone doesn't  help lung cancer.")
    assert mentions(first) == [("Naloxone", "Chemical"), ("lung cancer", "Disease")]
    assert words(first) == ["Naloxone", "doesn't", "help", "lung", "cancer", "."]
    assert (second.id, second.text, words(second)) == ("dev:13", "Help!", ["Help", "!"])
    assert [str(notice) for notice in notices] == ["some/dev.conllu: left out: 1 empty node (such as 8.1)"]


def test_sentences_of_a_document_stay_together() -> None:
    one = "# sent_id = 1\n" + row("1", "Fever", "B-X") + "\n"
    text = f"{one}# newdoc id = d1\n{one}{one}# newdoc\n# newpar\n{one}{one}"
    documents = parse(text)
    assert [(d.id, d.text, len(d.sentences)) for d in documents] == [
        ("1", "Fever", 1),
        ("d1", "Fever\nFever", 2),
        ("dev:14", "Fever\nFever", 2),
    ]
    assert [[document.text[slice(*span)] for span in document.sentences] for document in documents[1:]] == [
        ["Fever", "Fever"]
    ] * 2


@pytest.mark.parametrize(
    ("rows", "expected", "tokens"),
    [
        # The parts of what is written stand in it, one after the other.
        ([("1-2", "doesn't", "_"), ("1", "does", "NER=B-X"), ("2", "n't", "_")], [("does", "X")], ["does", "n't"]),
        # They do not.
        ([("1-2", "du", "_"), ("1", "de", "_"), ("2", "le", "NER=B-X")], [("du", "X")], ["du"]),
        ([("1-2", "du", "_"), ("1", "de", "NER=B-X"), ("2", "le", "NER=B-Y")], [("du", "X"), ("du", "Y")], ["du"]),
        ([("1-2", "du", "_"), ("1", "de", "NER=B-X"), ("2", "le", "NER=I-X")], [("du", "X")], ["du"]),
        # The tag is that of what is written.
        ([("1-2", "du", "NER=B-X"), ("1", "de", "_"), ("2", "le", "_")], [("du", "X")], ["du"]),
        # Numbers that are there twice are no parts.
        ([("1", "a", "NER=B-X"), ("1", "b", "NER=B-X")], [("a", "X"), ("b", "X")], ["a", "b"]),
    ],
)
def test_words_that_are_written_as_one(
    rows: list[tuple[str, str, str]], expected: list[tuple[str, str]], tokens: list[str]
) -> None:
    (document,) = parse("".join(row(*cells) for cells in [*rows, ("3", "end", "_")]))
    assert mentions(document) == expected
    assert words(document) == [*tokens, "end"]


@pytest.mark.parametrize("misc", ["NER=B-X", "Entity=B-X", "ner=U-X|x=y", "Gloss=a|B-X", "B-X"])
def test_where_the_tag_may_stand(misc: str) -> None:
    (document,) = parse(row("1", "Fever", misc))
    assert mentions(document) == [("Fever", "X")]


def test_what_is_told() -> None:
    notices: list[Notice] = []
    assert mentions(parse(row("1", "Fever", "Entity=(e1-person-1") + row("2", "came"), notices)[0]) == []
    assert [str(notice) for notice in notices] == [
        "some/dev.conllu: left out: 1 mark in the last column, no tags such as NER=B-Disease",
        "some/dev.conllu: note: no word has a tag such as NER=B-Disease in its last column",
    ]


@pytest.mark.parametrize(
    ("text", "message", "left"),
    [
        (row("1", "a") + "2\tb\n" + row("3", "c"), "dev.conllu:2: '2\\tb' is no line of CoNLL-U", "a c"),
        (row("1", "a") + row("x", "b") + row("3", "c"), "is no line of CoNLL-U (write ten columns with tabs", "a c"),
        (
            "# text = a d c\n" + row("1", "a") + row("2", "b") + row("3", "c"),
            "dev.conllu:3: 'b' is not the word",
            "a b c",
        ),
        ("# text = b a\n" + row("1", "a") + row("2", "b"), "dev.conllu:2: 'a' is not the word that comes next", "a b"),
    ],
)
def test_a_malformed_line(text: str, message: str, left: str) -> None:
    with pytest.raises(UserError) as caught:
        parse(text)
    assert message in str(caught.value)
    notices: list[Notice] = []
    (document,) = parse(text, notices, lenient=True)
    assert document.text == left
    assert [notice.is_error for notice in notices] == [True, False]


def test_a_sentence_without_a_readable_word_fails_alone() -> None:
    text = row("1", "a") + "\nx\n\n" + row("1", "b")
    errors: list[UserError] = []
    assert [document.text for document in parse(text, failed=errors.append)] == ["a", "b"]
    assert [error.where for error in errors] == ["some/dev.conllu:3"]


def test_it_is_recognised_whatever_it_is_called(tmp_path: Path) -> None:
    for text in (SENTENCE, row("1", "Fever", "B-X"), SENTENCE.replace("\n", "\r\n")):
        assert recognise(io.BytesIO(text.encode()), "train.txt") == "conllu"
    assert not READERS.get("conllu").sure(Sample("", "1\tFever\tB-X\n"))
    assert not READERS.get("conllu").sure(Sample("", "# sent_id = 1\n"))


FORM = st.text(st.characters(codec="utf-8", exclude_characters="\t\n\r"), min_size=1, max_size=5)


@given(st.lists(st.tuples(FORM.filter(str.strip), st.booleans()), min_size=1, max_size=6))
def test_any_word_is_kept_as_it_is(given_: list[tuple[str, bool]]) -> None:
    rows = [row(str(i), form, "_" if spaced else "SpaceAfter=No") for i, (form, spaced) in enumerate(given_, 1)]
    (document,) = parse("".join(rows))
    assert words(document) == [form for form, _ in given_]
    joined = "".join(form + " " * spaced for form, spaced in given_)
    assert document.text == (joined[:-1] if given_[-1][1] else joined)


@given(st.data())
def test_a_mangled_file_raises_nothing_but_user_errors(data: st.DataObject) -> None:
    sample = f"# newdoc id = d\n{SENTENCE}\n{SENTENCE}".encode()
    start = data.draw(st.integers(0, len(sample)))
    end = data.draw(st.integers(start, min(start + 30, len(sample))))
    insert = data.draw(st.one_of(st.binary(max_size=4), st.sampled_from([b"\t", b"\n\n", b"1-9", b"9" * 5000, b"|"])))
    mangled = sample[:start] + insert + sample[end:]
    for lenient in (False, True):
        message, documents = "", []
        try:
            documents = list(read(io.BytesIO(mangled), "a", "conllu", lenient=lenient))
        except UserError as error:
            message = str(error)
        assert documents or message.startswith("a:")
        assert "\n" not in message
        assert all(start < end <= len(d.text) for d in documents for start, end in d.tokens)
