"""A connection to a Ray cluster."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ranat import plugins
from ranat.errors import UserError

_SECONDS_TO_ANSWER = 10


@contextmanager
def connected(address: str, workers: int | None = None) -> Iterator[Any]:
    """The module `ray`, connected.

    Args:
        address: HOST:PORT of a cluster's head, "auto", or "local" to start a cluster on this machine alone.
        workers: the processors of a local cluster; None: all.
    Raises:
        UserError: Ray is not installed, or the cluster cannot be reached.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError:
        raise UserError("Ray is not installed", where="--ray", remedy="pip install 'ranat[ray]'") from None
    where: dict[str, Any] = {"address": address}
    if named := os.environ.get(plugins.VARIABLE):
        where["runtime_env"] = {"env_vars": {plugins.VARIABLE: named}}
    _reach(address)
    if address == "local":
        where |= {"num_cpus": workers, "include_dashboard": False, "_node_ip_address": "127.0.0.1"}
    try:
        ray.init(**where, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise _unreachable(address, error) from None
    try:
        yield ray
    finally:
        ray.shutdown()


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
