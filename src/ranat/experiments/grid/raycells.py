"""Cells on a Ray cluster: a Ray task starts the same process that a grid without Ray starts."""

from __future__ import annotations

import logging
import os
import socket
from threading import Event
from types import TracebackType
from typing import Any, Self

from ranat.errors import UserError
from ranat.experiments.grid.cell import Job
from ranat.experiments.grid.processes import Processes, Stopped

_SECONDS_TO_ANSWER = 10
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
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            import ray
        except ImportError:
            raise UserError("Ray is not installed", where="--ray", remedy="pip install 'ranat[ray]'") from None
        self._ray, self._stopped = ray, Event()
        where: dict[str, Any] = {"address": address}
        _reach(address)
        if address == "local":
            where |= {"num_cpus": jobs, "include_dashboard": False, "_node_ip_address": "127.0.0.1"}
        try:
            ray.init(**where, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise _unreachable(address, error) from None
        gpus = 1 if ray.cluster_resources().get("GPU") else 0
        self._task = ray.remote(num_cpus=1, num_gpus=gpus)(_run)

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
        self._ray.shutdown()


def _run(job: Job) -> int:
    return Processes(1)(job)


def _reach(address: str) -> None:
    """Fail at once where Ray would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host:
        return  # "local", or "auto": the cluster of this machine
    try:
        socket.create_connection((host, int(port)), timeout=_SECONDS_TO_ANSWER).close()
    except (OSError, ValueError) as error:
        raise _unreachable(address, error) from None


def _unreachable(address: str, error: Exception) -> UserError:
    remedy = "name its head as HOST:PORT, with RAY_AUTH_TOKEN set if it wants a token; or `local` for this machine"
    return UserError(f"no cluster can be reached: {error}", where=f"--ray {address}", remedy=remedy)
