"""Workers that read pictures: each a thread with models of its own, and a bounded number of pictures that wait.

Of the web framework it uses the error that says "busy", nothing else.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Literal, TypeVar

from mien.app.server.problems import Problem

if TYPE_CHECKING:
    from mien.infer.analyzer import Analyzer

__all__ = ["Pool", "Worker"]

_T = TypeVar("_T")
Lane = Literal["picture", "live"]


class Worker:
    """One thread with one analyzer and two lanes, pictures and live frames, which take turns while both have work.

    Within a lane the first come is the first served. So a crowd of pictures does not stop live pictures, nor the other
    way round.
    """

    def __init__(self, make: Callable[[], Analyzer], number: int) -> None:
        self._make = make
        self._analyzer: Analyzer | None = None
        self._lanes: dict[Lane, deque[Callable[[], None]]] = {"picture": deque(), "live": deque()}
        self._last: Lane = "live"
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name=f"mien-read-{number}", daemon=True)
        self.waiting = 0
        """Pieces of work that wait or are being done."""

    @property
    def analyzer(self) -> Analyzer:
        """The worker's analyzer; to be used inside its thread only, but for facts that never change.

        Raises:
            Problem: the models are not loaded yet.

        """
        if self._analyzer is None:
            raise Problem(503, "The models are still being loaded; try again in a moment.", {"Retry-After": "1"})
        return self._analyzer

    async def load(self) -> None:
        """Open the models and begin to work."""
        self._analyzer = await asyncio.to_thread(self._make)
        self._thread.start()

    async def run(self, work: Callable[[Analyzer], _T], lane: Lane = "picture") -> _T:
        """Do a piece of work in the worker's thread; what has not begun is dropped when the caller is cancelled.

        Raises:
            Problem: the models are not loaded yet, or the service is being stopped.

        """
        analyzer = self.analyzer
        future: Future[_T] = Future()

        def step() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(work(analyzer))
            except BaseException as error:  # noqa: BLE001 - raised again where the work was asked for
                future.set_exception(error)

        with self._changed:
            if self._closed:
                raise Problem(503, "The service is being stopped.")
            self._lanes[lane].append(step)
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

    def _work(self) -> None:
        while (step := self._next()) is not None:
            step()

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or any(self._lanes.values()))
            if self._closed:
                return None
            other: Lane = "picture" if self._last == "live" else "live"
            self._last = other if self._lanes[other] else self._last
            return self._lanes[self._last].popleft()


class Pool:
    """Several workers.

    Args:
        make: opens the models; called once in each worker's thread.
        workers: how many.
        most_waiting: pieces of work that may wait or be done; further ones are refused.

    """

    def __init__(self, make: Callable[[], Analyzer], workers: int, most_waiting: int) -> None:
        self._workers = [Worker(make, i) for i in range(workers)]
        self._most_waiting = most_waiting
        self._pinned = 0
        self.ready = False
        """Whether all models are loaded and nothing has been closed."""

    @property
    def waiting(self) -> int:
        """Pieces of work that wait or are being done."""
        return sum(worker.waiting for worker in self._workers)

    @property
    def first(self) -> Worker:
        """A worker, for facts about the models."""
        return self._workers[0]

    async def load(self) -> None:
        """Open the models of all workers."""
        await asyncio.gather(*(worker.load() for worker in self._workers))
        self.ready = True

    async def run(self, work: Callable[[Analyzer], _T]) -> _T:
        """Do a piece of work on the worker that has least to do.

        Raises:
            Problem: 503 when too many wait already.

        """
        if self.waiting >= self._most_waiting:
            raise Problem(503, "Too many pictures wait already; try again in a moment.", {"Retry-After": "1"})
        return await min(self._workers, key=lambda worker: worker.waiting).run(work)

    def pin(self) -> Worker:
        """A worker that stays the same for a live connection, each in turn."""
        self._pinned += 1
        return self._workers[self._pinned % len(self._workers)]

    async def close(self) -> None:
        """Stop all workers."""
        self.ready = False
        await asyncio.gather(*(asyncio.to_thread(worker.close) for worker in self._workers))
