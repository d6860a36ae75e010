"""Processes of cells that die with the one that started them."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Mapping
from queue import SimpleQueue
from threading import Lock

from ranat.experiments.grid.cell import Job


class Stopped(Exception):
    """The grid was interrupted while the cell ran."""


class Processes:
    """Runs cells, each in its own process, sharing processors and GPUs among them.

    Args:
        jobs: how many cells run at a time; as many threads may call.
        gpus: how many there are; with several, each cell sees one.
    """

    def __init__(self, jobs: int, gpus: int = 0) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopped = False
        self._lock = Lock()
        self._environments: SimpleQueue[dict[str, str]] = SimpleQueue()
        for slot in range(jobs):
            self._environments.put(environment(os.environ, slot, jobs, gpus))

    def __call__(self, job: Job) -> int:
        """Run a cell to its end; the exit code of its process.

        Raises:
            Stopped: `stop` was called before the end.
        """
        job.log.parent.mkdir(parents=True, exist_ok=True)
        own = self._environments.get()
        try:
            with job.log.open("ab") as log:
                with self._lock:
                    if self._stopped:
                        raise Stopped
                    process = subprocess.Popen(
                        [sys.executable, "-m", "ranat.experiments.grid.cell"],
                        bufsize=0,
                        stdin=subprocess.PIPE,
                        stdout=log,
                        stderr=log,
                        cwd=job.place,
                        env=own,
                        start_new_session=True,  # an interruption at the terminal is the runner's alone
                    )
                    self._running.add(process)
                with process:
                    with contextlib.suppress(BrokenPipeError):  # it died at its start; the exit code tells
                        process.stdin.write(job.to_json().encode())  # type: ignore[union-attr]  # it is a pipe
                    code = process.wait()
                if self._stopped:
                    raise Stopped
                return code
        finally:
            with self._lock:
                self._running = {other for other in self._running if other.returncode is None}
            self._environments.put(own)

    def stop(self) -> None:
        """End every process: its standard input ends."""
        with self._lock:
            self._stopped = True
            for process in self._running:
                process.stdin.close()  # type: ignore[union-attr]  # it is a pipe


def environment(base: Mapping[str, str], slot: int, jobs: int, gpus: int) -> dict[str, str]:
    """Environment variables of the cell in a slot of `jobs`: its share of the processors, and one GPU of several."""
    own = {"OMP_NUM_THREADS": str(max((os.cpu_count() or 1) // jobs, 1))} | dict(base)
    if gpus > 1:
        names = own.get("CUDA_VISIBLE_DEVICES") or ",".join(map(str, range(gpus)))
        own["CUDA_VISIBLE_DEVICES"] = names.split(",")[slot % gpus]
    return own
