"""Any source of pictures -> frames with their true time: video file, folder, photograph, stream, camera.

A source is read once, from front to back, and every frame comes out exactly once.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from mien.core.errors import OptionError, VideoError
from mien.core.files import is_file
from mien.core.text import whole_number
from mien.core.types import Frame, Image
from mien.media.names import LIVE_SCHEMES, SCHEMES, scheme_of, without_secrets
from mien.media.pictures import AnimationReader, PictureReader, natural_key
from mien.media.readers import CameraReader, Reader
from mien.media.reconnect import ReconnectingReader
from mien.media.video_reader import VideoReader
from mien.pictures.formats import is_picture, suffixes
from mien.pictures.limits import MAX_PIXELS
from mien.pictures.listing import Passed, hidden
from mien.pictures.moving import is_animation

__all__ = ["Source", "open_source"]

_CLOSE_S = 0.5  # how long closing waits for a read that is under way
_LATE_S = 0.1  # a beginning that is worth telling
_CLOCK_SLACK_S = 1e-6  # times are sums of fractions: 0.3 and 3 * 0.1 must mean the same moment


class Source:
    """Frames of one source between two times; a context manager and an iterator.

    The first frame is decoded when the source is opened, so a source that exists has at least one picture.

    Args:
        reader: where the pictures come from; closed with the source.
        start_s: leave out frames before this time.
        end_s: leave out frames at or after this time.
        every_s: at most one frame per so many seconds: the first one of each step.

    Raises:
        OptionError: a time is impossible.
        VideoError: there is no picture in the reader, or none between the times.

    """

    def __init__(
        self,
        reader: Reader,
        *,
        start_s: float | None = None,
        end_s: float | None = None,
        every_s: float | None = None,
    ) -> None:
        _check_times(start_s, end_s, every_s)
        self.start_s = start_s or 0.0
        self._from_s = -math.inf if start_s is None else start_s  # containers may begin before 0
        self.end_s = end_s
        self.every_s = every_s
        self._reader = reader
        self._index = 0
        self._due_s = -math.inf
        self._closed = False
        self._busy = threading.RLock()
        self._gap_s = 0.0
        self._damaged = 0
        self._first_damaged = ""
        if start_s:
            reader.seek(start_s)
        try:
            self._first = self._next_picture()
        except BaseException:
            self.close()
            raise
        if self._first is None:
            self.close()
            raise self._nothing()
        self.height, self.width = self._first[0].shape[:2]
        self.first_s = self._first[1]
        """Time of the first frame that comes out."""

    @property
    def name(self) -> str:
        """What the source is called: its path, address or camera."""
        return self._reader.name

    @property
    def live(self) -> bool:
        """Whether frames that are not taken in time are lost (a camera or a stream)."""
        return self._reader.live

    @property
    def fps(self) -> float | None:
        """Frames per second as the source states them, before `every_s`; None when it states none."""
        return self._reader.fps

    @property
    def frame_count(self) -> int | None:
        """Number of frames in the whole source as it states it; None when it states none that can be true."""
        return self._reader.frame_count

    @property
    def duration_s(self) -> float | None:
        """Length of the whole source in seconds, as far as the source states it."""
        if self.frame_count is None or not self.fps:
            return None
        return self.frame_count / self.fps

    @property
    def expected_frames(self) -> int | None:
        """About how many frames will come out, for a progress bar; None when nobody can know."""
        if self.duration_s is None or not self.fps:
            return None
        begin_s = self._reader.start_s
        end_s = begin_s + self.duration_s
        span_s = min(end_s, self.end_s or math.inf) - max(self._from_s, begin_s)
        rate = min(self.fps, 1 / self.every_s if self.every_s else math.inf)
        return max(1, math.ceil(span_s * rate - _CLOCK_SLACK_S))

    @property
    def clock_s(self) -> float:
        """Time at which players begin to count; 0 in most files."""
        return self._reader.clock_s

    @property
    def notes(self) -> tuple[str, ...]:
        """What was not as it should be (a file that ends early, a damaged picture), in sentences; whole at the end."""
        if not self._damaged:
            return tuple(self._reader.notes)
        count = "1 picture" if self._damaged == 1 else f"{self._damaged} pictures"
        left_out = f"{count} could not be decoded and had to be left out, beginning with {self._first_damaged}."
        return (*self._reader.notes, left_out)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Frame]:
        return self

    def __next__(self) -> Frame:
        if self._closed:
            raise StopIteration
        with self._busy:
            found = self._first or self._next_picture()
            self._first = None
            if found is None or self._closed:
                self._closed = True
                self._reader.close()
                raise StopIteration
        frame = Frame(found[0], self._index, found[1], self._gap_s)
        self._gap_s = 0.0
        self._index += 1
        return frame

    def close(self) -> None:
        """Let go of the file or device; may be called twice, and while another thread waits for the next frame.

        A thread that is inside a driver's read cannot be interrupted; it lets go as soon as the read returns.
        """
        self._closed = True
        if self._busy.acquire(timeout=_CLOSE_S):
            self._reader.close()
            self._busy.release()

    def _next_picture(self) -> tuple[Image, float] | None:
        while (time_s := self._reader.grab()) is not None:
            self._gap_s += self._reader.gap_s
            if time_s < self._from_s - _CLOCK_SLACK_S or time_s < self._due_s - _CLOCK_SLACK_S:
                continue
            if self.end_s is not None and time_s >= self.end_s - _CLOCK_SLACK_S:
                return None
            image = self._reader.picture()
            if image is None:
                self._first_damaged = self._first_damaged or self._reader.place()
                self._damaged += 1
                continue
            if self.every_s:
                steps = math.floor((time_s - self.start_s + _CLOCK_SLACK_S) / self.every_s) + 1
                self._due_s = self.start_s + steps * self.every_s
            return image, time_s
        return None

    def _nothing(self) -> VideoError:
        if self.start_s or self.end_s is not None:
            end = "the end" if self.end_s is None else f"{self.end_s:g} s"
            begins_s = self._reader.start_s
            length = "" if self.duration_s is None else f"; the source is {self.duration_s:.1f} s long"
            begins = f" and its pictures begin at {begins_s:.1f} s" if begins_s >= _LATE_S else ""
            between = f"has no frame between {self.start_s:g} s and {end}{length}{begins}."
            return VideoError(self.name, between, code="empty")
        told = " ".join(["holds no picture that can be decoded.", *self._reader.notes])
        return VideoError(self.name, told, code="damaged")


def open_source(
    spec: str | Path | int,
    *,
    start_s: float | None = None,
    end_s: float | None = None,
    every_s: float | None = None,
    fps: float | None = None,
    timeout_s: float = 10.0,
    reconnect_s: float | None = None,
    max_pixels: int = MAX_PIXELS,
) -> Source:
    """Open a video file, a folder of frames, a photograph, an http or rtsp address, or a camera by its number.

    Args:
        spec: path or address; a number (or a text of digits that names no file) is a camera.
        start_s: leave out frames before this time, in seconds.
        end_s: leave out frames at or after this time, in seconds.
        every_s: at most one frame per so many seconds.
        fps: frames per second of a folder of pictures (25 unless given); elsewhere the source knows its times.
        timeout_s: an address that sends nothing for so many seconds has stalled.
        reconnect_s: a camera or stream that breaks off is opened again for up to so many seconds; the time goes on.
        max_pixels: largest picture of a folder to decode.

    Returns:
        An iterator of frames, to be closed (`with open_source(...) as source`).

    Raises:
        OptionError: an impossible time or rate.
        VideoError: nothing is there, it is no video, it holds no picture, or it stalled.

    """
    if fps is not None and not (math.isfinite(fps) and fps > 0):
        raise OptionError(f"The frame rate must be greater than 0, got {fps:g}.")
    _check_times(start_s, end_s, every_s)

    def opened() -> Reader:
        return _open_reader(spec, fps or 25.0, timeout_s, max_pixels)

    reader = _reconnecting(spec, opened, reconnect_s) if reconnect_s is not None else opened()
    return Source(reader, start_s=start_s, end_s=end_s, every_s=every_s)


def _reconnecting(spec: str | Path | int, opened: Callable[[], Reader], patience_s: float) -> Reader:
    if not (math.isfinite(patience_s) and patience_s > 0):
        raise OptionError(f"Reconnecting needs a time greater than 0 seconds, got {patience_s:g}.")
    text = str(spec)
    camera = whole_number(text) is not None and not Path(text).exists()
    if not camera and scheme_of(text) not in SCHEMES:
        raise OptionError(f"{text} is a file; only cameras and addresses can be reconnected to.")
    return ReconnectingReader(opened, patience_s)


def _open_reader(spec: str | Path | int, fps: float, timeout_s: float, max_pixels: int) -> Reader:
    _check_spec(spec)
    if isinstance(spec, int):
        return CameraReader(spec)
    text = str(spec)
    path = Path(text)
    scheme = scheme_of(text)
    if scheme in SCHEMES:
        return VideoReader(text, network=True, live=scheme in LIVE_SCHEMES, timeout_s=timeout_s)
    if scheme and not is_file(path):
        known = ", ".join(sorted(SCHEMES))
        told = f"is no address that can be read; expected an address that starts with one of {known}."
        raise VideoError(without_secrets(text), told, code="unsupported")
    if not path.exists():
        camera = whole_number(text)
        if camera is not None:
            return CameraReader(camera)
        raise VideoError(
            text,
            "does not exist; give a video file, a folder of frames, an address or a camera number.",
            code="missing",
        )
    if path.is_dir():
        return _folder_reader(path, fps, max_pixels)
    if not path.is_file():
        told = "is not a regular file; give a video file, a folder of frames or an address."
        raise VideoError(text, told, code="unsupported")
    if is_picture(path):
        return AnimationReader(path, max_pixels) if is_animation(path) else PictureReader(text, [path], fps, max_pixels)
    return VideoReader(text, network=False, live=False, timeout_s=timeout_s)


def _check_spec(spec: object) -> None:
    if not isinstance(spec, str | Path | int) or isinstance(spec, bool) or spec == "":
        raise VideoError(f"Expected a path, an address or the number of a camera, got {spec!r}.")


def _folder_reader(folder: Path, fps: float, max_pixels: int) -> PictureReader:
    found = [file for file in folder.iterdir() if not hidden(file.name) and file.is_file()]
    files = [file for file in found if is_picture(file)]
    if not files:
        known = ", ".join(suffixes())
        told = f"is a folder that holds no pictures; frames are files that end in one of {known}."
        raise VideoError(str(folder), told, code="empty")
    passed = Passed(file.name for file in found if not is_picture(file))
    notes = [f"{folder}: {passed}."] if passed else []
    return PictureReader(str(folder), sorted(files, key=natural_key), fps, max_pixels, notes)


def _check_times(start_s: float | None, end_s: float | None, every_s: float | None) -> None:
    if start_s is not None and not (math.isfinite(start_s) and start_s >= 0):
        raise OptionError(f"The start must be 0 seconds or later, got {start_s:g}.")
    if end_s is not None and not end_s > (start_s or 0.0):
        raise OptionError(f"The end must be later than the start ({start_s or 0:g} s), got {end_s:g} s.")
    if every_s is not None and not (math.isfinite(every_s) and every_s > 0):
        raise OptionError(f"The step between frames must be greater than 0 seconds, got {every_s:g}.")
