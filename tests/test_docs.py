from __future__ import annotations

import importlib
import importlib.util
import json
import re
import shlex
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import walkthrough
from ranat import cli
from ranat.attacks import PLAIN, attacks
from ranat.experiments.cards import Card, read_all
from ranat.experiments.report import write_report
from ranat.gates import gates
from ranat.runs.settings import read_settings

ROOT = Path(__file__).parents[1]
EQUATIONS = (ROOT / "docs" / "equations.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
ATTACKS = (ROOT / "docs" / "reference" / "attacks.md").read_text(encoding="utf-8")
SHOULD_I = (ROOT / "docs" / "should-i.md").read_text(encoding="utf-8")
RESULTS = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
BUILT_IN = {"fgsm", "fgm", "pgd", "freelb", "smart", "carry", "noise", "topk", "twice"}
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("**/*.md")])
ALL_PAGES = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
ROWS = {int(number): row for row in EQUATIONS.splitlines() if (number := "".join(re.findall(r"^\| (\d+) \|", row)))}


def script(name: str) -> Any:
    """A script of benchmarks/, as a module."""
    specification = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def resolve(name: str) -> Any:
    """The object of a dotted name: the longest part that is a module, then attributes."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            found = getattr(found, part)
        return found
    raise ModuleNotFoundError(name)


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(ranat(?:\.\w+)+)`", ALL_PAGES))))
def test_every_name_is_there(name: str) -> None:
    assert resolve(name).__doc__


def test_every_equation_is_listed_once_in_order() -> None:
    assert re.findall(r"^\| (\d+) \|", EQUATIONS, re.MULTILINE) == [str(number) for number in range(1, 33)]


@pytest.mark.parametrize("number", range(1, 33))
def test_every_equation_says_where_it_is(number: int) -> None:
    what, where, _ = (cell.strip() for cell in ROWS[number].split("|")[2:5])
    assert what
    assert re.fullmatch(r"`ranat(\.\w+){2,}`(, `ranat(\.\w+){2,}`)*", where)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_to_a_file(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    links = re.findall(r"\]\(([^)\s#]+)(?:#[^)]*)?\)", text)
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert missing == []


def blocks(language: str, text: str = ALL_PAGES) -> list[str]:
    return re.findall(rf"^```{language}(?: title=[^\n]*)?\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_the_readme_is_short() -> None:
    """All of it counts: prose, code, tables and links."""
    assert len(README.split()) <= 900


def test_the_commands_parse() -> None:
    said = [command for block in blocks("console") for command, _ in walkthrough.commands(block)]
    named = [command for command in said if command.startswith("ranat ")]
    assert len(named) > 20
    for command in (re.split(r" (?:\d?>|&|\|)", command)[0] for command in named):  # up to what is the shell's
        arguments = shlex.split(re.sub(r"--plugin \S+", "", command), comments=True)  # `main` takes it out
        cli.app.parse_args(arguments[1:], exit_on_error=False, print_error=False)


def test_the_config_is_one() -> None:
    (config,) = blocks("yaml", (ROOT / "docs" / "reference" / "configuration.md").read_text(encoding="utf-8"))
    settings = read_settings(flags=yaml.safe_load(config))
    assert settings.make_attack() is not None


def test_the_imports_are_there() -> None:
    lines = [line for block in blocks("python") for line in block.splitlines() if line.startswith("from ranat")]
    assert lines
    for line in lines:
        module, names = re.fullmatch(r"from (\S+) import (.*)", line).groups()  # type: ignore[union-attr]  # None fails the test
        for name in names.split(", "):
            assert hasattr(importlib.import_module(module), name), line


def test_the_costs_in_the_docs_are_those_that_the_attacks_say() -> None:
    """The page on attacks has all, README all but the controls, that of the equations those of the paper."""
    costs = {name: attacks.get(name)().cost_formula for name in BUILT_IN}
    for page in (README, ATTACKS):
        rows = dict(re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \|$", page, re.MULTILINE))
        shown = set(costs) - ({"noise", "twice"} if page == README else set())  # controls
        assert {name: rows.get(name) for name in shown} == {name: costs[name] for name in shown}
        assert f"that is not attacked costs {PLAIN.forward_equivalents}" in " ".join(page.split())
    table = EQUATIONS[EQUATIONS.index("| training | paper | here |") :]
    for name in ("FGM", "PGD", "FreeLB", "SMART"):
        (cost,) = re.findall(rf"^\| {name} \| [^|]+ \| ([^|]+) \|$", table, re.MULTILINE)
        assert cost == costs[name.lower()]


def test_the_costs_of_the_advice_are_those_that_the_attacks_say() -> None:
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \| ([\d.]+) \| ([\d.]+) \|$", SHOULD_I, re.MULTILINE)
    said = {
        re.sub(r".*control | at .*", "", name).strip().lower(): cells
        for names, *cells in rows
        for name in names.split(", ")
    }
    assert said.pop("standard") == [str(PLAIN.forward_equivalents), "1.00", "1.00"]
    assert set(said) == BUILT_IN
    for name, cells in said.items():
        attack = attacks.get(name)()
        ratio = attack.counts.forward_equivalents / PLAIN.forward_equivalents
        assert cells == [attack.cost_formula, f"{ratio:.2f}", f"{(1 + ratio) / 2:.2f}"]


def test_the_docs_have_every_gate() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|$", ATTACKS, re.MULTILINE))
    for name in gates.names():
        assert name in rows
        assert f"`{name}`" in README
    assert {name for name in attacks.names() if attacks.get(name).__module__.startswith("ranat.")} == BUILT_IN


def test_the_figures_are_those_measured() -> None:
    """The table is what `make bench` printed when it wrote benchmarks/training.json."""
    benchmark = script("training")
    result = json.loads((ROOT / "benchmarks" / "training.json").read_text(encoding="utf-8"))
    assert benchmark.table(result) in RESULTS
    assert f"{result['ratios']['Trainer / standard, seconds']:.1f} times as fast as `transformers.Trainer`" in RESULTS
    assert f"a strict test F1 of {100 * result['f1']['test']:.2f}" in RESULTS


def test_the_prices_are_those_of_the_benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    kinds = json.loads((ROOT / "benchmarks" / "price.json").read_text(encoding="utf-8"))
    assert script("price").table(kinds) in RESULTS
    for found in kinds.values():
        used, said = dict(found["memory"]["memory"]), " ".join(RESULTS.split())
        smart = used.pop("smart")
        mean, error = found["f1"]["mean"], {f"{100 * value:.2f}" for value in found["f1"]["standard_error"].values()}
        assert f"was {100 * mean['Trainer']:.2f} with Trainer and {100 * mean['standard']:.2f} with ours" in said
        assert f"the standard error of each {' or '.join(error)}." in said
        assert f"(R² {found['law']['r2']:.3f} over p and S)" in said
        assert f"at most {max(used.values()):.2f} times that of standard training, for SMART {smart:.2f} times" in said


def test_the_documents_to_correct_first_are_those_of_the_simulation() -> None:
    result = json.loads((ROOT / "results" / "active.json").read_text(encoding="utf-8"))
    assert script("active").table(result) in RESULTS


def test_the_rates_are_those_of_the_benchmark() -> None:
    kinds = json.loads((ROOT / "benchmarks" / "extraction.json").read_text(encoding="utf-8"))
    measured = next(found for kind, found in kinds.items() if "amx" in kind)
    other = next(found for kind, found in kinds.items() if "amx" not in kind)
    said, rates, spans = " ".join(RESULTS.split()), measured["rates"], measured["spans"]
    for page in (said, " ".join(README.split())):
        assert f"{rates['pipeline / ours, seconds']:.1f} times as many documents a second" in page
    assert f"in bf16 ({rates['pipeline / ours fp32, seconds']:.1f} times in float32)" in said
    rest = other["rates"]
    fp32, documents = rest["pipeline / ours fp32, seconds"], rest["documents_per_second"]["ours"]
    assert f"it was {rest['pipeline / ours, seconds']:.1f} times ({fp32:.1f} in float32): {documents:.0f} abs" in said
    assert f"products alone ran at {rest['share_of_peak']:.0%} of what" in said
    assert f"6 times would need {rest['share_of_peak'] * 6 / rest['pipeline / ours, seconds']:.0%} of it" in said
    assert f"from the command line takes {other['sentence']['seconds']:.1f} seconds" in said
    assert f"at 10,000 abstracts was {measured['memory']['many / few']:.2f} times that at 1,000" in said
    theirs, ours = spans["pipeline on sentences"], spans["ours"]
    assert f"({theirs['theirs only']} of {theirs['both'] + theirs['theirs only']:,})" in said
    changed = ours["ours fp32 only"] + ours["theirs only"]
    assert f"changes {changed} of {ours['both'] + ours['ours fp32 only']:,}" in said


def test_the_server_carries_what_the_benchmark_found() -> None:
    (found,) = json.loads((ROOT / "benchmarks" / "serving.json").read_text(encoding="utf-8")).values()
    said, ratios, crowd = " ".join(RESULTS.split()), found["ratios"], found["measured"]["abstracts, 32 clients"]
    assert f"{ratios['abstracts']} times as many abstracts a second" in said
    assert f"and {ratios['sentences']} times as many sentences" in said
    assert f"less than {crowd['p50']:.2f} seconds, 95% less than {crowd['p95']:.2f}" in said
    assert f"busy to {50 * crowd['processors_busy']:.0f}%" in said
    (page,) = json.loads((ROOT / "benchmarks" / "page.json").read_text(encoding="utf-8")).values()
    assert f"A page of {page['documents']:,} abstracts that `ranat view` made ({page['mebibytes']:.0f} MiB)" in said
    assert f"after {page['first_document']:.2f} seconds in Chromium" in said
    assert f"one {page['last_document']:.2f} seconds after the key End" in said


def test_the_mutants_are_those_of_the_run() -> None:
    page = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
    found = json.loads((ROOT / "benchmarks" / "mutants.json").read_text(encoding="utf-8"))
    total = found["modules"].pop("all")
    assert len(found["survivors"]) == total["mutants"] - total["noticed"]
    share = f"{total['noticed'] / total['mutants']:.1%}"
    assert f"{total['noticed']:,} of {total['mutants']:,} mutants were noticed ({share})" in " ".join(page.split())
    kinds: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for name, counts in found["modules"].items():
        kind = name.removeprefix("ranat.")
        kinds[kind if kind.startswith(("models", "training")) else kind.split(".")[0]].update(counts)
    for kind, counts in kinds.items():
        assert f"| `{kind}` | {counts['mutants']:,} | {counts['noticed']:,} |" in page


def test_the_coverage_is_that_of_the_run() -> None:
    page = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
    assert f"The fast tests reach {(ROOT / 'benchmarks' / 'coverage.txt').read_text().strip()}% of the lines" in page


OLD_GRIDS = [ROOT / "results" / name for name in ("ncbi-disease", "chemprot")]


def test_what_the_study_found_is_told_as_it_found_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks" / "study"))
    report = importlib.import_module("report")
    study = ROOT / "results" / "study"
    results = json.loads((study / "report.json").read_text(encoding="utf-8"))
    assert results == json.loads(json.dumps([report.corpus(study / found["corpus"]) for found in results]))
    assert report.text(results) == (study / "report.md").read_text(encoding="utf-8")
    for line in report.gains(results):
        assert line in RESULTS
        assert line in README
    for line in report.claims(results):
        assert line in RESULTS


def test_a_larger_learning_rate_is_worse_by_what_is_said() -> None:
    tried = json.loads((ROOT / "results" / "study" / "edge.json").read_text(encoding="utf-8"))
    worse = [f"{100 * (one['dev_f1'] - one['next_dev_f1']):.2f}" for one in tried if one["training"] == "standard"]
    assert f"worse on dev, by {' and '.join(worse)} points" in RESULTS


def test_what_the_screening_found_is_told_as_it_found_it() -> None:
    found = json.loads((ROOT / "results" / "study" / "screen-ncbi-disease.json").read_text(encoding="utf-8"))
    told = re.findall(r"^\| (.+) \| ([\d.]+) \| ([\d.]+) \|$", (ROOT / "docs" / "study.md").read_text(), re.MULTILINE)
    assert {name: cells for name, *cells in told} == {
        name: [f"{one['cost']:.2f}", f"{100 * np.mean([run['dev_f1'] for run in one['runs'].values()]):.2f}"]
        for name, one in found.items()
    }


def f1_of(cards: Iterable[Card]) -> str:
    f1 = [100 * card.test["f1"] for card in cards if card.test]
    return f"{np.mean(f1):.2f} ± {np.std(f1, ddof=1):.2f}"


def test_the_results_are_those_of_the_cards() -> None:
    grids = [read_all(folder) for folder in OLD_GRIDS]
    assert [len(cards) for cards in grids] == [9 * 3, 9 * 3]
    for row in {card.row for card in grids[0]}:
        cells = " | ".join(f1_of(card for card in cards if card.row == row) for cards in grids)
        assert f"| {row} | {cells} |" in RESULTS


def test_the_scores_on_all_data_are_those_of_the_cards() -> None:
    scores = {card.corpus: card.test["f1"] for card in read_all(ROOT / "results" / "full") if card.test}
    assert set(scores) == {"chemprot", "ddi"}
    for corpus, f1 in scores.items():
        assert re.search(rf"{100 * f1:.2f}\s+on\s+`{corpus}`", RESULTS)


def test_the_scores_of_relations_between_concepts_are_those_of_the_card() -> None:
    (card,) = read_all(ROOT / "results" / "bc5-cid")
    assert card.test
    percent = {name: f"{100 * card.test[name]:.2f}" for name in ("precision", "recall", "f1", "recall_ceiling")}
    held, said = card.test["gold"] - card.test["beyond_sentences"], " ".join(RESULTS.split())
    assert f"precision {percent['precision']}, recall {percent['recall']} and F1 {percent['f1']}" in said
    assert f"sentences hold {held} of test's {card.test['gold']:,} relations" in said
    assert f"recall above {percent['recall_ceiling']}" in said


def test_the_report_is_that_of_the_cards(tmp_path: Path) -> None:
    write_report(OLD_GRIDS, tmp_path / "report.md")
    assert (tmp_path / "report.md").read_text() == (ROOT / "results" / "report.md").read_text()


def test_the_picture_is_that_of_the_cards() -> None:
    assert (ROOT / "docs" / "pictures" / "f1-cost.svg").read_bytes() == script("pictures").f1_cost()


def test_the_map_has_every_part() -> None:
    page = (ROOT / "docs" / "map.md").read_text(encoding="utf-8")
    for path in (ROOT / "src" / "ranat").iterdir():
        if not path.name.startswith("_") and path.name != "py.typed":
            assert re.search(rf"^  {path.name}{'/' * path.is_dir()} ", page, re.MULTILINE), path.name
