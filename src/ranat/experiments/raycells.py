"""Cells on a Ray cluster: a Ray task starts the same process that a grid without Ray starts."""

from __future__ import annotations

import logging
import os
from types import TracebackType
from typing import Any, Self

from ranat.errors import UserError
from ranat.experiments.cell import Job
from ranat.experiments.processes import Processes, Stopped


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
        self._ray, self._stopped = ray, False
        where: dict[str, Any] = {"address": address}
        if address == "local":
            where |= {"num_cpus": jobs, "include_dashboard": False, "_node_ip_address": "127.0.0.1"}
        try:
            ray.init(**where, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise UserError(f"no cluster can be reached: {error}", where=f"--ray {address}") from None
        gpus = 1 if ray.cluster_resources().get("GPU") else 0
        self._task = ray.remote(num_cpus=1, num_gpus=gpus)(_run)

    def __call__(self, job: Job) -> int:
        """Run a cell to its end on some machine; a task whose machine is lost is tried again by Ray.

        Raises:
            Stopped: `stop` was called before the end.
        """
        try:
            return int(self._ray.get(self._task.remote(job)))
        except self._ray.exceptions.RayError:
            if self._stopped:
                raise Stopped from None
            return 1  # there is no card then, and the grid says so

    def stop(self) -> None:
        """End every task, and with it the process it started."""
        self._stopped = True
        self._ray.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ray.shutdown()


def _run(job: Job) -> int:
    return Processes(1)(job)
