import io
import tracemalloc
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ranat.documents import Document, Entity, Relation
from ranat.errors import UserError
from ranat.formats import read, write
from ranat.formats.notice import Notice

HEAD = "<?xml version='1.0' encoding='UTF-8'?>\n<!DOCTYPE collection SYSTEM 'BioC.dtd'>\n"


def parse(body: str, notices: list[Notice] | None = None, head: str = HEAD) -> list[Document]:
    data = f"{head}<collection>{body}</collection>".encode()
    return list(read(io.BytesIO(data), "a", "bioc-xml", notices=notices))


def annotation(id: str, text: str, *spans: tuple[int, int], infons: str = '<infon key="type">D</infon>') -> str:
    locations = "".join(f'<location offset="{start}" length="{length}"/>' for start, length in spans)
    return f'<annotation id="{id}">{infons}{locations}<text>{text}</text></annotation>\n'


def document(annotations: str = "", relations: str = "", id: str = "1") -> str:
    return (
        f"<document><id>{id}</id>\n<passage><offset>0</offset><text>Ocular and auditory</text></passage>\n"
        f"<passage><offset>22</offset><text>toxicity &amp; α.</text>\n{annotations}</passage>{relations}</document>\n"
    )


def test_the_gap_between_passages_is_filled_so_that_offsets_hold() -> None:
    (found,) = parse(
        document(annotation("b", "toxicity", (22, 8)) + annotation("a", "Ocular toxicity", (22, 8), (0, 6)))
    )
    assert found.text == "Ocular and auditory   toxicity & α."
    assert found.entities == (Entity("a", "D", ((0, 6), (22, 30))), Entity("b", "D", ((22, 30),)))


def test_sentences_where_a_passage_has_them() -> None:
    sentences = "".join(
        f"<sentence><offset>{o}</offset><text>{t}</text></sentence>" for o, t in ((0, "A b."), (5, "C d."))
    )
    (found,) = parse(f"<document><id>1</id><passage><offset>0</offset>{sentences}</passage></document>")
    assert found.text == "A b. C d."
    assert found.sentences == ((0, 4), (5, 9))


def test_parts_of_composites_are_left_out_and_counted() -> None:
    notices: list[Notice] = []
    infons = '<infon key="type">D</infon><infon key="CompositeRole">IndividualMention</infon>'
    (found,) = parse(document(annotation("1", "x", (0, 6), infons=infons)), notices)
    assert found.entities == ()
    assert [(notice.kind, notice.count, notice.what) for notice in notices] == [
        ("left out", 1, "1 annotation with CompositeRole=IndividualMention")
    ]


def test_concepts_and_relations() -> None:
    notices: list[Notice] = []
    kind = '<infon key="type">D</infon>'
    marked = annotation("1", "Ocular", (0, 6), infons=f'{kind}<infon key="MESH">D1</infon>') + annotation(
        "2", "auditory", (11, 8), infons=f'{kind}<infon key="identifier">-1</infon>'
    )
    relations = (
        '<relation id="R0"><infon key="relation">CID</infon>'
        '<infon key="C">D1</infon><infon key="D">D1</infon></relation>'
        '<relation id="R1"><infon key="type">near</infon><node refid="1" role=""/><node refid="2" role=""/></relation>'
        '<relation id="R2"><infon key="type">near</infon><node refid="1" role=""/><node refid="R1" role=""/></relation>'
        '<relation id="R3"><infon key="type">of3</infon><node refid="1"/><node refid="2"/><node refid="1"/></relation>'
    )
    (found,) = parse(document(marked, relations), notices)
    assert [entity.concept for entity in found.entities] == ["D1", None]
    assert found.relations == (Relation("CID", "D1", "D1"), Relation("near", "1", "2"))
    assert [(notice.kind, notice.count) for notice in notices] == [("left out", 2)]


def test_a_relation_of_a_part_that_is_left_out_is_left_out_too() -> None:
    infons = '<infon key="type">D</infon><infon key="CompositeRole">IndividualMention</infon>'
    marked = annotation("1", "Ocular", (0, 6)) + annotation("2", "auditory", (11, 8), infons=infons)
    relation = '<relation id="R"><infon key="type">near</infon><node refid="1"/><node refid="2"/></relation>'
    notices: list[Notice] = []
    (found,) = parse(document(marked, relation), notices)
    assert found.relations == ()
    assert [notice.what for notice in notices] == [
        "1 annotation with CompositeRole=IndividualMention",
        "1 relation that is not between two entities or concepts",
    ]


@pytest.mark.parametrize(
    ("body", "where", "message"),
    [
        (document(annotation("1", "ocular", (0, 6))), "a:6", "'ocular' but 'Ocular'"),
        (document(annotation("1", "x", (0, 99))), "a:6", "past the text's 35 characters"),
        (document(annotation("1", "x", (0, -1))), "a:6", "empty span"),
        (document("\n" + annotation("1", "x", (0, 0))), "a:7", "empty span"),
        (document('<annotation id="1"><location offset="0"/></annotation>'), "a:6", "'length' is missing"),
        (document() + document(), "a:7", "document '1' is there twice"),
        ("<document>\n<passage/></document>", "a:4", "'offset' is missing in a passage"),
        ("<document></document>", "a:3", "a document lacks its id"),
        ("<document><id>1</id><passage><offset>9999999999</offset></passage></document>", "a:3", "cannot follow"),
        ("", "a", "holds no document"),
        ("\n\n<b>", "a:5", "not well-formed"),
    ],
)
def test_what_is_wrong_and_where(body: str, where: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        parse(body)
    assert message in str(caught.value)
    assert caught.value.where == where


@pytest.mark.parametrize(
    "head",
    [
        '<!DOCTYPE collection [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>',
        '<!DOCTYPE collection [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        "<?xml version='1.0' encoding='nonsense'?>",
    ],
)
def test_xml_that_is_refused(head: str) -> None:
    with pytest.raises(UserError, match=r"a:\d+: "):
        parse(document(), head=head)


def test_xml_of_another_root_is_refused() -> None:
    with pytest.raises(UserError) as caught:
        list(read(io.BytesIO(b"<?xml version='1.0'?>\n<articles><front/></articles>"), "a.xml"))
    assert str(caught.value) == (
        "a.xml:2: the root is <articles>, not BioC's <collection> (the XML that is read is BioC's, PubMed's and JATS)"
    )


def test_a_wrong_document_fails_alone() -> None:
    body = (
        document(annotation("1", "ocular", (0, 6)), id="1")
        + document(id="2")
        + "<document><id>3</id><passage><offset>x</offset></passage></document>"
        + f"<document><id>4</id>{'<passage>' * 10_000}{'</passage>' * 10_000}</document>"
        + document(id="5")
        + "<oops>"
    )
    failed: list[UserError] = []
    data = f"{HEAD}<collection>{body}</collection>".encode()
    found = list(read(io.BytesIO(data), "a", "bioc-xml", failed=failed.append))
    assert [item.id for item in found] == ["2", "5"]
    assert [error.where for error in failed] == ["a:6", "a:12", "a:12", "a:16"]


def test_gaps_cannot_make_a_text_that_fills_the_memory() -> None:
    passages = "".join(f"<passage><offset>{n * 900_000}</offset><text>a</text></passage>" for n in range(3))
    with pytest.raises(UserError, match="a text at offset 1800000 cannot follow one that ends at 900001"):
        parse(f"<document><id>1</id>{passages}</document>")


def test_scores_roles_and_infons() -> None:
    kind = '<infon key="type">D</infon>'
    marked = annotation("1", "Ocular", (0, 6), infons=f'{kind}<infon key="score">0.5</infon>') + annotation(
        "2", "auditory", (11, 8), infons=f'{kind}<infon key="score">2</infon><infon key="note">7</infon>'
    )
    relation = (
        '<relation id="R1"><infon key="type">near</infon><infon key="score">1</infon>'
        '<node refid="2" role="tail"/><node refid="1" role="head"/></relation>'
    )
    notices: list[Notice] = []
    (found,) = parse(document(marked, relation), notices)
    assert [entity.score for entity in found.entities] == [0.5, None]
    assert found.relations == (Relation("near", "1", "2", 1.0),)
    assert sorted(notice.what for notice in notices) == [
        "1 infon 'note' of annotations",
        "1 score that is no number from 0 to 1",
    ]


def test_what_is_written_and_what_is_lost(tmp_path: Path) -> None:
    text = " \r\n<a> & \x00\ufffe\t"
    entities = (
        Entity("\x01", 'T"\n', ((0, 1), (3, 6)), "-", 0.1),
        Entity("b\r", "X", ((9, 11),), "C\x02"),
    )
    relations = (Relation("r", "\x01", "b\r", 0.25), Relation("r", "C\x02", "b\r"), Relation("r", "-", "b\r"))
    out = tmp_path / "a.bioc.xml"
    lost = write([Document("1\x02", text, entities, relations), Document("2", "")], out, "bioc-xml")
    assert lost == Counter(
        {
            "characters that XML cannot hold": 2,
            "exact spellings of names": 4,
            "exact spellings of ids": 1,
            "concepts that mean none": 1,
            "relations of what is lost": 1,
        }
    )
    related = (Relation("r", "%01", "b\r", 0.25), Relation("r", "C%02", "b\r"))
    kept = (
        Entity("%01", 'T"\n', ((0, 1), (3, 6)), None, 0.1),
        Entity("b\r", "X", ((9, 11),), "C%02"),
    )
    assert list(read(out)) == [
        Document("1%02", text.replace("\x00", "\ufffd").replace("\ufffe", "\ufffd"), kept, related),
        Document("2", ""),
    ]
    root = ElementTree.parse(out).getroot()
    assert [child.tag for child in root] == ["source", "date", "key", "document", "document"]
    assert [(node.get("refid"), node.get("role")) for node in root.iter("node")] == [("%01", "head"), ("b\r", "tail")]


def test_ids_that_would_become_one_are_numbered(tmp_path: Path) -> None:
    entities = (Entity("\x01", "X", ((0, 1),)), Entity("%01", "X", ((1, 2),)))
    out = tmp_path / "a.bioc.xml"
    lost = write([Document("1", "ab", entities, (Relation("r", "%01", "\x01"),))], out, "bioc-xml")
    (found,) = read(out)
    assert [entity.id for entity in found.entities] == ["T1", "T2"]
    assert found.relations == (Relation("r", "T2", "T1"),)
    assert lost == {"ids of mentions": 2}


def test_a_large_file_is_streamed() -> None:
    def size(n: int) -> int:
        body = "".join(document(annotation("1", "Ocular", (0, 6)), id=str(i)) for i in range(n))
        stream = io.BytesIO(f"{HEAD}<collection>{body}</collection>".encode())
        tracemalloc.start()
        for _ in read(stream, "a", "bioc-xml"):
            pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert size(2000) - size(200) < 500_000  # the elements alone would take several megabytes
