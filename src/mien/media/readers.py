"""Where pictures come from: what every reader of a source offers, and the readers of videos, streams and cameras.

`mien.media.source` chooses a reader, and turns what it gives into frames; `mien.media.pictures` reads picture files.
A reader knows no start, end or step.
"""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from mien.core.errors import VideoError
from mien.core.types import Image
from mien.media.opencv import quiet

__all__ = ["CameraReader", "Reader", "VideoReader"]

_SOUND_SUFFIXES = frozenset({".mp3", ".wav", ".flac", ".ogg", ".oga", ".opus", ".m4a", ".aac", ".wma"})

_USUAL_FPS = 25.0  # stands in where neither a time stamp nor a frame rate can be used
_LAST_CAMERA = 99  # OpenCV takes hundreds for kinds of drivers, and crashes on -1
_SEEK_MARGIN_S = 2.0  # land this much before the wanted time, then decode up to it


class Reader(Protocol):
    """A source of pictures in order."""

    name: str
    live: bool
    fps: float | None
    """Frames per second as the source states them, or None; may be wrong for a variable rate."""
    frame_count: int | None
    """Number of frames as the source states it, or None; may be wrong."""
    notes: list[str]
    """Sentences about what was not as it should be, for people."""

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


class VideoReader:
    """A video file or a stream, decoded by OpenCV's FFmpeg; rotation tags are applied.

    Args:
        where: path or URL.
        live: the source cannot be rewound (a stream).
        timeout_s: a network source that sends nothing for so long has stalled.

    Raises:
        VideoError: it cannot be opened, or holds no picture.

    """

    def __init__(self, where: str, *, network: bool, live: bool, timeout_s: float) -> None:
        self.name = where
        self.live = live
        self.notes: list[str] = []
        self._network = network
        self._timeout_s = timeout_s
        self._last_s: float | None = None
        self._guessed = 0
        self._ended = False
        self._stalled = False
        self._capture = self._open()
        self.fps = _sane_fps(self._capture.get(cv2.CAP_PROP_FPS))
        self.frame_count = _sane_count(self._capture.get(cv2.CAP_PROP_FRAME_COUNT), self.fps)

    def grab(self) -> float | None:
        """Go to the next picture: its presentation time, or None at the end.

        Raises:
            VideoError: a network source sent nothing for too long.

        """
        if self._ended or not self._grabbed():
            if self._stalled and not self._ended:
                self._ended = True
                raise VideoError(f"{self.name} sent nothing for {self._timeout_s:g} seconds; is the source still on?")
            self._end()
            return None
        self._last_s = self._stamp(self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
        return self._last_s

    def picture(self) -> Image | None:
        """The picture that was grabbed last, or None when it is damaged."""
        ok, image = self._capture.retrieve()
        return _three_channels(image) if ok and image is not None else None

    def place(self) -> str:
        """Time of the picture that was grabbed last."""
        return f"{self._last_s or 0:.2f} s"

    def seek(self, time_s: float) -> None:
        """Land a little before a time in a file, and nowhere else in a stream."""
        target = time_s - _SEEK_MARGIN_S
        if self.live or self._network or target <= 0:
            return
        self._capture.set(cv2.CAP_PROP_POS_MSEC, target * 1000)
        if self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000 > time_s:  # the container's index misleads: start again
            self._capture.release()
            self._capture = self._open()

    def close(self) -> None:
        """Let go of the file; may be called twice."""
        self._ended = True
        self._capture.release()

    def _grabbed(self) -> bool:
        if not self._network:
            return bool(self._capture.grab())
        started = time.monotonic()
        with quiet():
            found = bool(self._capture.grab())
        self._stalled = self._stalled or self._timed_out(started)
        return found

    def _timed_out(self, started: float) -> bool:
        """OpenCV gives up silently after the time limit, and then hands out what it already had."""
        return time.monotonic() - started >= 0.9 * self._timeout_s

    def _open(self) -> cv2.VideoCapture:
        limit_ms = round(self._timeout_s * 1000)
        options = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, limit_ms, cv2.CAP_PROP_READ_TIMEOUT_MSEC, limit_ms]
        started = time.monotonic()
        with quiet():
            capture = cv2.VideoCapture(self.name, cv2.CAP_FFMPEG, options if self._network else [])
        self._stalled = self._network and self._timed_out(started)
        if capture.isOpened():
            return capture
        capture.release()
        if self._network:
            nothing = f"nothing came within {self._timeout_s:g} seconds"
            reason = nothing if self._stalled else "no video could be opened there"
            raise VideoError(f"{self.name}: {reason}; check the address and that the source is on.")
        raise VideoError(f"{self.name}: {_why_not_a_video(Path(self.name))}")

    def _stamp(self, time_s: float) -> float:
        """Time of the picture; where the container gives none that goes forward, the frame rate stands in."""
        if self._last_s is None:
            return max(time_s, 0.0) if math.isfinite(time_s) else 0.0
        if math.isfinite(time_s) and time_s > self._last_s:
            return time_s
        self._guessed += 1
        return self._last_s + 1 / (self.fps or _USUAL_FPS)

    def _end(self) -> None:
        if self._ended:
            return
        self._ended = True
        if self._guessed:
            self.notes.append(
                f"{self._guessed} pictures have no usable time stamp; "
                f"their time was counted on at {self.fps or _USUAL_FPS:g} frames per second."
            )
        if self.live or self._last_s is None or not self.fps or not self.frame_count:
            return
        promised_s = self.frame_count / self.fps
        reached_s = self._last_s + 1 / self.fps
        if reached_s < 0.98 * promised_s - 0.5:
            self.notes.append(
                f"The file may be cut short: its header states {promised_s:.1f} s, "
                f"but the last picture that could be decoded lies at {self._last_s:.1f} s."
            )


class CameraReader:
    """A camera of this machine; time runs from the moment it was opened.

    Raises:
        VideoError: there is no such camera, another program has it, or it stops.

    """

    live = True
    frame_count: int | None = None

    def __init__(self, number: int) -> None:
        if not 0 <= number <= _LAST_CAMERA:
            raise VideoError(f"Expected the number of a camera, 0 to {_LAST_CAMERA}, got {number}.")
        self.name = f"camera {number}"
        self.notes: list[str] = []
        with quiet():
            self._capture = cv2.VideoCapture(number)
        if not self._capture.isOpened():
            raise VideoError(
                f"Camera {number} could not be opened; check that it is connected, that this program may use it "
                "and that no other program does, or name another number."
            )
        self.fps = _sane_fps(self._capture.get(cv2.CAP_PROP_FPS))
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
            raise VideoError(f"{self.name.capitalize()} stopped sending pictures; was it unplugged?")
        return time.monotonic() - self._started

    def picture(self) -> Image | None:
        """The picture that was grabbed last, or None when it came damaged."""
        ok, image = self._capture.retrieve()
        return _three_channels(image) if ok and image is not None else None

    def place(self) -> str:
        """Time of now."""
        return f"{time.monotonic() - self._started:.2f} s"

    def seek(self, time_s: float) -> None:
        """Do nothing: a camera has no past to skip to."""

    def close(self) -> None:
        """Let go of the camera; may be called twice."""
        self._closed = True
        self._capture.release()


def _sane_fps(value: float) -> float | None:
    return float(value) if math.isfinite(value) and 0.1 <= value <= 1000 else None


def _sane_count(value: float, fps: float | None) -> int | None:
    """Live recordings state counts such as -2.8e17; a week at the stated rate is the most that is believed."""
    if not math.isfinite(value) or not 0 < value <= 7 * 24 * 3600 * (fps or _USUAL_FPS):
        return None
    return round(value)


def _three_channels(image: np.ndarray) -> Image:
    if image.ndim == 2:
        image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    return np.asarray(image, np.uint8)


def _why_not_a_video(path: Path) -> str:
    if path.stat().st_size == 0:
        return "the file is empty; was it copied whole?"
    if path.suffix.lower() in _SOUND_SUFFIXES:
        return "the file holds sound only; a video is needed."
    return (
        "no video could be opened in it; the file is damaged or incomplete, holds only sound, "
        "or has a format that this OpenCV does not know."
    )
