"""The page and its files, all of which come with the package."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI, HTTPException
from fastapi.responses import Response

from ranat.view.assets import STATIC

_KINDS = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_PAGES = {"/": "index.html", "/login": "login.html", "/docs": "docs.html"}
_FOLDERS = (Path(__file__).parent / "static", STATIC)


def add_pages(app: FastAPI) -> None:
    """Serve the files of the folders `static`; they are read once, and a request only chooses among them."""
    files = {file.name: file.read_bytes() for folder in _FOLDERS for file in folder.iterdir() if file.suffix in _KINDS}

    @app.get("/static/{name}", include_in_schema=False)
    async def static(name: str) -> Response:
        if name not in files or name.endswith(".html"):
            raise HTTPException(404, "there is no such file")
        return _file(name)

    def _file(name: str) -> Response:
        kind = next(kind for suffix, kind in _KINDS.items() if name.endswith(suffix))
        return Response(files[name], media_type=f"{kind}; charset=utf-8")

    def add(path: str, name: str) -> None:
        @app.get(path, include_in_schema=False)
        async def page() -> Response:
            return _file(name)

    for path, name in _PAGES.items():
        add(path, name)
