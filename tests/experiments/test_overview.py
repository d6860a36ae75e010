"""The runs under a folder: found, told apart, and compared as `compare` does."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from browsing import Visit, visiting
from finished_runs import GOLD, PGD, finished
from ranat.errors import UsageError, UserError
from ranat.experiments.compare import compare
from ranat.experiments.overview import Overview
from ranat.experiments.picture import draw
from ranat.experiments.runs_page import write_page
from ranat.terminal import Console

HOSTILE = "x<img src=q onerror=alert(1)>"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three trainings of three seeds, one on other texts, one that is not finished, one that is damaged, a copy."""
    folder = tmp_path_factory.mktemp("root")
    (folder / "deep").mkdir()
    for seed in range(3):
        train = {"train": {"seed": seed}}
        run = finished(folder / f"standard-{seed}", 10 + seed, **train)
        log = [{"step": 10 * n, "loss": 3 / n} for n in range(1, 6)] + [{"step": 50, "eval_f1": 0.5}]
        (run / "log.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in log))
        finished(folder / "deep" / f"pgd-{seed}", 14 + 2 * seed, attack=PGD, **train)
        finished(folder / f"fgm-{seed}", 13 - seed, attack={"name": "fgm"}, rat={"p": 1}, **train)
    finished(folder / HOSTILE, 9, gold=GOLD[1:], steps=3)
    (finished(folder / "unfinished", 9, train={"seed": 9}) / "metrics.json").unlink()
    (finished(folder / "damaged", 9, train={"seed": 8}) / "metrics.json").write_text("{")
    shutil.copytree(folder / "standard-0", folder / "standard-copy")
    for run in folder.rglob("README.md"):
        run.unlink()
    for run in folder.rglob("metrics.json"):
        (run.parent / "README.md").write_text(f"# A card <script>alert('{run.parent.name}')</script>\n")
    return folder


@pytest.fixture(scope="module")
def overview(root: Path) -> Overview:
    return Overview.of(root)


def test_every_run_is_there_with_its_state(overview: Overview) -> None:
    states = {entry.name: entry.state for entry in overview.entries}
    assert len(states) == 13
    assert states["unfinished"] == "not finished"
    assert "not what the run wrote" in states["damaged"]
    assert [name for name, state in states.items() if state == "finished"] == [
        *(f"deep/pgd-{seed}" for seed in range(3)),
        *(f"fgm-{seed}" for seed in range(3)),
        *(f"standard-{seed}" for seed in range(3)),
        "standard-copy",
        HOSTILE,
    ]
    assert json.loads(json.dumps(overview.to_dict())) == overview.to_dict()
    head, rows = overview.table()
    assert all(len(row) == len(head) for row in rows)


def test_comparisons_are_those_of_compare(overview: Overview, root: Path) -> None:
    first, other = overview.comparisons
    names = [*(f"deep/pgd-{n}" for n in range(3)), *(f"{kind}-{n}" for kind in ("fgm", "standard") for n in range(3))]
    assert first.result == compare([root / name for name in names])["comparisons"][0]
    assert [run.folder.name for run in first.left_out] == ["standard-copy"]
    assert [run.folder.name for run in other.runs] == [HOSTILE]
    pairs = first.pairs()
    assert pairs.keys() == {"0-1", "0-2", "1-2"}
    assert pairs["0-1"]["difference"] == first.result["groups"][1]["difference"]
    two = compare([root / name for name in names[:6]])["comparisons"][0]
    assert pairs["1-2"]["difference"] == two["groups"][1]["difference"]


def test_what_is_no_folder_of_runs_is_told(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "not there"):
        with pytest.raises(UserError, match=r"no run is in it|is no folder"):
            Overview.of(folder)


def test_nothing_else_is_written_over(overview: Overview, tmp_path: Path) -> None:
    console = Console(quiet=True)
    page = tmp_path / "runs.html"
    write_page(overview, page, console)
    write_page(overview, page, console)
    page.write_text("<p>mine</p>")
    with pytest.raises(UserError, match="is there already"):
        write_page(overview, page, console)
    with pytest.raises(UsageError, match="no page ends in"):
        write_page(overview, tmp_path / "runs.pdf", console)


def test_a_comparison_is_drawn(root: Path, tmp_path: Path) -> None:
    result = compare([root / "standard-0", root / "fgm-0", root / HOSTILE])
    files = draw(result, tmp_path / "new" / "compare.svg")
    assert [file.name for file in files] == ["compare.svg", "compare-2.svg"]
    assert "fgm AT" in files[0].read_text()
    with pytest.raises(UsageError, match="no picture ends in"):
        draw(result, tmp_path / "compare.png")


@pytest.fixture
def visit(overview: Overview, tmp_path: Path) -> Iterator[Visit]:
    page = tmp_path / "runs.html"
    write_page(overview, page, Console(quiet=True))
    with visiting(page) as opened:
        yield opened


def names(visit: Visit) -> list[str]:
    return [str(name) for name in visit.page.locator("#runs td.name button:visible").all_inner_texts()]


@pytest.mark.slow
def test_the_page_sorts_filters_and_opens(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("button", name="test F1").click()
    scores = [
        text for text in page.locator("#runs tbody tr:first-child td:nth-child(8)").all_inner_texts() if text != "–"
    ]
    assert scores == sorted(scores, key=float)
    page.get_by_label("filter runs").fill("pgd seed 1")
    assert names(visit) == ["deep/pgd-1"]
    assert page.get_by_role("status").inner_text() == "1 of 13 runs"
    page.get_by_label("filter runs").fill("standard-0")
    page.get_by_role("button", name="standard-0").click()
    assert "A card <script>" in page.get_by_label("card of standard-0").inner_text()
    assert page.locator("#runs svg:visible").count() == 2
    page.get_by_role("button", name="standard-0").click()
    page.get_by_label("filter runs").fill("")
    visit.check()


@pytest.mark.slow
def test_chosen_groups_are_compared(visit: Visit, overview: Overview) -> None:
    page, first = visit.page, overview.comparisons[0]

    def cells(name: str) -> list[Any]:
        row = page.locator("section.comparison tbody tr:visible").filter(has_text=name)
        return [row.locator(f"[data-fill={cell}]").inner_text() for cell in ("difference", "p", "seeds")]

    difference = first.result["groups"][1]["difference"]
    name = first.result["groups"][1]["name"]
    assert cells(name)[:2] == [f"{100 * difference['estimate']:+.2f}", f"{difference['p']:.3f}"]
    page.get_by_label("compare the group of deep/pgd-0").check()
    page.get_by_label("compare the group of fgm-2").check()
    assert page.locator("#runs input:checked").count() == 6
    assert page.locator("section.comparison tbody tr:visible").count() == 2
    between = first.pairs()["1-2"]["difference"]
    other = first.result["groups"][2]["name"]
    assert cells(other)[0] == f"{100 * between['estimate']:+.2f}".replace("-", "−")
    page.get_by_label(f"set the others beside {other}").check()
    assert cells(name)[0] == f"{-100 * between['estimate']:+.2f}".replace("-", "−")
    page.get_by_role("button", name="choose none").click()
    assert page.locator("section.comparison tbody tr:visible").count() == 4
    visit.check()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_is_readable_and_accessible(overview: Overview, tmp_path: Path, width: int, scheme: str) -> None:
    write_page(overview, tmp_path / "runs.html", Console(quiet=True))
    with visiting(tmp_path / "runs.html", width=width, color_scheme=scheme) as visit:
        visit.page.get_by_role("button", name="standard-0").click()
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
        visit.accessible()
        visit.check()
