"""uvicorn, as this service runs it: no names or readings in its logs, and a time limit for every request's head.

uvicorn itself has no time limit for a request's head, and none at all for a connection that sends nothing, so anybody
could hold every descriptor of the process (Slowloris, 2009).
"""

from __future__ import annotations

import asyncio
import socket
from typing import Any, ClassVar

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from mien.app.server.connections import Connections
from mien.app.server.service import Service
from mien.app.server.settings import Settings

__all__ = ["config_of"]

_GRACE_S = 5  # seconds for requests and live connections to end when the service is stopped


def config_of(app: Any, service: Service) -> uvicorn.Config:
    """How uvicorn serves an application of a service, plain (`create_app`) or with reloads (`Reloading`)."""
    settings: Settings = service.settings
    return uvicorn.Config(
        app,
        http=_protocol_of(service.connections, settings.limits.head_s),
        ws="websockets-sansio",
        ws_max_size=settings.limits.frame_bytes + 1024,
        ws_per_message_deflate=False,
        log_level="warning",
        access_log=False,  # it would show names and ids in queries and paths
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=list(settings.proxies),
        timeout_graceful_shutdown=_GRACE_S,
    )


class _Timed(H11Protocol):
    """Uvicorn's HTTP protocol, with a clock on every head; a service makes a subclass with its own two values."""

    known: ClassVar[Connections]
    head_s: ClassVar[float]
    _clock: asyncio.TimerHandle | None = None
    _stays = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        _send_at_once(transport)
        self._stays = self.known.add(transport, self.client[0] if self.client else "")
        if self._stays:
            self._start()

    def data_received(self, data: bytes) -> None:
        if not self._stays:
            return
        before = self.cycle
        if self._clock is None and _answered(before):
            self._start()
        super().data_received(data)
        upgraded = self.transport.get_protocol() is not self  # a WebSocket, which is busy until it ends
        if upgraded or self.cycle is not before:  # a head is whole
            self._stop()
            self.known.busy(self.transport, upgraded or not _answered(self.cycle))

    def on_response_complete(self) -> None:
        self.known.busy(self.transport, False)
        super().on_response_complete()  # begins with the next request, where one waits
        self.known.busy(self.transport, not _answered(self.cycle))

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        self.known.remove(self.transport)
        super().connection_lost(exc)

    def _start(self) -> None:
        self._clock = self.loop.call_later(self.head_s, self._late)

    def _stop(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _late(self) -> None:
        self._clock = None
        self.known.give_up(self.transport)


def _protocol_of(connections: Connections, head_s: float) -> type[H11Protocol]:
    return type("Timed", (_Timed,), {"known": connections, "head_s": head_s})


def _send_at_once(transport: asyncio.Transport) -> None:
    """Switch off Nagle's algorithm (RFC 896), by which a body waits for the receipt of its head: 40 ms an answer.

    asyncio does so for sockets that name their protocol, which accepted ones don't.
    """
    link = transport.get_extra_info("socket")
    if link is not None and link.family in (socket.AF_INET, socket.AF_INET6):
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _answered(cycle: Any) -> bool:
    return cycle is None or bool(cycle.response_complete)
