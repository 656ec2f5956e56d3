"""What the routes share: settings, workers, videos, counters; started and stopped with the process."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, cast, final

from starlette.requests import HTTPConnection

from mien.app.server.connections import REASONS, Connections
from mien.app.server.dataset import Dataset, open_dataset
from mien.app.server.problems import Problem
from mien.app.server.settings import Settings
from mien.app.server.traffic import Traffic
from mien.app.server.watch.metrics import Metrics
from mien.app.server.watch.traces import Traces
from mien.app.server.work.homes import Apart, Here, Home
from mien.app.server.work.jobs import Jobs
from mien.app.server.work.pool import Pool
from mien.app.server.work.reading import Facts, Models
from mien.app.server.work.uploads import sweep
from mien.core.errors import unknown_name
from mien.infer.registry import entries

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Service", "service_of"]


@final
class Service:
    """The running service with some settings.

    Args:
        settings: what it was told.
        before: the service whose place it takes in the same process: videos, counters and what is open go on.

    """

    def __init__(self, settings: Settings, before: Service | None = None) -> None:
        self.settings = settings
        self.metrics: Metrics = Metrics() if before is None else before.metrics
        self.traffic: Traffic = Traffic(settings) if before is None else before.traffic
        self.pool = Pool(
            [self._home() for _ in range(settings.workers)],
            settings.limits.clients,
            partial(self.metrics.time, "mien_queue_seconds"),
        )
        self.jobs: Jobs = Jobs(self._home(), settings.limits) if before is None else before.jobs
        self.traces: Traces | None = before.traces if before is not None else Traces() if settings.otel else None
        self.data: Dataset | None = before.data if before is not None else _data_of(settings)
        """The data set of the Data tab."""
        self.retired = asyncio.Event()
        """Set when live connections must end, because another service has taken the place."""

    @property
    def connections(self) -> Connections:
        """All open connections."""
        return self.traffic.connections

    async def start(self) -> None:
        """Load the models; a service that takes another's place takes it now."""
        sweep()
        await self.pool.load()
        self.traffic.rates.change(self.settings.limits.requests_per_minute)
        self._show()

    def take_over(self) -> None:
        """Read the next videos with these settings."""
        self.jobs.renew(self._home(), self.settings.limits)

    async def stop(self) -> None:
        """Finish what is being read, drop what waits, delete every temporary file."""
        await self.jobs.close()
        await self.pool.close()
        if self.traces is not None:
            await asyncio.to_thread(self.traces.close)

    def model_facts(self) -> Mapping[str, Any]:
        """What `/v1/model` answers."""
        return self.facts.told

    @property
    def facts(self) -> Facts:
        """What is known of the models."""
        return self.pool.facts

    def chosen(self, model: str | None) -> str | None:
        """The packaged model that a request asks for; None for the usual one.

        Raises:
            Problem: 422, no packaged model has this name.

        """
        if model is None or model == self.settings.reading.model:
            return None
        names = [entry.name for entry in entries("expression")]
        if model not in names:
            raise Problem(422, f"model: {unknown_name('model', model, names)}")
        return model

    def _home(self) -> Home:
        """One worker needs no process of its own; several have one each, and the videos another."""
        if self.settings.workers == 1:
            return Here(partial(Models, self.settings.reading))
        return Apart(self.settings.reading, partial(self.metrics.count, "mien_worker_restarts_total"))

    def _show(self) -> None:
        """Gauges, each read when somebody looks."""
        gauge, traffic = self.metrics.gauge, self.traffic
        gauge("mien_connections", lambda: len(traffic.connections))
        for why in REASONS:
            closed = partial(traffic.connections.closed.__getitem__, why)
            gauge("mien_connections_closed_total", closed, why=why)
        gauge("mien_open", lambda: traffic.open)
        gauge("mien_live_connections", lambda: traffic.live)
        gauge("mien_waiting", lambda: self.pool.waiting)
        gauge("mien_queue_length", lambda: self.pool.queued, queue="picture")
        gauge("mien_queue_age_seconds", lambda: self.pool.oldest_s, queue="picture")
        gauge("mien_queue_length", lambda: self.jobs.queued, queue="video")
        gauge("mien_queue_age_seconds", lambda: self.jobs.oldest_s, queue="video")
        gauge("mien_video_jobs", lambda: self.jobs.waiting)
        gauge("mien_workers", lambda: len(self.pool.workers))


def _data_of(settings: Settings) -> Dataset | None:
    return None if settings.data is None else open_dataset(settings.data, settings.data_samples)


def service_of(connection: HTTPConnection) -> Service:
    """The service that a request or live connection belongs to."""
    return cast(Service, connection.app.state.service)
