"""Numbers as tables of text: what the HTML, Markdown and LaTeX reports have in common."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field

from ranat.evaluation.significance import Summary
from ranat.experiments.report.comparisons import PairedTest
from ranat.experiments.report.costs import CostRow, Formula, Spread
from ranat.experiments.report.groups import Results, shown
from ranat.experiments.report.tables import (
    ATTACKS,
    CORPORA,
    PRINTED_MEANS,
    PUBLISHED_MODEL,
    Cell,
    Published,
    Row,
    columns,
    published_mean,
)

NONE = "–"
_MARKS = ("†", "‡", "§", "¶", "#")
_TRAININGS = {"standard": "Standard", "AT": "AT", "RAT": "RAT"}


@dataclass(frozen=True)
class Item:
    """A field of a table: its text, a mark that the notes explain, and the published value under it."""

    text: str
    mark: str = ""
    published: str = ""
    strong: bool = False


@dataclass(frozen=True)
class Table:
    """A table of text.

    Args:
        name: for links.
        caption: what it shows.
        columns: headings.
        rows: fields, as many as there are columns.
        heads: how many first columns are headings of their row.
        notes: under the table, a line each.
    """

    name: str
    caption: str
    columns: list[str]
    rows: list[list[Item]]
    heads: int = 1
    notes: list[str] = field(default_factory=list)


class _Marks:
    """Reasons why values are not comparable, each explained once."""

    def __init__(self) -> None:
        self.reasons: dict[str, str] = {}

    def mark(self, why_not: Sequence[str]) -> str:
        """The mark of a cell; empty if it is comparable."""
        if not why_not:
            return ""
        number = len(self.reasons)
        mark = _MARKS[number] if number < len(_MARKS) else f"†{number}"
        return self.reasons.setdefault("; ".join(why_not), mark)

    def notes(self) -> list[str]:
        """A line for each."""
        return [f"{mark} Not comparable with the published value: {reason}." for reason, mark in self.reasons.items()]


def percent(value: float, digits: int = 2) -> str:
    """A fraction as percent, without the sign."""
    return f"{100 * value:.{digits}f}"


def points(value: float, digits: int = 2) -> str:
    """A difference of fractions in points, signed with + or −."""
    text = f"{100 * value:+.{digits}f}"
    return text.replace("-", "−") if float(text) else f"{0:.{digits}f}"


def interval(low: float, high: float, digits: int = 2) -> str:
    """Both ends of an interval of a difference."""
    return f"[{points(low, digits)}, {points(high, digits)}]"


def probability(p: float) -> str:
    """A p-value with as many digits as 10,000 draws bear."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def scores_table(name: str, caption: str, rows: Sequence[Row], results: Results, notes: Iterable[str]) -> Table:
    """Table I or II."""
    marks = _Marks()
    names = columns(results)
    known = [row for row in rows if any(cell.measured or cell.published for cell in row.cells.values())]
    return Table(
        name,
        f"{caption} F1 in percent on {results.split}: mean ± sd over seeds, and the published value.",
        ["Training", "Method", *(shown(corpus) for corpus in names)],
        [
            [
                Item(_TRAININGS[row.training]),
                Item(row.method),
                *(_score(row.cells[corpus], marks) for corpus in names),
            ]
            for row in known
        ],
        heads=2,
        notes=[*marks.notes(), *notes],
    )


def score(summary: Summary) -> str:
    """Mean ± sd in percent; the mean alone for one seed."""
    return percent(summary.mean) + (f" ± {percent(summary.sd)}" if summary.sd is not None else "")


def _score(cell: Cell, marks: _Marks) -> Item:
    published = percent(cell.published) if cell.published is not None else ""
    if cell.measured is None:
        return Item(NONE, published=published)
    return Item(score(cell.measured), marks.mark(cell.why_not), published)


def odd_values(published: Published, corpora: Container[str]) -> list[str]:
    """Where the paper's Table I and Table II contradict each other, a line a corpus."""
    notes = []
    for corpus in [corpus for corpus in CORPORA if corpus in corpora]:
        printed = {
            attack: [published[table, PUBLISHED_MODEL, "AT", attack, corpus] for table in ("I", "II")]
            for attack in ATTACKS
        }
        said = [
            f"{shown(name)} {percent(one)} and {percent(two)}" for name, (one, two) in printed.items() if one != two
        ]
        if said:
            notes.append(f"{shown(corpus)} under AT is printed differently in Tables I and II: {', '.join(said)}.")
    return notes


def odd_means(published: Published, corpora: Container[str]) -> list[str]:
    """Printed means of Table II that are not the means of the four values, a line each."""
    notes = []
    for training, means in PRINTED_MEANS.items():
        for corpus, printed in means.items():
            mean = published_mean(published, training, corpus)
            if corpus in corpora and mean is not None and abs(mean - printed) > 0.0001:
                notes.append(
                    f"{shown(corpus)} under {training}: the mean of the four printed values is {percent(mean)}, "
                    f"printed is {percent(printed)}."
                )
    return notes


def cost_table(name: str, caption: str, rows: Sequence[CostRow]) -> Table:
    """Table III."""
    return Table(
        name,
        caption,
        [
            "Training",
            "Method",
            "S",
            "Paper",
            "Expected",
            "Counted",
            "Saved, paper",
            "Saved, counted",
            "Time",
            "Saved, time",
            "Processor",
            "Saved, processor",
        ],
        [
            [
                Item(_TRAININGS[row.training] + (f" p = {row.p:g}" if row.training == "RAT" else "")),
                Item(shown(row.attack) if row.attack else "baseline"),
                Item(", ".join(str(count) for count in row.steps) or NONE),
                Item(_formula(row.paper, row.steps)),
                Item(_formula(row.here, row.steps)),
                Item(_spread(row.counted)),
                Item(_printed(row)),
                Item(_spread(row.reduction, 100, "%")),
                Item(_spread(row.seconds)),
                Item(_spread(row.seconds_reduction, 100, "%")),
                Item(_spread(row.processor)),
                Item(_spread(row.processor_reduction, 100, "%")),
            ]
            for row in rows
        ],
        heads=2,
        notes=[
            "Paper, expected, counted: forward passes a batch; a backward pass counts 2. The paper counts a backward "
            "pass to the perturbation alone as 2 too; here it is 1, as it computes no gradient of the parameters. "
            "Expected is what the passes made here come to. SMART costs more than the paper says below "
            "S = 3, as its first gradient does not come with the clean loss.",
            "Time: wall-clock seconds in training steps a batch, relative to standard training on the same corpus with "
            "the same seed; whatever else ran on the machine is in it. Processor: the same of processor time, the "
            "fairer figure where others use the machine and no GPU is used. Counted, times and what RAT saves against "
            "AT are medians, with the range if it is not 0.",
            "Printed 50% is the limit S → ∞. At S = 3 the paper's formula saves 37.5%.",
        ],
    )


def _formula(formula: Formula | None, steps: Sequence[int]) -> str:
    if formula is None:
        return NONE
    if formula.by_step and len(steps) == 1:
        return f"{formula} = {formula.at(steps[0]):g}"
    return str(formula)


def _printed(row: CostRow) -> str:
    """What the paper prints as saved; where that is a limit, also what its formula gives at S."""
    reductions = [f"{100 * value:.3g}%" for value in (row.printed_reduction, row.paper_reduction) if value is not None]
    return (
        NONE
        if not reductions
        else reductions[0]
        if len(set(reductions)) == 1
        else f"{reductions[0]}; {reductions[1]} at S"
    )


def _spread(spread: Spread | None, factor: float = 1, unit: str = "") -> str:
    if spread is None:
        return NONE
    digits = 0 if unit else 2
    middle, low, high = (f"{factor * value:.{digits}f}" for value in (spread.median, spread.low, spread.high))
    return f"{middle}{unit}" + (f" ({low} to {high})".replace("-", "−") if low != high else "")


def tests_table(tests: Sequence[PairedTest]) -> Table:
    """The paired tests."""
    models = {test.model for test in tests}
    notes = [
        f"Family: all {len(tests)} tests of this table, adjusted after Holm. Bold: adjusted p of at most 0.05.",
        "A difference has to show in two tests, so p is the larger one and the interval covers both: a joint bootstrap "
        "with 10,000 draws (seeds and documents are resampled with replacement, alike for both sides; F1 is computed "
        "from the summed counts of each seed), and Student's t-test over seeds. Documents and seeds are taken as "
        "independent.",
    ]
    if any(test.difference.seeds == 1 for test in tests):
        notes.append("With one seed only documents are resampled, so a difference may be due to that seed.")
    return Table(
        "tests",
        "Paired tests of F1 between trainings; differences in points.",
        [
            *(["Backbone"] if len(models) > 1 else []),
            "Corpus",
            "Attack",
            "Difference",
            "Points",
            "95% interval",
            "p",
            "p, Holm",
            "Seeds",
        ],
        [
            [
                *([Item(shown(test.model))] if len(models) > 1 else []),
                Item(shown(test.corpus)),
                Item(shown(test.attack)),
                Item(f"{test.second} − {test.first}"),
                Item(points(test.difference.estimate)),
                Item(interval(test.difference.low, test.difference.high)),
                Item(probability(test.difference.p)),
                Item(probability(test.p_holm), strong=test.p_holm <= 0.05),
                Item(str(test.difference.seeds)),
            ]
            for test in tests
        ],
        heads=3 if len(models) == 1 else 4,
        notes=notes,
    )
