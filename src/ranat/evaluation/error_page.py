"""The errors of a model as one HTML page: counts, tables, and the worst sentences, gold above predicted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from ranat.documents import Document, Entity, Span
from ranat.evaluation.errors import Analysis, Counts, Worst
from ranat.evaluation.f1 import Answer
from ranat.evaluation.judging import INVENTED, MISSED, RIGHT, Judged
from ranat.evaluation.mentions import spans_of
from ranat.view.highlight import STYLE, Legend, escape, marked
from ranat.view.page import END, head

_RIGHT = "What is right is right on both sides; in the tables below it stands under Gold."

_STYLE = f"""{STYLE}
body {{ margin: 0 auto; max-width: 60rem; padding: 0 1.25rem 4rem; }}
h1 {{ font-size: 1.6rem; margin: 1.5rem 0 .3rem; overflow-wrap: anywhere; }}
h2 {{ font-size: 1.2rem; margin: 2.2rem 0 .5rem; border-bottom: 2px solid var(--ink); }}
mark[data-remark] {{ border-bottom-style: dashed !important; }}
article {{ border-bottom: 1px solid var(--line); padding: .8rem 0; break-inside: avoid; }}
article h3 {{ font-size: .85rem; color: var(--soft); margin: 0; font-weight: 400; overflow-wrap: anywhere; }}
.side {{ display: grid; grid-template-columns: 5.5rem 1fr; align-items: baseline; }}
.side > b {{ font-size: .8rem; color: var(--soft); }}
@media (max-width: 40rem) {{ .side {{ grid-template-columns: 1fr; }} }}
.number {{ text-align: right !important; font-variant-numeric: tabular-nums; }}
.group {{ text-align: center !important; border-bottom: 1px solid var(--line) !important; }}
.odd {{ font-weight: 600; }}
"""


def error_page(analysis: Analysis, title: str, facts: Sequence[str]) -> str:
    """The whole page.

    Args:
        analysis: the errors.
        title: of the page.
        facts: what was analysed, a sentence each.
    """
    legend = Legend()
    worst = "".join(
        f"<article><h3>{number}. <bdi>{escape(analysis.documents[item.document].id)}</bdi>, "
        f"{item.sides.errors} error{'s' * (item.sides.errors > 1)}</h3>"
        f"{_shown(analysis, item, legend)}</article>\n"
        for number, item in enumerate(analysis.worst, 1)
    )
    tables = "".join(
        f"<h2>By {escape(name)}</h2>\n{_table(name, rows, analysis.judging.verdicts)}\n"
        for name, rows in analysis.tables.items()
    )
    return (
        f"{head(title, _STYLE, 'ranat errors')}<h1><bdi>{escape(title)}</bdi></h1>\n"
        f"<p>{escape(' '.join(facts))}</p>\n<h2>Verdicts</h2>\n{_verdicts(analysis)}\n"
        f"<p>{escape(analysis.judging.note)} {_RIGHT}</p>\n{tables}"
        f"<h2>Sentences with most errors</h2>\n{legend.html()}\n{worst or '<p>There is no error.</p>'}{END}"
    )


def _verdicts(analysis: Analysis) -> str:
    counts, rows = analysis.counts, []
    for verdict, meaning in analysis.judging.verdicts.items():
        cells = [
            "" if verdict == never else f"{side[verdict]:,} ({side[verdict] / max(side.total(), 1):.1%})"
            for side, never in ((counts.gold, INVENTED), (counts.predicted, MISSED))
        ]
        rows.append([verdict, *cells, meaning])
    rows.append(["all", f"{counts.gold.total():,}", f"{counts.predicted.total():,}", ""])
    return _html_table(_row("th", ["", "Gold", "Predicted", "Meaning"], numbers=(1, 2)), rows, numbers=(1, 2))


def _table(name: str, rows: Mapping[str, Counts], verdicts: Iterable[str]) -> str:
    gold = [verdict for verdict in verdicts if verdict != INVENTED]
    predicted = [verdict for verdict in verdicts if verdict not in (RIGHT, MISSED)]
    names = [name, "all", *gold, "all", *predicted, "precision", "recall", "F1"]
    groups = (("", 1), ("Gold", len(gold) + 1), ("Predicted", len(predicted) + 1), ("Strict", 3))
    top = "".join(f'<th class="group" colspan="{width}" scope="colgroup">{group}</th>' for group, width in groups)
    numbers = range(1, len(names))
    body = []
    for row, counts in rows.items():
        scores = counts.scores()
        known = {"precision": scores["predicted"], "recall": scores["gold"], "f1": scores["predicted"] + scores["gold"]}
        body.append(
            [
                row,
                f"{scores['gold']:,}",
                *(f"{counts.gold[verdict]:,}" for verdict in gold),
                f"{scores['predicted']:,}",
                *(f"{counts.predicted[verdict]:,}" for verdict in predicted),
                *(f"{100 * scores[score]:.2f}" if total else "–" for score, total in known.items()),
            ]
        )
    return _html_table(f"<tr>{top}</tr>{_row('th', names, numbers)}", body, numbers)


def _shown(analysis: Analysis, item: Worst, legend: Legend) -> str:
    document, say = analysis.documents[item.document], analysis.judging.in_words
    return _in_words(document, item, legend, say) if say else _mentions(document, item, legend)


def _mentions(document: Document, item: Worst, legend: Legend) -> str:
    """The sentence twice, with gold and with predicted mentions."""
    parts = []
    for name, answers in (("Gold", item.sides.gold), ("Predicted", item.sides.predicted)):
        entities = [Entity(f"{name[0]}{n}", j.answer[1], spans_of(j.answer)) for n, j in enumerate(answers, 1)]
        sentence = _cut(document, item.span, entities)
        remarks = {
            entity.id: judged.verdict
            for entity, judged in zip(entities, answers, strict=True)
            if judged.verdict != RIGHT
        }
        parts.append(f'<div class="ranat side"><b>{name}</b>{marked(sentence, legend, remarks)}</div>')
    return "".join(parts)


def _in_words(document: Document, item: Worst, legend: Legend, say: Callable[[Document, Answer], str]) -> str:
    """The sentence with its entities, and a row for each answer in gold, and for what was invented."""
    start, end = item.span
    inside = [entity for entity in document.entities if start <= entity.start and entity.end <= end]
    pairs = [*item.sides.gold, *(judged for judged in item.sides.predicted if judged.partner is None)]

    def row(judged: Judged) -> list[str]:
        one, other = say(document, judged.answer), say(document, judged.partner) if judged.partner else ""
        return ["", one, judged.verdict] if judged.verdict == INVENTED else [one, other, judged.verdict]

    table = _html_table(_row("th", ["Gold", "Predicted", "Verdict"]), map(row, pairs))
    return f'<div class="ranat">{marked(_cut(document, item.span, inside), legend)}</div>{table}'


def _cut(document: Document, span: Span, entities: Iterable[Entity]) -> Document:
    """A sentence as a document; what reaches beyond it is cut off."""
    first, last = span
    kept = []
    for entity in entities:
        spans = tuple(
            (max(start, first) - first, min(end, last) - first)
            for start, end in entity.spans
            if start < last and end > first
        )
        if spans:
            kept.append(replace(entity, spans=spans))
    return Document(document.id, document.text[first:last], tuple(kept))


def _html_table(heads: str, rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    body = "".join(_row("td", row, numbers) for row in rows)
    return f'<div class="ranat scroll" tabindex="0"><table><thead>{heads}</thead><tbody>{body}</tbody></table></div>'


def _row(tag: str, cells: Sequence[str], numbers: Sequence[int] = ()) -> str:
    scope = ' scope="col"' if tag == "th" else ""
    kinds = (' class="number"' if column in numbers else "" for column in range(len(cells)))
    made = (f"<{tag}{scope}{kind}><bdi>{escape(cell)}</bdi></{tag}>" for cell, kind in zip(cells, kinds, strict=True))
    return f"<tr>{''.join(made)}</tr>"
