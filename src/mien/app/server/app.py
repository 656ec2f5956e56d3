"""The web service as an ASGI application: its routers, access control before them, and one shape for errors."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Any

from fastapi import Depends, FastAPI, Request, Response, WebSocket
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Match, Route

import mien
from mien.app.server import facts, pages, pictures, videos
from mien.app.server.guard import REFUSED, Guard
from mien.app.server.live import LiveConnection
from mien.app.server.parameters import refuse_unknown
from mien.app.server.problems import Problem, problem_of, response_to
from mien.app.server.schemas import ErrorOut
from mien.app.server.service import Service, service_of
from mien.app.server.settings import Settings
from mien.core.errors import MienError

__all__ = ["create_app"]

_log = logging.getLogger("mien.server")

_DESCRIPTION = (
    "Reads facial expressions in pictures, videos and live pictures. Nothing is stored. An expression is not an "
    "emotion: the answers say how faces look, not how people feel. EU law (AI Act, Art. 5(1)(f)) forbids inferring "
    "emotions of people at work and in education."
)
_ERRORS = (400, 401, 403, 404, 408, 413, 415, 422, 429, 503)
_ROUTERS = (pictures, videos, facts, pages)


def create_app(settings: Settings, before: Service | None = None) -> FastAPI:
    """The service for some settings; its models are loaded when it starts.

    Args:
        settings: see `mien.app.server.settings.Settings`.
        before: the service whose place it takes (`mien.app.server.reload`).

    """
    service = Service(settings, before)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await service.start()
        yield
        await service.stop()

    app = FastAPI(
        title="mien",
        version=mien.__version__,
        description=_DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        responses={status: {"model": ErrorOut} for status in _ERRORS},
    )
    app.state.service = service
    app.state.page = pages.open_page(settings)
    for part in _ROUTERS:
        app.include_router(part.router, dependencies=None if part is pages else [Depends(refuse_unknown)])
    app.add_api_websocket_route("/v1/live", _live)
    _add_error_handlers(app)
    app.add_middleware(Guard, service=service)
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type"],
            max_age=600,
        )
    return app


async def _live(socket: WebSocket) -> None:
    service = service_of(socket)
    service.traffic.live += 1
    try:
        await LiveConnection(socket, service).run()
    finally:
        service.traffic.live -= 1


def _allowed(request: Request) -> str:
    """All methods that the routes of an address take; Starlette names those of the first one only.

    The routers themselves are asked: the application wraps them, in newer versions of FastAPI in no `Route`.
    """
    matching = (
        route
        for part in _ROUTERS
        for route in part.router.routes
        if isinstance(route, Route) and route.matches(request.scope)[0] != Match.NONE
    )
    return ", ".join(sorted({method for route in matching for method in route.methods or ()}))


def _add_error_handlers(app: FastAPI) -> None:
    def refuse(request: Request, problem: Problem) -> Response:
        request.scope[REFUSED] = problem.reason
        return response_to(problem)

    async def on_problem(request: Request, error: Any) -> Response:
        return refuse(request, error)

    async def on_library(request: Request, error: Any) -> Response:
        problem = problem_of(error)
        if problem.status == 500:
            _log.error("%s", error)
        return refuse(request, problem)

    async def on_http(request: Request, error: Any) -> Response:
        texts = {404: "There is nothing at this address.", 405: "This address does not take this method."}
        headers = {"Allow": _allowed(request)} if error.status_code == 405 else error.headers
        return refuse(request, Problem(error.status_code, texts.get(error.status_code, str(error.detail)), headers))

    async def on_invalid(request: Request, error: Any) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return refuse(request, Problem(422, f"{where}: {first['msg']}."))

    async def on_anything(_request: Request, _error: Exception) -> Response:
        return response_to(Problem(500, "The service failed on this request; its log says why."))

    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(MienError, on_library)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(Exception, on_anything)
