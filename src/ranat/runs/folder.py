"""A run folder: the only place that knows which files a run has."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path
from typing import Any

from ranat.disk import files, locked, remove, sha256, write_atomically
from ranat.documents.document import is_text
from ranat.errors import UsageError, UserError
from ranat.runs.checkpoints import Checkpoints
from ranat.runs.curves import curves_svg
from ranat.runs.seal import SEAL, changed, damage, remove_inside, remove_sealed, seal
from ranat.runs.settings import Settings, read_settings

_MARKER = "run.json"
_CONFIG, _METRICS, _COST, _LOG, _CARD = "config.yaml", "metrics.json", "cost.json", "log.jsonl", "README.md"
_CURVES = "curves.svg"
_FILES = (_CONFIG, _METRICS, _COST, _LOG, _CARD, _CURVES)
_MODEL, _MODEL_DRAFT, _PREDICTIONS = "model", ".model.part", "predictions"
_SPLITS = ("dev", "test")
_NO_RUN = "name a folder that `ranat train --out` wrote"


class RunFolder:
    """Creates, locks, reads, writes, resumes and verifies a run.

        config.yaml    every setting, resolved         predictions/   gold and predicted, a file a split
        metrics.json   dev, test, per_type, …          model/         weights, tokenizer and card, with their SHA-256
        cost.json      what training cost              log.jsonl      a line a logged step
        README.md      the model card                  checkpoints/   while the run is not finished
        curves.svg     loss, dev F1, ‖r‖/‖x‖, attacks
        run.json       says that ranat wrote the folder, and the SHA-256 of these files once the run is finished

    Only a folder with a run.json of ranat is written to or deleted from, and only the files above. A finished run from
    before there was a run.json can be read.

    Args:
        path: need not be there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checkpoints = Checkpoints(path / "checkpoints")
        self.tensorboard = path / "tensorboard"

    # What is there

    @property
    def exists(self) -> bool:
        """Whether the folder holds a run, finished or not."""
        return self._marker() is not None or (self.path / _CONFIG).is_file()

    @property
    def finished(self) -> bool:
        """Whether the run came to its end."""
        marker = self._marker()
        if marker is None:  # from before there were markers
            return all((self.path / name).is_file() for name in (_CONFIG, _METRICS, _COST))
        return bool(marker["finished"])

    def settings(self) -> Settings:
        """What the run was trained with.

        Raises:
            UserError: no run is here, or the file is damaged.
        """
        if not self.exists:
            raise UserError("no run is here", where=str(self.path), remedy=_NO_RUN)
        try:
            return read_settings(self.path / _CONFIG)
        except UsageError as error:  # the command is right, a file is not
            raise UserError(error.what, where=error.where, remedy=error.remedy or "train the run again") from None

    def metrics(self) -> dict[str, Any]:
        """The scores of a finished run: {"dev", "test", "per_type", "splits", "definition", "remarks"}.

        Raises:
            UserError: the run is not finished, or the file is damaged.
        """
        return self._object(_METRICS)

    def cost(self) -> dict[str, Any]:
        """What the training of a finished run cost.

        Raises:
            UserError: the run is not finished, or the file is damaged.
        """
        return self._object(_COST)

    def log(self) -> list[dict[str, Any]]:
        """What was logged so far, an entry a logged step; a line that is being written is not there yet."""
        entries = []
        with suppress(OSError, ValueError):
            for line in (self.path / _LOG).read_text(encoding="utf-8").split("\n"):
                with suppress(ValueError):
                    entry = json.loads(line)
                    entries += [entry] if isinstance(entry, dict) and "step" in entry else []
        return entries

    def card(self) -> str:
        """The model card of a finished run.

        Raises:
            UserError: the run is not finished, or the file is damaged.
        """
        return self._text(_CARD)

    def predictions(self, split: str) -> list[dict[str, Any]]:
        """What `write_predictions` wrote.

        Raises:
            UserError: the run is not finished, or the file is damaged.
        """
        name = f"{_PREDICTIONS}/{split}.jsonl"
        text = self._text(name)
        try:
            return [json.loads(line) for line in text.split("\n") if line]  # a text may hold other ends of lines
        except ValueError:
            raise self._damaged(name) from None

    def predictions_file(self, split: str) -> Path:
        """Where the predictions of a split are."""
        return self.path / _PREDICTIONS / f"{split}.jsonl"

    def model(self) -> Path:
        """The folder of the trained model, whose files are what they were when they were written.

        Raises:
            UserError: there is no run, it is not finished, or its model was deleted or damaged.
        """
        marker, model = self._marker(), self.path / _MODEL
        if not self.exists:
            raise UserError("no run is here", where=str(self.path), remedy=_NO_RUN)
        if marker and marker["finished"] and not marker["model"]:
            raise UserError("its model was not kept", where=str(self.path), remedy="train the run again")
        if not (model / "config.json").is_file() and not (marker and marker["finished"]):
            raise self._unfinished()
        if marker:
            check_model(model)
        return model

    def verify(self) -> list[str]:
        """What is damaged, a line each; leftovers of a killed process are deleted, if the folder can be written to.

        Raises:
            UserError: no run is here, it carries no SHA-256, or it is being trained.
        """
        marker = self._marker()
        if not self.exists:
            raise UserError("no run is here", where=str(self.path), remedy=_NO_RUN)
        if marker is None:
            raise UserError(
                f"has no {_MARKER} with SHA-256 sums to check it by", where=str(self.path), remedy="train the run again"
            )
        with suppress(OSError), self.held():
            self.clean()
        findings = changed(self.path, marker["files"])
        if marker["model"]:
            findings += [f"{_MODEL}/{line}" for line in damage(self.path / _MODEL)]
        for step in [] if marker["finished"] else self.checkpoints.steps():
            place = self.checkpoints.path(step).relative_to(self.path).as_posix()
            findings += [f"{place}/{line}" for line in damage(self.checkpoints.path(step))]
        return findings

    # Training

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder for this process alone.

        Raises:
            UserError: it is not ranat's to write to, or another process holds it.
        """
        if not is_text(str(self.path)):  # tokenizers could not be saved at the end
            raise UserError("the path is not UTF-8", where=str(self.path), remedy="name another with --out")
        if self.path.exists() and not self.path.is_dir():
            raise UserError("is a file", where=str(self.path), remedy="name a folder with --out")
        if self._marker() is None and self.path.is_dir() and any(file.name[0] != "." for file in self.path.iterdir()):
            raise UserError(
                "the folder is not empty and holds no run", where=str(self.path), remedy="name another with --out"
            )
        with locked(self.path, "ranat train"):
            yield

    def admit(self, settings: Settings, *, resume: bool, overwrite: bool) -> None:
        """Whether a run with those settings may be trained here; nothing is changed.

        Raises:
            UserError: there is a run that is neither resumed nor overwritten, or has other settings.
        """
        marker = self._marker()
        if marker is None or not marker["files"]:
            return
        if resume:
            self._check_settings(settings, marker["files"])
        elif not overwrite:
            raise UserError(
                "the folder holds a run already", where=str(self.path), remedy="--resume, --overwrite or another --out"
            )
        elif Path.cwd().is_relative_to(self.path.resolve()):
            raise UserError(
                "is the working directory or holds it, and is not overwritten",
                where=str(self.path),
                remedy="go to another folder, or name another with --out",
            )

    def begin(self, settings: Settings, *, resume: bool) -> None:
        """Delete the run that was here, unless it is resumed, and write down the settings."""
        self.clean()
        marker = self._marker()
        if resume and marker and marker["files"]:
            return
        self._mark()  # a process killed from here on leaves a run that has not begun
        for name in (
            _CONFIG,
            _METRICS,
            _COST,
            _LOG,
            _CARD,
            _CURVES,
            *(f"{_PREDICTIONS}/{split}.jsonl" for split in _SPLITS),
        ):
            remove_inside(self.path, name)
        for folder in (self.path / _MODEL, self.path / _PREDICTIONS, self.checkpoints.folder):
            if folder.is_symlink():
                folder.unlink()
        remove_sealed(self.path / _MODEL)
        self.checkpoints.clear()
        remove(self.tensorboard)
        write_atomically(self.path / _CONFIG, settings.to_yaml())
        self._mark([_CONFIG])

    def write_log(self, entries: Iterable[Mapping[str, Any]]) -> None:
        """Write the log anew."""
        write_atomically(self.path / _LOG, "".join(_line(entry) for entry in entries))

    def append_log(self, entry: Mapping[str, Any]) -> None:
        """Add a line to the log."""
        with (self.path / _LOG).open("a", encoding="utf-8") as stream:
            stream.write(_line(entry))

    def write_predictions(self, split: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """A line a document: {"id", "text", "gold", "predicted"}."""
        file = self.predictions_file(split)
        file.parent.mkdir(exist_ok=True)
        write_atomically(file, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))

    def finish(self, model: Any, tokenizer: Any, metrics: dict[str, Any], cost: dict[str, Any], card: str) -> None:
        """Write what is left to write. The marker comes last, so it says that the run is finished."""
        self._save_model(model, tokenizer, card)
        write_atomically(self.path / _COST, json.dumps(cost, indent=2) + "\n")
        write_atomically(self.path / _CARD, card)
        write_atomically(self.path / _CURVES, curves_svg(self.log(), str(self.path.name)))
        write_atomically(self.path / _METRICS, json.dumps(metrics, indent=2, ensure_ascii=False) + "\n")
        written = [*_FILES]
        written += [f"{_PREDICTIONS}/{split}.jsonl" for split in _SPLITS if split in metrics]
        self._mark(written, finished=True, model=True)
        self.clean()

    def drop_model(self) -> None:
        """Delete the trained model of a finished run; its scores stay."""
        with self.held():
            marker = self._marker()
            if marker and marker["model"]:
                write_atomically(self.path / _MARKER, json.dumps({**marker, "model": False}, indent=2) + "\n")
                remove_sealed(self.path / _MODEL)

    def clean(self) -> None:
        """Delete what a killed process left: drafts, and the checkpoints of a run that is finished."""
        remove(self.path / _MODEL_DRAFT)
        for name in (_MARKER, *_FILES):
            remove_inside(self.path, f".{name}.part")
        for split in _SPLITS:
            remove_inside(self.path, f"{_PREDICTIONS}/.{split}.jsonl.part")
        self.checkpoints.clean()
        marker = self._marker()
        if marker and marker["finished"]:
            self.checkpoints.clear()
            if not marker["model"]:
                remove_sealed(self.path / _MODEL)

    # Inside

    def _marker(self) -> dict[str, Any] | None:
        """{"ranat": version, "finished", "model": whether it is kept, "files": name → SHA-256}; None: no run of ranat.

        Without files, nothing has begun.
        """
        file = self.path / _MARKER
        why = "it is damaged"
        try:
            said = json.loads(file.read_text(encoding="utf-8"))
            if not isinstance(said, dict) or "ranat" not in said:
                return None
            if {"finished", "model"} <= said.keys() and (said["files"] == {} or _CONFIG in said["files"]):
                return said
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (ValueError, TypeError, KeyError):
            pass
        except OSError as error:
            why = str(error.strerror)
        raise UserError(f"cannot read: {why}", where=str(file), remedy="name another folder with --out")

    def _mark(self, names: Sequence[str] = (), *, finished: bool = False, model: bool = False) -> None:
        sums = {name: sha256(self.path / name) for name in names}
        marker = {"ranat": metadata.version("ranat"), "finished": finished, "model": model, "files": sums}
        write_atomically(self.path / _MARKER, json.dumps(marker, indent=2) + "\n")

    def _text(self, name: str) -> str:
        """A file of a finished run, as it was when the run ended."""
        if not self.exists:
            raise UserError("no run is here", where=str(self.path), remedy=_NO_RUN)
        if not self.finished:
            raise self._unfinished()
        marker = self._marker()
        try:
            if marker and changed(self.path, {name: marker["files"].get(name, "")}):
                raise self._damaged(name)
            return (self.path / name).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise self._damaged(name) from error

    def _object(self, name: str) -> dict[str, Any]:
        text = self._text(name)
        try:
            return dict(json.loads(text))
        except (ValueError, TypeError):
            raise self._damaged(name) from None

    def _check_settings(self, settings: Settings, sums: Mapping[str, str]) -> None:
        if findings := changed(self.path, {_CONFIG: sums[_CONFIG]}):
            remedy = "put back the settings that the run began with, or begin again with --overwrite"
            raise UserError(findings[0], where=str(self.path), remedy=remedy)
        stored = self.settings()
        task = settings.task or stored.task  # the corpus told it, where it is not asked for
        before, now = stored.flat(), (settings.for_task(task) if task else settings).flat()
        for key in sorted(before.keys() | now.keys()):
            if before.get(key) != now.get(key):
                raise UserError(
                    f"the run began with {before.get(key)!r}, not {now.get(key)!r}",
                    where=f"{self.path}: {key}",
                    remedy="resume it with the settings it has, or begin another with --out",
                )

    def _save_model(self, model: Any, tokenizer: Any, card: str) -> None:
        """Other files that someone put beside the model stay."""
        draft, place = self.path / _MODEL_DRAFT, self.path / _MODEL
        remove(draft)
        model.save_pretrained(draft)
        tokenizer.save_pretrained(draft)
        write_atomically(draft / _CARD, card)  # so that whoever gets the model alone knows what it is
        seal(draft)
        remove_sealed(place)
        for file in [draft / SEAL, *(file for file in files(draft) if file.name != SEAL)]:  # it names what follows
            target = place / file.relative_to(draft)
            target.parent.mkdir(parents=True, exist_ok=True)
            file.replace(target)
        remove(draft)

    def _unfinished(self) -> UserError:
        return UserError(
            "the run is not finished", where=str(self.path), remedy="`ranat train --resume` goes on with it"
        )

    def _damaged(self, name: str) -> UserError:
        return UserError(
            "is missing or not what the run wrote", where=str(self.path / name), remedy="train the run again"
        )


def check_model(folder: Path) -> None:
    """Check the files of a sealed model before one of them is loaded.

    Raises:
        UserError: one is missing or damaged.
    """
    if findings := damage(folder):
        raise UserError(findings[0], where=str(folder), remedy="train the run again, or take it from a copy")


def _line(entry: Mapping[str, Any]) -> str:
    return json.dumps(entry) + "\n"
