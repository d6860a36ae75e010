import gzip
import io
import tracemalloc
from pathlib import Path

import pytest

from ranat.documents import Document
from ranat.errors import UserError
from ranat.formats import READERS, Sample, read, recognise
from ranat.formats.notice import Notice

HEAD = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle//EN" "https://dtd.nlm.nih.gov/pubmed.dtd">
"""


def parse(
    body: str, notices: list[Notice] | None = None, failed: list[UserError] | None = None, head: str = HEAD
) -> list[Document]:
    data = f"{head}<PubmedArticleSet>{body}</PubmedArticleSet>".encode()
    tell = None if failed is None else failed.append
    return list(read(io.BytesIO(data), "a", "pubmed-xml", notices=notices, failed=tell))


def article(pmid: object = 1, title: str = "", abstract: str = "", more: str = "", other: str = "") -> str:
    title = f"<ArticleTitle>{title}</ArticleTitle>"
    abstract = f"<Abstract>{abstract}<CopyrightInformation>Mine.</CopyrightInformation></Abstract>" if abstract else ""
    return (
        f'<PubmedArticle><MedlineCitation Status="MEDLINE">\n<PMID Version="1">{pmid}</PMID>'
        f"<Article><Journal><Title>Pills</Title></Journal>{title}{abstract}{more}</Article>"
        "<CommentsCorrectionsList><CommentsCorrections><PMID>99</PMID></CommentsCorrections></CommentsCorrectionsList>"
        f"{other}</MedlineCitation><PubmedData><ArticleIdList><ArticleId>7</ArticleId></ArticleIdList></PubmedData>"
        "</PubmedArticle>\n"
    )


def part(text: str, label: str = "") -> str:
    return f"<AbstractText{label and f' Label={label!r}'}>{text}</AbstractText>"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (article(), ""),
        (article(title="On pills."), "On pills."),
        (article(title="On pills.", abstract=part("They help.")), "On pills.\nThey help."),
        (article(abstract=part("They help.")), "They help."),
        (
            article(title="On pills.", abstract=part("Of x.", "AIM") + part("They help.", "ALL IN ALL") + part("Yes.")),
            "On pills.\nAIM: Of x.\nALL IN ALL: They help.\nYes.",
        ),
        (article(title="On pills.", abstract=part("", "AIM") + part("Yes.")), "On pills.\nYes."),
        (
            article(title="<i>E. coli</i> and H<sub>2</sub>O &amp; &#945;<b><sup>x</sup></b>."),
            "E. coli and H2O & αx.",
        ),
        (article(title="\n   On\n   <i>big</i>  pills.\n "), "On big  pills."),
        (article(title="", more="<VernacularTitle>Über Pillen.</VernacularTitle>"), "Über Pillen."),
        (article(title="[Not Available].", more="<VernacularTitle>Über Pillen.</VernacularTitle>"), "Über Pillen."),
        (article(title="[On pills].", more="<VernacularTitle>Über Pillen.</VernacularTitle>"), "[On pills]."),
    ],
)
def test_the_text_is_the_title_and_a_line_for_each_part(body: str, text: str) -> None:
    assert parse(body) == [Document("1", text)]


def test_books() -> None:
    def book(title: str) -> str:
        return (
            "<PubmedBookArticle><BookDocument><PMID>8</PMID><Book><BookTitle>All pills</BookTitle></Book>"
            f"{title}<Abstract>{part('They help.')}</Abstract></BookDocument></PubmedBookArticle>"
        )

    assert parse(book("<ArticleTitle>Aspirin</ArticleTitle>")) == [Document("8", "Aspirin\nThey help.")]
    assert parse(book("")) == [Document("8", "All pills\nThey help.")]


def test_what_is_left_out_is_counted() -> None:
    notices: list[Notice] = []
    other = f'<OtherAbstract Type="Publisher" Language="spa">{part("Ayudan.")}</OtherAbstract>'
    deleted = "<DeleteCitation><PMID Version='1'>5</PMID><PMID Version='1'>6</PMID></DeleteCitation>"
    assert parse(article(title="On pills.", other=other * 2) + deleted, notices) == [Document("1", "On pills.")]
    assert sorted((notice.kind, notice.count, str(notice)) for notice in notices) == [
        ("left out", 2, "a: left out: 2 deleted articles"),
        ("left out", 2, "a: left out: 2 other abstracts"),
    ]


def test_an_article_without_pmid_fails_alone() -> None:
    body = article(1) + article("") + "<PubmedArticle/>" + article(2)
    with pytest.raises(UserError, match=r"a:5: an article lacks its PMID"):
        parse(body)
    failed: list[UserError] = []
    assert [document.id for document in parse(body, failed=failed)] == ["1", "2"]
    assert [error.where for error in failed] == ["a:5", "a:7"]


@pytest.mark.parametrize(
    ("head", "body", "message"),
    [
        ('<!DOCTYPE PubmedArticleSet [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>', article(2), "EntitiesForbidden"),
        ('<!DOCTYPE PubmedArticleSet [<!ENTITY a SYSTEM "file:///etc/passwd">]>', article(2), "EntitiesForbidden"),
        (HEAD, article(2, title="&nbsp;"), "undefined entity"),
        (HEAD, article(2, title="<i>x"), "mismatched tag"),
    ],
)
def test_xml_that_spoils_the_rest_of_a_file_is_told_once(head: str, body: str, message: str) -> None:
    failed: list[UserError] = []
    assert len(parse(article(1) + body, failed=failed, head=head)) == (head == HEAD)
    assert len(failed) == 1
    assert message in str(failed[0])


def test_markup_however_deep_is_flattened() -> None:
    assert parse(article(title="<i>" * 10_000 + "x" + "</i>" * 10_000)) == [Document("1", "x")]


def test_an_article_may_be_the_root() -> None:
    book = "<PubmedBookArticle><BookDocument><PMID>2</PMID></BookDocument></PubmedBookArticle>"
    for root, id in ((article(1, title="On pills."), "1"), (book, "2")):
        assert [document.id for document in read(io.BytesIO(f"{HEAD}{root}".encode()), "a.xml")] == [id]
    with pytest.raises(UserError, match=r"a:1: the root is <html>, not PubMed's <PubmedArticleSet> or <PubmedBook"):
        list(read(io.BytesIO(b"<html/>"), "a", "pubmed-xml"))


@pytest.mark.parametrize(
    ("head", "name"),
    [
        ("<PubmedArticleSet>", "pubmed-xml"),
        ("<?xml version='1.0'?>\n<!-- <collection> -->\n<PubmedArticleSet>", "pubmed-xml"),
        (HEAD + "<PubmedArticleSet><", "pubmed-xml"),
        ("<?xml version='1.0'?><!DOCTYPE PubmedArticleSet PUBLIC '' ''>\n" + "<" * 100_000, "pubmed-xml"),
        ("<PubmedArticle>", "pubmed-xml"),
        ("<collection>", "bioc-xml"),
        ("<?xml version='1.0'?>\n<!-- <PubmedArticleSet> -->\n<collection>", "bioc-xml"),
        ("<!DOCTYPE collection SYSTEM 'BioC.dtd'>\n<collection>", "bioc-xml"),
        ("<collections>", None),
        ("<html><collection>", None),
    ],
)
def test_xml_is_told_by_its_root(head: str, name: str | None) -> None:
    claimed = [known for known in ("bioc-xml", "pubmed-xml") if READERS.get(known).sure(Sample("", head))]
    assert claimed == ([name] if name else [])
    if name:
        assert recognise(io.StringIO(f"{head}\n"), "a.xml") == name


@pytest.mark.slow
def test_a_large_archive_is_streamed(tmp_path: Path) -> None:
    def peak(articles: int) -> int:
        file = tmp_path / f"{articles}.xml.gz"
        with gzip.open(file, "wt", encoding="utf-8", compresslevel=1) as stream:
            stream.write(f"{HEAD}<PubmedArticleSet>\n")
            abstract = "".join(part("They help a lot. " * 40, label) for label in ("AIM", "METHODS", "RESULTS"))
            stream.writelines(article(pmid, "On pills.", abstract) for pmid in range(articles))
            stream.write("</PubmedArticleSet>\n")
        tracemalloc.start()
        assert sum(1 for _ in read(file, failed=print, each_once=False)) == articles
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(1)  # what is imported when a first file is read
    assert peak(5000) - peak(500) < 200_000
