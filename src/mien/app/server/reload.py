"""The service as it is run: it takes other settings and models on SIGHUP, while open requests finish with the old ones.

New models are opened beside the old ones, then further requests go to them. What belongs to the process goes on:
videos and their results, counters, rates, connections. Settings that cannot be read, and models that cannot be opened,
change nothing.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from mien.app.server.app import create_app
from mien.app.server.service import Service
from mien.app.server.settings import Settings
from mien.core.errors import MienError

__all__ = ["KEPT", "Reloading"]

KEPT = ("host", "port", "proxies", "otel", "data", "data_samples")
"""Settings that hold until the process ends."""
KEPT_LIMITS = ("connections", "connections_per_address", "head_s", "frame_bytes")

_log = logging.getLogger("mien.server")
_LIVE_S = 600.0  # for live connections to end by themselves after a reload
_END_S = 30.0  # for requests to end when the live connections have been closed


@dataclass(eq=False)
class _Generation:
    """A service with some settings and what is open in it."""

    app: FastAPI
    open: int = 0

    @property
    def service(self) -> Service:
        """The application's service."""
        service: Service = self.app.state.service
        return service


@final
class Reloading:
    """An ASGI application that hands each request to the newest service.

    Args:
        settings: the first ones.
        read_again: gives the settings anew.

    """

    def __init__(self, settings: Settings, read_again: Callable[[], Settings]) -> None:
        self._read_again = read_again
        self._now = _Generation(create_app(settings))
        self._tasks: set[asyncio.Task[None]] = set()
        self._lock = asyncio.Lock()

    @property
    def service(self) -> Service:
        """The newest service."""
        return self._now.service

    @property
    def app(self) -> FastAPI:
        """The newest application."""
        return self._now.app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, a live connection, or the life of the process."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        generation = self._now
        generation.open += 1
        try:
            await generation.app(scope, receive, send)
        finally:
            generation.open -= 1

    async def reload(self) -> bool:
        """Take the settings anew; whether it was possible."""
        async with self._lock:
            old = self._now
            try:
                settings = kept(await asyncio.to_thread(self._read_again), old.service.settings)
                new = _Generation(create_app(settings, old.service))
                await new.service.start()
            except MienError as error:
                _log.error("Not reloaded, the old settings hold: %s", error)
                old.service.metrics.count("mien_reloads_total", result="refused")
                return False
            new.service.take_over()
            self._now = new
            old.service.metrics.count("mien_reloads_total", result="done")
            _log.warning("Reloaded; open requests finish with the old settings.")
        task = asyncio.create_task(_retire(old))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self.service.start()
        except MienError as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        self._listen()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.service.stop()
        await send({"type": "lifespan.shutdown.complete"})

    def _listen(self) -> None:
        """SIGHUP reloads; where it says that our terminal is gone it ends the service, as it does other programs."""
        if not hasattr(signal, "SIGHUP") or threading.current_thread() is not threading.main_thread():
            return
        had_terminal = _terminal()

        def come() -> None:
            if had_terminal and not _terminal():
                signal.raise_signal(signal.SIGTERM)
                return
            task = asyncio.create_task(self._reload_quietly())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, come)

    async def _reload_quietly(self) -> None:
        await self.reload()


async def _retire(old: _Generation) -> None:
    """Let the models of a service go when nothing is open in it any more."""
    try:
        if not await _empty(old, _LIVE_S):
            old.service.retired.set()
            await _empty(old, _END_S)
    finally:
        await old.service.pool.close()


async def _empty(old: _Generation, seconds: float) -> bool:
    end = asyncio.get_running_loop().time() + seconds
    while old.open and asyncio.get_running_loop().time() < end:
        await asyncio.sleep(0.1)
    return not old.open


def kept(new: Settings, old: Settings) -> Settings:
    """The new settings, but for those that hold until the process ends; a line in the log names the latter."""
    differing = [name for name in KEPT if getattr(new, name) != getattr(old, name)]
    limits = [name for name in KEPT_LIMITS if getattr(new.limits, name) != getattr(old.limits, name)]
    if differing or limits:
        _log.warning("These change with a restart only: %s.", ", ".join(differing + limits))
    same_limits = replace(new.limits, **{name: getattr(old.limits, name) for name in KEPT_LIMITS})
    return replace(new, limits=same_limits, **{name: getattr(old, name) for name in KEPT})


def _terminal() -> bool:
    """Whether the process has a terminal."""
    try:
        with Path("/dev/tty").open("rb"):
            return True
    except OSError:
        return False
