"""Workers that read pictures: each a thread before models of its own, and a bounded number of pictures that wait.

The models live in the same process or in one of their own (`mien.app.server.work.homes`); order, limits and counting
are here, in the one process that also speaks HTTP, and so are the same for all workers.

Of the web framework it uses the error that says "busy", nothing else.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from mien.app.server.problems import Problem
from mien.app.server.work.homes import ENDED, Home
from mien.app.server.work.reading import Facts, facts_of
from mien.core.errors import MienError, ServiceError

__all__ = ["Pool", "Worker"]

_T = TypeVar("_T")
Lane = Literal["picture", "live"]

_log = logging.getLogger("mien.server")
_LOADING = "The models are still being loaded; try again in a moment."


@dataclass(frozen=True)
class _Step:
    """A piece of work that waits, and since when."""

    run: Callable[[], None]
    since_s: float


class Worker:
    """One thread before one set of models; two lanes, pictures and live frames, take turns while both have work.

    Within a lane the first come is the first served. So a crowd of pictures does not stop live pictures, nor the other
    way round.

    Args:
        home: where the models live.
        number: for the thread's name.
        waited: told the seconds that each piece of work has waited.

    """

    def __init__(self, home: Home, number: int, waited: Callable[[float], None] = lambda seconds: None) -> None:
        self.home = home
        self._waited = waited
        self._lanes: dict[Lane, deque[_Step]] = {"picture": deque(), "live": deque()}
        self._last: Lane = "live"
        self._changed = threading.Condition()
        self._closed = False
        self._loaded = False
        self._thread = threading.Thread(target=self._work, name=f"mien-read-{number}", daemon=True)
        self.waiting = 0
        """Pieces of work that wait or are being done."""

    @property
    def queued(self) -> int:
        """Pieces of work that have not begun."""
        return sum(map(len, self._lanes.values()))

    @property
    def oldest_s(self) -> float:
        """Seconds for which the first of them has waited; 0 when none waits."""
        with self._changed:
            since = [lane[0].since_s for lane in self._lanes.values() if lane]
        return time.monotonic() - min(since) if since else 0.0

    async def load(self) -> None:
        """Open the models and begin to work."""
        await asyncio.to_thread(self.home.look_after)
        self._loaded = True
        self._thread.start()

    async def run(self, work: Callable[[Any], _T], lane: Lane = "picture") -> _T:
        """Do a piece of work where the models are; what has not begun is dropped when the caller is cancelled.

        Raises:
            Problem: the models are not loaded yet, or the service is being stopped.
            ServiceError: the process that did it ended (code `ended_process`).

        """
        if not self._loaded:
            raise Problem(503, _LOADING, {"Retry-After": "1"}, reason="loading")
        future: Future[_T] = Future()

        def step() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(self.home.do(work))
            except BaseException as error:  # noqa: BLE001 - raised again where the work was asked for
                future.set_exception(error)

        with self._changed:
            if self._closed:
                raise Problem(503, "The service is being stopped.", reason="stopping")
            self._lanes[lane].append(_Step(step, time.monotonic()))
            self._changed.notify()
        self.waiting += 1
        try:
            return await asyncio.wrap_future(future)
        finally:
            self.waiting -= 1

    def close(self) -> None:
        """Finish what is being done; what waits is never done."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join()
        self.home.close()

    def _work(self) -> None:
        while not self._closed:
            step = self._next()
            if step is None:
                self._look_after()
            else:
                self._waited(time.monotonic() - step.since_s)
                step.run()

    def _look_after(self) -> None:
        """Start the models' process again where it has ended while it had nothing to do."""
        try:
            if not self._closed:
                self.home.look_after()
        except MienError as error:
            _log.error("A worker cannot be started again: %s", error)

    def _next(self) -> _Step | None:
        """The next piece of work; None when there is none for a while, or when the worker is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or any(self._lanes.values()), self.home.look_s)
            if self._closed or not any(self._lanes.values()):
                return None
            other: Lane = "picture" if self._last == "live" else "live"
            self._last = other if self._lanes[other] else self._last
            return self._lanes[self._last].popleft()


class Pool:
    """Several workers.

    Args:
        homes: where the models of each worker live.
        most_waiting: pieces of work that may wait or be done; further ones are refused.
        waited: told the seconds that each piece of work has waited.

    """

    def __init__(
        self, homes: Sequence[Home], most_waiting: int, waited: Callable[[float], None] = lambda seconds: None
    ) -> None:
        self._workers = [Worker(home, i, waited) for i, home in enumerate(homes)]
        self._most_waiting = most_waiting
        self._pinned = 0
        self._facts: Facts | None = None
        self.ready = False
        """Whether all models are loaded and nothing has been closed."""

    @property
    def waiting(self) -> int:
        """Pieces of work that wait or are being done."""
        return sum(worker.waiting for worker in self._workers)

    @property
    def queued(self) -> int:
        """Pieces of work that have not begun."""
        return sum(worker.queued for worker in self._workers)

    @property
    def oldest_s(self) -> float:
        """Seconds for which the first of them has waited."""
        return max(worker.oldest_s for worker in self._workers)

    @property
    def workers(self) -> Sequence[Worker]:
        """All of them."""
        return self._workers

    @property
    def facts(self) -> Facts:
        """What is known of the models.

        Raises:
            Problem: they are not loaded yet.

        """
        if self._facts is None:
            raise Problem(503, _LOADING, {"Retry-After": "1"}, reason="loading")
        return self._facts

    async def load(self) -> None:
        """Open the models of all workers."""
        await asyncio.gather(*(worker.load() for worker in self._workers))
        self._facts = await self._workers[0].run(facts_of)
        self.ready = True

    async def run(self, work: Callable[[Any], _T]) -> _T:
        """Do a piece of work on the worker that has least to do; once more, should its process end meanwhile.

        Raises:
            Problem: 503 when too many wait already; 500 when the process ended twice.

        """
        if self.waiting >= self._most_waiting:
            told = "Too many pictures wait already; try again in a moment."
            raise Problem(503, told, {"Retry-After": "1"}, reason="queue")
        for _ in range(2):
            try:
                return await min(self._workers, key=lambda worker: worker.waiting).run(work)
            except ServiceError as error:
                if str(error.code) != ENDED:
                    raise
        raise Problem(
            500, "The process that read this ended unexpectedly, twice; it has been started again.", code=ENDED
        )

    def pin(self) -> Worker:
        """A worker that stays the same for a live connection, each in turn."""
        self._pinned += 1
        return self._workers[self._pinned % len(self._workers)]

    async def close(self) -> None:
        """Stop all workers."""
        self.ready = False
        await asyncio.gather(*(asyncio.to_thread(worker.close) for worker in self._workers))
