"""`--overwrite` deletes what ranat wrote, and nothing else, and that only once the new run can start."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ranat.errors import UsageError, UserError
from ranat.runs.folder import RunFolder
from ranat.runs.settings import Settings
from ranat.training.run import train
from small_runs import assert_alike

Contents = dict[str, bytes | str | None]


def contents(folder: Path) -> Contents:
    """Everything in a folder, links as what they point to; not the lock."""

    def of(path: Path) -> bytes | str | None:
        return str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else None

    return {str(path.relative_to(folder)): of(path) for path in folder.rglob("*") if path.name != ".lock"}


def project(folder: Path) -> Path:
    """What a person may have: not a run, though it has a config.yaml, metrics and a model."""
    for name in (
        "config.yaml",
        "metrics.json",
        "cost.json",
        "model/weights.bin",
        ".git/HEAD",
        "checkpoints/thesis.tex",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("corpus: demo\nmodel: minilm\n" if name == "config.yaml" else "years of work")
    return folder


def a_project(folder: Path, run: Path) -> Path:
    return project(folder / "project")


def the_working_directory(folder: Path, run: Path) -> Path:
    shutil.copytree(run, folder, dirs_exist_ok=True)
    return folder


def the_working_directory_with_a_dot(folder: Path, run: Path) -> Path:
    shutil.copytree(run, folder, dirs_exist_ok=True)
    return Path()


def a_parent_of_the_working_directory(folder: Path, run: Path) -> Path:
    shutil.copytree(run, folder.parent, dirs_exist_ok=True)
    return folder.parent


def a_link_to_a_project(folder: Path, run: Path) -> Path:
    project(folder / "project")
    (folder / "run").symlink_to(folder / "project")
    return folder / "run"


def a_link_to_the_working_directory(folder: Path, run: Path) -> Path:
    shutil.copytree(run, folder, dirs_exist_ok=True)
    (folder.parent / "link").symlink_to(folder)
    return folder.parent / "link"


def someone_elses_run_json(folder: Path, run: Path) -> Path:
    (project(folder / "project") / "run.json").write_text('{"runner": "another tool"}')
    return folder / "project"


@pytest.mark.parametrize("flag", ["overwrite", "resume", None])
@pytest.mark.parametrize(
    "make",
    [
        a_project,
        the_working_directory,
        the_working_directory_with_a_dot,
        a_parent_of_the_working_directory,
        a_link_to_a_project,
        a_link_to_the_working_directory,
        someone_elses_run_json,
    ],
)
def test_a_folder_that_is_not_ours_to_empty_stays_as_it_is(
    make: Callable[[Path, Path], Path],
    flag: str | None,
    tmp_path: Path,
    whole: Path,
    chosen: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = tmp_path / "above" / "here"
    here.mkdir(parents=True)
    monkeypatch.chdir(here)
    out = make(here, whole)
    before = contents(tmp_path)
    flags = {flag: True} if flag else {}
    if flag == "resume" and "directory" in make.__name__:  # a run of ours may be there: it is done
        assert train(chosen, out, **flags) == RunFolder(whole).metrics()
    else:
        with pytest.raises(UserError) as caught:
            train(chosen, out, **flags)
        assert "\n" not in str(caught.value)
    assert contents(tmp_path) == before


def test_foreign_files_in_a_run_stay(
    tmp_path: Path, copied: Callable[[Path], Path], whole: Path, chosen: Settings
) -> None:
    run, elsewhere = copied(whole), project(tmp_path / "elsewhere")
    before = contents(elsewhere)
    mine = ["notes.txt", "model/onnx/model.onnx", "predictions/mine.jsonl", "checkpoints/mine/x", ".git/HEAD"]
    for name in mine:
        (run / name).parent.mkdir(parents=True, exist_ok=True)
        (run / name).write_text("years of work")
    (run / "link").symlink_to(elsewhere)
    (run / "checkpoints" / "link").symlink_to(elsewhere)
    train(chosen, run, overwrite=True)
    for name in mine:
        assert (run / name).read_text() == "years of work"
        (run / name).unlink()
    (run / "link").unlink()
    shutil.rmtree(run / "model" / "onnx")
    shutil.rmtree(run / "checkpoints")
    shutil.rmtree(run / ".git")
    assert contents(elsewhere) == before
    assert_alike(whole, run)


@pytest.mark.parametrize("name", ["model", "predictions", "checkpoints", "tensorboard"])
def test_links_in_a_run_are_not_followed(
    name: str, tmp_path: Path, copied: Callable[[Path], Path], whole: Path, chosen: Settings
) -> None:
    run, elsewhere = copied(whole), tmp_path / "elsewhere"
    if (run / name).is_dir():
        (run / name).rename(elsewhere)  # as someone moves a folder to a larger disk
    else:
        project(elsewhere)
    (run / name).symlink_to(elsewhere)
    before = contents(elsewhere)
    train(chosen, run, overwrite=True)
    assert contents(elsewhere) == before
    assert_alike(whole, run)


def test_a_seal_that_names_files_elsewhere_deletes_none(
    tmp_path: Path, copied: Callable[[Path], Path], whole: Path, chosen: Settings
) -> None:
    run, precious = copied(whole), tmp_path / "precious.txt"
    precious.write_text("years of work")
    (run / "model" / "sha256.json").write_text(f'{{"../../precious.txt": "0", "{precious}": "0"}}')
    for name in ("model.safetensors", "config.json"):
        (run / "model" / name).unlink()
    train(chosen, run, overwrite=True)
    assert precious.read_text() == "years of work"


@pytest.mark.parametrize("wrong", ["corpus", "model", "task"])
def test_the_old_run_is_whole_as_long_as_the_new_cannot_start(
    wrong: str, tmp_path: Path, copied: Callable[[Path], Path], whole: Path, chosen: Settings
) -> None:
    run = copied(whole)
    (tmp_path / "empty").mkdir()
    values = {"corpus": str(tmp_path / "empty"), "model": str(tmp_path / "empty"), "task": "relation"}
    before = contents(run)
    with pytest.raises(UserError):
        train(chosen.model_copy(update={wrong: values[wrong]}), run, overwrite=True)
    assert contents(run) == before
    assert RunFolder(run).verify() == []


def test_resume_and_overwrite_exclude_each_other(tmp_path: Path, chosen: Settings) -> None:
    with pytest.raises(UsageError, match="--overwrite: is set, and so is --resume"):
        train(chosen, tmp_path / "run", resume=True, overwrite=True)


def test_a_run_that_cannot_start_leaves_no_folder(tmp_path: Path, chosen: Settings) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError):
        train(chosen.model_copy(update={"corpus": str(tmp_path / "empty")}), tmp_path / "a" / "b" / "run")
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


def test_a_finished_run_from_before_there_was_a_marker_is_read_and_not_written(
    copied: Callable[[Path], Path], whole: Path, chosen: Settings
) -> None:
    run = copied(whole)
    (run / "run.json").unlink()
    (run / "model" / "sha256.json").unlink()
    folder, before = RunFolder(run), contents(run)
    assert folder.finished
    assert folder.metrics() == RunFolder(whole).metrics()
    assert folder.model() == run / "model"
    with pytest.raises(UserError, match=r"has no run\.json with SHA-256 sums to check it by"):
        folder.verify()
    for flags in ({"overwrite": True}, {"resume": True}, {}):
        with pytest.raises(UserError, match="the folder is not empty and holds no run"):
            train(chosen, run, **flags)
    assert contents(run) == before


def test_a_model_that_was_dropped_is_no_damage(copied: Callable[[Path], Path], whole: Path) -> None:
    folder = RunFolder(copied(whole))
    folder.drop_model()
    folder.drop_model()
    assert not (folder.path / "model").exists()
    assert folder.verify() == []
    assert folder.finished
    with pytest.raises(UserError, match="its model was not kept"):
        folder.model()
