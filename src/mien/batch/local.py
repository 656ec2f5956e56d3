"""The engine of one machine: processes that are handed one chunk after the other.

Each process talks to this one through a pipe of its own, so that nothing is shared that a killed process could leave
locked, and a process whose parent is gone ends by itself. Chunks are handed out one by one: memory does not grow with
the job.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from mien.batch.parts import Done
from mien.batch.places import open_folder
from mien.batch.plan import Chunk
from mien.batch.settings import Settings
from mien.core import errors
from mien.core.errors import MienError, OutputError

__all__ = ["default_workers", "run_local"]

_QUIET_DEATHS = 3  # processes that may end before they are ready, before the job is given up


def default_workers() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_local(
    chunks: Iterator[Chunk], settings: Settings, folder: str, job: str, workers: int | None, count: int
) -> Generator[Done, None, None]:
    """Make the parts of chunks, in any order.

    A process that is killed, or that dies of an input, is replaced and its chunk is done again, watched; an input at
    which a process dies a second time gets a row with an error.

    Args:
        chunks: what to do.
        settings: how.
        folder: the result folder, path or address.
        job: the job's identity.
        workers: number of processes; None for one per processor, 0 to work in this one.
        count: number of chunks.

    Raises:
        MienError: a process met an error that ends the job.

    """
    if workers == 0:
        from mien.batch.core import Worker

        with closing(Worker(settings, open_folder(folder), job)) as worker:
            yield from map(worker.run, chunks)
        return
    with _Pool(settings, folder, job, min(workers or default_workers(), count)) as pool:
        yield from pool.work(chunks)


@dataclass(eq=False)
class _Task:
    """A chunk, and what is known from processes that died of it."""

    chunk: Chunk
    deaths: int = 0
    position: int = -1
    refused: set[int] = field(default_factory=set)


@dataclass(eq=False)
class _Worker:
    """One process: the pipe to it, and what it is doing."""

    process: BaseProcess
    pipe: Connection
    ready: bool = False
    task: _Task | None = None


class _Pool:
    def __init__(self, settings: Settings, folder: str, job: str, workers: int) -> None:
        # A fresh interpreter for each: forking a process that has threads and opened models is not safe.
        self._context = multiprocessing.get_context("spawn")
        self._start = (settings, folder, job)
        self._size = workers
        self._workers: list[_Worker] = []
        self._again: deque[_Task] = deque()
        self._quiet_deaths = 0

    def __enter__(self) -> _Pool:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.pipe.close()
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join()

    def work(self, chunks: Iterator[Chunk]) -> Iterator[Done]:
        tasks = self._tasks(chunks)
        waiting = next(tasks, None)
        while waiting is not None or any(worker.task for worker in self._workers):
            while len(self._workers) < self._size:
                self._spawn()
            while waiting is not None and (worker := self._idle()) is not None:
                if self._give(worker, waiting):
                    waiting = next(tasks, None)
            for pipe in wait([worker.pipe for worker in self._workers]):
                done = self._hear(next(worker for worker in self._workers if worker.pipe is pipe))
                if done is not None:
                    yield done
            if waiting is None:
                waiting = next(tasks, None)  # a chunk may have come back

    def _tasks(self, chunks: Iterator[Chunk]) -> Iterator[_Task]:
        """Chunks that came back from a process that died, before new ones; asks again after an end."""
        return _Endless(self._again, (_Task(chunk) for chunk in chunks))

    def _idle(self) -> _Worker | None:
        return next((worker for worker in self._workers if worker.ready and worker.task is None), None)

    def _spawn(self) -> None:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_work, args=(theirs, *self._start), daemon=True)
        process.start()
        theirs.close()
        self._workers.append(_Worker(process, ours))

    def _give(self, worker: _Worker, task: _Task) -> bool:
        try:
            worker.pipe.send((task.chunk, task.deaths > 0, frozenset(task.refused)))
        except OSError:
            self._reap(worker)
            return False
        worker.task, task.position = task, -1
        return True

    def _hear(self, worker: _Worker) -> Done | None:
        try:
            kind, value = worker.pipe.recv()
        except (EOFError, OSError):
            self._reap(worker)
            return None
        if kind == "error":
            raise _rebuilt(*value)
        if kind == "at" and worker.task is not None:
            worker.task.position = value
        elif kind == "ready":
            worker.ready, self._quiet_deaths = True, 0
        elif kind == "done":
            worker.task = None
            return value if isinstance(value, Done) else None
        return None

    def _reap(self, worker: _Worker) -> None:
        """A process is gone: keep its chunk, and what it died of when it was watched."""
        self._workers.remove(worker)
        worker.pipe.close()
        worker.process.join()
        if not worker.ready:
            self._quiet_deaths += 1
            if self._quiet_deaths >= _QUIET_DEATHS:
                code = worker.process.exitcode
                raise OutputError(
                    f"The processes end (status {code}) before they have read anything; is there too little memory?"
                )
        task = worker.task
        if task is not None:
            if task.deaths and task.position >= 0:
                task.refused.add(task.position)
            task.deaths += 1
            self._again.append(task)


class _Endless(Iterator[_Task]):
    """Tasks that came back, then new ones; it may go on after it ended, when one has come back."""

    def __init__(self, back: deque[_Task], new: Iterator[_Task]) -> None:
        self._back, self._new = back, new

    def __next__(self) -> _Task:
        return self._back.popleft() if self._back else next(self._new)


def _work(pipe: Connection, settings: Settings, folder: str, job: str) -> None:
    """What a process does: parts for chunks, until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is told, and ends this process
    with contextlib.suppress(EOFError, OSError):
        try:
            _serve(pipe, settings, folder, job)
        except MienError as error:
            pipe.send(("error", (type(error).__name__, str(error))))


def _serve(pipe: Connection, settings: Settings, folder: str, job: str) -> None:
    from mien.batch.core import Worker

    worker = Worker(settings, open_folder(folder), job)
    pipe.send(("ready", None))
    while True:
        chunk, watched, refused = pipe.recv()

        def tell(position: int) -> None:
            pipe.send(("at", position))

        pipe.send(("done", worker.run(chunk, tell if watched else None, refused)))


def _rebuilt(name: str, text: str) -> MienError:
    """An error as another process raised it, whatever its constructor takes."""
    kind: type[MienError] = getattr(errors, name, MienError)
    error = kind.__new__(kind)
    error.args = (text,)
    return error
