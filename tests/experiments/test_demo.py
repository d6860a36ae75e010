"""What the demonstration shows; and all of it, with models that are hardly trained."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from rich.console import Console

from ranat import formats
from ranat.documents import Document, Entity, Relation
from ranat.experiments import demo

DOCUMENT = Document(
    "1",
    "Imatinib inhibits KIT.",
    (Entity("T1", "Chemical", ((0, 8),)), Entity("T2", "Gene", ((18, 21),))),
    (Relation("inhibits", "T1", "T2", 0.9),),
)


def test_mentions_stand_in_brackets() -> None:
    assert demo.mark_mentions(DOCUMENT) == "[Imatinib|Chemical] inhibits [KIT|Gene]."


def test_triples_have_mentions_for_ids() -> None:
    assert demo.triples(DOCUMENT) == [{"head": "Imatinib", "type": "inhibits", "tail": "KIT", "score": 0.9}]


@pytest.mark.slow
def test_the_demonstration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "EPOCHS", 0.1)
    monkeypatch.setitem(demo.RELATIONS, "train", {"epochs": 0.05, "keep": "last"})
    result = demo.run_demo(tmp_path, Console(quiet=True))
    (comparison,) = result["comparison"]["comparisons"]
    assert [group["name"] for group in comparison["groups"]] == ["standard", "pgd AT", "pgd RAT p=0.5"]
    assert "Rosuvastatin" in result["text"]
    (document,) = formats.read(BytesIO(Path(result["page"]).read_bytes()), "abstract.html", "html")
    assert document.text == demo.ABSTRACT
    assert demo.triples(document) == result["triples"]
    picture = Path(result["picture"]).read_text(encoding="utf-8")
    for name in ("standard", "pgd AT", "pgd RAT", "cost × "):
        assert name in picture
    assert demo.run_demo(tmp_path, Console(quiet=True)) == result  # nothing is trained again
