"""Annotated video out: OpenCV's own encoders, every frame at its true time, always a file that players open.

The suffix chooses the encoder. MP4 and MOV files get the exact time of every frame (`mien.media.mp4`); the other
containers keep OpenCV's constant rate, and there a frame is repeated or left out so that the picture stays in time.
The caller gives the function that draws a reading.
"""

from __future__ import annotations

import contextlib
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from mien.core.errors import OptionError, OutputError
from mien.core.files import atomic_path
from mien.core.types import Frame, Image, Reading
from mien.media.mp4 import set_frame_times
from mien.media.names import for_ffmpeg
from mien.media.opencv import mute, quiet
from mien.media.whole import is_whole

__all__ = ["VIDEO_SUFFIXES", "VideoSink"]

_ENCODERS = {
    ".mp4": "mp4v",
    ".m4v": "mp4v",
    ".mov": "mp4v",
    ".mkv": "mp4v",
    ".avi": "MJPG",
    ".webm": "VP80",
}
VIDEO_SUFFIXES = tuple(_ENCODERS)
_EXACT_TIMES = frozenset({".mp4", ".m4v", ".mov"})

_USUAL_FPS = 25.0
_FASTEST_FPS = 120.0
_SLOWEST_FPS = 0.1
_LONGEST_LEAD_S = 600.0
_LEAST_SIDE = 16  # encoders refuse smaller pictures

Draw = Callable[[Image, Sequence[Reading]], Image]


class VideoSink:
    """An annotated video that is being written.

    The first frame sets the size; a later frame of another size is fitted into it. Odd sides grow by one pixel, since
    the encoders want even ones.

    Args:
        path: the final name; the suffix chooses the container: `.mp4`, `.m4v`, `.mov`, `.mkv`, `.avi` or `.webm`.
        draw: makes the picture to write from a frame's image and readings.
        fps: usual number of frames per second, for containers with a constant rate and for the last frame.
        zero_s: time of the source that is 0 in the video, so that it plays in step with its source; the first frame
            unless given. Until the first frame nothing is shown (MP4, MOV), or that frame already.

    Raises:
        OptionError: another suffix.
        OutputError: it cannot be written there.

    """

    def __init__(self, path: Path | str, draw: Draw, fps: float | None = None, zero_s: float | None = None) -> None:
        self.path = Path(path)
        suffix = self.path.suffix.lower()
        if suffix not in _ENCODERS:
            known = ", ".join(VIDEO_SUFFIXES)
            raise OptionError(f"{path}: an annotated video ends in one of {known}; got {suffix or 'no suffix'!r}.")
        if not self.path.parent.is_dir():
            raise OutputError(f"Cannot write {path}: the folder {self.path.parent} does not exist.")
        self._encoder = _ENCODERS[suffix]
        self._exact = suffix in _EXACT_TIMES
        self._fps = min(max(fps or _USUAL_FPS, _SLOWEST_FPS), _FASTEST_FPS)
        # The rate of an exact file is replaced at the end; whole numbers are what every encoder takes.
        self._container_fps = float(max(1, round(self._fps))) if self._exact else self._fps
        self._draw = draw
        self._zero_s = zero_s
        self._stack = contextlib.ExitStack()
        self._temporary: Path | None = None
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)
        self._times_s = array("d")  # eight bytes per frame
        self._last: Image | None = None
        self._slots = 0

    def write(self, frame: Frame, readings: Sequence[Reading]) -> None:
        """Draw and add one frame.

        Raises:
            OutputError: the encoder cannot be opened.

        """
        image = self._draw(frame.image, readings)
        if self._writer is None:
            self._writer = self._open(image)
        image = _fit(image, self._size)
        if self._exact:
            self._writer.write(image)
        else:
            self._fill_up_to(frame.time_s)
            self._last = image
        self._times_s.append(frame.time_s)

    def close(self) -> None:
        """Finish the file. A run without any frame leaves none.

        Raises:
            OutputError: it could not be written whole.

        """
        if self._writer is None or self._temporary is None:
            return
        if self._last is not None:
            self._writer.write(self._last)
        self._writer.release()
        try:
            if not self._temporary.is_file() or not is_whole(self._temporary):
                raise OutputError(f"Cannot write {self.path}: the encoder left no whole file; is the disk full?")  # noqa: TRY301
            if self._exact:
                set_frame_times(self._temporary, self._times_s, self._last_frame_s(), self._lead_s())
        except BaseException:
            self.abort()
            raise
        self._stack.close()

    def abort(self) -> None:
        """Give up: nothing stays under the final name."""
        if self._writer is not None:
            self._writer.release()
        error = OutputError(f"{self.path} was given up.")
        with contextlib.suppress(OutputError):  # what is still in a buffer cannot be written either
            self._stack.__exit__(type(error), error, None)

    def _open(self, image: Image) -> cv2.VideoWriter:
        height, width = (max(_LEAST_SIDE, side + side % 2) for side in image.shape[:2])
        self._size = (width, height)
        self._temporary = self._stack.enter_context(atomic_path(self.path))
        code = cv2.VideoWriter.fourcc(*self._encoder)
        with quiet(), mute() if self._encoder == "VP80" else contextlib.nullcontext():
            writer = cv2.VideoWriter(for_ffmpeg(self._temporary), cv2.CAP_FFMPEG, code, self._container_fps, self._size)
        if not writer.isOpened():
            raise OutputError(
                f"Cannot write {self.path}: this OpenCV could not start the {self._encoder} encoder for "
                f"{width}x{height} pixels, or the folder is not writable."
            )
        return writer

    def _fill_up_to(self, time_s: float) -> None:
        """Show the frame before this one until its time has come (constant rate only)."""
        if self._last is None or self._writer is None:
            return
        slot = round((time_s - self._times_s[0] + self._lead_s()) * self._container_fps)
        for _ in range(slot - self._slots):
            self._writer.write(self._last)
        self._slots = max(self._slots, slot)

    def _lead_s(self) -> float:
        """How long the video runs before its first frame; the clocks of some sources begin anywhere."""
        lead_s = 0.0 if self._zero_s is None else self._times_s[0] - self._zero_s
        return lead_s if 0 <= lead_s <= _LONGEST_LEAD_S else 0.0

    def _last_frame_s(self) -> float:
        """The last frame is shown as long as frames usually are."""
        if len(self._times_s) < 2:
            return 1 / self._fps
        return float(np.median(np.diff(self._times_s[-50:])))


def _fit(image: Image, size: tuple[int, int]) -> Image:
    """The picture at `size` (width, height): edges repeated by a pixel, or scaled into it on black."""
    width, height = size
    have_height, have_width = image.shape[:2]
    if (have_width, have_height) == size:
        return np.ascontiguousarray(image)
    if 0 <= width - have_width <= _LEAST_SIDE and 0 <= height - have_height <= _LEAST_SIDE:
        border = (0, height - have_height, 0, width - have_width)
        return np.asarray(cv2.copyMakeBorder(image, *border, borderType=cv2.BORDER_REPLICATE), np.uint8)
    scale = min(width / have_width, height / have_height)
    inner = (max(1, round(have_width * scale)), max(1, round(have_height * scale)))
    small = cv2.resize(image, inner, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    canvas = np.zeros((height, width, 3), np.uint8)
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    canvas[top : top + inner[1], left : left + inner[0]] = small
    return canvas
