"""One contract for all registered formats; a new format adds its sample here."""

import gzip
import io
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranat.documents import Document, Entity
from ranat.errors import UsageError, UserError
from ranat.formats import FOLDERS, READERS, WRITERS, Sample, read, write
from ranat.formats.notice import Notice

SAMPLES = {
    "html": """<!DOCTYPE html>
<html><head><meta charset="utf-8">
<meta name="generator" content="ranat">
</head><body>
<script type="application/json" class="document">\
{"id": "1", "text": "Aspirin", "entities": [{"id": "T1", "type": "Chemical", "spans": [[0, 7]]}]}</script>
</body></html>
""",
    "csv": "id,text,Author\n1,Aspirin helps.,me\n",
    "conll": "Aspirin\tB-Chemical\nhelps\tO\n\nHeart\tB-Disease\nfailure\tI-Disease\n",
    "conllu": "# sent_id = 1\n1\tAspirin\t_\t_\t_\t_\t_\t_\t_\tNER=B-Chemical\n2\thelps\t_\t_\t_\t_\t_\t_\t_\t_\n",
    "jsonl": '{"id": "1", "text": "Aspirin", "entities": [{"id": "T1", "type": "Chemical", "spans": [[0, 7]]}]}\n',
    "pubtator": "1|t|Aspirin\n1|a|helps hearts.\n1\t0\t7\tAspirin\tChemical\tD001241\n"
    "1\t14\t20\thearts\tOrgan\tD006321\n1\tCID\tD001241\tD006321\n\n",
    "blurb-tsv": "1.T1.T2\tAgain @CHEMICAL$ binds @GENE$.\tCPR:4\n1.T1.T3\tAgain @CHEM-GENE$ binds FXa.\tfalse\n",
    "scibert-jsonl": '{"text": "<< Aspirin >> inhibits [[ COX-1 ]].", "label": "INHIBITOR", "metadata": []}\n',
    "bioc-xml": """<?xml version='1.0' encoding='UTF-8'?><!DOCTYPE collection SYSTEM 'BioC.dtd'>
<collection><source/><document><id>1</id>
<passage><offset>0</offset><text>Aspirin</text>
<annotation id="0"><infon key="type">Chemical</infon><location offset="0" length="7"/><text>Aspirin</text></annotation>
</passage></document></collection>
""",
    "bioc-json": '{"source": "", "documents": [{"id": "1", "passages": [{"offset": 0, "text": "Aspirin helps.",'
    '"annotations":\n[{"id": "0", "infons": {"type": "Chemical"}, "text": "Aspirin", '
    '"locations": [{"offset": 0, "length": 7}]}]}]}]}\n',
    "doccano": '{"id": 1, "text": "Aspirin", "label": [[0, 7, "Chemical"]], "Comments": []}\n',
    "label-studio": '[{"id": 1, "data": {"text": "Aspirin"}, "annotations": [{"result": [{"id": "a", "type": "labels",'
    '\n"value": {"start": 0, "end": 7, "text": "Aspirin", "labels": ["Chemical"]}}]}]}]\n',
    "prodigy": '{"text": "Aspirin", "spans": [{"start": 0, "end": 7, "label": "Chemical"}], "meta": {"id": 1}}\n',
    "spacy": '{"id": 1, "text": "Aspirin", "entities": [[0, 7, "Chemical"]]}\n',
    "gliner": '[{"id": 1, "tokenized_text": ["Aspirin", "helps"], "ner": [[0, 0, "Chemical"]]}]\n',
    "hf-json": '{"id": "0", "tokens": ["Aspirin", "helps"], "ner_tags": ["B-Chemical", "O"]}\n',
    "pubmed-xml": """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle//EN" "https://dtd.nlm.nih.gov/pubmed.dtd">
<PubmedArticleSet><PubmedArticle><MedlineCitation><PMID Version="1">1</PMID>
<Article><ArticleTitle>Aspirin helps.</ArticleTitle></Article></MedlineCitation></PubmedArticle></PubmedArticleSet>
""",
    "medline": "PMID- 1\nTI  - Aspirin\n      helps.\n\nPMID- 2\nTI  - Aspirin binds.\nAB  - COX-1.\n",
    "jats": """<?xml version="1.0"?>
<article><front><article-meta><article-id pub-id-type="pmid">1</article-id>
<title-group><article-title>Aspirin helps.</article-title></title-group></article-meta></front>
<body><sec><title>Hearts</title><p>It does.</p></sec></body></article>
""",
}
UNTOLD = {"lines": "Aspirin helps.\n\nSo do pills.\n", "text": "Aspirin helps.\nSo do pills.\n"}
"""Any text could be of these formats, so they are never told by content."""

BINARY = {"docbin": "spacy", "hf-parquet": "pyarrow"}
"""Formats whose files are no text, and the module that they need."""

FIRST = {"blurb-tsv": ("@CHEMICAL$", "CHEMICAL"), "scibert-jsonl": ("Aspirin", "E1")} | dict.fromkeys(
    ("csv", "pubmed-xml", "medline", "jats")
)
"""The first mention and its type, or None if there is none; ("Aspirin", "Chemical") in all others."""


def parse(data: bytes, **options: object) -> list[Document]:
    return list(read(io.BytesIO(data), **options))  # type: ignore[arg-type]  # options of any kind


@pytest.fixture(params=READERS.names())
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def sample(name: str) -> bytes:
    if READERS.get(name).binary:
        return binary(name)
    assert name in SAMPLES | UNTOLD, "a new format needs a sample"
    return (SAMPLES | UNTOLD)[name].encode()


@cache
def binary(name: str) -> bytes:
    """A file that is no text."""
    pytest.importorskip(BINARY[name], reason="an extra is not installed")
    with TemporaryDirectory() as folder:
        write(WHOLE, Path(folder, "a"), name)
        return Path(folder, "a").read_bytes()


@pytest.mark.parametrize("name", [*SAMPLES, *BINARY])
def test_a_sample_is_recognised_by_its_content(name: str, sample: bytes) -> None:
    file = "a.spacy" if name == "docbin" else "a"  # any file that zlib packs begins as a DocBin does
    documents = parse(sample, name=file)
    assert documents == parse(sample, name=file, format=name)
    mentions = [(documents[0].mention(entity), entity.type) for entity in documents[0].entities]
    assert next(iter(mentions), None) == FIRST.get(name, ("Aspirin", "Chemical"))


def test_a_file_reads_alike_however_it_is_given(name: str, sample: bytes, tmp_path: Path) -> None:
    suffix = (*READERS.get(name).suffixes, "")[0]
    plain, packed = tmp_path / f"a{suffix}", tmp_path / f"a{suffix}.gz"
    plain.write_bytes(sample)
    packed.write_bytes(gzip.compress(sample))
    format = name if name in UNTOLD else None
    expected = list(read(plain, format=format))
    assert list(read(packed, format=format)) == expected
    assert list(read(str(plain), format=format)) == expected
    if READERS.get(name).binary:
        return
    assert list(read(io.StringIO(sample.decode()), name="a.x", format=format)) == expected
    assert list(read(io.BytesIO(b"\xef\xbb\xbf" + sample), name="a.x", format=format)) == expected
    with plain.open(encoding="utf-8") as file:
        assert list(read(file, format=format)) == expected


def test_windows_line_ends_change_nothing(name: str, sample: bytes) -> None:
    if name != "text" and not READERS.get(name).binary:  # which keep a file as it is
        assert parse(sample.replace(b"\n", b"\r\n"), format=name) == parse(sample, format=name)


@pytest.mark.parametrize("data", [b"", b"\n \n"])
def test_an_empty_file(name: str, data: bytes) -> None:
    with pytest.raises(UserError, match=r"a\.x: the file is empty"):
        parse(data, name="a.x", format=name)


def test_invalid_utf8_names_its_line(name: str, sample: bytes) -> None:
    if READERS.get(name).binary:
        return
    data = sample.replace(b"Aspirin" if name.endswith("-xml") else b"A", b"\xff", 1)
    line = data[: data.index(b"\xff")].count(b"\n") + 1
    what = "invalid UTF-8: byte 0xff|invalid token|has bytes that are not UTF-8"
    with pytest.raises(UserError, match=rf"a\.x:{line}: .*({what})"):
        parse(data, name="a.x", format=name)


def test_a_damaged_archive(name: str, sample: bytes) -> None:
    packed = gzip.compress(sample * 50)
    for damaged in (packed[:-9], packed[:40] + b"\0\0\0" + packed[43:]):
        with pytest.raises(UserError, match=r"a\.gz: the gzip file is damaged"):
            parse(damaged, name="a.gz", format=name)


@given(text=st.text(max_size=200))
def test_random_text_raises_nothing_but_user_errors(text: str) -> None:
    for name in READERS.names():
        _only_user_errors(text.encode(), name)


@given(data=st.data())
def test_a_mangled_sample_raises_nothing_but_user_errors(data: st.DataObject) -> None:
    for name in [*SAMPLES, *UNTOLD, *(name for name in BINARY if find_spec(BINARY[name]))]:
        sample = binary(name) if name in BINARY else (SAMPLES | UNTOLD)[name].encode()
        start = data.draw(st.integers(0, len(sample)))
        end = data.draw(st.integers(start, min(start + 20, len(sample))))
        insert = data.draw(
            st.one_of(st.binary(max_size=4), st.sampled_from([b"-1", b"\t", b"\n\n", b"9999999999", b'"']))
        )
        _only_user_errors(sample[:start] + insert + sample[end:], name)


def _only_user_errors(data: bytes, name: str) -> None:
    for chosen in (None, name):
        message, documents = "", []
        try:
            documents = parse(data, name="a.x", format=chosen)
        except UserError as error:
            message = str(error)
        assert documents or re.match(r"a\.x(:\d+)?: ", message)
        assert "\n" not in message
        assert all(entity.end <= len(d.text) for d in documents for entity in d.entities)
        failures: list[UserError] = []
        readable = parse(data, name="a.x", format=chosen, failed=failures.append)
        # a byte that is not UTF-8 where nothing is read, as in a comment, spoils no document
        assert not message or failures or not readable or "invalid UTF-8" in message
        assert len(readable) >= len(documents)
        assert all(re.match(r"a\.x(:\d+)?: ", str(failure)) for failure in failures)


WHOLE = [
    Document("1", "Aspirin helps hearts.", (Entity("T1", "Chemical", ((0, 7),)), Entity("T2", "Organ", ((14, 20),)))),
    Document("2", "Aspirin binds COX-1.", (Entity("T1", "Chemical", ((0, 7),)), Entity("T2", "Gene", ((14, 19),)))),
]


@given(data=st.data())
def test_a_mangled_folder_raises_nothing_but_user_errors(data: st.DataObject) -> None:
    for name in sorted({*FOLDERS.names()} & {*WRITERS.names()}):
        with TemporaryDirectory() as parent:
            folder = Path(parent) / "a"
            write(WHOLE, folder, name)
            file = data.draw(st.sampled_from(sorted(path for path in folder.rglob("*") if path.is_file())))
            sample = file.read_bytes()
            start = data.draw(st.integers(0, len(sample)))
            end = data.draw(st.integers(start, min(start + 20, len(sample))))
            if data.draw(st.booleans()):
                file.write_bytes(sample[:start] + data.draw(st.binary(max_size=4)) + sample[end:])
            else:
                file.unlink()
            message, documents = "", []
            try:
                documents = list(read(folder, format=name))
            except UserError as error:
                message = str(error)
            assert documents or message.startswith(str(folder))
            assert "\n" not in message
            failures: list[UserError] = []
            readable = list(read(folder, format=name, failed=failures.append))
            assert not message or failures
            assert len(readable) >= len(documents)


def test_of_each_sample_one_format_is_surest() -> None:
    for name, text in (SAMPLES | UNTOLD).items():
        claims = {known: READERS.get(known).sure(Sample("", text)) for known in READERS.names()}
        surest = [known for known, sure in claims.items() if sure and sure == max(claims.values())]
        assert surest == ([name] if name in SAMPLES else [])


def test_an_unknown_format_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'pubtator'"):
        parse(b"x", format="pubtater")


def test_a_file_is_no_folder_of_documents(tmp_path: Path) -> None:
    failed: list[UserError] = []
    for format in ("brat", "parquet"):
        with pytest.raises(UsageError, match=rf"abs/1\.txt: is no {format} folder \(name a folder that is one"):
            parse(b"prose\n", name="abs/1.txt", format=format, failed=failed.append)
        with pytest.raises(UserError) as caught:
            list(read(tmp_path, format=format))
        assert str(caught.value).startswith(str(tmp_path))


def test_what_no_format_knows(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"a\.doc: the format is not recognised \(give .* by --from; known"):
        parse(b"just prose\n", name="a.doc")


def test_a_malformed_file_is_explained_by_the_format_of_its_suffix() -> None:
    with pytest.raises(UserError, match=r"a\.jsonl:2: not JSON: the file ends within a list"):
        parse(b"[\n", name="a.jsonl")


@pytest.mark.parametrize("text", ["id,text\n", "<collection></collection>", '{"documents": []}'])
def test_a_file_without_documents_is_told(text: str) -> None:
    with pytest.raises(UserError, match="a: the file holds no document"):
        parse(text.encode(), name="a")
    failed: list[UserError] = []
    assert parse(text.encode(), name="a", failed=failed.append) == []
    assert [str(error) for error in failed] == ["a: the file holds no document"]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot read: No such file"):
        list(read(tmp_path / "none.jsonl"))
    with pytest.raises(UserError, match=r"the folder is in no known format"):
        list(read(tmp_path))
    with pytest.raises(UserError, match="cannot read: Is a directory"):
        list(read(tmp_path, format="jsonl"))


MISMATCH = b"1|t|Aspirin helps\n1\t0\t7\taspirin\tChemical\n\n1|t|Again\n"


def test_a_published_corpus_is_noted_where_ones_own_is_refused() -> None:
    with pytest.raises(UserError, match=r"a:2: .*'aspirin' but 'Aspirin'"):
        parse(MISMATCH, name="a")
    notices: list[Notice] = []
    documents = parse(MISMATCH, name="a", notices=notices, lenient=True)
    assert [document.id for document in documents] == ["1", "1#2"]
    assert documents[0].mention(documents[0].entities[0]) == "Aspirin"
    assert [(notice.kind, notice.where) for notice in notices] == [("mismatch", "a:2"), ("repeat", "a:4")]


def test_a_document_twice_in_ones_own_file() -> None:
    with pytest.raises(UserError, match=r"a:2: document '1' is there twice"):
        parse(b"1|t|One\n1|t|One\n", name="a")


RELATION = ": the relation 'binds' of 'T1' and 'T9': document '1' has no entity with the id or concept 'T9'"
ENTITY = '{"id": "T1", "type": "X", "spans": [[0, 2]]}'
UNKNOWN = {
    "jsonl": (
        f'{{"id": "1", "text": "ab", "entities": [{ENTITY}], '
        '"relations": [{"type": "binds", "head": "T1", "tail": "T9"}]}\n',
        "a:1",
    ),
    "pubtator": ("1|t|ab\n1\t0\t2\tab\tX\n1\tbinds\tT1\tT9\n", "a:3"),
    "bioc-xml": (
        "<collection><document><id>1</id><passage><offset>0</offset><text>ab</text>\n"
        '<annotation id="T1"><infon key="type">X</infon><location offset="0" length="2"/></annotation></passage>\n\n'
        '<relation id="R1"><infon key="type">binds</infon><node refid="T1"/><node refid="T9"/></relation>\n'
        "</document></collection>",
        "a:4",
    ),
    "bioc-json": (
        '\n{"id": "1", "passages": [{"offset": 0, "text": "ab", "annotations": [{"id": "T1", "infons": {"type": "X"}, '
        '"locations": [{"offset": 0, "length": 2}]}]}], "relations": [{"id": "R1", "infons": {"type": "binds"}, '
        '"nodes": [{"refid": "T1", "role": ""}, {"refid": "T9", "role": ""}]}]}\n',
        "a:2",
    ),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_a_relation_of_an_entity_that_is_not_there(name: str) -> None:
    text, where = UNKNOWN[name]
    with pytest.raises(UserError) as caught:
        parse(text.encode(), name="a", format=name)
    assert str(caught.value) == f"{where}{RELATION} (mark that entity, or mend or remove the relation)"
    notices: list[Notice] = []
    (document,) = parse(text.encode(), name="a", format=name, notices=notices, lenient=True)
    assert document.relations == ()
    assert [(notice.kind, str(notice)) for notice in notices] == [("left out", f"{where}: left out{RELATION}")]
