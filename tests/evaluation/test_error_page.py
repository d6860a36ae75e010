"""The page of errors in a browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from browsing import visiting
from ranat.documents import Document, Entity
from ranat.evaluation.error_page import error_page
from ranat.evaluation.f1 import Answer
from ranat.evaluation.mentions import mention_errors

TEXT = "Imatinib inhibits BCR-ABL and KIT in chronic myeloid leukaemia, but not the V600E mutant of BRAF."


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_it_fits_the_window_and_is_accessible(tmp_path: Path, width: int, scheme: str) -> None:
    gold: set[Answer] = {(((0, 8),), "Chemical"), (((37, 62),), "Disease"), (((30, 33),), "Gene")}
    predicted: set[Answer] = {(((0, 8),), "Gene"), (((45, 62),), "Disease"), (((30, 33),), "Gene")}
    document = Document("1", TEXT, tuple(Entity(str(n), kind, spans) for n, (spans, kind) in enumerate(sorted(gold))))
    page = tmp_path / "errors.html"
    page.write_text(error_page(mention_errors([document], [gold], [predicted], []), "a run", ["A fact."]))
    with visiting(page, width=width, color_scheme=scheme) as visit:
        assert visit.page.evaluate("document.documentElement.scrollWidth") == width
        assert visit.page.locator("article mark").count() == 6
        visit.accessible()
        visit.check()
