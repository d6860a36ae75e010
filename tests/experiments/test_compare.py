from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from finished_runs import GOLD, PGD, finished
from ranat.documents import Document, Entity
from ranat.errors import UserError
from ranat.evaluation.significance import joint_bootstrap
from ranat.experiments.answer import answer
from ranat.experiments.compare import Run
from ranat.experiments.compare import compare as compare_all
from ranat.training.cost import Cost


def compare(folders: list[Path]) -> dict[str, Any]:
    """The one comparison of runs that were scored alike."""
    (one,) = compare_all(folders)["comparisons"]
    return dict(one)


def f1(right: int) -> float:
    return 2 * right / (right + 1 + 20)


def test_a_group_is_all_but_the_seed_and_standard_comes_first(tmp_path: Path) -> None:
    attacked = Cost(batches=10, attacked_batches=4, forward=22, backward=14, backward_to_input=8, train_seconds=5.0)
    folders = [
        finished(tmp_path / f"rat{seed}", 14 + seed, attack=PGD, train={"seed": seed}, cost=attacked)
        for seed in range(3)
    ] + [finished(tmp_path / f"standard{seed}", 10 + 2 * seed, train={"seed": seed}) for seed in (2, 1)]
    result = compare(folders)
    assert result["split"] == "test"
    standard, rat = result["groups"]
    assert (standard["name"], standard["seeds"]) == ("standard", [1, 2])
    assert (rat["name"], rat["seeds"]) == ("pgd RAT p=0.5", [0, 1, 2])
    assert rat["folders"] == [str(folder) for folder in folders[:3]]

    scores = {"standard": [f1(14), f1(12)], "rat": [f1(14), f1(15), f1(16)]}
    assert rat["f1"]["mean"] == pytest.approx(np.mean(scores["rat"]))
    assert rat["f1"]["sd"] == pytest.approx(np.std(scores["rat"], ddof=1))
    assert (rat["f1"]["n"], standard["f1"]["n"]) == (3, 2)
    assert rat["xfp_ratio"] == pytest.approx((22 + 28 + 8) / 30)
    assert rat["seconds_ratio"] == pytest.approx(2.5)
    assert rat["seconds"] == pytest.approx(2.5 * standard["seconds"])
    assert (rat["attacked"], standard["attacked"]) == (0.4, 0)
    assert standard["xfp_ratio"] == standard["seconds_ratio"] == 1
    assert "difference" not in standard

    # Only seeds 1 and 2 are paired, each with its own.
    assert rat["difference"]["estimate"] == pytest.approx(np.mean([f1(15), f1(16)]) - np.mean([f1(12), f1(14)]))
    pairs = [[Run.read(folder).counts("test") for folder in part] for part in (folders[:2:-1], folders[1:3])]
    assert rat["difference"] == asdict(joint_bootstrap(*(np.stack(side) for side in pairs)))
    assert json.loads(json.dumps(result)) == result


def test_counts_are_those_of_each_document(tmp_path: Path) -> None:
    counts = Run.read(finished(tmp_path / "run", 12)).counts("test")
    assert counts.shape == (20, 3)
    assert counts[0].tolist() == [1, 2, 1]
    assert counts[11].tolist() == [1, 1, 1]
    assert counts[12].tolist() == [0, 0, 1]


def test_texts_may_hold_other_ends_of_lines(tmp_path: Path) -> None:
    gold = [Document("1", "w0 a\u2028b\u2029c\x85d", (Entity("T1", "Disease", ((0, 2),)),))]
    assert Run.read(finished(tmp_path / "run", 1, gold=gold)).counts("test").tolist() == [[1, 2, 1]]


def test_without_a_standard_run_the_first_named_comes_first(tmp_path: Path) -> None:
    fgm = finished(tmp_path / "a", 12, attack={"name": "fgm"})
    pgd = finished(tmp_path / "b", 13, attack=PGD, rat={"p": 1})
    assert [group["name"] for group in compare([pgd, fgm])["groups"]] == ["pgd AT", "fgm RAT p=0.5"]
    assert [group["name"] for group in compare([fgm, pgd])["groups"]] == ["fgm RAT p=0.5", "pgd AT"]


def test_of_one_seed_only_documents_are_drawn(tmp_path: Path) -> None:
    standard = finished(tmp_path / "a", 12)
    better = finished(tmp_path / "b", 20, attack=PGD)
    (_, group) = compare([standard, better])["groups"]
    assert (group["difference"]["seeds"], group["difference"]["documents"]) == (1, 20)
    assert group["difference"]["p"] < 0.05
    assert (group["f1"]["sd"], group["f1"]["low"]) == (None, None)


def test_seeds_that_are_not_shared_are_not_paired(tmp_path: Path) -> None:
    standard = [finished(tmp_path / f"a{seed}", 12, train={"seed": seed}) for seed in (0, 1)]
    other = [finished(tmp_path / f"b{seed}", 13, attack=PGD, train={"seed": seed}) for seed in (2, 3)]
    (_, group) = compare([*standard, *other])["groups"]
    assert group["difference"] is None


def test_rows_of_one_regime_are_told_apart_by_what_differs(tmp_path: Path) -> None:
    weak = finished(tmp_path / "a", 12, attack=PGD)
    strong = finished(tmp_path / "b", 12, attack=PGD | {"epsilon": 1.0})
    longer = finished(tmp_path / "c", 12, attack=PGD | {"epsilon": 1.0}, train={"epochs": 9, "seed": 5})
    other = finished(tmp_path / "d", 12, attack={"name": "fgm"}, rat={"p": 1})
    names = [group["name"] for group in compare([weak, strong, longer, other])["groups"]]
    assert names == [
        "pgd RAT p=0.5, attack.epsilon=0.3, train.epochs=5.0",
        "pgd RAT p=0.5, attack.epsilon=1.0, train.epochs=5.0",
        "pgd RAT p=0.5, attack.epsilon=1.0, train.epochs=9.0",
        "fgm AT",
    ]


def test_dev_is_used_unless_all_have_test(tmp_path: Path) -> None:
    with_test = finished(tmp_path / "a", 12)
    without = finished(tmp_path / "b", 13, attack=PGD, splits=("dev",))
    assert compare([with_test, without])["split"] == "dev"
    assert compare([with_test])["split"] == "test"


def test_runs_of_other_texts_or_tasks_are_compared_apart(tmp_path: Path) -> None:
    first = finished(tmp_path / "a", 12)
    texts = finished(tmp_path / "b", 12, gold=GOLD[1:], attack=PGD)
    task = finished(tmp_path / "c", 12, task="relation")
    beside = finished(tmp_path / "d", 14, attack=PGD)
    found = compare_all([first, texts, task, beside])["comparisons"]
    assert [(one["task"], [group["folders"] for group in one["groups"]]) for one in found] == [
        ("ner", [[str(first)], [str(beside)]]),
        ("ner", [[str(texts)]]),
        ("relation", [[str(task)]]),
    ]
    assert found[1]["answer"].endswith("; there is nothing to compare it with.")


def row(name: str, estimate: float, p: float, *, seeds: int = 3, needed: int | None = 6) -> dict[str, Any]:
    found = {"estimate": estimate, "low": estimate - 0.02, "high": estimate + 0.02, "p": p, "seeds": seeds}
    f1 = {"mean": 0.7, "n": seeds}
    return {"name": name, "xfp_ratio": 1.5, "f1": f1, "difference": found, "seeds_to_decide": needed}


BASE = row("standard", 0, 1)


GAINED = "of test F1 against standard for 1.5 times the counted cost (95% CI"


@pytest.mark.parametrize(
    ("others", "said"),
    [
        (
            [row("pgd AT", 0.009, 0.2)],
            f"pgd AT gained 0.9 points {GAINED} -1.1 to +2.9, 3 seeds), which may be chance, p = 0.20; about 3 more "
            "seeds would decide it, if it is real and seeds scatter as they did.",
        ),
        (
            [row("pgd AT", 0.03, 0.01)],
            f"pgd AT gained 3.0 points {GAINED} +1.0 to +5.0, 3 seeds); that is more than chance, p = 0.010.",
        ),
        (
            [row("pgd AT", 0.03, 0.03), row("fgm AT", 0.01, 0.5)],
            f"Of 2 trainings pgd AT did best: it gained 3.0 points {GAINED} +1.0 to +5.0, 3 seeds), which may be "
            "chance, p = 0.06 after Holm's correction for 2; about 3 more seeds would decide it, if it is real and "
            "seeds scatter as they did.",
        ),
        (
            [row("pgd AT", -0.03, 0.5, seeds=1, needed=None), row("fgm AT", -0.05, 0.5, seeds=1)],
            "None of 2 trainings did better than standard; the best, pgd AT, lost 3.0 points "
            f"{GAINED} -5.0 to -1.0, 1 seed); one seed proves nothing, three or more of each are needed.",
        ),
        (
            [row("pgd AT", 0.001, 0.9, needed=None)],
            f"pgd AT gained 0.1 points {GAINED} -1.9 to +2.1, 3 seeds), which may be chance, p = 0.90; more seeds "
            "would hardly decide it, the difference is too small for these texts.",
        ),
        (
            [row("pgd AT", 0, 1) | {"difference": None}],
            "No group has a seed in common with standard, so no difference can be tested.",
        ),
        ([], "standard has 70.0 test F1 over 3 seeds; there is nothing to compare it with."),
    ],
)
def test_the_answer_is_a_sentence(others: list[dict[str, Any]], said: str) -> None:
    assert answer([BASE, *others], "test") == said


def test_intervals_stay_within_what_f1_can_be(tmp_path: Path) -> None:
    folders = [finished(tmp_path / f"a{seed}", right, train={"seed": seed}) for seed, right in enumerate((20, 2))]
    (group,) = compare(folders)["groups"]
    assert (group["f1"]["low"], group["f1"]["high"]) == (0, 1)


@pytest.mark.parametrize("missing", ["metrics.json", "config.yaml", "cost.json", None])
def test_a_folder_without_a_finished_run_is_refused(tmp_path: Path, missing: str | None) -> None:
    folder = finished(tmp_path / "a", 12)
    if missing:
        (folder / missing).unlink()
    else:
        shutil.rmtree(folder)
    with pytest.raises(UserError, match=f"^{folder}: (no run is here|the run is not finished) "):
        compare([folder])


@pytest.mark.parametrize("copied", [True, False])
def test_one_seed_twice_is_refused(tmp_path: Path, copied: bool) -> None:
    """Two runs of one seed are no two seeds, and dropping one silently would hide which."""
    first = finished(tmp_path / "a", 12)
    second = Path(shutil.copytree(first, tmp_path / "b")) if copied else first
    with pytest.raises(UserError) as caught:
        compare([first, second])
    assert str(caught.value) == f"{second}: has the settings and the seed of {first} (name one of the two, once)"
