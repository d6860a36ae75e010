"""Who may come in: what stands between the network and the routes, for every request alike.

Against DNS rebinding a request must name this machine as its host. Against posts of other sites it must come from this
one, if a browser sends it. A server that other machines reach wants a token. Nothing larger than the limit is read, and
every answer tells the browser to run and fetch nothing but this server's own files.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import socket
from collections.abc import Sequence
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOGIN = "/login"
_COOKIE = "ranat"
_OPEN = ("/health", LOGIN, "/static/")
"""What needs no token: it tells nothing of texts and models."""
_READING = ("GET", "HEAD")
_LOGIN_BYTES = 4096
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # without a referrer browsers send no origin with a form, either
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server that listens there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Guard:
    """ASGI middleware.

    Args:
        app: what is guarded.
        host: the address that the server listens at.
        names: by which it is reached besides, such as that of a proxy.
        token: which a request must bring, as `Authorization: Bearer` or by the cookie of the login page; None: none.
        body: the most bytes of a request.
    """

    def __init__(self, app: ASGIApp, *, host: str, names: Sequence[str], token: str | None, body: int) -> None:
        self._app, self._token, self._body = app, token, body
        self._is_local = is_loopback(host)
        own = (host,) if self._is_local else (host, socket.gethostname(), socket.getfqdn())
        self._names = _LOOPBACK.union(name.lower() for name in (*own, *names))
        self._cookie = hashlib.sha256(f"ranat {token}".encode()).hexdigest()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # there are no web sockets

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
            await send(message)

        request = Request(scope, receive)
        refused = self._refusal(request) or (await self._login(request) if request.url.path == LOGIN else None)
        if refused is not None:
            await refused(scope, receive, with_headers)
            return
        await self._app(scope, self._counted(receive), with_headers)

    def _refusal(self, request: Request) -> Response | None:
        headers = request.headers
        if not self._is_ours(headers.get("host", "")):
            return _told(421, "this server is not called so; use the address that it printed")
        if request.method not in _READING and not _is_same_site(headers):
            return _told(403, "this request comes from another site")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > self._body:
            return _too_large(self._body)
        if self._token is None or request.url.path.startswith(_OPEN) or self._is_known(headers):
            return None
        if request.method == "GET" and "text/html" in headers.get("accept", ""):
            return RedirectResponse(LOGIN, 303)
        return _told(401, "this server wants a token", {"WWW-Authenticate": "Bearer"})

    def _is_ours(self, host: str) -> bool:
        """By name, whatever the port is, as it may be forwarded; an address cannot be rebound as a name can."""
        try:
            name = (urlsplit(f"//{host}").hostname or "").lower()
        except ValueError:
            return False
        return name in self._names or (not self._is_local and _is_address(name))

    def _is_known(self, headers: Headers) -> bool:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and _equal(given.strip(), self._token or ""):
            return True
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(_COOKIE)
        except CookieError:
            return False
        return cookie is not None and _equal(cookie.value, self._cookie)

    async def _login(self, request: Request) -> Response | None:
        """The answer to a posted token; None: the login page is only asked for."""
        if request.method != "POST":
            return None
        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > _LOGIN_BYTES:
                return _too_large(_LOGIN_BYTES)
        given = parse_qs(body.decode("utf-8", "replace")).get("token", [""])[0]
        if self._token is None or not _equal(given.strip(), self._token):
            return RedirectResponse(f"{LOGIN}#wrong", 303)
        response = RedirectResponse("/", 303)
        secure = request.url.scheme == "https"
        response.set_cookie(_COOKIE, self._cookie, httponly=True, samesite="strict", secure=secure)
        return response

    def _counted(self, receive: Receive) -> Receive:
        """The body, until it has more bytes than it may."""
        left = self._body

        async def counted() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise HTTPException(413, f"the request has more than {self._body:,} bytes")
            return message

        return counted


def _is_same_site(headers: Headers) -> bool:
    """Whether no browser sent it, or one on a page of this server."""
    origin = headers.get("origin")
    if origin is None:
        return headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")
    try:
        return urlsplit(origin).netloc.lower() == headers.get("host", "").lower()
    except ValueError:
        return False


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _equal(one: str, other: str) -> bool:
    """In a time that does not tell how much of it is right."""
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode())


def _too_large(most: int) -> Response:
    return _told(413, f"the request has more than {most:,} bytes", {"Connection": "close"})


def _told(status: int, what: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"detail": what}, status, headers)
