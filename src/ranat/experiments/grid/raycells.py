"""Cells on a Ray cluster: a Ray task starts the same process that a grid without Ray starts."""

from __future__ import annotations

from contextlib import ExitStack
from threading import Event
from types import TracebackType
from typing import Self

from ranat.cluster import connected
from ranat.experiments.grid.cell import Job
from ranat.experiments.grid.processes import Processes, Stopped

_SECONDS_BETWEEN_LOOKS = 0.5


class RayCells:
    """Starts cells as tasks of one processor each, and of one GPU each if the cluster has any.

    Args:
        address: of a cluster whose machines have ranat and share the folders of results and corpora; "local" starts one
            on this machine alone.
        jobs: the workers of a local cluster.
    Raises:
        UserError: Ray is not installed, or the cluster cannot be reached.
    """

    def __init__(self, address: str, jobs: int) -> None:
        self._stopped, self._held = Event(), ExitStack()
        self._ray = self._held.enter_context(connected(address, jobs))
        gpus = 1 if self._ray.cluster_resources().get("GPU") else 0
        self._task = self._ray.remote(num_cpus=1, num_gpus=gpus)(_run)

    def __call__(self, job: Job) -> int:
        """Run a cell to its end on some machine; a task whose machine is lost is tried again by Ray.

        Raises:
            Stopped: `stop` was called before the end.
        """
        task = self._task.remote(job)
        while not self._ray.wait([task], timeout=_SECONDS_BETWEEN_LOOKS)[0]:
            if self._stopped.is_set():
                self._ray.cancel(task, force=True)  # ends its worker, and so the process that the worker started
                raise Stopped
        try:
            return int(self._ray.get(task))
        except self._ray.exceptions.RayError:
            return 1  # there is no card then, and the grid says so

    def stop(self) -> None:
        """End every task. Not by `ray.shutdown`, which never returns while threads wait for tasks."""
        self._stopped.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._held.close()


def _run(job: Job) -> int:
    return Processes(1)(job)
