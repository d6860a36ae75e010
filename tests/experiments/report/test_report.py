from __future__ import annotations

import dataclasses
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from statistics import mean, stdev
from urllib.parse import unquote

import pytest
from report_cards import make_card, table2_cards, write_cards

from ranat.errors import UsageError, UserError
from ranat.experiments.cards import Card
from ranat.experiments.report import write_report
from ranat.experiments.report.formats import escape_latex, escape_markdown
from ranat.experiments.spec import read_spec

SCRIPT = "<script>alert('x')</script> & $5_000 | `code` \\cmd {x} #1 100% ~^"


class Tables(HTMLParser):
    """Tables of an HTML page: id → rows of texts; everything else that a browser would fetch or run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.captions: list[str] = []
        self.fetched: list[str] = []
        self.tags: list[str] = []
        self._rows: list[list[str]] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.append(tag)
        if tag != "a":
            self.fetched += [str(values[key]) for key in ("src", "href", "xlink:href", "data") if values.get(key)]
        if tag == "table":
            self._rows = self.tables.setdefault(str(values.get("id")), [])
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._rows[-1].append("")
        if tag in ("td", "th", "caption"):
            self._inside = tag
        if tag == "caption":
            self.captions.append("")
        if tag == "span" and self._inside in ("td", "th"):
            self._rows[-1][-1] += " / "

    def handle_endtag(self, tag: str) -> None:
        if tag == self._inside:
            self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside in ("td", "th"):
            self._rows[-1][-1] += data
        elif self._inside == "caption":
            self.captions[-1] += data


def expected_fields(cards: list[Card]) -> dict[tuple[str, str, str], str]:
    """(training, method, corpus) → mean ± sd, computed from the cards."""
    names = {None: "baseline", "fgm": "FGM", "pgd": "PGD", "freelb": "FreeLB", "smart": "SMART"}
    shown = {"ncbi-disease": "NCBI-disease", "ddi": "DDI"}
    found: dict[tuple[str, str, str], list[float]] = {}
    for card in cards:
        assert card.test is not None
        training = {"standard": "Standard"}.get(card.training, card.training)
        found.setdefault((training, names[card.attack], shown[card.corpus]), []).append(100 * card.test["f1"])
    return {key: f"{mean(values):.2f} ± {stdev(values):.2f}" for key, values in found.items()}


@pytest.fixture(scope="module")
def cards() -> list[Card]:
    return table2_cards(documents=100)


@pytest.fixture(scope="module")
def results(cards: list[Card], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cards(cards, tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def page(results: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("html") / "report.html"
    write_report([results], out)
    return out


def test_html_has_every_measured_and_published_number(cards: list[Card], page: Path) -> None:
    head, *rows = Tables(page.read_text()).tables["table-2-minilm"]
    fields = {(row[0], row[1], corpus): field for row in rows for corpus, field in zip(head[2:], row[2:], strict=True)}
    for key, expected in expected_fields(cards).items():
        assert fields[key].partition(" / ")[0] == expected + "†"
    assert fields["RAT", "SMART", "NCBI-disease"].endswith(" / 89.02")
    assert fields["RAT", "mean", "DDI"].endswith(" / 83.39")
    assert fields["AT", "FGM", "CHEMPROT"] == "– / 79.21"


def test_html_has_costs_tests_and_what_one_needs_to_judge(page: Path) -> None:
    text = page.read_text()
    tables = Tables(text).tables
    costs = {tuple(row[:2]): row for row in tables["table-3-minilm"]}
    assert costs["AT", "PGD"][2:6] == ["3", "3 + 3S = 12", "4 + 2S = 10", "10.00"]
    assert costs["RAT p = 0.5", "PGD"][6] == "50%; 37.5% at S"
    assert costs["RAT p = 0.5", "FGM"][6] == "25%"
    assert len(tables["tests"]) == 1 + 24
    assert [row[0] for row in tables["cells"][1:]].count("DDI") == 9
    assert ["DDI", "test", "100", "test-ddi"] in tables["splits"]
    assert ["torch", "2.9.0"] in tables["versions"]
    assert "failed" not in tables
    assert "DDI under RAT: the mean of the four printed values is 83.49, printed is 83.39." in text
    assert "FGM 80.27 and 79.21" in text
    assert "† Not comparable with the published value: backbone minilm, published with pubmedbert." in text
    assert "Alike wherever they apply: model = minilm, task = ner, rat.gate = bernoulli, train.epochs = 5.0" in text


def test_html_is_whole_in_itself_and_semantic(page: Path) -> None:
    text = page.read_text()
    found = Tables(text)
    assert all(link.startswith("#") for link in found.fetched)
    assert "script" not in found.tags
    assert "link" not in found.tags
    assert "@import" not in text
    assert "url(http" not in text
    assert found.tags.count("svg") == 2
    assert len(found.captions) >= 6
    assert '<html lang="en">' in text
    assert 'scope="row"' in text
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert {unquote(link[1:]) for link in re.findall(r'<a href="([^"]+)"', text)} <= set(ids)


def test_markdown_has_the_numbers_and_the_plots_beside_it(cards: list[Card], results: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "report.md"
    write_report([results], out)
    text = out.read_text()
    rows = [[field.strip() for field in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    start = next(number for number, row in enumerate(rows) if "baseline" in row)
    head = rows[start - 2]
    fields = {(row[0], row[1], name): row[head.index(name)] for row in rows[start : start + 11] for name in head[2:]}
    for key, expected in expected_fields(cards).items():
        assert fields[key].startswith(expected + "† (")
    assert fields["RAT", "SMART", "NCBI-disease"].endswith("(89.02)")
    widths = [len(re.findall(r"(?<!\\)\|", line)) for line in text.splitlines() if line.startswith("|")]
    assert all(one == other for one, other, row in zip(widths, widths[1:], rows[1:], strict=False) if row[0] == "---")
    for name in re.findall(r"!\[[^]]*\]\(([^)]+)\)", text):
        assert (out.parent / name).read_text().startswith("<svg")
    assert len(list((out.parent / "report-plots").iterdir())) == 2


def test_latex_has_the_numbers_and_the_plots_beside_it(cards: list[Card], results: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.tex"
    write_report([results], out)
    text = out.read_text()
    for expected in expected_fields(cards).values():
        assert expected.replace("±", r"$\pm$") + r"\textsuperscript{\dag{}} \emph{(" in text
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") >= 5
    assert text.count(r"\toprule") == text.count(r"\midrule") == text.count(r"\bottomrule")
    assert text.isascii()
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", text):
        depth += 1 if brace == "{" else -1
        assert depth >= 0
    assert depth == 0
    for name in re.findall(r"\\includegraphics\[[^]]*\]\{([^}]+)\}", text):
        assert (tmp_path / name).read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("kind", ["html", "md", "tex"])
def test_failed_and_missing_cells_are_listed_and_escaped(kind: str, tmp_path: Path) -> None:
    cards = [make_card(seed=seed, documents=20) for seed in range(2)]
    cards += [make_card(training="AT", attack="fgm", documents=20)]
    broken = dataclasses.replace(
        make_card(training="AT", attack="fgm", seed=1), status="failed", error=SCRIPT, dev=None, test=None, counts=None
    )
    odd = make_card("my_corpus<i>", documents=20, model="a_b&c", row=SCRIPT, published=None, cell="odd")
    folder = write_cards([*cards, broken, odd], tmp_path / "results")
    report = write_report([folder], tmp_path / f"report.{kind}")
    text = (tmp_path / f"report.{kind}").read_text()
    assert report["failed"] == [{"cell": broken.cell, "error": SCRIPT}]
    assert report["missing"] == ["ncbi-disease, minilm, AT FGM: seed 1"]
    if kind == "html":
        found = Tables(text)
        assert found.tables["failed"][1] == [broken.cell, SCRIPT]
        assert not {"script", "i"} & set(found.tags)
        assert "<li>ncbi-disease, minilm, AT FGM: seed 1</li>" in text
    elif kind == "md":
        assert escape_markdown(SCRIPT) in text
        assert "<script>" not in text.replace("\\<", "")
    else:
        assert escape_latex(SCRIPT) in text
        assert r"my\_corpus\textless{}i\textgreater{}" in text


def test_an_unfinished_grid_says_how_many_cells_are_done(tmp_path: Path) -> None:
    folder = write_cards([make_card(seed=seed, documents=20) for seed in range(2)], tmp_path / "results")
    assert "2 cells done, 0 failed" in (written(folder, tmp_path / "before.md"))
    spec = read_spec("table2", model="minilm", seeds=[0, 1], corpora=["ncbi-disease"])
    (folder / "spec.yaml").write_text(spec.to_yaml())
    assert "2 of 18 cells done, 0 failed" in written(folder, tmp_path / "after.md")


def written(results: Path, report: Path) -> str:
    write_report([results], report)
    return report.read_text()


def test_the_result_is_the_report_as_numbers(cards: list[Card], results: Path, tmp_path: Path) -> None:
    found = json.loads(json.dumps(write_report([results], tmp_path / "r.html")))
    assert (found["split"], found["cells"]) == ("test", 54)
    row = next(row for row in found["tables"]["II"]["minilm"] if (row["training"], row["method"]) == ("AT", "FGM"))
    assert row["cells"]["ddi"]["measured"]["n"] == 3
    assert found["tables"]["III"]["minilm"][2]["paper"] == "3 + 3S"
    assert len(found["tests"]) == 24
    assert {claim["verdict"] for claim in found["claims"]} <= {"holds", "does not hold", "undecided"}
    assert {plot["name"]: plot["drawn"] for plot in found["plots"]} == {
        "front-minilm": True,
        "share-minilm": False,
        "radius-minilm": False,
        "seconds-minilm": True,
    }


def test_several_folders_and_one_seed(tmp_path: Path) -> None:
    first = write_cards(table2_cards(corpora=["ddi"], seeds=[0], documents=30), tmp_path / "first")
    second = write_cards([make_card("bc2gm", documents=30)], tmp_path / "second")
    found = write_report([first, second], tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert found["cells"] == 10
    assert "With one seed only documents are resampled," in text
    assert {claim["verdict"] for claim in found["claims"] if "cheaper" not in claim["name"]} == {"undecided"}


def test_bad_input_is_one_line_and_writes_nothing(results: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no report ends in '.pdf' \(it is .html, .md or .tex\)"):
        write_report([results], tmp_path / "report.pdf")
    with pytest.raises(UserError, match="no result cards are here"):
        write_report([tmp_path], tmp_path / "report.html")
    broken = write_cards([make_card()], tmp_path / "broken")
    (broken / "cards" / "bad.json").write_text("{")
    with pytest.raises(UserError, match=r"bad\.json: not JSON"):
        write_report([broken], tmp_path / "report.html")
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(UserError, match="is a folder"):
        write_report([results], tmp_path / "folder.html")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        write_report([results], tmp_path / "file" / "report.md")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken", "file", "folder.html"]


def test_the_same_cards_give_the_same_report(results: Path, page: Path, tmp_path: Path) -> None:
    write_report([results], tmp_path / "report.html")
    assert (tmp_path / "report.html").read_bytes() == page.read_bytes()


def test_corpora_of_ones_own_stand_alone(tmp_path: Path) -> None:
    folder = write_cards(table2_cards(corpora=["mine"], attacks=["fgm"], documents=30, published=None), tmp_path / "r")
    write_report([folder], tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    head, *rows = Tables(text).tables["table-2-minilm"]
    assert head == ["Training", "Method", "mine"]
    assert [row[1] for row in rows] == ["baseline", "FGM", "FGM"]
    assert "CHEMPROT under AT" not in text
    assert "Measured on 0 of the claim&#39;s 6 corpora." in text


def test_latex_compiles(results: Path, tmp_path: Path) -> None:
    latex = shutil.which("pdflatex")
    if latex is None:
        pytest.skip("no pdflatex is on the PATH")
    odd = write_cards([make_card("my_corpus<i>", model="a_b&c^{~}\\x"), make_card("ε%$#")], tmp_path / "odd")
    write_report([results, odd], tmp_path / "report.tex")
    packages = r"\usepackage[utf8]{inputenc}\usepackage{booktabs,longtable,graphicx}"
    document = rf"\documentclass{{article}}{packages}\begin{{document}}\input{{report.tex}}\end{{document}}"
    (tmp_path / "main.tex").write_text(document)
    command = [latex, "-interaction=nonstopmode", "-halt-on-error", "main.tex"]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert found.returncode == 0, found.stdout[-2000:]
    assert (tmp_path / "main.pdf").is_file()
