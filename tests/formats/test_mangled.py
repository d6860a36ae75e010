"""Files of the literature's formats with much in them, mangled: every reader gives documents or one clear error."""

import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranat.documents import Document
from ranat.errors import UserError
from ranat.formats import read
from ranat.formats.notice import Notice

BIOC = """<?xml version="1.0"?><!DOCTYPE collection SYSTEM "BioC.dtd"><collection><source>x</source><date/><key/>
<document><id>1</id><infon key="n">1</infon><passage><infon key="type">title</infon><offset>0</offset>
<text>Lung and liver é cancers.
  </text><annotation id="0"><infon key="type">Disease</infon><infon key="MESH">D1</infon>
<location offset="0" length="4"/><location offset="17" length="7"/><text>Lung ... cancers</text></annotation>
<annotation id="MI1"><infon key="type">Indexing</infon><text>Lung</text></annotation></passage>
<passage><offset>26</offset><sentence><offset>26</offset><text>Cough fell.</text>
<annotation id="0"><infon key="type">Disease</infon><location offset="26" length="5"/><text>Cough</text></annotation>
<annotation id="2"><infon key="type">C</infon><infon key="score">0.5</infon>
<location offset="32" length="0"/></annotation>
</sentence></passage><relation id="R1"><infon key="type">r</infon><node refid="0" role="head"/><node refid="2" role=""/>
</relation><relation id="R2"><infon key="relation">r</infon>
<infon key="a">D1</infon><infon key="b">D1</infon></relation>
</document><document><id>2</id><passage><offset>0</offset><text>Fever.</text></passage></document></collection>
"""
BIOC_JSON = """{"source": "x", "PubTator3": [
{"id": "1", "passages": [{"offset": 0, "infons": {"type": "title"}, "text": "Lung and liver é cancers.",
 "annotations": [
{"id": 0, "infons": {"type": "Disease", "identifier": null, "normalized": ["D1"], "score": 1e-3},
 "text": "Lung … cancers",
 "locations": [{"offset": 17, "length": 7}, {"offset": "0", "length": 4}]}], "relations": []},
 {"offset": 26, "sentences": [{"offset": 26, "text": "Cough fell.", "annotations": [{"id": "0", "infons": {"type": "D",
 "MESH": "D2"}, "locations": [{"offset": 26, "length": 5}]}]}]}],
 "relations": [{"id": "R1", "infons": {"type": "r", "role1": {"type": "D", "identifier": "D1"}, "role2":
 {"type": "D", "identifier": "D2"}, "score": NaN}, "nodes": [{"refid": "0", "role": "0,1"}]}]},
{"id": 2, "passages": [{"offset": 0, "text": "Fever.", "annotations": []}]}]}
"""
PUBTATOR = """1|t|The V600E é change
of BRAF.
1|a|It caused cough and fever.
1\t4\t9\tV600E\tProteinMutation\tp|SUB|V|600|E\tRSID:113488022
1\t22\t26\tBRAF\tGene\t673|674\ta|b
1\t38\t43\tcough\tDisease\t-
1\tV600E\tVal600Glu
1\tAssociation\t673\tp|SUB|V|600|E\t0.5
1\tBind\tT1\tT2\tNovel

2|t|Fever.
2|a|
2\t0\t5\tFever\tDisease
1|t|Again.
"""
MEDLINE = """
PMID- 1
OWN - NLM
TI  - Fever after é aspirin
      in adults.
AB  - Cough was rare.
OAB - Otra.

PMID- 2
TT  - Toux.
BTI - Cough
"""
JATS = """<?xml version="1.0"?><pmc-articleset><article><front><article-meta>
<article-id pub-id-type="pmc">1</article-id>
<title-group><article-title>Fever <i>é</i>.<fn><p>x</p></fn></article-title></title-group>
<abstract><sec><title>Aim</title>
<p>Cough.</p></sec></abstract></article-meta></front><body><sec><label>1</label><title>All</title><p>One<break/>two
<fig><caption><p>No.</p></caption></fig> three.</p></sec></body><back><ref-list><ref>a</ref></ref-list></back></article>
<article><front/></article></pmc-articleset>
"""
PUBMED = """<?xml version="1.0"?>
<PubmedArticleSet><PubmedArticle><MedlineCitation><PMID>1</PMID><Article><ArticleTitle>Fever <i>é</i>.</ArticleTitle>
<Abstract><AbstractText Label="AIM">Cough.</AbstractText></Abstract></Article></MedlineCitation></PubmedArticle>
<DeleteCitation><PMID>9</PMID></DeleteCitation></PubmedArticleSet>
<?xml version="1.0"?>
<PubmedArticleSet><PubmedArticle><MedlineCitation><PMID>2</PMID></MedlineCitation></PubmedArticle></PubmedArticleSet>
"""
FILES = {
    "bioc-xml": BIOC,
    "bioc-json": BIOC_JSON,
    "pubtator": PUBTATOR,
    "medline": MEDLINE,
    "jats": JATS,
    "pubmed-xml": PUBMED,
}
LAYOUT = [b"\t", b"\n", b"\n\n", b"\r", b" ", b'"', b"{", b"}", b"[", b"]", b"|", b"\xef\xbb\xbf"]
NUMBERS = [b"-1", b"9" * 25, b"9" * 5000, b"1e999", b"NaN", b"\\ud800", b"&#0;"]
BEGINNINGS = [b"</", b"<?xml ?>", b"<!--", b"<![CDATA[", b"1|t|", b"1|a|", b"PMID- "]
PIECES = st.one_of(st.binary(max_size=4), st.sampled_from(LAYOUT + NUMBERS + BEGINNINGS))


@st.composite
def mangled(draw: st.DrawFn, sample: bytes) -> bytes:
    """A sample of which some slices are cut out, written twice, moved, or have others in their place."""
    for _ in range(draw(st.integers(1, 3))):
        start, end = sorted(draw(st.tuples(*[st.integers(0, len(sample))] * 2)))
        end = min(end, start + draw(st.sampled_from([0, 1, 8, 200])))
        piece = sample[start:end]
        at = draw(st.integers(0, len(sample)))
        change = draw(st.sampled_from(["put", "copy", "move"]))
        if change == "put":
            sample = sample[:start] + draw(PIECES) + sample[end:]
        elif change == "copy":
            sample = sample[:at] + piece + sample[at:]
        else:
            rest = sample[:start] + sample[end:]
            sample = rest[:at] + piece + rest[at:]
    return sample


CASES = Path(__file__).parents[3] / "shared" / "cases" / "formats"
"""Files as people have them, kept beside the project."""


def parse(
    data: bytes, name: str | None, lenient: bool, notices: list[Notice]
) -> tuple[list[Document], list[UserError]]:
    failed: list[UserError] = []
    stream = io.BytesIO(data)
    found = list(read(stream, "a.x", name, lenient=lenient, failed=failed.append, notices=notices, longest=100_000))
    return found, failed


@pytest.mark.parametrize("name", FILES)
def test_the_files_are_read(name: str) -> None:
    documents, failed = parse(FILES[name].encode(), name, True, [])
    assert len(documents) >= 2
    assert not failed


@pytest.mark.parametrize("name", FILES)
@given(data=st.data())
def test_a_mangled_file_gives_documents_or_clear_errors(name: str, data: st.DataObject) -> None:
    keeps_its_word(data.draw(mangled(FILES[name].encode())), name)


@pytest.mark.parametrize("file", sorted(p for p in CASES.glob("*") if p.is_file()), ids=lambda file: file.name)
@given(data=st.data())
def test_a_mangled_case_gives_documents_or_clear_errors(file: Path, data: st.DataObject) -> None:
    keeps_its_word(data.draw(mangled(file.read_bytes())), None)


@pytest.mark.parametrize("odd", ["\v", "\x1c", "\x85", "\u2028"])
def test_line_ends_of_other_kinds_do_not_break_a_message(odd: str) -> None:
    keeps_its_word(f"-DOCSTART- -X- -X- O\n\nFever NN B-{odd}NP B-Disease \ncame VBD B-VP O \n\n".encode(), None)


def keeps_its_word(sample: bytes, name: str | None) -> None:
    """Strict reading gives documents or errors of one line with their place, lenient reading no fewer documents."""
    notices: list[Notice] = []
    strict, errors = parse(sample, name, False, notices)
    assert not any(notice.is_error for notice in notices)
    lenient, failed = parse(sample, name, True, notices)
    assert len(lenient) >= len(strict)
    assert lenient or failed
    assert len(failed) <= len(errors)
    for item in (*errors, *failed, *notices):
        assert re.match(r"a\.x(:\d+)?: \S", str(item))
        assert len(str(item).splitlines()) == 1
    for document in (*strict, *lenient):
        assert all(document.mention(entity) for entity in document.entities)
