"""The model card against numbers counted by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

from ranat.corpora import Corpus
from ranat.runs.card import render_card
from ranat.runs.settings import Settings, read_settings

SCORES = {"precision": 0.5, "recall": 0.25, "f1": 1 / 3}
METRICS: dict[str, Any] = {
    "definition": "strict F1",
    "remarks": [],
    "dev": SCORES,
    "test": {**SCORES, "f1": 0.4321, "unrepresentable": 2},
    "per_type": {"dev": {}, "test": {"Ge|ne\n": {**SCORES, "gold": 4, "predicted": 2}}},
    "splits": {"train": {"documents": 90}, "dev": {"documents": 8}, "test": {"documents": 7}},
}
CORPUS = Corpus("mine", "own", "ner", {}, (), "here", ())


def settings(**more: Any) -> Settings:
    return read_settings(flags={"corpus": "demo", "model": "minilm", "task": "ner", **more})


def cost(batches: int, attacked: int, forward: int, backward: int, to_input: int) -> dict[str, Any]:
    """Of passes over one batch each: a backward pass counts 2, one to the input 1."""
    return {
        "batches": batches, "attacked_batches": attacked, "forward": forward, "backward": backward,
        "backward_to_input": to_input, "xfp": forward + 2 * backward + to_input, "train_seconds": 12.4,
        "unusable_gradients": 3,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("counted", "line"),
    [
        (
            cost(10, 0, 10, 10, 0),
            "0 of 10 batches were attacked: 10 forward, 10 backward, 0 backward-to-input passes, "
            "30 forward-equivalents (1.00 times standard training), 12 s in training steps.",
        ),
        (  # FGM: 6 instead of 3
            cost(8, 8, 16, 16, 0),
            "8 of 8 batches were attacked: 16 forward, 16 backward, 0 backward-to-input passes, "
            "48 forward-equivalents (2.00 times standard training), 12 s in training steps.",
        ),
        (  # PGD with three steps, half of the batches: 3 + 0.5 · (12 − 3) = 7.5
            cost(10, 5, 25, 15, 20),
            "5 of 10 batches were attacked: 25 forward, 15 backward, 20 backward-to-input passes, "
            "75 forward-equivalents (2.50 times standard training), 12 s in training steps.",
        ),
    ],
)
def test_the_line_of_the_cost(counted: dict[str, Any], line: str) -> None:
    assert line in render_card(settings(), METRICS, counted, CORPUS).splitlines()


def test_scores_limits_and_what_was_missed() -> None:
    lines = render_card(settings(), METRICS, cost(10, 0, 10, 10, 0), CORPUS).splitlines()
    assert lines[lines.index("---", 1) :][:3] == ["---", "", "# minilm on demo: standard"]
    assert "| Ge&#124;ne | 50.00 | 25.00 | 33.33 | 4 | 2 |" in lines
    assert "| dev | 8 | 50.00 | 25.00 | 33.33 |" in lines
    assert "| test | 7 | 50.00 | 25.00 | 43.21 |" in lines
    assert "In test: 2 that the model cannot represent, counted as missed." in lines
    assert any(line.endswith("that no step was taken along it: 3.") for line in lines)
    assert not any(line.startswith("Mind: ") for line in lines)


def test_what_makes_the_scores_worth_little_stands_beside_them() -> None:
    metrics = {**METRICS, "remarks": ["it learned nothing: its dev F1 is 0"]}
    card = render_card(settings(), metrics, cost(10, 0, 10, 10, 0), CORPUS)
    assert "Mind: it learned nothing: its dev F1 is 0." in card.splitlines()


def test_which_epoch_was_kept() -> None:
    counted = cost(10, 0, 10, 10, 0)
    assert "The epoch was chosen on dev" in render_card(settings(), METRICS, counted, CORPUS)
    assert "The last epoch was kept" in render_card(settings(train={"keep": "last"}), METRICS, counted, CORPUS)


def test_the_front_matter_is_what_the_hub_reads() -> None:
    read = ModelCard(render_card(settings(), METRICS, cost(10, 0, 10, 10, 0), CORPUS)).data
    assert (read.base_model, read.datasets) == ("sentence-transformers/all-MiniLM-L6-v2", None)
    assert (read.library_name, read.pipeline_tag) == ("transformers", "token-classification")
    found = {one.metric_type: (one.metric_value, one.dataset_split) for one in read.eval_results}
    assert found == {"precision": (0.5, "test"), "recall": (0.25, "test"), "f1": (0.4321, "test")}


def test_the_data_set_is_named_as_the_hub_names_it() -> None:
    card = render_card(settings(corpus="ncbi-disease"), METRICS, cost(10, 0, 10, 10, 0), CORPUS)
    assert ModelCard(card).data.datasets == ["bigbio/ncbi_disease"]


def test_where_ones_own_folders_lie_is_not_told(tmp_path: Path) -> None:
    for name in ("mine", "pubmedbert"):
        (tmp_path / name).mkdir()
    (tmp_path / "more.jsonl").write_text("{}")
    files = [str(tmp_path / "more.jsonl")]
    own = settings(corpus=str(tmp_path / "mine"), model=str(tmp_path / "pubmedbert"), add=files)
    card = render_card(own, METRICS, cost(10, 0, 10, 10, 0), CORPUS)
    assert str(tmp_path) not in card
    assert "# pubmedbert on mine: standard" in card
    read = ModelCard(card).data
    assert (read.base_model, read.datasets) == (None, None)


def test_a_task_of_ones_own_has_a_card() -> None:
    own = settings().model_copy(update={"task": "mine"})
    card = render_card(own, METRICS, cost(10, 0, 10, 10, 0), CORPUS)
    assert "the plug-in that has the task `mine`" in card
    assert "pipeline_tag" not in card
