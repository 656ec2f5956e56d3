"""What the routes share: settings, workers, videos, counters; started and stopped with the process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast, final

from starlette.requests import HTTPConnection

from mien.app.server.connections import REASONS, Connections
from mien.app.server.jobs import Jobs
from mien.app.server.metrics import Metrics
from mien.app.server.pool import Pool
from mien.app.server.problems import Problem
from mien.app.server.settings import Settings
from mien.app.server.uploads import sweep
from mien.core.errors import unknown_name
from mien.infer.registry import entries

if TYPE_CHECKING:
    from mien.infer.analyzer import Analyzer

__all__ = ["Service", "service_of"]


@final
class Service:
    """The running service.

    Args:
        settings: what it was told.

    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.pool = Pool(self._analyzer, settings.workers, settings.limits.clients)
        self.jobs = Jobs(self._analyzer, settings.limits)
        limits = settings.limits
        self.connections = Connections(limits.connections, limits.connections_per_address, settings.proxies)
        self._others: dict[tuple[int, str], Analyzer] = {}
        self._facts: Mapping[str, Any] = {}
        self.live = 0
        """Live connections that are open."""
        self.metrics.gauge("mien_connections", lambda: len(self.connections))
        for why in REASONS:
            self.metrics.gauge(
                "mien_connections_closed_total", partial(self.connections.closed.__getitem__, why), why=why
            )
        self.metrics.gauge("mien_waiting", lambda: self.pool.waiting)
        self.metrics.gauge("mien_video_jobs", lambda: self.jobs.waiting)
        self.metrics.gauge("mien_live_connections", lambda: self.live)

    async def start(self) -> None:
        """Load the models."""
        from mien.app.server.pagefiles import model_facts
        from mien.infer.plug import model_file

        sweep()
        await self.pool.load()
        analyzer = self.pool.first.analyzer
        self._facts = await asyncio.to_thread(
            model_facts, model_file(analyzer.classifier), analyzer.detector.name, analyzer.uncertain_below
        )

    async def stop(self) -> None:
        """Finish what is being read, drop what waits, delete every temporary file."""
        await self.jobs.close()
        await self.pool.close()

    def model_facts(self) -> Mapping[str, Any]:
        """What `/v1/model` answers."""
        return self._facts

    def reader(self, model: str | None) -> Callable[[Analyzer], Analyzer]:
        """What turns a worker's analyzer into one with another packaged model, which is opened when it is first used.

        Raises:
            Problem: 422, no packaged model has this name.

        """
        if model is None or model == self.settings.reading.model:
            return lambda analyzer: analyzer
        names = [entry.name for entry in entries("expression")]
        if model not in names:
            raise Problem(422, f"model: {unknown_name('model', model, names)}")
        return lambda analyzer: self._with_model(analyzer, model)

    def _with_model(self, analyzer: Analyzer, model: str) -> Analyzer:
        """In a worker's thread; every worker has its own."""
        from mien.infer.analyzer import Analyzer

        key = (id(analyzer), model)
        if key not in self._others:
            self._others[key] = Analyzer.of(replace(analyzer.options, model=model, detector=analyzer.detector))
        return self._others[key]

    def _analyzer(self) -> Analyzer:
        from mien.infer.analyzer import Analyzer

        return Analyzer.of(self.settings.reading)


def service_of(connection: HTTPConnection) -> Service:
    """The service that a request or live connection belongs to."""
    return cast(Service, connection.app.state.service)
