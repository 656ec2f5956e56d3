"""Videos that are read in the background: one after the other, with progress, kept for a while, deleted on request.

Of the web framework it uses the errors that clients are told, nothing else.
"""

from __future__ import annotations

import asyncio
import io
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, final

from mien.app.server.problems import Problem
from mien.app.server.settings import Limits
from mien.app.server.uploads import Upload
from mien.core.errors import MienError

if TYPE_CHECKING:
    from mien.infer.analyzer import Analyzer

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


@final
class Jobs:
    """All videos of a service.

    Args:
        make: opens the models, for the thread that reads the videos.
        limits: how many and how long.

    """

    def __init__(self, make: Callable[[], Analyzer], limits: Limits) -> None:
        self._make = make
        self._limits = limits
        self._jobs: dict[str, Job] = {}
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="mien-video")
        self._analyzer: Analyzer | None = None
        self._tasks: set[asyncio.Task[None]] = set()

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
            raise Problem(503, "Too many videos wait already; try again later.", {"Retry-After": "10"})

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

    async def _run(self, job: Job, upload: Upload) -> None:
        with upload:
            try:
                await asyncio.get_running_loop().run_in_executor(self._executor, self._read, job, upload.path)
                job.state, job.progress = "done", 1.0
            except MienError as error:
                job.state, job.error = "failed", str(error).replace(upload.path, "The video")
            finally:
                job.state = "failed" if job.state in ("waiting", "reading") else job.state
                job.ended_s = time.monotonic()

    def _read(self, job: Job, path: str) -> None:
        """In the thread of the videos."""
        from mien.core.errors import VideoError
        from mien.media.plausible import Plausible
        from mien.media.source import open_source
        from mien.media.timeline import judged, rows

        if job.stop.is_set():
            return
        if self._analyzer is None:
            self._analyzer = self._make()
        job.state, job.labels = "reading", self._analyzer.labels
        longest_s = self._limits.video_s
        plausible = Plausible(self._analyzer.sure_score)
        with open_source(path, every_s=job.every_s) as source:
            job.duration_s, job.width, job.height = source.duration_s, source.width, source.height
            if source.width * source.height > self._limits.pixels:
                raise VideoError(f"The video has {source.width} x {source.height} pixels, more than the limit.")
            if source.duration_s is not None and source.duration_s > longest_s:
                raise VideoError(f"The video has {source.duration_s:.0f} s, more than the limit of {longest_s:g} s.")
            for frame, readings in self._analyzer.stream(source, max_faces=self._limits.faces):
                read_s = frame.time_s - source.first_s
                if job.stop.is_set():
                    return
                if read_s >= longest_s:  # it stated no length
                    break
                plausible.write(frame, readings)
                job.rows += rows(frame, readings)
                job.frames += 1
                if len(job.rows) > _MOST_ROWS:
                    raise VideoError(f"The video shows more than {_MOST_ROWS} faces, summed over its frames.")
                job.progress = min(read_s / source.duration_s, 1.0) if source.duration_s else None
            plausible.close()
            people = plausible.people()
            job.rows = [judged(row, people) for row in job.rows]
            job.notes = [note.replace(path, "The video") for note in source.notes]

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
