"""The command of the web application: serve."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ranat.cli.application import CORRECT, app, err, examples
from ranat.cli.extraction import Ner
from ranat.errors import UserError


@app.command(
    group=CORRECT,
    help_epilogue=examples(
        "ranat serve",
        "ranat serve --ner runs/chem --ner runs/gene --re runs/chemprot",
        "ranat serve --ner runs/chem --store corrections/chem.sqlite --port 9000",
        "ranat serve --ner runs/chem --name ranat.example.org",
        "RANAT_TOKEN=$(openssl rand -hex 16) ranat serve --ner runs/chem --host 0.0.0.0",
    ),
)
def serve(
    *,
    ner: Ner = None,
    re: str | None = None,
    store: Annotated[Path, Parameter(help="The file in which documents and corrections are kept.")] = Path(
        "ranat-corrections.sqlite"
    ),
    host: str = "127.0.0.1",
    name: Annotated[
        list[str] | None,
        Parameter(help="Another name by which it is reached, such as that of a proxy; may be repeated."),
    ] = None,
    port: int = 8765,
    min_score: float = 0.0,
    precision: str = "auto",
    max_characters: int = 100_000,
    queue: int = 64,
    timeout: float = 60.0,
) -> None:
    """A page in the browser to paste texts into, see what is found, correct it and download it; and an API in JSON.

    Without --ner and --re the models of the demonstration are served, and trained first if they are not there. The API
    is described at /docs. Needs the extra `web`.

    Args:
        re: One that finds relations; without --ner, between the entities that files bring.
        host: The address to listen at. With any but this machine's own, and with --name, a token is wanted of whoever
            comes: that of the environment variable RANAT_TOKEN, or a new one, which is told at the start.
        port: 0 takes any that is free.
        min_score: From 0 to 1; what scores less is left out.
        precision: auto, fp32, bf16 or fp16.
        max_characters: A longer text is refused.
        queue: So many requests wait for the models; one more is told to come again later.
        timeout: Seconds until a request that waits is given up.
    """
    try:
        from ranat.web.limits import Limits
        from ranat.web.server import serve as run
    except ModuleNotFoundError as error:
        if error.name not in ("fastapi", "uvicorn"):
            raise
        raise UserError("needs FastAPI and uvicorn", remedy="pip install 'ranat[web]'") from None
    limits = Limits(characters=max_characters, waiting=queue, seconds=timeout)
    taggers = tuple(ner or ())
    if not taggers and re is None:
        from ranat.web.demo_runs import demo_runs

        tagger, re = demo_runs(err)
        taggers = (tagger,)
    run(
        taggers,
        re,
        store,
        err,
        host=host,
        names=name or (),
        port=port,
        min_score=min_score,
        precision=precision,
        limits=limits,
    )
