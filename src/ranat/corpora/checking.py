"""Check a corpus on disk against the counts that its release must give, and name what is odd in it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from importlib import resources
from pathlib import Path, PurePath
from typing import Any, NamedTuple

import yaml

from ranat.corpora.corpus import Corpus
from ranat.corpora.counting import Count, count
from ranat.corpora.files import Folder
from ranat.corpora.loading import CORPORA, NotFoundError, base, data_folder, load, load_form
from ranat.corpora.own import OddFilesError
from ranat.documents.document import Document, Entity
from ranat.formats import How
from ranat.formats.notice import Notice
from ranat.formats.repeats import is_repeat

_Place = tuple[Document, Entity]

_KINDS = {"illegal tag": "illegal tags", "mismatch": "mentions unlike their text", "repeat": "documents again"}


class Row(NamedTuple):
    """One count: measured on disk, and as published where it is (`ok` is None where it is not)."""

    corpus: str
    form: str
    split: str
    what: str
    measured: int
    published: int | None
    ok: bool | None


class Report(NamedTuple):
    """All counts of a corpus, what is odd in its files, and how much of that is an error; none of a known corpus is."""

    rows: tuple[Row, ...]
    notices: tuple[Notice, ...]
    errors: int = 0

    @property
    def ok(self) -> bool:
        """No count differs from the published one, and nothing odd is an error."""
        return not self.errors and all(row.ok is not False for row in self.rows)


def check(name_or_path: str | Path, data: Path | str | None = None, how: How | None = None) -> Report:
    """Count every form of a corpus that is on disk, and compare the forms' mentions.

    Args:
        name_or_path: a name ("bc2gm" for all its forms, "bc2gm/original" for one), or the path of one's own.
        data: the folder of corpora.
        how: one's own files are to be read; whatever is odd in them is told either way, all of it.
    Raises:
        UserError: no form of it is there, or a file is wrong; with file and line.
    """
    name = str(name_or_path)
    if name not in CORPORA.names():
        return _check_own(name_or_path, data, how or How())
    folder = Folder(data_folder(data))
    of_form: dict[str, Corpus] = {}
    missing: list[NotFoundError] = []
    for form in [known for known in CORPORA.names() if known == name or known.startswith(f"{name}/")]:
        try:
            of_form[form] = load_form(form, folder)
        except NotFoundError as error:
            missing.append(error)
    if not of_form:
        raise missing[0]
    rows = [row for corpus in of_form.values() for row in _rows(corpus)]
    notices = [notice for corpus in of_form.values() for notice in corpus.notices]
    notices += [Notice("note", f"not checked: {error.what}", str(folder.path)) for error in missing]
    if name in of_form and f"{name}/original" in of_form:
        more_rows, more_notices = _compare(of_form[name], of_form[f"{name}/original"])
        rows += more_rows
        notices += more_notices
    return Report(tuple(rows), tuple(notices))


def _check_own(path: str | Path, data: Path | str | None, how: How) -> Report:
    try:
        own = load(path, data, replace(how, lenient=True))
    except OddFilesError as error:
        return Report((), error.notices, len(error.errors))
    if how.lenient:
        return Report(tuple(_rows(own)), own.notices)
    notices = tuple(replace(notice, kind="error") if notice.is_error else notice for notice in own.notices)
    return Report(tuple(_rows(own)), notices, sum(notice.is_error for notice in notices))


def _rows(corpus: Corpus) -> Iterator[Row]:
    published = _published().get(corpus.name, {})
    for split, what, n in count(corpus):
        yield _row(corpus.name, corpus.form, Count(split, what, n), published)
    for kind, what in _KINDS.items():
        n = sum(notice.count for notice in corpus.notices if notice.kind == kind)
        yield _row(corpus.name, corpus.form, Count("all", what, n), published)
    for where, whats in published.get("left out", {}).items():
        for what, expected in whats.items():
            n = sum(
                notice.count
                for notice in corpus.notices
                if notice.kind == "left out" and where in notice.where and what in notice.what
            )
            yield Row(base(corpus.name), corpus.form, where, f"{what} (left out)", n, expected, n == expected)


def _row(name: str, form: str, measured: Count, published: dict[str, dict[str, int]]) -> Row:
    split, what, n = measured
    expected = published.get(split, {}).get(what)
    return Row(base(name), form, split, what, n, expected, None if expected is None else n == expected)


@cache
def _published() -> dict[str, Any]:
    text = (resources.files("ranat.corpora") / "data" / "published.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def _compare(iob: Corpus, original: Corpus) -> tuple[list[Row], list[Notice]]:
    """Mentions that one release has and the other has not: texts without white space, as multisets."""
    published = _published().get(f"{iob.name}/compared", {})
    rows: list[Row] = []
    notices: list[Notice] = []
    for split in iob.splits:
        ours, theirs = _mentions(iob.splits[split]), _mentions(original.splits[split])
        here = Counter({text: len(places) for text, places in ours.items()})
        there = Counter({text: len(places) for text, places in theirs.items()})
        for extra, other in ((here - there, "original"), (there - here, "IOB")):
            measured = Count(split, f"mentions that the {other} files lack", extra.total())
            rows.append(_row(iob.name, "iob | original", measured, published))
        for text, n in (here - there).items():
            # Which of several equal mentions is the extra one is not known, so all their places are named.
            what = f"{n} of the {here[text]} mentions {text!r} that the original files lack"
            notices.append(Notice("note", what, _lines(iob, ours[text]), n))
    return rows, notices


def _mentions(documents: tuple[Document, ...]) -> dict[str, list[_Place]]:
    places: dict[str, list[_Place]] = defaultdict(list)
    for document in documents:
        if not is_repeat(document):
            for entity in document.entities:
                places["".join(document.mention(entity).split())].append((document, entity))
    return places


def _lines(iob: Corpus, places: list[_Place]) -> str:
    """The file of one split, and the lines of the mentions' first tokens."""
    stem = places[0][0].id.rpartition(":")[0]
    file = next(file for file in iob.files if PurePath(file).name.startswith(f"{stem}."))
    lines = []
    for document, entity in places:
        words_before = sum(start < entity.start for start, _ in document.tokens)
        lines.append(int(document.id.rpartition(":")[2]) + words_before)
    return f"{file}:{', '.join(map(str, lines))}"
