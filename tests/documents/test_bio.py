from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities
from seqeval.scheme import IOB2, IOBES, Tokens

from ranat.documents.bio import decode_strict, detect_scheme, from_tags, scheme_of, to_bio

TAGS = st.lists(st.sampled_from(["O", "B-X", "I-X", "B-Y", "I-Y"]), max_size=12)
BIOES = st.lists(st.sampled_from(["O", *(f"{p}-{t}" for p in "BIES" for t in "XY")]), max_size=12)


@st.composite
def word_spans(draw: st.DrawFn) -> tuple[int, list[tuple[int, int, str]]]:
    """Words and non-overlapping spans over them, touching ones among them."""
    lengths = draw(st.lists(st.tuples(st.integers(1, 4), st.sampled_from(["", "X", "Y"])), max_size=8))
    spans, position = [], 0
    for length, kind in lengths:
        if kind:
            spans.append((position, position + length, kind))
        position += length
    return position, spans


def as_bioes(n: int, spans: list[tuple[int, int, str]]) -> list[str]:
    tags = ["O"] * n
    for first, end, kind in spans:
        tags[first:end] = [f"I-{kind}"] * (end - first)
        tags[first], tags[end - 1] = f"B-{kind}", f"E-{kind}"
        if end - first == 1:
            tags[first] = f"S-{kind}"
    return tags


def as_iob1(n: int, spans: list[tuple[int, int, str]]) -> list[str]:
    tags = ["O"] * n
    for first, end, kind in spans:
        tags[first:end] = [f"I-{kind}"] * (end - first)
        if first and tags[first - 1].endswith(f"-{kind}"):
            tags[first] = f"B-{kind}"
    return tags


@given(word_spans())
def test_spans_survive_every_scheme(words: tuple[int, list[tuple[int, int, str]]]) -> None:
    n, spans = words
    tags = to_bio(n, spans)
    assert len(tags) == n
    assert decode_strict(tags) == spans
    assert from_tags(tags, "IOB2") == (spans, 0)
    assert from_tags(as_iob1(n, spans), "IOB1") == (spans, 0)
    assert from_tags(as_bioes(n, spans), "BIOES") == (spans, 0)
    assert from_tags(as_iob1(n, spans)).spans == spans
    assert from_tags(as_bioes(n, spans)) == (spans, 0)


@pytest.mark.parametrize("letters", ["BILU", "BMEW"])
@given(word_spans())
def test_bilou_and_bmewo_are_bioes_in_other_letters(
    letters: str, words: tuple[int, list[tuple[int, int, str]]]
) -> None:
    n, spans = words
    other = dict(zip("BIES", letters, strict=True))
    tags = [tag if tag == "O" else f"{other[tag[0]]}{tag[1:]}" for tag in as_bioes(n, spans)]
    assert decode_strict(tags, "BIOES") == from_tags(tags, "BIOES").spans == spans
    assert not spans or detect_scheme([tags]) == scheme_of({"O", *tags}) == "BIOES"


@given(TAGS)
def test_strict_decoding_is_seqevals(tags: list[str]) -> None:
    expected = [(e.start, e.end, e.tag) for e in Tokens(tags, IOB2).entities]
    assert decode_strict(tags) == expected


@given(BIOES)
def test_strict_bioes_naively(tags: list[str]) -> None:
    def whole(part: list[str], kind: str) -> bool:
        inside = [f"I-{kind}"] * (len(part) - 2)
        return part in ([f"S-{kind}"], [f"B-{kind}", *inside, f"E-{kind}"])

    ends = range(1, len(tags) + 1)
    expected = [(i, j, kind) for j in ends for i in range(j) for kind in "XY" if whole(tags[i:j], kind)]
    assert decode_strict(tags, "BIOES") == expected


@given(st.lists(st.sampled_from(["O", "I-X", "I-Y"]), max_size=12))
def test_io_is_runs_of_one_type(tags: list[str]) -> None:
    expected, start = [], 0
    for tag, run in groupby(tags):
        length = len(list(run))
        expected += [(start, start + length, tag[2:])] if tag != "O" else []
        start += length
    assert decode_strict(tags, "IO") == expected


@pytest.mark.parametrize(
    ("labels", "scheme"),
    [
        (["O", "B-X", "I-X"], "IOB2"),
        (["B-X", "I-X", "B-Y", "I-Y", "O"], "IOB2"),
        (["O", "B-X"], "IOB2"),
        (["O", *(f"{p}-X" for p in "BIES")], "BIOES"),
        (["O", "S-X"], "BIOES"),
        (["O", "I-X", "I-Y"], "IO"),
    ],
)
def test_the_scheme_of_a_models_labels(labels: list[str], scheme: str) -> None:
    assert scheme_of(labels) == scheme


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        (["LABEL_0", "LABEL_1"], "'LABEL_0' is not a tag"),
        (["O", "DISEASE"], "'DISEASE' is not a tag"),
        (["O", "B", "I"], "'B' is not a tag"),
        (["O"], "there must be O, and tags"),
        (["B-X", "I-X"], "there must be O, and tags"),
        ([], "there must be O, and tags"),
        (["O", "B-X", "I-X", "I-Y"], "there is no B-Y"),  # IOB1, where I-Y begins a mention
    ],
)
def test_labels_that_no_mention_can_be_read_from(labels: list[str], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        scheme_of(labels)


@given(st.one_of(TAGS, BIOES))
def test_lenient_decoding_is_conllevals(tags: list[str]) -> None:
    # seqeval's default mode is a port of conlleval; its end is inclusive.
    expected = [(start, end + 1, kind) for kind, start, end in get_entities(tags)]
    assert from_tags(tags).spans == expected


@given(TAGS)
def test_repairs_are_counted_exactly_when_strict_and_lenient_differ(tags: list[str]) -> None:
    spans, repaired = from_tags(tags, "IOB2")
    assert (repaired == 0) == (decode_strict(tags) == spans)
    assert from_tags(to_bio(len(tags), spans), "IOB2").repaired == 0


@given(BIOES)
def test_bioes_without_repairs_is_seqevals_strict(tags: list[str]) -> None:
    spans, repaired = from_tags(tags, "BIOES")
    strict = [(e.start, e.end, e.tag) for e in Tokens(tags, IOBES).entities]
    assert (repaired == 0) == (strict == spans and as_bioes(len(tags), spans) == tags)


@pytest.mark.parametrize(
    ("sentences", "scheme"),
    [
        ([["I-X", "O", "I-X"], ["I-X", "B-X"]], "IOB1"),
        ([["B-X", "I-X", "O", "I-X"]], "IOB2"),
        ([["B-X", "I-X"], ["I-X"], ["B-X"]], "IOB2"),
        ([["O"], ["S-X"]], "BIOES"),
        ([["O"]], "IOB2"),
        ([], "IOB2"),
    ],
)
def test_the_scheme_of_a_file(sentences: list[list[str]], scheme: str) -> None:
    assert detect_scheme(sentences) == scheme


def test_an_inside_tag_that_continues_nothing() -> None:
    tags = ["O", "I-X", "I-X", "I-Y", "B-X", "I-Y", "I-X"]
    assert decode_strict(tags) == [(4, 5, "X")]
    assert from_tags(tags, "IOB2") == ([(1, 3, "X"), (3, 4, "Y"), (4, 5, "X"), (5, 6, "Y"), (6, 7, "X")], 4)


def test_a_type_may_hold_a_hyphen() -> None:
    assert from_tags(["B-CPR-3", "I-CPR-3"]).spans == [(0, 2, "CPR-3")]


@pytest.mark.parametrize("spans", [[(0, 2, "X"), (1, 3, "Y")], [(2, 2, "X")], [(2, 4, "X")], [(-1, 1, "X")]])
def test_spans_that_tags_cannot_hold(spans: list[tuple[int, int, str]]) -> None:
    with pytest.raises(ValueError, match="span"):
        to_bio(3, spans)


@pytest.mark.parametrize("tag", ["B", "X-B", "", "BI-X", "B-"])
def test_what_is_no_tag(tag: str) -> None:
    with pytest.raises(ValueError, match="is not a tag"):
        from_tags([tag])
    with pytest.raises(ValueError, match="is not a tag"):
        decode_strict([tag])
