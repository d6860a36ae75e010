"""The routes: an API in JSON for programs, and the page, which uses it."""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from importlib import metadata
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import FastAPI, HTTPException, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException as StarletteHTTPException

from ranat.documents import Document
from ranat.errors import UserError
from ranat.formats import FOLDERS, READERS, WRITERS
from ranat.web import messages as say
from ranat.web.batching import Batcher, BusyError, Extract
from ranat.web.files import TooLargeError, read_upload, written
from ranat.web.guard import Guard
from ranat.web.limits import Limits
from ranat.web.pages import add_pages
from ranat.web.store import ConflictError, MissingError, Row, Store

_ID_DIGITS = 8
_INTEGERS = 2**63  # from here on SQLite has none
Number = Annotated[int, Path(ge=0, lt=_INTEGERS)]
_IN_MEMORY = 1 << 20
_WHAT = "Entities and relations in texts. Documents are those of ranat's JSON Lines; offsets count code points."

log = logging.getLogger(__name__)

ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": say.Told, "description": what}
    for status, what in {
        413: "There is more text than the server takes.",
        422: "The request is not understood.",
        503: "Too many requests wait; Retry-After says when to try again.",
        504: "It took too long.",
    }.items()
}
CONFLICT: dict[int | str, dict[str, Any]] = {
    404: {"model": say.Told, "description": "There is no such document."},
    409: {"model": say.Told, "description": "Somebody else has saved another revision since."},
}


def create_app(
    extract: Extract,
    store: Store,
    runs: Sequence[say.Model] = (),
    *,
    host: str = "127.0.0.1",
    names: Sequence[str] = (),
    token: str | None = None,
    limits: Limits,
) -> Guard:
    """The application, guarded.

    Args:
        extract: finds entities and relations; it is called by one thread alone.
        store: of corrections; it is closed at the end.
        runs: the models behind `extract`, to be told.
        host: the address it will listen at.
        names: by which it is reached besides, such as that of a proxy.
        token: which requests must bring; None: none.
        limits: of what a request may ask for.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.batcher = Batcher(extract, limits)
        yield
        await run_in_threadpool(app.state.batcher.close)
        store.close()

    version = metadata.version("ranat")
    app = FastAPI(
        title="RanAT4BIE", version=version, description=_WHAT, lifespan=lifespan, docs_url=None, redoc_url=None
    )
    _add_errors(app)
    _add_service(app, runs, version)
    _add_extraction(app, limits)
    _add_documents(app, store, limits, ", ".join(run.name for run in runs) or "no model")
    add_pages(app)
    return Guard(app, host=host, names=names, token=token, body=limits.body)


def _add_service(app: FastAPI, runs: Sequence[say.Model], version: str) -> None:
    read = sorted({*READERS.names(), *FOLDERS.names()})
    formats = [say.Format(name=name, suffix=WRITERS.get(name).suffix) for name in WRITERS.names()]

    @app.get("/health", tags=["service"])
    async def health(request: Request) -> say.Health:
        """Whether the server works; it answers while texts are being read."""
        return say.Health(status="ok", waiting=request.app.state.batcher.waiting)

    @app.get("/version", tags=["service"])
    async def get_version() -> say.Version:
        """The version of ranat."""
        return say.Version(version=version)

    @app.get("/runs", tags=["service"])
    async def get_runs() -> say.Runs:
        """The models that are served."""
        return say.Runs(runs=[*runs])

    @app.get("/formats", tags=["service"])
    async def get_formats() -> say.Formats:
        """The formats that `/files` reads and `/convert` writes."""
        return say.Formats(written=formats, read=read)


def _add_extraction(app: FastAPI, limits: Limits) -> None:
    @app.post("/extract", tags=["extraction"], responses=ERRORS)
    async def extract(body: say.ExtractBody, request: Request) -> say.Found:
        """Find entities and relations in a text, or in documents; nothing is kept."""
        if (body.text is None) == (body.documents is None):
            raise HTTPException(422, "give either a text or documents")
        given = [say.DocumentBody(text=body.text)] if body.text is not None else body.documents or []
        found = await request.app.state.batcher.extract(_documents(given, limits))
        return say.Found(documents=[document.to_dict() for document in found])

    @app.post("/files", tags=["files"], responses=ERRORS)
    async def files(
        request: Request,
        name: Annotated[str, Query(max_length=1000, description="Of the file; its suffix tells its format.")],
        format: Annotated[str | None, Query(max_length=100)] = None,
    ) -> say.FoundInFile:
        """The documents of a file, which is the body of the request, in any format that ranat reads.

        A zip archive holds the folder of a format of folders, such as BRAT's.
        """
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as stream:
            async for piece in request.stream():
                await run_in_threadpool(stream.write, piece)
            stream.seek(0)
            documents, notices = await run_in_threadpool(read_upload, stream, name, format, limits)
        return say.FoundInFile(documents=[document.to_dict() for document in documents], notices=notices)

    @app.post("/convert", tags=["files"], responses=ERRORS, response_class=Response)
    def convert(body: say.DocumentsBody, to: Annotated[str, Query(max_length=100)]) -> Response:
        """Documents as a file in another format; folders come as a zip archive.

        The header Ranat-Lost holds, as JSON, what the format cannot hold, counted.
        """
        content, name, lost = written(_documents(body.documents, limits), to)
        return _download(content, name, {"Ranat-Lost": json.dumps(lost)})


def _add_documents(app: FastAPI, store: Store, limits: Limits, models: str) -> None:
    @app.get("/documents", tags=["corrections"])
    def get_all() -> say.StoredList:
        """The latest revisions of all documents in the store."""
        return say.StoredList(documents=[_stored(row, store) for row in store.all()])

    @app.post("/documents", tags=["corrections"], responses=ERRORS)
    def add(body: say.DocumentsBody) -> say.StoredList:
        """Keep documents with what was found in them, to be corrected.

        One that is there with corrections already, with the same id and text, stays as it is.
        """
        rows = store.add(_documents(body.documents, limits), models)
        return say.StoredList(documents=[_stored(row, store) for row in rows])

    @app.get("/next", tags=["corrections"])
    def next_one(after: Annotated[int | None, Query(ge=0, lt=_INTEGERS)] = None) -> say.Next:
        """The most uncertain document that is not checked, another than `after` if there is one."""
        row = store.next(after)
        return say.Next(number=row.number if row else None)

    @app.get("/corrections.jsonl", tags=["corrections"], response_class=StreamingResponse)
    def corrections(unchecked: bool = False) -> Response:
        """Checked documents as JSON Lines, with who changed what and when; `unchecked`: those begun, too."""
        lines = (json.dumps(value, ensure_ascii=False) + "\n" for value in store.export(unchecked=unchecked))
        return _download(lines, "corrections.jsonl", {}, "application/jsonl")

    @app.get("/documents/{number}", tags=["corrections"], responses={404: CONFLICT[404]})
    def get(number: Number) -> say.Stored:
        """The latest revision of a document."""
        return _stored(store.get(number), store)

    @app.put("/documents/{number}", tags=["corrections"], responses={**ERRORS, **CONFLICT})
    def put(number: Number, body: say.RevisionBody) -> say.Stored:
        """Save a correction. When it is answered, it is on the disk."""
        (document,) = _documents([body.document], limits)
        return _stored(store.save(number, body.revision, document, body.who, checked=body.checked), store)

    @app.delete("/documents/{number}", tags=["corrections"], status_code=204, responses={404: CONFLICT[404]})
    def remove(number: Number, who: Annotated[str, Query(max_length=200)] = "") -> None:
        """Take a document out of the list; the store keeps its revisions."""
        store.remove(number, who)

    @app.get("/documents/{number}/history", tags=["corrections"], responses={404: CONFLICT[404]})
    def history(number: Number) -> say.History:
        """All revisions of a document, and who changed what in each."""
        return say.History(revisions=[_revision(row, made) for row, made in store.history(number)])


def _documents(bodies: Sequence[say.DocumentBody], limits: Limits) -> list[Document]:
    """What a client sent, as documents; those without an id are called by the hash of their text.

    Raises:
        TooLargeError: a text, or all of them together, is too long.
        UserError: marks do not fit their text.
    """
    if sum(len(body.text) for body in bodies) > limits.total:
        raise TooLargeError(f"the texts have more than {limits.total:,} characters together")
    documents = []
    for place, body in enumerate(bodies, 1):
        if len(body.text) > limits.characters:
            raise TooLargeError(f"document {place} has more than {limits.characters:,} characters")
        try:
            documents.append(body.document(_id_of(body.text)))
        except ValueError as error:
            raise UserError(str(error), where=f"document {place}") from None
    return documents


def _id_of(text: str) -> str:
    return "text-" + hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:_ID_DIGITS]


def _stored(row: Row, store: Store) -> say.Stored:
    return say.Stored(
        number=row.number,
        since=store.since(row.number),
        revision=row.revision,
        checked=row.state == "checked",
        corrected=row.corrected,
        uncertainty=round(row.uncertainty, 4),
        document=store.shown(row),
    )


def _revision(row: Row, made: Iterable[Any]) -> say.Revision:
    changes = [say.Change(what=one.what, before=one.before, after=one.after) for one in made]
    return say.Revision(
        revision=row.revision,
        who=row.who,
        when=row.at,
        checked=row.state == "checked",
        document=row.document.to_dict(),
        changes=changes,
    )


def _download(
    content: bytes | Iterable[str], name: str, headers: dict[str, str], kind: str = "application/octet-stream"
) -> Response:
    named = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}", **headers}
    if isinstance(content, bytes):
        return Response(content, media_type=kind, headers=named)
    return StreamingResponse(content, media_type=kind, headers=named)


def _add_errors(app: FastAPI) -> None:
    """Errors as {"detail": one line}: what the client can mend is told, what it cannot is logged."""
    answers: dict[type[Exception], Callable[[Any], tuple[int, str, dict[str, str]]]] = {
        StarletteHTTPException: lambda error: (error.status_code, str(error.detail), dict(error.headers or {})),
        RequestValidationError: lambda error: (422, _first(error), {}),
        UserError: lambda error: (422, " ".join(str(error).split()), {}),
        TooLargeError: lambda error: (413, str(error), {}),
        BusyError: lambda error: (503, str(error), {"Retry-After": str(error.seconds)}),
        TimeoutError: lambda error: (504, "it took too long; send less text at once", {}),
        ConflictError: lambda error: (409, "somebody else has saved another revision of this document", {}),
        MissingError: lambda error: (404, "there is no such document", {}),
        ValueError: lambda error: (422, str(error), {}),
        sqlite3.Error: lambda error: (500, "it could not be saved; the server's log tells why", {}),
        Exception: lambda error: (500, "the server failed; its log tells why", {}),
    }

    async def handle(request: Request, error: Exception) -> JSONResponse:
        kind = next(one for one in type(error).__mro__ if one in answers)
        status, what, headers = answers[kind](error)
        if status == 500 and kind is not Exception:  # those the server logs by itself
            log.error("%s: %s", type(error).__name__, error)
        return JSONResponse({"detail": what}, status, headers)

    for kind in answers:
        app.add_exception_handler(kind, handle)


def _first(error: RequestValidationError) -> str:
    """The first thing that is wrong, by its place; pydantic would give back all of the text that was sent."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"][1:])
    return f"{place}: {first['msg']}" if place else str(first["msg"])
