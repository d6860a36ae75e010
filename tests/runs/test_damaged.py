"""A run whose files were damaged while it was interrupted ends in the same weights to the bit, or says why not."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from rich.console import Console

from ranat.errors import UserError
from ranat.runs.folder import RunFolder
from ranat.runs.loading import load
from ranat.runs.settings import Settings
from ranat.training.evaluate import evaluate
from ranat.training.run import train
from small_runs import assert_alike

Copied = Callable[[Path], Path]


def flip_a_bit(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def garble(file: Path) -> None:
    file.write_bytes(b"\x80\x02garbage" * 100)


def remove_folder(file: Path) -> None:
    shutil.rmtree(file)


def remove_file(file: Path) -> None:
    file.unlink()


def other_tensors(file: Path) -> None:
    """A pickle that loads, of something else."""
    torch.save({"state": {}}, file)


DAMAGE: dict[str, tuple[str, Callable[[Path], None], int | None]] = {
    "one bit of the newest weights": ("checkpoint-60/model.safetensors", flip_a_bit, 46),
    "one bit of the best weights": ("checkpoint-46/model.safetensors", flip_a_bit, 23),
    "the newest weights cut off": ("checkpoint-60/model.safetensors", truncate, 46),
    "the newest weights gone": ("checkpoint-60/model.safetensors", remove_file, 46),
    "the best checkpoint gone": ("checkpoint-46", remove_folder, 23),
    "all gone": (".", remove_folder, None),
    "the state is garbage": ("checkpoint-60/trainer_state.json", garble, 46),
    "the state of the best cut off": ("checkpoint-46/trainer_state.json", truncate, 23),
    "the seal is garbage": ("checkpoint-60/sha256.json", garble, 46),
    "the seal is gone": ("checkpoint-60/sha256.json", remove_file, 46),
    "the optimizer is garbage": ("checkpoint-60/optimizer.pt", garble, 46),
    "another optimizer": ("checkpoint-60/optimizer.pt", other_tensors, 46),
    "the schedule cut off": ("checkpoint-60/scheduler.pt", truncate, 46),
    "one bit of the generators": ("checkpoint-60/rng_state.pth", flip_a_bit, 46),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_checkpoint_is_told_and_the_weights_are_the_same(
    kind: str, copied: Copied, interrupted: Path, whole: Path, chosen: Settings
) -> None:
    name, damage, back_to = DAMAGE[kind]
    run, said = copied(interrupted), io.StringIO()
    damage(run / "checkpoints" / name)
    if kind != "all gone":
        assert RunFolder(run).verify() or kind == "the best checkpoint gone"
    train(chosen, run, resume=True, console=Console(file=said))
    assert_alike(whole, run)
    notes = [line for line in said.getvalue().splitlines() if line.startswith("note: ")]
    if back_to:
        checkpoint = name.partition("/")[0]
        assert notes[0].startswith(f"note: {checkpoint}: ")
        assert notes[1] == f"note: training goes on from step {back_to}"
    marks = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines() if "resumed" in line]
    assert marks == ([{"step": back_to, "resumed": True}] if back_to else [])


def test_with_every_checkpoint_damaged_it_starts_again(
    copied: Copied, interrupted: Path, whole: Path, chosen: Settings
) -> None:
    run, said = copied(interrupted), io.StringIO()
    for step in (23, 46, 60):
        garble(run / "checkpoints" / f"checkpoint-{step}" / "model.safetensors")
    train(chosen, run, resume=True, console=Console(file=said))
    assert_alike(whole, run)
    assert "note: training goes on from the start" in said.getvalue()


@pytest.mark.parametrize("damage", [flip_a_bit, truncate, garble, remove_file])
@pytest.mark.parametrize("name", ["config.yaml", "run.json"])
def test_damaged_settings_are_one_line(
    name: str, damage: Callable[[Path], None], copied: Copied, interrupted: Path, chosen: Settings
) -> None:
    run = copied(interrupted)
    damage(run / name)
    before = sorted(run.rglob("*"))
    with pytest.raises(UserError, match=f"^{run}") as caught:
        train(chosen, run, resume=True)
    assert "\n" not in str(caught.value)
    assert sorted(run.rglob("*")) == before


def test_a_garbled_log_is_written_again(copied: Copied, interrupted: Path, whole: Path, chosen: Settings) -> None:
    run = copied(interrupted)
    garble(run / "log.jsonl")
    train(chosen, run, resume=True)
    assert_alike(whole, run)


def test_strange_things_beside_checkpoints_are_left_alone(
    copied: Copied, interrupted: Path, chosen: Settings, tmp_path: Path
) -> None:
    run, elsewhere = copied(interrupted), tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "thesis.tex").write_text("years of work")
    folder = run / "checkpoints"
    (folder / "checkpoint-abc").mkdir()
    (folder / "checkpoint-5").write_text("a file")
    (folder / "checkpoint-007").mkdir()
    (folder / "nested" / "checkpoint-9" / "deep").mkdir(parents=True)
    (folder / "checkpoint-999").symlink_to(elsewhere)
    (folder / "checkpoint-").symlink_to(tmp_path / "nowhere")
    train(chosen, run, resume=True)
    assert (elsewhere / "thesis.tex").read_text() == "years of work"
    left = {"checkpoint-abc", "checkpoint-5", "checkpoint-007", "nested", "checkpoint-999", "checkpoint-"}
    assert {path.name for path in folder.iterdir()} == left
    assert RunFolder(run).verify() == []


@pytest.mark.parametrize("kind", ["file", "link"])
def test_what_has_the_place_of_a_checkpoint_is_named(
    kind: str, copied: Copied, interrupted: Path, whole: Path, chosen: Settings, tmp_path: Path
) -> None:
    run, place = copied(interrupted), tmp_path / "copied" / "checkpoints" / "checkpoint-70"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    if kind == "file":
        place.write_text("years of work")
    else:
        place.symlink_to(elsewhere)
    with pytest.raises(UserError) as caught:
        train(chosen, run, resume=True)
    remedy = "move it away, then go on with --resume"
    assert str(caught.value) == f"{place}: is where a checkpoint belongs ({remedy})"
    assert list(elsewhere.iterdir()) == []
    place.rename(tmp_path / "moved")
    train(chosen, run, resume=True)
    assert_alike(whole, run)


FILES = ["model/model.safetensors", "model/tokenizer.json", "model/config.json", "metrics.json", "cost.json",
         "predictions/test.jsonl", "README.md", "log.jsonl", "config.yaml"]  # fmt: skip


@pytest.mark.parametrize("damage", [flip_a_bit, truncate, remove_file])
@pytest.mark.parametrize("name", FILES)
def test_verify_finds_each_damaged_file(name: str, damage: Callable[[Path], None], copied: Copied, whole: Path) -> None:
    run = copied(whole)
    assert RunFolder(run).verify() == []
    damage(run / name)
    (finding,) = RunFolder(run).verify()
    assert finding.startswith(f"{name}: ")


def test_a_damaged_model_is_not_loaded(copied: Copied, whole: Path) -> None:
    run = copied(whole)
    flip_a_bit(run / "model" / "model.safetensors")
    for attempt in (lambda: load(str(run)), lambda: load(str(run / "model")), lambda: evaluate(run)):
        with pytest.raises(UserError, match=r"model: model\.safetensors: its SHA-256 is not what it was"):
            attempt()


def test_a_damaged_finished_run_is_not_resumed_silently(copied: Copied, whole: Path, chosen: Settings) -> None:
    run = copied(whole)
    truncate(run / "metrics.json")
    with pytest.raises(UserError, match=r"metrics\.json: is missing or not what the run wrote"):
        train(chosen, run, resume=True)
