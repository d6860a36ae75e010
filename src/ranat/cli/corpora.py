"""`ranat corpora`: list, fetch and check."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from cyclopts import App
from rich.progress import DownloadColumn, TimeRemainingColumn

from ranat.cli.application import START, Data, Json, app, err, examples
from ranat.cli.printing import print_json, print_table, print_text
from ranat.cli.reading import Columns, From, Lenient, how_of
from ranat.errors import UsageError, UserError
from ranat.terminal import counted, progress_bar

corpora_app = App(group=START, name="corpora", help="List, fetch and check corpora.")
app.command(corpora_app)


@corpora_app.default
@corpora_app.command(name="list", help_epilogue=examples("ranat corpora list --data ~/corpora"))
def list_corpora(*, data: Data = None, json: Json = False) -> None:
    """Name the known corpora and where they are found."""
    from ranat import corpora

    with err.status("looking"):
        rows = corpora.overview(data)
    if json:
        print_json(rows)
        return
    keys = ("corpus", "form", "task", "train", "dev", "test", "found")
    print_table(list(keys), [["-" if row[key] is None else str(row[key]) for key in keys] for row in rows], (3, 4, 5))


@corpora_app.command(help_epilogue=examples("ranat corpora fetch ncbi-disease bc2gm"))
def fetch(*names: str, data: Data = None) -> None:
    """Download corpora from their official addresses, verified by sha256; a broken download is resumed."""
    from ranat import corpora

    if not names:
        raise UsageError("name at least one corpus", remedy="`ranat corpora list` shows them")
    for name in names:
        with _download_bar() as progress:
            files = corpora.fetch(name, data, progress)
        new = sum(not file.already for file in files)
        print_text(f"{name}: {new} files fetched, {len(files) - new} there already, in {corpora.data_folder(data)}")


@corpora_app.command(
    help_epilogue=examples("ranat corpora check ncbi-disease --data ~/corpora", "ranat corpora check my_corpus/")
)
def check(
    *names: str,
    from_: From = None,
    columns: Columns = None,
    lenient: Lenient = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Count corpora, compare with the published counts, and name what is odd with file and line.

    Args:
        names: Names of corpora, or folders of one's own; default: every known corpus that is found.
    """
    from ranat import corpora

    how = how_of(from_, columns, lenient)
    reports = []
    for name in names or dict.fromkeys(
        corpora.base(str(row["corpus"])) for row in corpora.overview(data) if row["found"]
    ):
        with err.status(f"counting {name}"):
            reports.append(corpora.check(name, data, how))
    rows = [row for report in reports for row in report.rows]
    notices = [str(notice) for report in reports for notice in report.notices]
    if json:
        print_json({"rows": [row._asdict() for row in rows], "notices": notices})
    else:
        verdict = {True: "equal", False: "DIFFERS", None: ""}
        head = ["corpus", "form", "split", "what", "counted", "published", ""]
        if rows:
            print_table(head, [[*map(_cell, row[:6]), verdict[row.ok]] for row in rows], right=(4, 5))
        for notice in notices:
            print_text(notice)
    if errors := sum(report.errors for report in reports):
        remedy = "mend them, or read with --lenient, which leaves out or mends what is odd with marks"
        raise UserError(f"{counted(errors, 'errors')} in the files", remedy=remedy)
    wrong = sum(row.ok is False for row in rows)
    if wrong:
        remedy = "compare with the official release, or fetch it again"
        raise UserError(f"{wrong} counts differ from the published ones", remedy=remedy)


@contextmanager
def _download_bar() -> Iterator[Callable[[str, int, int], None]]:
    with progress_bar(err, DownloadColumn(), TimeRemainingColumn()) as bar:
        tasks: dict[str, Any] = {}

        def update(path: str, done: int, total: int) -> None:
            if path not in tasks:
                tasks[path] = bar.add_task(path, total=total)
            bar.update(tasks[path], completed=done)

        yield update


def _cell(value: object) -> str:
    return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
