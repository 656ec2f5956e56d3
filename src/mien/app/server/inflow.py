"""Limits on what comes in: bytes of a body while they arrive, requests of a client per minute."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from typing import final

from starlette.datastructures import Headers
from starlette.types import Message, Receive

from mien.app.server.problems import Problem

__all__ = ["Body", "Rates"]

_SLOWEST_BYTES_PER_S = 50_000
_DRAIN_S = 1.0  # a client that is refused while it sends gets this long to notice, so that it can read the answer
_DRAIN_BYTES = 64 << 20
_CLIENTS_REMEMBERED = 10_000


@final
class Body:
    """Counts the bytes of a request while they arrive, and watches the clock.

    Args:
        receive: where the parts come from.
        limit: bytes that may come.
        seconds: in which they must come, besides the time that a slow line takes for what has come.

    """

    def __init__(self, receive: Receive, limit: int, seconds: float) -> None:
        self._receive = receive
        self._limit = limit
        self._seconds = seconds
        self._start = time.monotonic()
        self._bytes = 0
        self.complete = False
        """Whether everything has arrived."""

    async def __call__(self) -> Message:
        """Next part of the body.

        Raises:
            Problem: 413 when there is too much of it, 408 when it comes too slowly.

        """
        if self.complete:
            return await self._receive()
        left_s = self._start + self._seconds + self._bytes / _SLOWEST_BYTES_PER_S - time.monotonic()
        try:
            message = await asyncio.wait_for(self._receive(), left_s)
        except TimeoutError:
            raise Problem(408, f"The body did not arrive in time; {self._bytes} bytes had come.") from None
        if message["type"] == "http.request":
            self._bytes += len(message.get("body", b""))
            self.complete = not message.get("more_body", False)
            if self._bytes > self._limit:
                raise Problem(413, f"The body is larger than the limit of {self._limit} bytes.")
        else:
            self.complete = True  # the client went away
        return message

    def check_announced(self, headers: Headers) -> None:
        """Refuse by the announced length, before a byte is read."""
        text = headers.get("content-length", "0")
        if not (text.isascii() and text.isdigit()):
            raise Problem(400, "Content-Length must be a number of bytes.")
        if int(text[:20]) > self._limit:
            raise Problem(413, f"The body has {int(text[:20])} bytes, more than the limit of {self._limit}.")
        if text == "0" and "transfer-encoding" not in headers:
            self.complete = True

    async def drain(self, headers: Headers) -> None:
        """Throw away what comes in the next second, so that the client finishes sending and reads the answer."""
        if self.complete or "expect" in headers:
            return
        end, thrown = time.monotonic() + _DRAIN_S, 0
        while thrown < _DRAIN_BYTES and (left_s := end - time.monotonic()) > 0:
            try:
                message = await asyncio.wait_for(self._receive(), left_s)
            except TimeoutError:
                return
            thrown += len(message.get("body", b""))
            if not message.get("more_body", False):
                return


@final
class Rates:
    """Token buckets, one per client; a bucket holds a quarter of a minute's requests (at least 10).

    Args:
        per_minute: requests that one client may send in the long run.

    """

    def __init__(self, per_minute: int) -> None:
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self.change(per_minute)

    def change(self, per_minute: int) -> None:
        """Go on with another rate; what each client has used stays used."""
        self._per_s = per_minute / 60
        self._most = max(per_minute / 4, min(10.0, per_minute))

    def take(self, client: str) -> None:
        """Count a request.

        Raises:
            Problem: 429 when the client has sent too many.

        """
        now = time.monotonic()
        level, then = self._buckets.pop(client, (self._most, now))
        level = min(self._most, level + (now - then) * self._per_s)
        self._buckets[client] = (max(level - 1, 0.0) if level >= 1 else level, now)
        if len(self._buckets) > _CLIENTS_REMEMBERED:
            self._buckets.popitem(last=False)
        if level < 1:
            wait = max(1, round((1 - level) / self._per_s))
            raise Problem(429, f"Too many requests; try again in {wait} s.", {"Retry-After": str(wait)}, reason="rate")
