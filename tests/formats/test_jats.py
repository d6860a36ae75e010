import io
import tracemalloc

import pytest

from ranat.documents import Document
from ranat.errors import UserError
from ranat.formats import read, recognise
from ranat.formats.notice import Notice

IDS = '<article-id pub-id-type="pmid">7</article-id>'


def parse(text: str, notices: list[Notice] | None = None, failed: list[UserError] | None = None) -> list[Document]:
    tell = None if failed is None else failed.append
    return list(read(io.BytesIO(text.encode()), "a.nxml", notices=notices, failed=tell))


def article(title: str = "Fever.", abstract: str = "", body: str = "", back: str = "", ids: str = IDS) -> str:
    return (
        '<article xmlns:mml="http://www.w3.org/1998/Math/MathML"><front><journal-meta><p>The Journal</p></journal-meta>'
        f"<article-meta>{ids}<title-group><article-title>{title}</article-title></title-group>"
        f"<contrib-group><contrib>Me</contrib></contrib-group>{abstract}<kwd-group><kwd>key</kwd></kwd-group>"
        f"</article-meta></front>{body and f'<body>{body}</body>'}{back and f'<back>{back}</back>'}</article>"
    )


def told(notices: list[Notice]) -> dict[str, int]:
    assert all(notice.kind == "left out" and not notice.is_error for notice in notices)
    return {notice.what.split(" ", 1)[1]: notice.count for notice in notices}


def test_title_abstracts_and_sections_in_order() -> None:
    text = article(
        "On <italic>E. coli</italic>\n   and H<sub>2</sub>O",
        "<abstract><title>Abstract</title><sec><title>Aim</title><p>One.</p></sec><sec><p>Two.</p></sec></abstract>"
        '<abstract abstract-type="teaser"><p>Read me.</p></abstract>',
        "<p>Before.</p><sec><title>Methods</title><sec><title>Mice</title><p>We\n  fed <bold>many</bold>\nmice.</p>"
        "<p>Twice <xref>[1]</xref>.</p></sec></sec><sec><title>Results</title>"
        "<list><list-item><p>Alive.</p></list-item><list-item><p>Well.</p></list-item></list>"
        "<disp-quote><p>So be it.</p></disp-quote>"
        "<p>First<break/>second: <list><list-item><p>in.</p></list-item></list> third.</p></sec>",
    )
    notices: list[Notice] = []
    (document,) = parse(text, notices)
    assert document == Document(
        "7",
        "On E. coli and H2O\nAbstract\nAim\nOne.\nTwo.\nRead me.\nBefore.\nMethods\nMice\nWe fed many mice.\n"
        "Twice [1].\nResults\nAlive.\nWell.\nSo be it.\nFirst second:\nin.\nthird.",
    )
    assert not notices


def test_what_is_no_running_text_is_left_out_and_counted() -> None:
    figure = "<fig><label>1</label><caption><title>A cell</title><p>It <mml:math/> grew.</p></caption><graphic/></fig>"
    table = "<table-wrap><caption><p>Cells</p></caption><table><tr><td>1</td></tr></table></table-wrap>"
    references = "<ref-list><title>References</title><ref>A</ref><ref>B</ref></ref-list>"
    text = article(
        "Fever<fn><p>Funded.</p></fn>.",
        "<abstract><p>Hot.</p></abstract><trans-abstract><p>Caliente.</p></trans-abstract>",
        f"<sec><label>1.</label><title>Cells</title><p>Before{figure}after.</p>{table}{figure}<p>Where <inline-formula>"
        "<mml:math><mml:mi>x</mml:mi></mml:math></inline-formula> is<disp-formula>y</disp-formula>so.</p></sec>",
        f"<ack><p>Thanks.</p></ack>{references}<fn-group><fn><p>None.</p></fn></fn-group><sec><title>Data</title>"
        "<p>Nowhere.</p></sec>",
    ).replace("</article>", f"<floats-group>{table}</floats-group><sub-article><p>Review.</p></sub-article></article>")
    notices: list[Notice] = []
    (document,) = parse(text, notices)
    assert document.text == "Fever.\nHot.\nCells\nBefore\nafter.\nWhere is\nso."
    assert told(notices) == {
        "footnotes": 2,
        "abstract in other languages": 1,
        "figures with their captions": 2,
        "tables with their captions": 2,
        "formulas": 2,
        "number of sections and items": 1,
        "acknowledgement": 1,
        "references": 2,
        "other lines after the body": 2,
        "article within an article": 1,
    }


@pytest.mark.parametrize(
    ("ids", "id"),
    [
        (IDS, "7"),
        ('<article-id pub-id-type="doi">10.1/x</article-id><article-id pub-id-type="pmc">9</article-id>' + IDS, "7"),
        ('<article-id pub-id-type="doi">10.1/x</article-id><article-id pub-id-type="pmc">9</article-id>', "PMC9"),
        ('<article-id pub-id-type="pmcid">PMC9</article-id>', "PMC9"),
        (
            '<article-id pub-id-type="publisher-id">p</article-id><article-id pub-id-type="doi"> 10.1/x </article-id>',
            "10.1/x",
        ),
        ("", "a:1"),
    ],
)
def test_the_best_id_is_taken(ids: str, id: str) -> None:
    assert [document.id for document in parse(article(ids=ids))] == [id]


def test_a_set_of_articles() -> None:
    notices: list[Notice] = []
    other = IDS.replace("7", "8")
    body = f'{article()}\n<Reply Id="9" error="no such article"/>\n{article(ids=other)}{article(ids="")}'
    found = parse(f"<?xml version='1.0'?>\n<pmc-articleset>{body}</pmc-articleset>", notices)
    assert [document.id for document in found] == ["7", "8", "a:4"]
    assert told(notices) == {"record that is no article": 1}


def test_articles_of_a_namespace() -> None:
    text = article(body="<p>Hot.</p>").replace(
        "<article ", '<article xmlns="https://jats.nlm.nih.gov/ns/archiving/1.3/" '
    )
    assert parse(text) == [Document("7", "Fever.\nHot.")]


def test_markup_however_deep_is_flattened() -> None:
    deep = "<sec><p><italic>" * 5_000 + "x" + "</italic></p></sec>" * 5_000
    assert parse(article(body=deep)) == [Document("7", "Fever.\nx")]


@pytest.mark.parametrize(
    ("head", "name"),
    [
        ("<article><front>", "jats"),
        ("<?xml version='1.0'?><!DOCTYPE article PUBLIC \"-//NLM//DTD JATS v1.0//EN\" 'x.dtd'><article>", "jats"),
        ("<pmc-articleset>", "jats"),
        ("<article>\n<title>DocBook</title>", "jats"),
        ("<articles>", None),
        ("<html><article><front>", None),
    ],
)
def test_jats_is_told_by_its_root(head: str, name: str | None) -> None:
    if name:
        assert recognise(io.StringIO(head), "a") == name
    else:
        with pytest.raises(UserError, match="not recognised"):
            recognise(io.StringIO(head), "a")


def test_xml_that_is_cut_off_is_told_once() -> None:
    failed: list[UserError] = []
    text = f"<pmc-articleset>{article()}\n{article()[:-20]}"
    assert [document.id for document in parse(text, failed=failed)] == ["7"]
    assert len(failed) == 1
    assert "a.nxml:2: not well-formed XML" in str(failed[0])


def test_a_large_set_is_streamed() -> None:
    def peak(articles: int) -> int:
        body = "".join(article(ids=IDS.replace("7", str(n)), body="<p>Hot and cold.</p>" * 50) for n in range(articles))
        stream = io.BytesIO(f"<pmc-articleset>{body}</pmc-articleset>".encode())
        tracemalloc.start()
        assert sum(1 for _ in read(stream, "a", each_once=False)) == articles
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(1_000) - peak(100) < 300_000
