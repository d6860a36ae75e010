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
_LOOPBACK = "127.0.0.1"


@contextmanager
def connected(address: str, workers: int | None = None) -> Iterator[Any]:
    """The module `ray`, connected.

    Args:
        address: HOST:PORT of a cluster's head, "auto", or "local" to start one on this machine, which listens to this
            machine alone; whoever wants another starts it by `ray start`, and names that.
        workers: the processors of a local cluster; None: all.
    Raises:
        UserError: Ray is not installed, or the cluster cannot be reached.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if address == "local":
        # Ray takes a loopback address for one that other machines should reach, and listens to the whole network (older
        # versions to anyone without a token), unless it is told that there are no other machines.
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    try:
        import ray
    except ImportError:
        raise UserError("Ray is not installed", where="--ray", remedy="pip install 'ranat[ray]'") from None
    where: dict[str, Any] = {"address": address}
    if named := os.environ.get(plugins.VARIABLE):
        where["runtime_env"] = {"env_vars": {plugins.VARIABLE: named}}
    _reach(address)
    if address == "local":
        where |= {"num_cpus": workers, "include_dashboard": False, "_node_ip_address": _LOOPBACK}
    try:
        ray.init(**where, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise _unreachable(address, error) from None
    try:
        nodes: Any = ray.nodes  # it has no types
        if address == "local" and any(node["NodeManagerAddress"] != _LOOPBACK for node in nodes()):
            remedy = "pip install -U ray, and import it nowhere before"
            raise UserError("Ray listens to the whole network", where="--ray local", remedy=remedy)
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
