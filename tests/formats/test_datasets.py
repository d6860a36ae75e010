"""Hugging Face datasets as the library `datasets` itself stores them, and GLiNER's data: words with tags or places."""

import io
import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranat.documents import Document
from ranat.errors import UserError
from ranat.formats import is_one, read, recognise, write
from ranat.formats.notice import Notice

WORDS = ["Lung", "cancer", "and", "fever", "."]
TAGS = ["B-Disease", "I-Disease", "O", "B-Symptom", "O"]
NAMES = ["O", "B-Disease", "I-Disease", "B-Symptom", "I-Symptom"]
MARKS = [("Lung cancer", "Disease"), ("fever", "Symptom")]


def parse(*lines: Any, notices: list[Notice] | None = None, **options: Any) -> list[Document]:
    data = "\n".join(json.dumps(line) for line in lines)
    return list(read(io.BytesIO(data.encode()), "some/train.json", notices=notices, **options))


def marks(document: Document) -> list[tuple[str, str]]:
    return [(document.mention(entity), entity.type) for entity in document.entities]


@pytest.mark.parametrize("key", ["ner_tags", "tags", "labels"])
def test_rows_of_json(key: str) -> None:
    row = {"id": "0", "tokens": WORDS, key: TAGS, "pos_tags": [0] * 5}
    notices: list[Notice] = []
    (document,) = parse(row, notices=notices)
    assert (document.id, document.text, marks(document)) == ("0", "Lung cancer and fever .", MARKS)
    assert [notice.what for notice in notices] == ["the key 'pos_tags' is not read (1 times)"]
    assert marks(parse([row])[0]) == MARKS


def test_columns_of_other_names() -> None:
    row = {"words": WORDS, "entity": TAGS, "tokens": ["x"]}
    (document,) = parse(row, format="hf-json", columns={"token": "words", "tag": "entity"})
    assert (document.id, marks(document)) == ("train:1", MARKS)
    (document,) = parse(row | {"ner_tags": ["O"]}, columns={"token": "words", "tag": "entity"})  # which is recognised
    assert marks(document) == MARKS
    with pytest.raises(UserError, match=r"no column 'ner_tags' or 'tags' or 'labels'; name one of 'words', 'entity'"):
        parse(row, format="hf-json", columns={"token": "words"})


@pytest.mark.parametrize("scheme", ["BILOU", "BIOES", "IOB1"])
def test_tags_of_any_scheme(scheme: str) -> None:
    tags = {
        "BILOU": ["B-Disease", "L-Disease", "O", "U-Symptom", "O"],
        "BIOES": ["B-Disease", "E-Disease", "O", "S-Symptom", "O"],
        "IOB1": ["I-Disease", "I-Disease", "O", "I-Symptom", "O"],
    }
    notices: list[Notice] = []
    (document,) = parse({"tokens": WORDS, "ner_tags": tags[scheme]}, notices=notices)
    assert (marks(document), notices) == (MARKS, [])


def test_the_text_of_a_row_is_read_where_its_words_are_in_it() -> None:
    row = {"tokens": WORDS, "ner_tags": TAGS, "text": "Lung  cancer\nand fever."}
    assert parse(row)[0].text == "Lung  cancer\nand fever."
    other = row | {"text": "Lungs and fever."}
    with pytest.raises(UserError, match="'text' is not read, but the words joined by spaces: 'cancer' is not the"):
        parse(other)
    assert parse(other, lenient=True)[0].text == "Lung cancer and fever ."


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ner_tags": TAGS[1:]}, "5 tokens but 4 tags"),
        ({"ner_tags": ["B-X", 1, 0, 0, 0]}, "'ner_tags' are numbers whose names are not known: put the dataset's data"),
        ({"ner_tags": [None] * 5}, "'ner_tags' must be strings or whole numbers"),
        ({"ner_tags": ["Disease"] * 5}, "'Disease' is not a tag"),
        ({"tokens": ["", *WORDS[1:]]}, "'tokens' must be a list of strings, none of them empty"),
        ({"tokens": None}, "'tokens' must be a list"),
    ],
)
def test_a_row_that_is_none_fails_alone(change: dict[str, Any], message: str) -> None:
    row = {"tokens": WORDS, "ner_tags": TAGS}
    errors: list[UserError] = []
    assert len(parse(row, row | change, row, failed=errors.append)) == 2
    (error,) = errors
    assert message in error.what
    assert error.where == "some/train.json:2"


def test_numbers_whose_names_are_beside_the_file(tmp_path: Path) -> None:
    feature = {"feature": {"names": NAMES, "_type": "ClassLabel"}, "_type": "Sequence"}
    (tmp_path / "dataset_info.json").write_text(json.dumps({"features": {"ner_tags": feature}}))
    row = {"tokens": WORDS, "ner_tags": [1, 2, -100, 3, 0]}
    (tmp_path / "train.jsonl").write_text(json.dumps(row))
    assert [marks(document) for document in read(tmp_path / "train.jsonl")] == [MARKS]
    (tmp_path / "train.jsonl").write_text(json.dumps(row | {"ner_tags": [1, 2, 0, 9, 0]}))
    with pytest.raises(UserError, match="'ner_tags' must be numbers from 0 to 4, or -100"):
        list(read(tmp_path / "train.jsonl"))


# Parquet, Arrow and folders of the library


def table(metadata: bool = True, **columns: Any) -> pa.Table:
    found = pa.table({"id": ["0", "1"], "tokens": [WORDS, WORDS[3:]], "ner_tags": [[1, 2, 0, 3, 0], [3, 0]]} | columns)
    feature = {"feature": {"names": NAMES, "_type": "ClassLabel"}, "_type": "List"}
    info = {"info": {"features": {"ner_tags": feature}}}
    return found.replace_schema_metadata({"huggingface": json.dumps(info)} if metadata else {})


def stored(found: pa.Table, kind: str) -> bytes:
    sink = io.BytesIO()
    if kind == "parquet":
        pq.write_table(found, sink)
    else:
        with (pa.ipc.new_file if kind == "file" else pa.ipc.new_stream)(sink, found.schema) as to:
            to.write_table(found)
    return sink.getvalue()


@pytest.mark.parametrize("kind", ["parquet", "file", "stream"])
def test_files_of_parquet_and_arrow(kind: str) -> None:
    data = stored(table(chunk_tags=[[0], [0]]), kind)
    assert recognise(io.BytesIO(data), "train") == "hf-parquet"
    notices: list[Notice] = []
    documents = list(read(io.BytesIO(data), "train", notices=notices))
    assert [(document.id, marks(document)) for document in documents] == [("0", MARKS), ("1", [("fever", "Symptom")])]
    assert [notice.what for notice in notices] == ["the key 'chunk_tags' is not read (2 times)"]


@pytest.mark.parametrize("kind", ["parquet", "file", "stream"])
def test_what_is_wrong_with_such_a_file(kind: str) -> None:
    errors: list[UserError] = []
    wrong = table(ner_tags=[[1, 2, 0, 3, 0], [3]])
    assert len(list(read(io.BytesIO(stored(wrong, kind)), "a", failed=errors.append))) == 1
    assert [str(error) for error in errors] == ["a:2: 2 tokens but 1 tags"]
    for found, message in (
        (table(metadata=False), "a:1: 'ner_tags' are numbers whose names are not known"),
        (
            table().drop_columns(["tokens"]),
            "a: there is no column 'tokens'; the columns are 'id', 'ner_tags' (name one",
        ),
        (
            table().drop_columns(["ner_tags"]),
            "a: there is no column 'ner_tags' or 'tags' or 'labels'; name one of 'id'",
        ),
    ):
        with pytest.raises(UserError) as caught:
            list(read(io.BytesIO(stored(found, kind)), "a"))
        assert str(caught.value).startswith(message)


@pytest.mark.parametrize("kind", ["parquet", "file", "stream"])
@given(seed=st.integers(0, 2**32))
def test_a_mangled_file_raises_nothing_but_user_errors(kind: str, seed: int) -> None:
    chance = random.Random(seed)
    data = bytearray(stored(table(), kind))
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(8, len(data))
        data[at : at + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 4))
    errors: list[UserError] = []
    documents = list(read(io.BytesIO(bytes(data)), "a", failed=errors.append))
    assert documents or errors
    assert all(str(error).startswith("a:") and "\n" not in str(error) for error in errors)


@pytest.fixture
def dataset() -> Any:
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    tags = datasets.Sequence(datasets.ClassLabel(names=NAMES))
    features = {"id": datasets.Value("string"), "tokens": datasets.Sequence(datasets.Value("string")), "ner_tags": tags}
    rows = {"id": ["0", "1"], "tokens": [WORDS, WORDS[3:]], "ner_tags": [[1, 2, 0, 3, 0], [3, 0]]}
    return datasets.Dataset.from_dict(rows, features=datasets.Features(features))


EXPECTED = [("0", MARKS), ("1", [("fever", "Symptom")])]


def test_what_the_library_saves(dataset: Any, tmp_path: Path) -> None:
    dataset.save_to_disk(tmp_path / "saved")
    dataset.to_parquet(tmp_path / "a.parquet")
    dataset.to_json(tmp_path / "saved" / "a.jsonl")
    (arrow,) = (tmp_path / "saved").glob("*.arrow")
    assert is_one(tmp_path / "saved")
    for path in (tmp_path / "saved", tmp_path / "a.parquet", arrow, tmp_path / "saved" / "a.jsonl"):
        assert [(document.id, marks(document)) for document in read(path)] == EXPECTED


def test_splits_that_the_library_saves(dataset: Any, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    datasets.DatasetDict({"train": dataset, "test": dataset}).save_to_disk(
        tmp_path / "saved", num_shards={"train": 2, "test": 1}
    )
    assert [(document.id, marks(document)) for document in read(tmp_path / "saved")] == EXPECTED * 2


@pytest.mark.parametrize("format", ["hf-json", "hf-parquet"])
def test_the_library_reads_what_is_written(format: str, dataset: Any, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    dataset.save_to_disk(tmp_path / "saved")
    write(read(tmp_path / "saved"), tmp_path / "out", format)
    kind = format.removeprefix("hf-")
    found = datasets.load_dataset(kind, data_files=str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))["train"]
    assert (found[0]["tokens"], found[0]["ner_tags"]) == (WORDS, TAGS)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ("{", "state.json: is not as datasets writes it"),
        ('{"_data_files": 1}', "state.json: is not as datasets writes it"),
        ('{"_data_files": [{"filename": "../../etc/passwd"}]}', "state.json: names no files of this folder"),
        ('{"_data_files": [{"filename": "gone.arrow"}]}', "gone.arrow: cannot read: No such file"),
    ],
)
def test_a_folder_that_is_damaged(state: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text(state)
    with pytest.raises(UserError) as caught:
        list(read(tmp_path))
    assert f"{tmp_path}/{message}" in str(caught.value)


# GLiNER


def test_gliner() -> None:
    value = {"tokenized_text": WORDS, "ner": [[0, 1, "Disease"], [0, 0, "Organ"], [3, 3, "Symptom"]], "label": ["X"]}
    notices: list[Notice] = []
    (document,) = parse([value], notices=notices)
    assert (document.id, document.text) == ("train:1", "Lung cancer and fever .")
    assert sorted(marks(document)) == sorted([*MARKS, ("Lung", "Organ")])
    assert [notice.what for notice in notices] == ["the key 'label' is not read (1 times)"]
    assert parse(value) == [document]


@pytest.mark.parametrize(
    ("mark", "message"),
    [
        ([0, 5, "X"], "ner: words 0 to 5 are not among the 5 words"),
        ([1, 0, "X"], "ner: words 1 to 0 are not among"),
        ([0, "X"], "ner: [0, 'X'] is not [first word, last word, label]"),
        ([0, 1, ["X"]], "ner: the label ['X'] must be a string"),
    ],
)
def test_a_wrong_mark_of_gliner_is_left_out_alone(mark: Any, message: str) -> None:
    value = {"tokenized_text": WORDS, "ner": [[0, 1, "Disease"], mark]}
    with pytest.raises(UserError) as caught:
        parse(value)
    assert message in caught.value.what
    assert marks(parse(value, lenient=True)[0]) == MARKS[:1]
