"""The checkpoints of a run: each is written aside, sealed, and only then takes its place.

So what has its place was complete once. One that does not fit its seal was damaged later, and is never gone on from.
"""

from __future__ import annotations

import json
import re
import shutil
from contextlib import suppress
from pathlib import Path

from ranat.disk import remove
from ranat.errors import UserError
from ranat.runs.seal import damage, seal


class Checkpoints:
    """The folder of checkpoints, named by optimizer step.

    Links and files there, and folders with other names, are not ours: they are left alone.

    Args:
        folder: need not be there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, step: int) -> Path:
        """Where the checkpoint of a step is."""
        return self.folder / f"checkpoint-{step}"

    @property
    def aside(self) -> Path:
        """Where checkpoints are while they are written or deleted."""
        return self.folder / ".part"

    def steps(self) -> list[int]:
        """The steps that have a checkpoint, whole or not, the newest first."""
        with suppress(OSError):
            names = [path.name for path in self.folder.iterdir() if path.is_dir() and not path.is_symlink()]
            numbers = [int(found[1]) for name in names if (found := re.fullmatch(r"checkpoint-([1-9]\d{0,17})", name))]
            return sorted(numbers, reverse=True)
        return []

    def best(self, step: int) -> int | None:
        """The step with the best dev F1 until that step; None: there was no evaluation."""
        state = json.loads((self.path(step) / "trainer_state.json").read_text(encoding="utf-8"))
        return state["best_global_step"] or None

    def newest_usable(self) -> tuple[int | None, list[str]]:
        """The newest checkpoint to go on from, and what is damaged, a line each.

        One can be gone on from if it is whole, and so is the best until then: that one may be kept in the end. With
        every other, the run would end in another model than it would have without the damage.
        """
        findings: dict[int, list[str]] = {}

        def whole(step: int) -> bool:
            if step not in findings:
                findings[step] = damage(self.path(step))
            return not findings[step]

        chosen = None
        for step in self.steps():
            if whole(step) and whole(self.best(step) or step):
                chosen = step
                break
        return chosen, [f"{self.path(step).name}: {line}" for step, lines in findings.items() for line in lines[:1]]

    def publish(self, step: int) -> None:
        """Seal the checkpoint that was written aside, and give it its place.

        Raises:
            UserError: something else has its place.
        """
        written = self.aside / self.path(step).name
        seal(written)
        try:
            written.replace(self.path(step))
        except OSError as error:
            remedy = "move it away, then go on with --resume"
            raise UserError("is where a checkpoint belongs", where=str(self.path(step)), remedy=remedy) from error

    def keep(self, step: int) -> None:
        """Delete all but those that may be needed: a step, the best until then, and one to fall back on.

        The one to fall back on is the newest that needs no other: if the best of the run is damaged, training goes on
        from there.
        """
        kept = {step, self.best(step) or step}
        others = [other for other in self.steps() if other not in kept]
        spare = next((other for other in others if other < step and self._needs_no_other(other)), None)
        for other in others:
            if other != spare:
                self.remove(other)

    def _needs_no_other(self, step: int) -> bool:
        try:
            return self.best(step) in (None, step)
        except (OSError, ValueError, KeyError, TypeError):  # damaged
            return False

    def go_back_to(self, step: int | None) -> None:
        """Delete the checkpoints after a step, which will be written again, and every damaged one."""
        for other in self.steps():
            if step is None or other > step or (other < step and damage(self.path(other))):
                self.remove(other)

    def remove(self, step: int) -> None:
        """Delete a checkpoint; at no moment is a part of it in its place."""
        self.aside.mkdir(exist_ok=True)
        going = self.aside / f"deleted-{step}"
        remove(going)
        self.path(step).replace(going)
        shutil.rmtree(going)

    def clean(self) -> None:
        """Delete what a killed process was writing or deleting."""
        remove(self.aside)

    def clear(self) -> None:
        """Delete every checkpoint, and the folder if nothing else is in it."""
        for step in self.steps():
            self.remove(step)
        self.clean()
        with suppress(OSError):
            self.folder.rmdir()
