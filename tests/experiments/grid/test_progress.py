from __future__ import annotations

import io
from dataclasses import replace

from rich.console import Console

from ranat.experiments.cards import Card
from ranat.experiments.grid.cells import Cell, expand
from ranat.experiments.grid.progress import GridProgress, duration
from ranat.experiments.spec import read_spec


def done(cell: Cell, seconds: float) -> Card:
    card = cell.failed("")
    return replace(card, status="done", error=None, test={"f1": 0.825}, seconds={"train": 1.0, "total": seconds})


def test_a_line_for_each_cell_and_the_time_left() -> None:
    cells = expand(read_spec("ablation-gate", seeds=[0, 1], corpora=["ncbi-disease", "demo"]))
    first, second, *_ = cells
    console = Console(file=io.StringIO(), width=300)
    progress = GridProgress(cells, [done(first, 100)], 1, console)
    with progress:
        assert progress.left() == f"about {duration(100 * 27)} left"
        progress.begin(second)
        progress.end(done(second, 40))
        # The 2 of the same row and corpus are known; their mean stands for the corpus's 10 others, and for demo's 14.
        assert progress.left() == f"about {duration(100 + 40 + 24 * 70)} left"
        progress.end(cells[2].failed("the disk is full"))
        for cell in cells[3:]:
            progress.end(done(cell, 50))
        assert progress.left() == "all done"
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]  # it is a StringIO
    assert lines[0] == "1 of 28 cells are done already"
    assert lines[1] == f"[2/28] {second.name}: F1 82.50 in 40 s; about 30 min left"
    assert lines[2].startswith(f"[3/28] {cells[2].name}: failed: the disk is full; about ")
    assert lines[-1].endswith("all done")
    assert len(lines) == 1 + 27


def test_several_at_a_time_take_less() -> None:
    cells = expand(read_spec("ablation-p", seeds=[0]))
    quiet = Console(quiet=True)
    assert GridProgress(cells, [], 2, quiet).left() == "time left unknown"
    assert GridProgress(cells, [done(cells[0], 60)], 2, quiet).left() == "about 5 min left"


def test_durations() -> None:
    assert [duration(seconds) for seconds in (0, 42.4, 100, 3600, 12000)] == [
        "0 s", "42 s", "2 min", "1 h 0 min", "3 h 20 min",
    ]  # fmt: skip
