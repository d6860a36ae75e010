from __future__ import annotations

import warnings
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics.v1 import precision_recall_fscore_support
from seqeval.scheme import IOB2

from ranat.documents.bio import decode_strict, from_tags, to_bio
from ranat.evaluation.f1 import micro_scores, scores

TAGS = st.sampled_from(["O", "O", "B-A", "I-A", "B-B", "I-B"])


@st.composite
def tagged(draw: Any) -> tuple[list[list[str]], list[list[str]]]:
    """Gold sentences with legal tags, and predicted ones with any: often the gold tag, so that mentions agree."""
    gold, predicted = [], []
    for _ in range(draw(st.integers(1, 4))):
        raw = draw(st.lists(TAGS, min_size=1, max_size=12))
        legal = to_bio(len(raw), from_tags(raw).spans)
        gold.append(legal)
        predicted.append([draw(TAGS) if draw(st.integers(0, 3)) == 0 else tag for tag in legal])
    return gold, predicted


@settings(max_examples=200, deadline=None)
@given(tagged())
def test_equal_to_seqeval_strict(sentences: tuple[list[list[str]], list[list[str]]]) -> None:
    gold, predicted = sentences

    def mentions(tags: list[str]) -> set[tuple[tuple[int, int], str]]:
        return {((first, end), kind) for first, end, kind in decode_strict(tags)}

    found = micro_scores([mentions(tags) for tags in gold], [mentions(tags) for tags in predicted])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = [
            precision_recall_fscore_support(gold, predicted, average=average, scheme=IOB2)
            for average in ("micro", None)
        ]
    # seqeval has no scores at all where nothing is marked, and leaves out types that nobody marked.
    if found["gold"] or found["predicted"]:
        assert (found["precision"], found["recall"], found["f1"]) == pytest.approx(expected[0][:3])
        for number, kind in enumerate(sorted(found["per_type"])):
            own = found["per_type"][kind]
            assert (own["precision"], own["recall"], own["f1"], own["gold"]) == pytest.approx(
                [column[number] for column in expected[1]]
            )
    else:
        assert (found["precision"], found["recall"], found["f1"], found["per_type"]) == (0, 0, 0, {})


def test_scores_by_hand() -> None:
    gold = [{((0, 1), "A"), ((2, 4), "B")}, {((0, 1), "A")}]
    predicted = [{((0, 1), "A"), ((2, 3), "B")}, {((0, 1), "B")}]
    found = micro_scores(gold, predicted)
    assert (found["true_positives"], found["predicted"], found["gold"]) == (1, 3, 3)
    assert found["f1"] == pytest.approx(1 / 3)
    a, b = found["per_type"]["A"], found["per_type"]["B"]
    assert (a["precision"], a["recall"], a["f1"]) == pytest.approx((1, 0.5, 2 / 3))
    assert (b["precision"], b["recall"], b["f1"], b["predicted"], b["gold"]) == (0, 0, 0, 2, 1)


def test_the_same_mention_in_another_document_is_wrong() -> None:
    mention = {((0, 1), "A")}
    assert micro_scores([mention, set()], [set(), mention])["f1"] == 0
    assert micro_scores([mention, set()], [mention, set()])["f1"] == 1


def test_documents_must_correspond() -> None:
    with pytest.raises(ValueError, match="shorter"):
        micro_scores([set(), set()], [set()])


@pytest.mark.parametrize(("counts", "expected"), [((0, 0, 0), 0), ((0, 2, 0), 0), ((0, 0, 2), 0), ((2, 2, 2), 1)])
def test_empty_denominators(counts: tuple[int, int, int], expected: float) -> None:
    assert scores(*counts)["f1"] == expected
