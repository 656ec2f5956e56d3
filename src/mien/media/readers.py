"""Where pictures come from: what every reader of a source offers, and the reader of cameras.

`mien.media.source` chooses a reader, and turns what it gives into frames; `mien.media.video_reader` reads videos and
streams, `mien.media.pictures` picture files.
Start, end and step are left to `mien.media.source`.
"""

from __future__ import annotations

import math
import time
from typing import Protocol

import cv2
import numpy as np

from mien.core.errors import VideoError
from mien.core.types import Image
from mien.media.opencv import quiet

__all__ = ["USUAL_FPS", "CameraReader", "Reader", "sane_count", "sane_fps", "three_channels"]

USUAL_FPS = 25.0
"""Stands in where neither a time stamp nor a frame rate can be used."""

_LAST_CAMERA = 99  # OpenCV takes hundreds for kinds of drivers, and crashes on -1


class Reader(Protocol):
    """A source of pictures in order."""

    name: str
    live: bool
    fps: float | None
    """Frames per second as the source states them, or None; may be wrong for a variable rate."""
    frame_count: int | None
    """Number of frames as the source states it, or None; may be wrong."""

    @property
    def notes(self) -> list[str]:
        """Sentences about what was not as it should be, for people."""
        ...

    @property
    def gap_s(self) -> float:
        """How long a live source had broken off before the picture that was grabbed last."""
        ...

    @property
    def start_s(self) -> float:
        """Time of the first picture of the whole source, as far as it is known."""
        ...

    @property
    def clock_s(self) -> float:
        """Time at which players begin to count."""
        ...

    def grab(self) -> float | None:
        """Go to the next picture: its time in seconds, or None at the end."""
        ...

    def picture(self) -> Image | None:
        """The picture that was grabbed last, (H, W, 3) uint8 BGR, or None when it is damaged."""
        ...

    def place(self) -> str:
        """Where the picture that was grabbed last is from, for people: a file's name, or a time."""
        ...

    def seek(self, time_s: float) -> None:
        """Skip quickly to a place at or before `time_s`; going nowhere is allowed."""
        ...

    def close(self) -> None:
        """Let go of the file or device; may be called twice."""
        ...


class CameraReader:
    """A camera of this machine; time runs from the moment it was opened.

    Raises:
        VideoError: there is no such camera, another program has it, or it stops.

    """

    live = True
    frame_count: int | None = None
    start_s = clock_s = gap_s = 0.0

    def __init__(self, number: int) -> None:
        if not 0 <= number <= _LAST_CAMERA:
            raise VideoError(f"Expected the number of a camera, 0 to {_LAST_CAMERA}, got {number}.")
        self.name = f"camera {number}"
        self.notes: list[str] = []
        with quiet():
            self._capture = cv2.VideoCapture(number)
        if not self._capture.isOpened():
            raise VideoError(
                f"Camera {number}",
                "could not be opened; check that it is connected, that this program may use it "
                "and that no other program does, or name another number.",
                code="unreadable",
            )
        self.fps = sane_fps(self._capture.get(cv2.CAP_PROP_FPS))
        self._started = time.monotonic()
        self._closed = False

    def grab(self) -> float | None:
        """Wait for the next picture: seconds since the camera was opened, or None after `close`.

        Raises:
            VideoError: the camera stopped.

        """
        if self._closed:
            return None
        if not self._capture.grab():
            raise VideoError(self.name.capitalize(), "stopped sending pictures; was it unplugged?", code="unreadable")
        return time.monotonic() - self._started

    def picture(self) -> Image | None:
        """The picture that was grabbed last, or None when it came damaged."""
        ok, image = self._capture.retrieve()
        return three_channels(image) if ok and image is not None else None

    def place(self) -> str:
        """Time of now."""
        return f"{time.monotonic() - self._started:.2f} s"

    def seek(self, time_s: float) -> None:
        """Do nothing: a camera has no past to skip to."""

    def close(self) -> None:
        """Let go of the camera; may be called twice."""
        self._closed = True
        self._capture.release()


def sane_fps(value: float) -> float | None:
    """A frame rate that can be true, or None."""
    return float(value) if math.isfinite(value) and 0.1 <= value <= 1000 else None


def sane_count(value: float, fps: float | None) -> int | None:
    """Live recordings state counts such as -2.8e17; a week at the stated rate is the most that is believed."""
    if not math.isfinite(value) or not 0 < value <= 7 * 24 * 3600 * (fps or USUAL_FPS):
        return None
    return round(value)


def three_channels(image: np.ndarray) -> Image:
    """A picture of OpenCV as (H, W, 3) uint8 BGR."""
    if image.ndim == 2:
        image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    return np.asarray(image, np.uint8)
