import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranat.documents import Document, Entity, Relation
from ranat.documents.pairs import PairTypes, candidates, dummified
from ranat.errors import UserError
from ranat.formats import read, recognise
from ranat.formats.instances import pair_types
from ranat.formats.notice import Notice


def parse(text: str, notices: list[Notice] | None = None) -> list[Document]:
    return list(read(io.BytesIO(text.encode()), "some/train.tsv", notices=notices))


def blurb(text: str, label: str = "X") -> Document:
    (document,) = parse(f"1\t{text}\t{label}\n")
    return document


def scibert(*lines: object, notices: list[Notice] | None = None) -> list[Document]:
    return parse("".join(f"{json.dumps(line)}\n" for line in lines), notices)


def mentions(document: Document) -> list[tuple[str, str]]:
    return [(document.mention(entity), entity.type) for entity in document.entities]


def ends(document: Document) -> list[tuple[str, str, str]]:
    types = {entity.id: entity.type for entity in document.entities}
    return [(types[r.head], r.type, types[r.tail]) for r in document.relations]


def test_dummies() -> None:
    assert blurb("So @GENE$ binds @CHEMICAL$. Or not.", "CPR:4") == Document(
        "1",
        "So @GENE$ binds @CHEMICAL$. Or not.",
        (Entity("T1", "GENE", ((3, 9),)), Entity("T2", "CHEMICAL", ((16, 27 - 1),))),
        (Relation("CPR:4", "T2", "T1"),),
        sentences=((0, 35),),
    )


@pytest.mark.parametrize(
    ("text", "types"),
    [
        ("in @CHEM-GENE$.", ["CHEMICAL", "GENE"]),
        ("in @DRUG-DRUG$.", ["DRUG", "DRUG"]),
        ("in @GENE-DISEASE$.", ["GENE", "DISEASE"]),
    ],
)
def test_one_dummy_for_two_mentions_that_overlap(text: str, types: list[str]) -> None:
    document = blurb(text)
    assert [entity.type for entity in document.entities] == types
    assert {document.mention(entity) for entity in document.entities} == {text[3:-1]}


@pytest.mark.parametrize(
    ("text", "head", "tail"),
    [
        ("@CHEMICAL$ @GENE$", "CHEMICAL", "GENE"),
        ("@GENE$ @CHEMICAL$", "CHEMICAL", "GENE"),
        ("@GENE$ @DISEASE$", "DISEASE", "GENE"),
        ("@CELL-LINE$ @GENE$", "CELL-LINE", "GENE"),
    ],
)
def test_the_head_has_the_type_that_comes_first(text: str, head: str, tail: str) -> None:
    assert ends(blurb(text)) == [(head, "X", tail)]


def test_of_two_alike_the_first_in_the_text_is_the_head() -> None:
    for text in ("@DRUG$ and @DRUG$", "@DRUG-DRUG$"):
        assert [(relation.head, relation.tail) for relation in blurb(text).relations] == [("T1", "T2")]


@pytest.mark.parametrize("label", ["false", "False", "DDI-false", "0", "NONE", "no", "negative", "no_relation"])
def test_labels_that_say_there_is_none(label: str) -> None:
    assert blurb("@DRUG$ @DRUG$", label).relations == ()


@pytest.mark.parametrize("label", ["CPR:4", "DDI-effect", "1", "NOT", "true", "falsehood", "norelation"])
def test_labels_keep_their_names(label: str) -> None:
    assert [relation.type for relation in blurb("@DRUG$ @DRUG$", label).relations] == [label]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("index\tsentence\tlabel\n0\t@GENE$ @DISEASE$\t1\n\n1\t@GENE$ @DISEASE$\t0\n", ["0", "1"]),
        ("@GENE$ @DISEASE$\t1\n@GENE$ @DISEASE$\t0\n", ["train:1", "train:2"]),
        ("sentence\tlabel\n@GENE$ @DISEASE$\t1\n@GENE$ @DISEASE$\t0\n", ["train:2", "train:3"]),
    ],
)
def test_with_and_without_header_and_id(text: str, ids: list[str]) -> None:
    documents = parse(text)
    assert [document.id for document in documents] == ids
    assert [len(document.relations) for document in documents] == [1, 0]


def test_markers_are_taken_out_with_their_spaces() -> None:
    notices: list[Notice] = []
    (document,) = scibert(
        {"text": "An << Ang II >>-like [[[ Val ]]] >> x.", "label": "X-Y", "metadata": [], "cpr": "3"}, notices=notices
    )
    assert document == Document(
        "train:1",
        "An Ang II-like [Val] >> x.",
        (Entity("T1", "E1", ((3, 9),)), Entity("T2", "E2", ((16, 19),))),
        (Relation("X-Y", "T1", "T2"),),
        sentences=((0, 26),),
    )
    assert [(notice.kind, notice.what) for notice in notices] == [("left out", "the key 'cpr' is not read (1 times)")]


def test_the_other_marker_may_come_first() -> None:
    (document,) = scibert({"text": "[[ a ]] << b >>", "label": "X"})
    assert mentions(document) == [("a", "E2"), ("b", "E1")]
    assert ends(document) == [("E1", "X", "E2")]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("2\tonly @GENE$ here\tX", "1 dummies that are not a pair in 'only @GENE$ here' (write two such as @CHEMICAL$"),
        ("2\tnone\tX", "0 dummies that are not a pair"),
        ("2\t@A$ @B$ @C$\tX", "3 dummies that are not a pair"),
        ("2\t@A-B-C$\tX", "1 dummies that are not a pair"),
        ("2\t@-A$\tX", "0 dummies that are not a pair"),
        ("2\t@A-$\tX", "1 dummies that are not a pair"),
        ("2\t@A$\t@B$\tX", "4 columns, not two or three (write ID, sentence, label or"),
        ("@A$ @B$", "1 column, not two or three"),
        ("2\t@A$ @B$\t ", "the label is empty (write false where the two are not related)"),
        (
            "1\t@A$ @B$\tX",
            "document '1' is there twice; the second is called '1#2' (give each document an id of its own)",
        ),
    ],
)
def test_a_malformed_row(row: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        parse(f"1\t@A$ and @B$\tX\n{row}\n")
    assert message in str(caught.value)
    assert caught.value.where == "some/train.tsv:2"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"text": "<< a >> b", "label": "X"}, "must have one mention in << >> and another in [[ ]]"),
        ({"text": "<< a >> << b >>", "label": "X"}, "must have one mention in << >>"),
        ({"text": "<< a >> [[ b ]] [[ c ]]", "label": "X"}, "must have one mention in << >>"),
        ({"text": "<< [[ a ]] b >>", "label": "X"}, "must have one mention in << >>"),
        ({"text": "<<a>> [[b]]", "label": "X"}, "must have one mention in << >>"),
        ({"text": "<< a >> [[ b ]]", "label": ""}, "the label is empty"),
        ({"text": "<< a >> [[ b ]]", "label": 1}, "'label' must be a string"),
        ({"text": "<< a >> [[ b ]]"}, "'label' is missing"),
        ({"label": "X"}, "'text' is missing"),
        (["a"], "a record must be a JSON object"),
    ],
)
def test_a_malformed_line(line: object, message: str) -> None:
    with pytest.raises(UserError) as caught:
        scibert({"text": "<< a >> [[ b ]]", "label": "X"}, line)
    assert message in str(caught.value)
    assert caught.value.where == "some/train.tsv:2"


PIECE = st.text(st.characters(codec="utf-8", exclude_characters="\t\n\r@<>[]"), max_size=8)
TYPE = st.text("ABCDE", min_size=1, max_size=3).filter(lambda name: name != "CHEM")
ROWS = st.lists(st.tuples(PIECE, TYPE, PIECE, TYPE, PIECE, st.sampled_from(["false", "X", "CPR:4"])), min_size=1)


@given(ROWS)
def test_dummified_sentences_are_read_back(rows: list[tuple[str, ...]]) -> None:
    texts = [f"{before}@{first}${between}@{second}${after}" for before, first, between, second, after, _ in rows]
    documents = parse(
        "".join(f"{i}\t{text}\t{row[-1]}\n" for i, (text, row) in enumerate(zip(texts, rows, strict=True)))
    )
    assert [document.text for document in documents] == texts
    types = pair_types(documents)
    for document, (_, first, _, second, _, label) in zip(documents, rows, strict=True):
        assert mentions(document) == [(f"@{first}$", first), (f"@{second}$", second)]
        assert [relation.type for relation in document.relations] == ([] if label == "false" else [label])
        (pair,) = candidates(document, types).pairs
        assert dummified(document, pair, types) == document.text


@given(ROWS)
def test_marked_sentences_are_read_back(rows: list[tuple[str, ...]]) -> None:
    lines = [
        {"text": f"{before}<< {first} >>{between}[[ {second} ]]{after}", "label": label}
        for before, first, between, second, after, label in rows
    ]
    for document, (before, first, between, second, after, _) in zip(scibert(*lines), rows, strict=True):
        assert document.text == f"{before}{first}{between}{second}{after}"
        assert mentions(document) == [(first, "E1"), (second, "E2")]


def test_every_instance_is_a_candidate_and_its_dummies_stay() -> None:
    documents = parse("1\t@CHEM-GENE$ x\tfalse\n2\t@Gene$ @CHEMICAL$\tfalse\n3\t@GENE$ @CHEMICAL$\tX\n")
    types = pair_types(documents)
    assert types.types == {("CHEMICAL", "GENE"), ("CHEMICAL", "Gene")}
    pairs = [pair for document in documents for pair in candidates(document, types).pairs]
    assert [pair.label for pair in pairs] == ["false", "false", "X"]
    texts = [dummified(document, pair, types) for document, pair in zip(documents, pairs, strict=True)]
    assert texts == [document.text for document in documents]
    assert pair_types([]) == PairTypes(frozenset())


BLURB = {"chemprot": (18_035, 11_268, 15_745), "ddi": (25_296, 2_496, 5_716)}
POSITIVE = {"chemprot": (4_112, 2_408, 3_430), "ddi": (3_551, 469, 979)}


@pytest.mark.parametrize("name", BLURB)
def test_the_instances_of_blurb(name: str, data_dir: Path) -> None:
    for split, n, positive in zip(("train", "dev", "test"), BLURB[name], POSITIVE[name], strict=True):
        path = data_dir / name / "blurb" / f"{split}.tsv.gz"
        if not path.is_file():
            pytest.skip(f"no {path}")
        assert recognise(path) == "blurb-tsv"
        documents = list(read(path))
        assert len(documents) == n
        assert sum(len(document.relations) for document in documents) == positive
        heads = {head for document in documents for head, _, _ in ends(document)}
        assert heads == {"CHEMICAL" if name == "chemprot" else "DRUG"}
        types = pair_types(documents)
        assert types.overlap == ("CHEM-GENE" if name == "chemprot" else "DRUG-DRUG")
        for document in documents:
            (pair,) = candidates(document, types).pairs
            assert dummified(document, pair, types) == document.text


@pytest.mark.parametrize(("split", "n"), [("train", 4_169), ("dev", 2_427), ("test", 3_469)])
def test_the_instances_of_scibert(split: str, n: int, data_dir: Path) -> None:
    path = data_dir / "chemprot" / "scibert" / f"{split}.txt"
    if not path.is_file():
        pytest.skip(f"no {path}")
    assert recognise(path) == "scibert-jsonl"
    documents = list(read(path))
    assert len(documents) == n
    assert all(mention == mention.strip() != "" for document in documents for mention, _ in mentions(document))
    assert [kind for document in documents for _, kind in mentions(document)] == ["E1", "E2"] * n
