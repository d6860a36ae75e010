"""A server at an address of this machine, with the models that it serves."""

from __future__ import annotations

import logging
import os
import secrets
import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import uvicorn
from rich.console import Console

from ranat.errors import UsageError, UserError
from ranat.extraction import Extractor
from ranat.models.memory import kept
from ranat.runs.folder import RunFolder
from ranat.web.app import create_app
from ranat.web.guard import is_loopback
from ranat.web.limits import Limits
from ranat.web.messages import Model
from ranat.web.store import Store

TOKEN = "RANAT_TOKEN"  # noqa: S105  (the name of an environment variable)
_SHORTEST_TOKEN = 16
_GRACE_SECONDS = 10


def serve(
    ner: Sequence[str],
    re: str | None,
    store: Path,
    console: Console,
    *,
    host: str = "127.0.0.1",
    names: Sequence[str] = (),
    port: int = 8765,
    min_score: float = 0.0,
    precision: str = "auto",
    limits: Limits,
) -> None:
    """Serve models until the process is told to end; what runs then is finished.

    Args:
        ner: models that find entities: run folders, model folders or hub ids.
        re: one that finds relations.
        store: the file of corrections.
        console: is told the address.
        host: the address to listen at; another than this machine's own wants a token.
        names: by which it is reached besides, such as that of a proxy; then it wants a token, too.
        port: to listen at; 0: any that is free.
        min_score: what scores less is left out.
        precision: "auto", "fp32", "bf16" or "fp16".
        limits: of what a request may ask for.
    Raises:
        UserError: a model cannot be loaded, the file is no store, or the port is taken.
        UsageError: the token is too short.
    """
    token = token_for(host, names)
    listening = _listen(host, port)
    with listening:
        with console.status("loading the models"), kept():
            extractor = Extractor.load(ner, re, min_score=min_score, precision=precision)
        app = create_app(
            lambda documents: list(extractor.extract_stream(documents)),
            Store(store),
            describe(extractor, ner, re),
            host=host,
            names=names,
            token=token,
            limits=limits,
        )
        shown = f"[{host}]" if ":" in host else host
        console.print(
            f"serving at http://{shown}:{listening.getsockname()[1]}/ until Ctrl+C; corrections are in {store}"
        )
        if token is not None:
            given = f"that of {TOKEN}" if os.environ.get(TOKEN) else token
            console.print(f"the token is {given}")
        if not is_loopback(host):
            console.print(
                "the connection is not encrypted: use it in a network that you trust, or behind a proxy with TLS"
            )
        run_server(app, listening, limits)
        console.print("stopped")


def run_server(app: object, listening: socket.socket, limits: Limits) -> None:
    """Answer requests that come in by a socket until the process is told to end."""
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    config = uvicorn.Config(
        app,  # type: ignore[arg-type]  # any ASGI application
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=int(limits.seconds) + _GRACE_SECONDS,
    )
    with suppress(KeyboardInterrupt):  # uvicorn raises it again when all is finished
        uvicorn.Server(config).run(sockets=[listening])


def token_for(host: str, names: Sequence[str] = ()) -> str | None:
    """The token that requests must bring: that of the environment, or a new one if other machines reach the server.

    Raises:
        UsageError: it could be guessed.
    """
    given = os.environ.get(TOKEN)
    if given is not None and len(given) < _SHORTEST_TOKEN:
        raise UsageError(f"is shorter than {_SHORTEST_TOKEN} characters", where=TOKEN, remedy="take a random one")
    return given or (None if is_loopback(host) and not names else secrets.token_urlsafe(24))


def describe(extractor: Extractor, ner: Sequence[str], re: str | None) -> list[Model]:
    """What is served, by the last part of each name: paths of this machine are nobody's business."""
    loaded = [*zip(ner, extractor.ner, strict=True)]
    if re is not None and extractor.relation is not None:
        loaded.append((re, extractor.relation))
    return [_model(name, str(one.task.stage), one.task.types) for name, one in loaded]


def _model(name: str, finds: str, types: frozenset[str]) -> Model:
    model = Model(name=Path(name).absolute().name, finds=finds, types=sorted(types))
    run = RunFolder(Path(name).expanduser())
    if not run.exists or not run.finished:
        return model
    settings, metrics = run.settings(), run.metrics()
    f1 = {split: round(100 * metrics[split]["f1"], 2) for split in ("dev", "test") if split in metrics}
    return model.model_copy(update={"corpus": settings.corpus, "training": settings.regime, "f1": f1})


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        what = f"cannot listen there: {getattr(error, 'strerror', None) or error}"
        raise UserError(what, where=f"{host}:{port}", remedy="name others with --host and --port") from None
