"""Query parameters that an address does not take are refused, so that a misspelled one is not ignored silently."""

from __future__ import annotations

from typing import Any

from starlette.requests import HTTPConnection

from mien.app.server.problems import Problem
from mien.core.errors import unknown_name

__all__ = ["refuse_unknown"]


async def refuse_unknown(connection: HTTPConnection) -> None:
    """A dependency of every route.

    Raises:
        Problem: 422, the query holds a parameter that the route does not take.

    """
    dependant: Any = getattr(connection.scope.get("route"), "dependant", None)
    if dependant is None or connection.scope["type"] != "http":
        return
    known = [str(field.alias) for field in dependant.query_params]
    for name in connection.query_params:
        if name not in known:
            raise Problem(422, unknown_name("parameter", name, known) if known else _none(name))


def _none(name: str) -> str:
    return f"Unknown parameter {name[:80]!r}; this address takes none."
