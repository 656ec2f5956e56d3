"""Workers that read pictures: each a thread with models of its own, and a bounded number of pictures that wait.

Knows no web framework beyond the error that says "busy".
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from mien.app.server.problems import Problem

if TYPE_CHECKING:
    from mien.infer.analyzer import Analyzer

__all__ = ["Pool", "Worker"]

_T = TypeVar("_T")


class Worker:
    """One thread with one analyzer; what it is given is done one after the other."""

    def __init__(self, make: Callable[[], Analyzer], number: int) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=f"mien-read-{number}")
        self._make = make
        self._analyzer: Analyzer | None = None
        self.waiting = 0
        """Pieces of work that wait or are being done."""

    @property
    def analyzer(self) -> Analyzer:
        """The worker's analyzer; to be used inside its thread only, but for facts that never change."""
        if self._analyzer is None:
            raise Problem(503, "The models are still being loaded; try again in a moment.", {"Retry-After": "1"})
        return self._analyzer

    async def load(self) -> None:
        """Open the models."""
        self._analyzer = await asyncio.get_running_loop().run_in_executor(self._executor, self._make)

    async def run(self, work: Callable[[Analyzer], _T]) -> _T:
        """Do a piece of work in the worker's thread."""
        analyzer = self.analyzer
        self.waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, work, analyzer)
        finally:
            self.waiting -= 1

    def close(self) -> None:
        """Do what is being done to its end, and drop what waits."""
        self._executor.shutdown(wait=True, cancel_futures=True)


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
