"""Offsets that count something else than characters are recognised, named, and converted; derived here by encoding."""

import io
import json
from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ranat.documents import Document
from ranat.errors import UserError
from ranat.formats import read, units
from ranat.formats.notice import Notice

ALPHABET = "aé€𝛼\n -"
TEXTS = st.text(ALPHABET, min_size=2, max_size=30)

UNITS: dict[str, Callable[[str], int]] = {
    "bytes of UTF-8": lambda before: len(before.encode()),
    "UTF-16 units": lambda before: len(before.encode("utf-16-le")) // 2,
    "characters with a line end as two (CRLF)": lambda before: len(before.replace("\n", "\r\n")),
}


@pytest.mark.parametrize("unit", UNITS)
@given(text=TEXTS, data=st.data())
def test_a_unit_is_recognised_where_characters_do_not_fit(unit: str, text: str, data: st.DataObject) -> None:
    offset = st.integers(0, len(text) - 1)
    wanted = []
    for start in data.draw(st.lists(offset, min_size=1, max_size=4)):
        end = data.draw(st.integers(start + 1, len(text)))
        wanted.append((start, end))
    given_ = [(UNITS[unit](text[:start]), UNITS[unit](text[:end])) for start, end in wanted]
    mentions = [((span,), text[start:end]) for span, (start, end) in zip(given_, wanted, strict=True)]
    name, converted = units.recognised(text, mentions)
    assume(name in (None, unit))  # another unit may fit as well, and is then named
    if name is None:
        assert all(text[start:end] == text[a:b] for (start, end), (a, b) in zip(given_, wanted, strict=True))
    else:
        assert converted == [(span,) for span in wanted]


def test_crlf_as_one_character() -> None:
    text = "One\r\ntwo\r\nthree"
    assert units.recognised(text, [(((8, 13),), "three"), (((4, 7),), "two"), (((0, 3),), "One")]) == (
        "characters with CRLF as one",
        [((10, 15),), ((5, 8),), ((0, 3),)],
    )


@pytest.mark.parametrize(
    ("spans", "name"),
    [([(0, 4), (10, 14)], "characters, the last one included"), ([(1, 6), (11, 16)], "characters from 1 on")],
)
def test_other_ways_to_count(spans: list[tuple[int, int]], name: str) -> None:
    text = "Fever and cough"
    mentions = [((span,), mention) for span, mention in zip(spans, ("Fever", "cough"), strict=True)]
    assert units.recognised(text, mentions) == (name, [((0, 5),), ((10, 15),)])


def test_what_fits_in_no_unit_stays() -> None:
    assert units.recognised("Fever and cough", [(((0, 5),), "Fever"), (((10, 15),), "other")]) == (
        None,
        [((0, 5),), ((10, 15),)],
    )


def lines(unit: str) -> list[str]:
    text = "TNF-α, 𝛼 and fever."
    start, end = text.index("fever"), text.index("fever") + 5
    span = [UNITS[unit](text[:start]), UNITS[unit](text[:end])]
    return [
        json.dumps({"id": "1", "text": text, "entities": [{"id": "T1", "type": "D", "spans": [span], "text": "fever"}]})
    ]


@pytest.mark.parametrize("unit", ["bytes of UTF-8", "UTF-16 units"])
def test_strict_reading_names_the_unit_and_lenient_reading_converts(unit: str) -> None:
    text = "\n".join(lines(unit)).encode()

    def parsed(**options: object) -> list[Document]:
        return list(read(io.BytesIO(text), "a", **options))  # type: ignore[arg-type]  # options of any kind

    with pytest.raises(UserError, match=f"a:1: the offsets of document '1' fit only as {unit}; they are converted"):
        parsed()
    notices: list[Notice] = []
    (document,) = parsed(lenient=True, notices=notices)
    assert document.mention(document.entities[0]) == "fever"
    assert [(notice.kind, notice.count) for notice in notices] == [("mended", 1)]
