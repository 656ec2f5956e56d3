"""Videos that are read in the background: one after the other, with progress, kept for a while, deleted on request.

Of the web framework it uses the errors that clients are told, nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, final

from mien.app.server.problems import Problem
from mien.app.server.settings import Limits
from mien.app.server.work.filming import Bounds, Ended, Opened, Read, read_video
from mien.app.server.work.homes import Home
from mien.app.server.work.uploads import Upload
from mien.core.errors import MienError, VideoError

__all__ = ["Job", "Jobs", "timeline_text"]

_MOST_KEPT = 16  # results; then the oldest is forgotten before its time
_MOST_ROWS = 100_000  # faces over all frames of one video: about 400 MB

State = Literal["waiting", "reading", "done", "failed"]


@dataclass(eq=False)
class Job:
    """One video."""

    every_s: float
    id: str = field(default_factory=lambda: secrets.token_urlsafe(18))
    """Cannot be guessed; whoever knows it may read and delete the job."""
    state: State = "waiting"
    progress: float | None = 0.0
    frames: int = 0
    duration_s: float | None = None
    width: int | None = None
    height: int | None = None
    labels: tuple[str, ...] = ()
    rows: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    error: str | None = None
    came_s: float = field(default_factory=time.monotonic)
    ended_s: float | None = None
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def open(self) -> bool:
        """Whether it still waits or is being read."""
        return self.ended_s is None

    def to_dict(self) -> dict[str, Any]:
        """State for the client."""
        names = ("id", "state", "progress", "frames", "duration_s", "width", "height", "notes", "error")
        return {name: getattr(self, name) for name in names} | {"faces": len(self.rows)}

    def take(self, update: Opened | Read | Ended) -> None:
        """Take in what was read.

        Raises:
            VideoError: it shows too many faces.

        """
        from mien.media.timeline import judged

        if isinstance(update, Opened):
            self.labels, self.duration_s = update.labels, update.duration_s
            self.width, self.height = update.width, update.height
        elif isinstance(update, Read):
            self.rows += update.rows
            self.frames += 1
            self.progress = update.progress
            if len(self.rows) > _MOST_ROWS:
                raise VideoError(f"The video shows more than {_MOST_ROWS} faces, summed over its frames.")
        else:
            self.rows = [judged(row, update.people) for row in self.rows]
            self.notes = list(update.notes)


@final
class Jobs:
    """All videos of a service.

    Args:
        home: where the models for videos live; they are opened for the first video.
        limits: how many and how long.

    """

    def __init__(self, home: Home, limits: Limits) -> None:
        self._home = self._next_home = home
        self._limits = limits
        self._jobs: dict[str, Job] = {}
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="mien-video")
        self._tasks: set[asyncio.Task[None]] = set()

    def renew(self, home: Home, limits: Limits) -> None:
        """Read the next videos elsewhere and within other limits; one that is being read is read to its end."""
        self._next_home, self._limits = home, limits

    @property
    def queued(self) -> int:
        """Videos that wait."""
        return sum(job.state == "waiting" for job in self._jobs.values())

    @property
    def oldest_s(self) -> float:
        """Seconds for which the first of the videos that wait has waited; 0 when none does."""
        since = [job.came_s for job in self._jobs.values() if job.state == "waiting"]
        return time.monotonic() - min(since) if since else 0.0

    @property
    def waiting(self) -> int:
        """Videos that wait or are being read."""
        return sum(job.open for job in self._jobs.values())

    def check_room(self) -> None:
        """Refuse a further video when too many wait.

        Raises:
            Problem: 503.

        """
        self._forget_old()
        if self.waiting >= self._limits.jobs:
            raise Problem(503, "Too many videos wait already; try again later.", {"Retry-After": "10"}, reason="jobs")

    def start(self, upload: Upload, every_s: float) -> Job:
        """Read a video in the background; the upload is closed, and so deleted, when it has been read or given up."""
        try:
            self.check_room()
        except Problem:
            upload.close()
            raise
        job = Job(every_s)
        self._jobs[job.id] = job
        task = asyncio.create_task(self._run(job, upload))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return job

    def get(self, job_id: str) -> Job:
        """A job by its id.

        Raises:
            Problem: 404.

        """
        self._forget_old()
        job = self._jobs.get(job_id)
        if job is None:
            raise Problem(404, "There is no such video here; results are kept for a while only.")
        return job

    def delete(self, job_id: str) -> None:
        """Stop reading a video and forget it.

        Raises:
            Problem: 404.

        """
        self.get(job_id).stop.set()
        del self._jobs[job_id]

    async def close(self) -> None:
        """Stop all videos; their files are gone afterwards."""
        for job in self._jobs.values():
            job.stop.set()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._jobs.clear()
        await asyncio.to_thread(self._executor.shutdown)
        await asyncio.to_thread(self._home.close)

    async def _run(self, job: Job, upload: Upload) -> None:
        with upload:
            try:
                await asyncio.get_running_loop().run_in_executor(self._executor, self._read, job, upload)
                job.state, job.progress = "done", 1.0
            except MienError as error:
                job.state, job.error = "failed", error.about("The video")
            finally:
                job.state = "failed" if job.state in ("waiting", "reading") else job.state
                job.ended_s = time.monotonic()

    def _read(self, job: Job, upload: Upload) -> None:
        """In the thread of the videos."""
        if job.stop.is_set():
            return
        if self._home is not self._next_home:
            self._home.close()
            self._home = self._next_home
        job.state, limits = "reading", self._limits
        bounds = Bounds(job.every_s, limits.video_s, limits.pixels, limits.faces)
        with contextlib.closing(self._home.stream(partial(read_video, bounds), upload)) as updates:
            for update in updates:
                if job.stop.is_set():
                    return
                job.take(update)

    def _forget_old(self) -> None:
        now = time.monotonic()
        ended = [(job.ended_s, job.id) for job in self._jobs.values() if job.ended_s is not None]
        for place, (ended_s, job_id) in enumerate(sorted(ended, reverse=True)):
            if now - ended_s > self._limits.job_keep_s or place >= _MOST_KEPT:
                del self._jobs[job_id]


def timeline_text(job: Job, kind: Literal["csv", "jsonl"]) -> str:
    """The rows of a video as text.

    Args:
        job: a video that has been read.
        kind: the format.

    """
    from mien.core.cells import TEXT_FORMATS
    from mien.media.columns import columns

    file = io.StringIO()
    writer = TEXT_FORMATS[kind](file, columns(job.labels))
    for row in job.rows:
        writer.write(row)
    return file.getvalue()
