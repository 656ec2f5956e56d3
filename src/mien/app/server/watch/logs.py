"""Logs of the service: a line for each request as text or as JSON, and everything else in the same form.

A line tells who asked (address), which route, how it ended, how long it took. It holds no path, query, file name,
body or reading: routes are logged by their template.
"""

from __future__ import annotations

import json
import logging
import time
from typing import Any, Literal

__all__ = ["ACCESS", "log_request", "set_up"]

ACCESS = logging.getLogger("mien.access")
_EVERYTHING = ("mien.server", "mien.access", "uvicorn", "uvicorn.error")


def set_up(form: Literal["text", "json"], requests: bool) -> None:
    """Write logs to standard error.

    Args:
        form: lines for people, or an object per line.
        requests: whether each request gets a line.

    """
    handler = logging.StreamHandler()
    handler.setFormatter(_Json() if form == "json" else logging.Formatter("%(asctime)s %(message)s"))
    names = _EVERYTHING if form == "json" else ("mien.access",) if requests else ()
    for name in names:
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
    if requests:
        ACCESS.setLevel(logging.INFO)


def log_request(client: str, method: str, route: str, status: int, seconds: float, refused: str | None) -> None:
    """One line; `refused` is the word of `/metrics` for why it was refused."""
    if not ACCESS.isEnabledFor(logging.INFO):
        return
    fields: dict[str, Any] = {"client": client, "method": method, "route": route, "status": status}
    fields["ms"] = round(seconds * 1e3, 1)
    if refused is not None:
        fields["refused"] = refused
    ACCESS.info("%s %s %s %d %.0f ms", client, method, route, status, seconds * 1e3, extra={"fields": fields})


class _Json(logging.Formatter):
    """An object per line: time (UTC), level, logger, and the fields of a request or a message."""

    def format(self, record: logging.LogRecord) -> str:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, Any] = {
            "time": f"{stamp}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        fields = getattr(record, "fields", None)
        line |= {"message": record.getMessage()} if fields is None else fields
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
