"""A video, frame by frame, to updates of its job; done where the models are. The updates can be pickled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mien.core.errors import VideoError

if TYPE_CHECKING:
    from mien.app.server.work.reading import Models

__all__ = ["Bounds", "Ended", "Opened", "Read", "read_video"]


@dataclass(frozen=True)
class Bounds:
    """How a video is read, and how much of it."""

    every_s: float
    longest_s: float
    most_pixels: int
    most_faces: int


@dataclass(frozen=True)
class Opened:
    """The video was opened."""

    labels: tuple[str, ...]
    duration_s: float | None
    width: int
    height: int


@dataclass(frozen=True)
class Read:
    """A frame was read."""

    rows: list[dict[str, Any]]
    progress: float | None


@dataclass(frozen=True)
class Ended:
    """The whole video was read."""

    people: frozenset[int | None]
    """Tracks that are people."""
    notes: tuple[str, ...]


def read_video(bounds: Bounds, models: Models, path: str) -> Iterator[Opened | Read | Ended]:
    """Updates of a job from its first frame to its last.

    Raises:
        VideoError: it cannot be read, or is larger or longer than it may be.

    """
    from mien.media.plausible import Plausible
    from mien.media.source import open_source
    from mien.media.timeline import rows

    analyzer = models.analyzer
    plausible = Plausible(analyzer.sure_score)
    with open_source(path, every_s=bounds.every_s) as source:
        yield Opened(tuple(analyzer.labels), source.duration_s, source.width, source.height)
        if source.width * source.height > bounds.most_pixels:
            raise VideoError(f"The video has {source.width} x {source.height} pixels, more than the limit.")
        if source.duration_s is not None and source.duration_s > bounds.longest_s:
            raise VideoError(f"The video has {source.duration_s:.0f} s, more than the limit of {bounds.longest_s:g} s.")
        for frame, readings in analyzer.stream(source, max_faces=bounds.most_faces):
            read_s = frame.time_s - source.first_s
            if read_s >= bounds.longest_s:  # it stated no length
                break
            plausible.write(frame, readings)
            yield Read(list(rows(frame, readings)), min(read_s / source.duration_s, 1.0) if source.duration_s else None)
        plausible.close()
        yield Ended(frozenset(plausible.people()), tuple(note.replace(path, "The video") for note in source.notes))
