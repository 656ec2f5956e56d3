"""Access control: which requests are let in, how much they may send and how fast, and the headers of every answer.

A plain ASGI middleware around the whole service, so that nothing is read or decoded for a request that is refused.
Of the routes it only lists which paths need a token.
"""

from __future__ import annotations

import base64
import hmac
import time
from collections.abc import Mapping
from typing import Any, final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mien.app.server.inflow import Body
from mien.app.server.problems import Problem, response_to
from mien.app.server.service import Service
from mien.app.server.settings import Settings
from mien.app.server.watch.logs import log_request

__all__ = ["REFUSED", "SUBPROTOCOL", "Guard", "route_path", "subprotocols_of"]

SUBPROTOCOL = "mien.v1"
"""WebSocket subprotocol; a token comes beside it as `token.` and its base64url text, since browsers set no headers."""

REFUSED = "mien.refused"
"""Key of a request's scope: the word for why it was refused."""


@final
class Guard:
    """Middleware; see the module.

    Args:
        app: the routes.
        service: what is allowed and what is open; requests are counted there.

    """

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service
        self._settings = service.settings
        self._metrics = service.metrics
        self._traffic = service.traffic
        self._headers = _headers(service.settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or live connection."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        _set_root(scope, self._settings.root_path)
        self._traffic.open += 1
        try:
            if scope["type"] == "http":
                await self._http(scope, receive, send)
            else:
                await self._websocket(scope, receive, send)
        finally:
            self._traffic.open -= 1

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = time.perf_counter()
        status = 500
        body = Body(receive, self._body_limit(scope), self._settings.limits.body_s)

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in self._headers:
                    headers.setdefault(name, value)
                if status >= 400 and not body.complete:
                    headers["Connection"] = "close"
                    await body.drain(Headers(scope=scope))
            await send(message)

        try:
            self._admit(scope)
            body.check_announced(Headers(scope=scope))
            # The page's own addresses are relative, so it needs the slash after the root path.
            bare = scope["path"] == self._settings.root_path
            app = RedirectResponse(f"{scope['path']}/", 307) if bare else self._app
            await app(scope, body, send_with_headers)
        except Problem as problem:
            scope[REFUSED] = problem.reason
            await response_to(problem)(scope, receive, send_with_headers)
        finally:
            self._account(scope, status, time.perf_counter() - start)

    def _account(self, scope: Scope, status: int, seconds: float) -> None:
        """Count, log and trace a request: by its route's template, since paths and queries may hold names and ids."""
        method, route, refused = _method(scope), _route(scope), scope.get(REFUSED)
        if refused is not None:
            self._metrics.count("mien_refused_total", reason=refused)
        self._metrics.count("mien_requests_total", method=method, route=route, status=str(status))
        self._metrics.time("mien_request_seconds", seconds, route=route)
        log_request(_client(scope), method, route, status, seconds, refused)
        if self._service.traces is not None:
            self._service.traces.record(scope, method, route, status, seconds, refused)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self._admit(scope)
        except Problem as problem:
            await receive()  # websocket.connect
            self._metrics.count("mien_requests_total", method="WEBSOCKET", route="other", status=str(problem.status))
            self._metrics.count("mien_refused_total", reason=problem.reason)
            await send({"type": "websocket.close", "code": 1008})  # before the handshake: the client gets 403
            return
        await self._app(scope, receive, send)

    def _admit(self, scope: Scope) -> None:
        headers, path = Headers(scope=scope), route_path(scope)
        self._check_host(headers)
        if path in ("/healthz", "/readyz"):
            return
        if self._traffic.open > self._settings.limits.clients:
            raise Problem(
                503, "Too many requests are open; try again in a moment.", {"Retry-After": "1"}, reason="clients"
            )
        if path.startswith("/v1/"):
            self._traffic.rates.take(_client(scope))
        if scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD", "OPTIONS"):
            self._check_origin(headers)
        if self._settings.token is not None and (path.startswith("/v1/") or path == "/metrics"):
            _check_token(self._settings.token, headers, scope)

    def _check_host(self, headers: Headers) -> None:
        allowed = self._settings.allowed_hosts
        host = headers.get("host", "").lower()
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        if allowed and name not in allowed:
            raise Problem(
                403,
                f"This service does not answer to the name {name[:100]!r}; name it with --allow-host to let it.",
                reason="host",
            )

    def _check_origin(self, headers: Headers) -> None:
        """A page of another site must not use the service through a visitor's browser."""
        origin = headers.get("origin")
        if origin is None:
            if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
                told = "A page of another site may not use this service without saying which site it is."
                raise Problem(403, told, reason="origin")
            return
        if origin in self._settings.origins:
            return
        if origin.partition("://")[2].lower() != headers.get("host", "").lower():
            told = f"The origin {origin[:100]!r} may not use this service; name it with --cors-origin."
            raise Problem(403, told, reason="origin")

    def _body_limit(self, scope: Scope) -> int:
        limits = self._settings.limits
        return limits.video_bytes if route_path(scope) == "/v1/analyze/video" else limits.body_bytes


def _set_root(scope: Scope, root: str) -> None:
    """Name the root path in the scope, whether the proxy before us has cut it off the path or not."""
    if root:
        scope["root_path"] = root
        if str(scope["path"]) != root and not str(scope["path"]).startswith(f"{root}/"):
            scope["path"] = root + str(scope["path"])


def route_path(scope: Mapping[str, Any]) -> str:
    """Path of a request below the root path of the service."""
    path, root = str(scope["path"]), str(scope.get("root_path", "")).rstrip("/")
    return path[len(root) :] if root and path.startswith(f"{root}/") else path


def subprotocols_of(scope: Mapping[str, Any]) -> list[str]:
    """Names that a WebSocket client asks for; some versions of uvicorn leave them in one text."""
    return [name.strip() for text in scope.get("subprotocols", ()) for name in text.split(",")]


def _client(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else "unknown"


def _method(scope: Scope) -> str:
    method = str(scope["method"])
    return method if method in ("GET", "HEAD", "POST", "DELETE", "OPTIONS") else "other"


def _route(scope: Scope) -> str:
    """Template of the route that answered; other paths are one, so that nobody can fill the memory with paths."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) and path else "other"


def _check_token(token: str, headers: Headers, scope: Scope) -> None:
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        given = _token_beside(subprotocols_of(scope))
    if not hmac.compare_digest(given.strip().encode(), token.encode()):
        raise Problem(
            401, "This needs the right token: send Authorization: Bearer TOKEN.", {"WWW-Authenticate": "Bearer"}
        )


def _token_beside(subprotocols: Any) -> str:
    for name in subprotocols:
        if name.startswith("token."):
            text = name.removeprefix("token.")
            try:
                return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
            except ValueError:
                return ""
    return ""


def _headers(settings: Settings) -> list[tuple[str, str]]:
    ancestors = " ".join(("'self'", *settings.frame_ancestors))
    policy = (
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob: data:; "
        "media-src 'self' blob:; connect-src 'self'; worker-src 'self' blob:; manifest-src 'self'; form-action 'none'; "
        f"base-uri 'none'; frame-ancestors {ancestors}"
    )
    return [
        ("Content-Security-Policy", policy),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("Permissions-Policy", "camera=(self), microphone=(), geolocation=()"),
        # Browsers let only such a page share memory between threads (`static/quickest.mjs`).
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Embedder-Policy", "require-corp"),
        ("Cross-Origin-Resource-Policy", "cross-origin" if settings.origins else "same-origin"),
        ("Cache-Control", "no-store"),
    ]
