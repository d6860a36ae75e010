from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ranat.errors import UsageError
from ranat.experiments import specs
from ranat.experiments.grid.cells import expand
from ranat.experiments.spec import HYPERPARAMETERS, read_spec
from ranat.models.backbones import BACKBONES

SpecFile = Callable[..., Path]

CELLS_A_SEED = {
    "table1": (7 + 4) * 6,
    "table2": (1 + 4 + 4) * 6,
    "table3": 1 + 4 + 4,
    "ablation-p": 1 + 10,
    "ablation-epsilon": 1 + 4 * 4,
    "ablation-attack": 1 + 5 * 2,
    "ablation-gate": 1 + 6,
    "ablation-representation": 2 * 2,
}


@pytest.mark.parametrize("name", specs.titles())
def test_the_specs_of_the_package(name: str) -> None:
    spec = read_spec(name)
    assert specs.titles()[name] == spec.title
    cells = expand(spec)
    assert len(cells) == CELLS_A_SEED[name] * 5
    assert [cell.settings.train.seed for cell in cells] == [seed for seed in range(5) for _ in range(len(cells) // 5)]
    assert len({cell.name for cell in cells}) == len(cells)


@pytest.mark.parametrize(("name", "table"), [("table1", "I"), ("table2", "II")])
def test_published_values_are_those_of_the_paper(name: str, table: str, data_dir: Path) -> None:
    file = data_dir.parent / "paper" / "published_results.csv"
    if not file.is_file():
        pytest.skip("the paper's values are not here")
    with file.open(encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["table"] == table and row["method"] != "Avg"]
    backbones = {name.lower(): name for name in BACKBONES}
    expected = {}
    for row in rows:
        backbone, _, attack = row["method"].lower().partition("+")
        attack = attack or ("" if backbone in (*backbones, "baseline") else backbone)
        model = backbones.get(backbone, "pubmedbert")
        expected[row["training"], attack, model, row["corpus"]] = round(float(row["micro_f1_percent"]) / 100, 4)
    found = {}
    for cell in expand(read_spec(name, seeds=[0])):
        card = cell.failed("")
        assert cell.published is not None
        assert cell.published["table"] == table
        assert card.comparable
        found[card.training, card.attack or "", cell.published["model"], card.corpus] = cell.published["f1"]
    assert found == expected


def test_where_two_tables_differ_each_says_so() -> None:
    tables = {}
    for name in ("table1", "table2"):
        cells = expand(read_spec(name, seeds=[0]))
        tables[name] = {(cell.row, cell.settings.corpus): cell.published for cell in cells}
    differing = set()
    for place in tables["table1"].keys() & tables["table2"].keys():
        one, two = tables["table1"][place], tables["table2"][place]
        assert one is not None
        assert two is not None
        assert bool(one["remark"]) == bool(two["remark"]) == (one["f1"] != two["f1"])
        if one["remark"]:
            assert two["remark"] == f"Table I prints {100 * one['f1']:.2f}"
            differing.add(place)
    assert differing == {(f"AT {attack}", "chemprot") for attack in ("FGM", "PGD", "FreeLB", "SMART")}


def test_the_narrower_wins(spec_file: SpecFile) -> None:
    file = spec_file(
        corpora=["ncbi-disease", "demo"],
        model="minilm",
        train={"epochs": 3},
        rows=[
            {"name": "standard"},
            {"name": "FGM", "attack": {"name": "fgm"}, "train": {"epochs": 4, "patience": 1}},
            {"name": "PGD", "attack": {"name": "pgd", "steps": 2}},
        ],
        vary={"attack.epsilon": [0.7], "rat.p": [0.5, 1.0]},
        hyperparameters={
            "minilm": {
                "train": {"epochs": 1, "batch_size": 7, "weight_decay": 0.2},
                "attack": {"pgd": {"epsilon": 0.1, "steps": 9, "norm": "inf"}},
                "corpora": {"demo": {"train": {"batch_size": 8}, "attack": {"pgd": {"norm": 2, "scope": "token"}}}},
            }
        },
    )
    cells = {(cell.row, cell.settings.corpus): cell.settings for cell in expand(read_spec(str(file)))}
    pgd = cells["PGD epsilon=0.7 p=0.5", "demo"]
    assert pgd.attack.items() >= {"epsilon": 0.7, "steps": 2, "norm": 2, "scope": "token"}.items()
    assert cells["PGD epsilon=0.7 p=0.5", "ncbi-disease"].attack["norm"] == "inf"
    assert (pgd.train.epochs, pgd.train.batch_size, pgd.train.weight_decay) == (3, 8, 0.2)
    fgm = cells["FGM epsilon=0.7 p=1.0", "ncbi-disease"]
    assert (fgm.attack["epsilon"], fgm.rat["p"]) == (0.7, 1)
    assert (fgm.train.epochs, fgm.train.batch_size, fgm.train.patience) == (4, 7, 1)
    assert cells["standard", "demo"].attack == {"name": "none"}
    assert len(cells) == 2 * (1 + 2 * 2)
    flags = read_spec(str(file), train={"epochs": 9}, corpora=["demo"], seeds=[5])
    assert {cell.settings.train.epochs for cell in expand(flags)} == {9}
    assert {cell.settings.train.patience for cell in expand(flags)} == {None, 1}
    assert {cell.settings.train.seed for cell in expand(flags)} == {5}


def test_options_of_a_task_are_a_section_of_a_row_or_of_all(spec_file: SpecFile) -> None:
    rows = [{"name": "a"}, {"name": "b", "relation": {"marking": "dummy"}}]
    file = spec_file(corpora=["chemprot"], model="bert", relation={"marking": "typed"}, rows=rows)
    flat = {cell.row: cell.settings.flat() for cell in expand(read_spec(str(file), seeds=[0]))}
    assert {row: keys["relation.marking"] for row, keys in flat.items()} == {"a": "typed", "b": "dummy"}


def test_another_backbone_leaves_out_the_rows_about_others() -> None:
    spec = read_spec("table1", model="minilm", seeds=[0])
    assert [row.name for row in spec.rows] == ["standard", "AT FGM", "AT PGD", "AT FreeLB", "AT SMART"]
    assert spec.remarks[-1].startswith("Left out, being about other backbones: standard BERT, ")
    (card, *_) = [cell.failed("") for cell in expand(spec)]
    assert not card.comparable
    assert card.why_not == ["backbone minilm, published with pubmedbert"]
    part = read_spec("table2", train={"fraction": 0.1, "max_steps": 5}, seeds=[0])
    assert expand(part)[0].why_not == ["10% of the training data", "stopped after 5 steps"]


def test_a_written_spec_reads_as_itself(tmp_path: Path) -> None:
    for name in specs.titles():
        spec = read_spec(name, model="minilm", seeds=[3, 1])
        (tmp_path / "spec.yaml").write_text(spec.to_yaml())
        assert read_spec(str(tmp_path / "spec.yaml")) == spec


def test_hyperparameters_are_settings() -> None:
    """Every corpus of the tables has its own in `base`; each class is a backbone; all options are known."""
    classes = yaml.safe_load(HYPERPARAMETERS.read_text())
    assert classes.keys() - {"base"} <= BACKBONES.keys()
    assert classes["base"]["corpora"].keys() == set(read_spec("table2").corpora)
    for model in ("pubmedbert", "minilm"):
        for name in ("table2", "ablation-attack"):
            assert all(cell.settings.train.learning_rate for cell in expand(read_spec(name, model=model, seeds=[0])))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tittle": "A"}, ": tittle: unknown key (did you mean 'title'?)"),
        ({"rows": [{"name": "a", "atack": {}}]}, ": rows.0.atack: unknown key (did you mean 'attack'?)"),
        ({"published": {"tabel": "I", "model": "bert"}}, ": published.tabel: unknown key (did you mean 'table'?)"),
        (
            {"rows": [{"name": "a", "published": {"demo": {"f1": 1, "remrk": ""}}}]},
            ": rows.0.published.demo.remrk: unknown key (did you mean 'remark'?)",
        ),
        ({"rows": None}, ": rows: is missing"),
        ({"corpora": []}, ": corpora: list should have at least 1 item"),
        ({"seeds": [0, -1]}, ": seeds.1: input should be greater than or equal to 0, not -1"),
        ({"seeds": [1, 2, 1]}, ": the seed 1 is there twice"),
        ({"rows": [{"name": "a"}, {"name": "a"}]}, ": the row 'a' is there twice"),
        ({"rows": [{"name": "a b"}, {"name": "a-b"}]}, "small: two cells would be called diseases-tiny-a-b-seed0"),
        ({"corpora": ["demoo"]}, "corpora: unknown corpus 'demoo' (did you mean 'demo'?; or a file or folder)"),
        ({"model": "minilmm"}, "model: unknown backbone 'minilmm' (did you mean 'minilm'?; "),
        ({"train": {"seed": 1}}, ": train.seed: a grid has several seeds (write `seeds`, or --seeds)"),
        ({"train": {"epohcs": 1}}, "small: row 'standard': train.epohcs: unknown key (did you mean 'epochs'?)"),
        (
            {"rows": [{"name": "a", "attack": {"name": "fgm", "steps": 3}}]},
            "small: row 'a': attack.steps: the attack fgm has no option 'steps'",
        ),
        ({"rows": [{"name": "a", "rat": {"p": 0.5}}]}, "small: row 'a': rat.p: is set, but there is no attack"),
        ({"vary": {"rat.p": []}}, ": vary.rat.p: list should have at least 1 item"),
        ({"vary": {"rat.q": [1]}}, "small: row 'RAT PGD q=1': rat.q: the gate bernoulli has no option"),
    ],
)
def test_a_wrong_spec_is_one_line(spec_file: SpecFile, changes: dict[str, Any], message: str) -> None:
    file = spec_file(**changes)
    with pytest.raises(UsageError) as caught:
        expand(read_spec(str(file)))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_spec_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"unknown spec 'tabel1' \(did you mean 'table1'\?; or a file that ends in"):
        read_spec("tabel1")
    with pytest.raises(UsageError, match="cannot read: No such file"):
        read_spec(str(tmp_path / "none.yaml"))
    (tmp_path / "bad.yaml").write_text("rows: [")
    with pytest.raises(UsageError, match=r"bad\.yaml:1: not YAML"):
        read_spec(str(tmp_path / "bad.yaml"))


def test_only_rows_of_other_backbones(spec_file: SpecFile) -> None:
    file = spec_file(rows=[{"name": "a", "model": "bert"}])
    with pytest.raises(UsageError, match="every row names a backbone of its own"):
        read_spec(str(file), model="minilm")
