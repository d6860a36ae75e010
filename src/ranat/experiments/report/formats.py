"""The report as HTML, Markdown and LaTeX: one template each, and how text is escaped there."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ranat.experiments.report.contents import Report
from ranat.experiments.report.details import claims_table, evidence_table
from ranat.experiments.report.evidence import RULE_OF_ALL
from ranat.experiments.report.figure import Plot
from ranat.experiments.report.groups import slug

_TEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "±": r"$\pm$", "−": "$-$", "–": "--", "·": r"$\cdot$", "×": r"$\times$", "→": r"$\to$", "∞": r"$\infty$",
    "ε": r"$\varepsilon$", "α": r"$\alpha$", "≤": r"$\leq$", "≥": r"$\geq$", "…": r"\dots{}",
    "†": r"\dag{}", "‡": r"\ddag{}", "§": r"\S{}", "¶": r"\P{}", "’": "'",
}  # fmt: skip


def html(report: Report, plots: Sequence[Plot], out: Path) -> str:
    """One file that needs nothing else."""

    def svg(plot: Plot) -> Markup:
        return Markup(plot.svg())  # noqa: S704  (matplotlib escapes the text it draws)

    return _render("html", report, plots, out, autoescape=True, slug=slug, svg=svg)


def markdown(report: Report, plots: Sequence[Plot], out: Path) -> str:
    """GitHub's Markdown; plots are files beside it."""
    return _render("md", report, plots, out, text=escape_markdown)


def latex(report: Report, plots: Sequence[Plot], out: Path) -> str:
    """Tables and figures to be read in by a document; plots are files beside it."""
    return _render("tex", report, plots, out, text=escape_latex)


FORMATS: dict[str, Callable[[Report, Sequence[Plot], Path], str]] = {".html": html, ".md": markdown, ".tex": latex}


def escape_markdown(text: str) -> str:
    """Text that Markdown shows as it is."""
    return re.sub(r"([\\`*_\[\]<>|#~$&])", r"\\\1", text).replace("\n", " ")


def escape_latex(text: str) -> str:
    """Text that LaTeX sets as it is; a sign it may not know becomes its code point."""
    known = (_TEX.get(sign) or (sign if sign.isascii() or sign.isalpha() else f"U+{ord(sign):04X}") for sign in text)
    return "".join(known)


def _render(
    kind: str, report: Report, plots: Sequence[Plot], out: Path, autoescape: bool = False, **filters: Any
) -> str:
    # HTML is escaped by Jinja, the other two by their `text` filter.
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=autoescape,  # noqa: S701  (on for HTML; the other formats escape in their own way)
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    if kind == "tex":  # whose own braces and percent signs Jinja leaves alone
        environment = environment.overlay("<%", "%>", "<<", ">>", "<#", "#>")
    environment.filters.update(filters)
    return environment.get_template(f"report.{kind}.j2").render(
        report=report,
        verdicts=claims_table(report.claims),
        claims=[(claim, evidence_table(claim)) for claim in report.claims],
        tables=report.tables(),
        details=report.details(),
        plots=plots,
        name=out.name,
        rule_of_all=RULE_OF_ALL,
        folder=f"{out.stem}-plots",
    )
