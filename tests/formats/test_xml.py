"""What all XML formats share, by the example of PubMed's."""

import io
import tracemalloc

import pytest

from ranat.errors import UserError
from ranat.formats import read

DECLARATION = '<?xml version="1.0"?>\n<!DOCTYPE PubmedArticleSet>'


def file(*pmids: int, title: str = "On pills.") -> str:
    articles = "".join(
        f"<PubmedArticle><MedlineCitation>\n<PMID>{pmid}</PMID><Article><ArticleTitle>{title}</ArticleTitle></Article>"
        "</MedlineCitation></PubmedArticle>\n"
        for pmid in pmids
    )
    return f"{DECLARATION}<PubmedArticleSet>{articles}</PubmedArticleSet>"


def ids(text: str, failed: list[UserError] | None = None, **options: int) -> list[str]:
    tell = None if failed is None else failed.append
    return [document.id for document in read(io.BytesIO(text.encode()), "a", failed=tell, **options)]


@pytest.mark.parametrize("between", ["", "\n", "\n\n ", "\ufeff", "<!-- the end -->\n"])
def test_files_that_stand_one_after_the_other_are_all_read(between: str) -> None:
    assert ids(between.join([file(1, 2), file(3), file(4)])) == ["1", "2", "3", "4"]


def test_one_line_may_hold_two_files() -> None:
    assert ids((file(1) + file(2)).replace("\n", "")) == ["1", "2"]


def test_a_declaration_within_a_text_begins_no_file() -> None:
    title = "<![CDATA[Use\n<?xml version='1.0'?> first, then <?xml again]]>"
    (document,) = read(io.BytesIO(file(1, title=title).encode()), "a")
    assert document.text == "Use <?xml version='1.0'?> first, then <?xml again"


def test_a_second_root_without_a_declaration_is_told() -> None:
    failed: list[UserError] = []
    assert ids(f"{file(1)}\n{file(2).removeprefix(DECLARATION)}", failed) == ["1"]
    assert list(map(str, failed)) == [
        "a:5: one XML file ends here and another begins (write each into a file of its own)"
    ]


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (file(2, title="\n<i>x"), "a:8: not well-formed XML: mismatched tag"),
        (file(2).replace("Set>", "s>"), "a:6: the root is <PubmedArticles>, not PubMed's"),
        ('<?xml version="1.0"?>', "a:5: not well-formed XML: no element found"),
    ],
)
def test_what_is_wrong_in_the_second_file_has_the_line_of_the_whole(second: str, message: str) -> None:
    failed: list[UserError] = []
    assert ids(f"{file(1)}\n{second}", failed) == ["1"]
    assert [str(error)[: len(message)] for error in failed] == [message]


def test_names_of_a_namespace_are_read_as_without() -> None:
    assert ids(file(1).replace("<PubmedArticleSet>", '<PubmedArticleSet xmlns="https://x.org/">')) == ["1"]
    prefixed = file(1).replace("<Pub", "<x:Pub").replace("</Pub", "</x:Pub")
    assert ids(prefixed.replace("<x:PubmedArticleSet>", '<x:PubmedArticleSet xmlns:x="https://x.org/">'))


@pytest.mark.parametrize("line", ["x" * 10_000, "x\n" * 5_000, "<i>" * 5_000, "<!-- " + "x" * 10_000])
def test_a_record_that_is_too_long_is_told(line: str) -> None:
    failed: list[UserError] = []
    assert ids(file(1, 2) + "\n" + file(3, title=line), failed, longest=1_000) == ["1", "2"]
    (error,) = failed
    assert "more than 1,000 bytes of one document" in str(error)


def test_a_record_that_is_too_long_fills_no_memory() -> None:
    class Endless(io.RawIOBase):
        """An XML file whose first title does not end."""

        head = file(1).partition("On pills.")[0].encode()

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]  # as RawIOBase calls it
            data = (self.head or b"pills " * 10_000)[: len(buffer)]
            type(self).head = self.head[len(data) :]
            buffer[: len(data)] = data
            return len(data)

    tracemalloc.start()
    with pytest.raises(UserError, match="more than 2,000,000 bytes of one document"):
        list(read(Endless(), "a", longest=2_000_000))  # type: ignore[arg-type]  # a stream of bytes
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000
