"""The page of the runs under a folder: a table, of each its curves and card, and comparisons of chosen ones.

The numbers of all comparisons that may be chosen are made here, by the statistics of `ranat compare`; the page's script
only puts them into their places. It is one file that fetches nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from rich.console import Console

from ranat.disk import check_free, write_atomically
from ranat.errors import UsageError, UserError
from ranat.experiments.compare import Run
from ranat.experiments.overview import Comparison, Entry, Overview
from ranat.runs.curves import ACROSS, curves
from ranat.runs.folder import RunFolder
from ranat.view.chart import Interval, curve_svg, whisker
from ranat.view.page import END, generated_by, head, script_element

GENERATOR = "ranat runs"
_HEADS = (
    ("run", "name", ""),
    ("corpus", "", "wide"),
    ("model", "", "wide"),
    ("training", "", "wide"),
    ("seed", "number", "wide"),
    ("dev F1", "number", "wide"),
    ("test F1", "number", ""),
    ("cost", "number", ""),
    ("attacked", "number", "wide"),
    ("seconds", "number", "wide"),
)
"""Column, what it is, and whether there is no room for it on a phone."""


def write_page(overview: Overview, out: Path, console: Console) -> None:
    """Write the page; one that `ranat runs` wrote before is replaced.

    Raises:
        UserError: something else is there, or it cannot be written.
    """
    if out.suffix != ".html":
        raise UsageError(f"no page ends in {out.suffix!r}", where=str(out), remedy="name a file that ends in .html")
    with console.status("comparing the runs"):
        page = runs_page(overview)
    try:
        if not (out.is_file() and generated_by(GENERATOR) in out.read_text(encoding="utf-8", errors="replace")):
            check_free(out)
        out.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(out, page)
    except OSError as error:
        raise UserError(f"cannot write: {error.strerror}", where=str(out), remedy="name another file") from None
    console.print(f"wrote {out}")


def runs_page(overview: Overview) -> str:
    """The page."""
    script = _static("runs.js")
    finished = sum(entry.run is not None for entry in overview.entries)
    corpora = sorted({entry.settings.corpus for entry in overview.entries if entry.settings})
    group_of = {
        run.folder: f"{number}-{place}"
        for number, comparison in enumerate(overview.comparisons)
        for place, group in enumerate(comparison.groups)
        for run in group
    }
    options = "".join(f'<option value="{escape(name)}">{escape(name)}</option>' for name in corpora)
    return "".join(
        [
            head(f"Runs in {overview.root}", _static("runs.css"), GENERATOR, script),
            f"<main>\n<h1>Runs in {escape(str(overview.root))}</h1>\n",
            f'<p class="soft">{len(overview.entries)} run folders, {finished} of them finished. Scores in percent; '
            "cost in counted forward passes, as many times as standard training. Open a run for its curves and its "
            "card; choose some to compare their groups below.</p>\n",
            '<div class="bar"><input type="search" id="search" placeholder="filter: words of a row" '
            'aria-label="filter runs">'
            f'<select id="corpus" aria-label="corpus"><option value="">all corpora</option>{options}</select>'
            '<span id="count" class="soft" role="status"></span>'
            '<button type="button" id="clear" hidden>choose none</button></div>\n',
            '<div class="scroll"><table id="runs">\n<thead><tr><th scope="col" class="choose">'
            '<span class="soft">choose</span></th>',
            *(
                f'<th scope="col" class="{kind} {wide}"><button type="button">{name}</button></th>'
                for name, kind, wide in _HEADS
            ),
            "</tr></thead>\n",
            *(_entry(entry, group_of.get(entry.folder)) for entry in overview.entries),
            "</table></div>\n<h2>Comparisons</h2>\n",
            '<p class="soft">A group is the runs that differ in the seed alone. Differences are tested over seeds '
            "and texts, as <code>ranat compare</code> does; p is corrected for all groups in view (Holm). How many "
            "seeds would decide assumes that the difference is real and that seeds scatter as they did.</p>\n",
            *(_comparison(comparison, number) for number, comparison in enumerate(overview.comparisons)),
            "</main>\n",
            script_element(script),
            END,
        ]
    )


def _entry(entry: Entry, group: str | None) -> str:
    settings, run = entry.settings, entry.run
    corpus = settings.corpus if settings else ""
    bad = "" if entry.state in ("finished", "not finished") else " bad"
    state = "" if run else f'<small class="{bad.strip()}">{escape(entry.state)}</small>'
    remarks = "".join(f"<small>{escape(remark)}</small>" for remark in (run.remarks if run else ()))
    told = f"{corpus} · {settings.regime} · seed {settings.train.seed}" if settings else ""
    name = (
        f'<td class="name" data-key="{escape(entry.name)}"><button type="button" aria-expanded="false">'
        f'{escape(entry.name)}</button>{state}{remarks}<small class="narrow">{escape(told)}</small></td>'
    )
    cells = [
        ("wide", corpus, corpus),
        ("wide", settings.model if settings else "", None),
        ("wide", settings.regime if settings else "", None),
        ("number wide", str(settings.train.seed) if settings else "", None),
        ("number wide", *_score(run, "dev")),
        ("number", *_score(run, "test")),
        *_cost(run),
    ]
    row = "".join(
        f'<td class="{kind}" data-key="{escape(text if key is None else key)}">{escape(text)}</td>'
        for kind, text, key in cells
    )
    box = ""
    if group is not None:
        label = f"compare the group of {entry.name}"
        box = f'<input type="checkbox" data-group="{group}" aria-label="{escape(label)}">'
    words = " ".join([entry.name, entry.state, told, settings.model if settings else ""]).lower()
    return (
        f'<tbody data-corpus="{escape(corpus)}" data-text="{escape(words)}">\n'
        f'<tr><td class="choose">{box}</td>{name}{row}</tr>\n'
        f'<tr hidden><td colspan="{1 + len(_HEADS)}">{_detail(entry)}</td></tr>\n</tbody>\n'
    )


def _score(run: Run | None, split: str) -> tuple[str, str]:
    if run is None or split not in run.metrics:
        return "–", ""
    f1 = run.metrics[split]["f1"]
    return f"{100 * f1:.2f}", str(f1)


def _cost(run: Run | None) -> list[tuple[str, str, str]]:
    if run is None:
        return [("number", "–", ""), ("number wide", "–", ""), ("number wide", "–", "")]
    cost = run.cost
    ratio, share = cost["xfp"] / (3 * cost["batches"]), cost["attacked_batches"] / cost["batches"]
    seconds = cost["train_seconds"]
    return [
        ("number", f"× {ratio:.2f}", str(ratio)),
        ("number wide", f"{100 * share:.0f}%", str(share)),
        ("number wide", f"{seconds:,.0f}", str(seconds)),
    ]


def _detail(entry: Entry) -> str:
    """The curves of a run and its card, or its settings if it is not finished."""
    folder = RunFolder(entry.folder)
    drawn = "".join(curve_svg(curve, ACROSS) for curve in curves(folder.log()))
    text = folder.card() if entry.run else entry.settings.to_yaml() if entry.settings else entry.state
    label = f"{'card' if entry.run else 'settings'} of {entry.name}"
    return (
        f'<div class="curves">{drawn or "<p>Nothing was logged.</p>"}</div>'
        f'<pre tabindex="0" role="region" aria-label="{escape(label)}">{escape(text)}</pre>'
    )


def _comparison(comparison: Comparison, number: int) -> str:
    result = comparison.result
    groups: Sequence[Mapping[str, Any]] = result["groups"]
    ends = [
        end
        for group in groups
        for end in (*group["scores"], group["f1"]["low"], group["f1"]["high"])
        if end is not None
    ]
    edges = min(ends), max(ends)
    rows = [_group(group, f"{number}-{place}", place, number, edges) for place, group in enumerate(groups)]
    left_out = "".join(
        f'<p class="soft">{escape(str(run.folder))} has the settings and the seed of another, and is left out.</p>\n'
        for run in comparison.left_out
    )
    heads = [
        ("", "", "base"), ("", "", "training"), ("number", "wide", "seeds"),
        ("number", "", f"{result['split']} F1, mean"), ("", "wide", "95% interval, seeds"), ("number", "", "Δ"),
        ("number", "wide", "95% interval of Δ"), ("number", "wide", "p"), ("number", "", "p (Holm)"),
        ("number", "wide", "seeds to decide"), ("number", "", "cost"),
    ]  # fmt: skip
    head_row = "".join(f'<th scope="col" class="{kind} {wide}">{escape(text)}</th>' for kind, wide, text in heads)
    pairs = json.dumps(comparison.pairs()).replace("</", "<\\/")
    return (
        f'<section class="comparison"><h3>{escape(result["corpus"])}, {escape(str(result["task"]))}</h3>\n'
        f'<p class="answer">{escape(result["answer"])}</p>\n{left_out}'
        f'<div class="scroll" role="region" tabindex="0" aria-label="comparison on {escape(result["corpus"])}"><table>'
        f"<thead><tr>{head_row}</tr></thead>\n<tbody>{''.join(rows)}</tbody></table></div>\n"
        f'<script type="application/json">{pairs}</script></section>\n'
    )


def _group(group: Mapping[str, Any], key: str, place: int, number: int, ends: tuple[float, float]) -> str:
    f1 = group["f1"]
    mean, sd = f"{100 * f1['mean']:.2f}", f" ± {100 * f1['sd']:.2f}" if f1["sd"] is not None else ""
    between = f", 95% interval {100 * f1['low']:.2f} to {100 * f1['high']:.2f}" if f1["low"] is not None else ""
    drawn = whisker(Interval(f"{mean}{sd}{between}", f1["mean"], group["scores"], f1["low"], f1["high"]), ends)
    remarks = "".join(f'<span class="under">{escape(remark)}</span>' for remark in group["remarks"])
    radio = (
        f'<input type="radio" name="base-{number}" aria-label="set the others beside {escape(group["name"])}"'
        f"{' checked' if place == 0 else ''}>"
    )
    return (
        f'<tr data-group="{key}" data-number="{place}" data-xfp="{group["xfp"]}"><td>{radio}</td>'
        f'<td>{escape(group["name"])}{remarks}</td><td class="number wide">{f1["n"]}</td>'
        f'<td class="number">{mean}<span class="wide">{sd}</span></td>'
        f'<td class="wide">{drawn}</td><td class="number" data-fill="difference"></td>'
        '<td class="number wide" data-fill="interval"></td><td class="number wide" data-fill="p"></td>'
        '<td class="number" data-fill="holm"></td><td class="number wide" data-fill="seeds"></td>'
        '<td class="number" data-ratio></td></tr>\n'
    )


@cache
def _static(name: str) -> str:
    return (Path(__file__).parent / "static" / name).read_text(encoding="utf-8")
