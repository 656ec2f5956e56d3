"""A video file or a stream, decoded by OpenCV's FFmpeg: displayed pixels, and times on the container's clock.

Start, end and step are handled by `mien.media.source`, cameras by `mien.media.readers`.
"""

from __future__ import annotations

import math
import os
import shlex
import time
from pathlib import Path
from urllib.parse import urlsplit

import cv2

from mien.core.errors import Code, VideoError
from mien.core.types import Image
from mien.media.container import read_facts
from mien.media.display import square_pixels, turned, widened
from mien.media.facts import Facts
from mien.media.mpeg import WRAP_S
from mien.media.names import for_ffmpeg, without_secrets
from mien.media.opencv import quiet
from mien.media.readers import USUAL_FPS, sane_count, sane_fps, three_channels

__all__ = ["VideoReader"]

_SOUND_SUFFIXES = frozenset({".mp3", ".wav", ".flac", ".ogg", ".oga", ".opus", ".m4a", ".aac", ".wma"})
_COUNTING_SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".avi"})  # their headers count the pictures
_SEEK_MARGIN_S = 2.0  # land this much before the wanted time, then decode up to it
_PTS: int | None = getattr(cv2, "CAP_PROP_PTS", None)  # since OpenCV 4.11
_CLOCK_NOTE_S = 0.1  # a clock that begins later than this deserves a note

# Codecs that wheels of OpenCV do not decode, by what containers call them.
_UNDECODED = {
    "av01": "AV1",
    "v_av1": "AV1",
    "theo": "Theora",
    "theora": "Theora",
    "v_theora": "Theora",
    "vvc1": "VVC",
    "vvi1": "VVC",
}


class VideoReader:
    """A video file or a stream; every frame as players show it, at its presentation time.

    Args:
        where: path or URL.
        network: an address, not a file.
        live: the source cannot be rewound (a stream).
        timeout_s: a network source that sends nothing for so long has stalled.

    Raises:
        VideoError: it cannot be opened, or holds no picture.

    """

    gap_s = 0.0

    def __init__(self, where: str, *, network: bool, live: bool, timeout_s: float) -> None:
        self.name = without_secrets(where) if network else where
        self.live = live
        self.notes: list[str] = []
        self._where = where if network else for_ffmpeg(Path(where))
        self._network = network
        self._timeout_s = timeout_s
        self._last_s: float | None = None
        self._guessed = 0
        self._ended = False
        self._waiting = False  # a picture has been grabbed already
        self._stalled = False
        self._facts = self._file_facts()
        self._capture = self._open()
        self.fps = sane_fps(self._capture.get(cv2.CAP_PROP_FPS))
        self.frame_count = sane_count(self._capture.get(cv2.CAP_PROP_FRAME_COUNT), self.fps)
        self._start_s: float | None = 0.0 if live else None  # of the first picture; known when it has been grabbed
        self._upright = round(self._capture.get(cv2.CAP_PROP_ORIENTATION_META)) % 180 == 0
        self._turn = self._own_turn()

    @property
    def start_s(self) -> float:
        """Time of the first picture of the whole source."""
        return self._start_s if self._start_s is not None else self._facts.start_s or 0.0

    @property
    def clock_s(self) -> float:
        """Time at which players begin to count."""
        return self._facts.clock_s

    def grab(self) -> float | None:
        """Go to the next picture: its presentation time, or None at the end.

        Raises:
            VideoError: a network source sent nothing for too long.

        """
        if self._ended or not self._grabbed():
            if self._stalled and not self._ended:
                self._ended = True
                told = f"sent nothing for {self._timeout_s:g} seconds; is the source still on?"
                raise VideoError(self.name, told, code="unreadable")
            self._end()
            return None
        since_s = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        if self._start_s is None:
            self._start_s = self._begin(since_s)
        self._last_s = self._stamp(self._start_s + since_s)
        return self._last_s

    def picture(self) -> Image | None:
        """The picture that was grabbed last, in displayed pixels, or None when it is damaged."""
        ok, stored = self._capture.retrieve()
        if not ok or stored is None:
            return None
        image = three_channels(stored)
        aspect = self._capture.get(cv2.CAP_PROP_SAR_NUM) / (self._capture.get(cv2.CAP_PROP_SAR_DEN) or math.nan)
        if not square_pixels(aspect):
            image = widened(image, aspect, upright=self._upright)
        return image if self._turn is None else turned(image, self._turn)

    def place(self) -> str:
        """Time of the picture that was grabbed last."""
        return f"{self._last_s or 0:.2f} s"

    def seek(self, time_s: float) -> None:
        """Land a little before a time in a file, and nowhere else in a stream."""
        if self.live or self._network:
            return
        if not self._capture.grab():  # the first picture tells where the clock of the container stands
            return
        self._start_s = self._begin(self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
        target_s = time_s - self._start_s - _SEEK_MARGIN_S
        if target_s <= 0:
            self._waiting = True
            return
        self._capture.set(cv2.CAP_PROP_POS_MSEC, target_s * 1000)
        if self._start_s + self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000 > time_s:
            self._capture.release()  # the container's index misleads: start again
            self._capture = self._open()
            self._turn = self._own_turn()

    def close(self) -> None:
        """Let go of the file; may be called twice."""
        self._ended = True
        self._capture.release()

    def _file_facts(self) -> Facts:
        if not self._network:
            return read_facts(Path(self._where))
        counting = Path(urlsplit(self._where).path).suffix.lower() in _COUNTING_SUFFIXES
        return Facts(counted=counting and not self.live)

    def _own_turn(self) -> tuple[int, int, int, int] | None:
        """How to turn pictures here; OpenCV takes a mirrored picture for one that is turned by half."""
        turn = self._facts.turn
        if turn is None or turn == (1, 0, 0, 1):
            return None
        self._capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 0)
        self._upright = True
        return turn

    def _begin(self, since_s: float) -> float:
        """Presentation time of the first picture: the container's, where it agrees with what FFmpeg found.

        OpenCV gives FFmpeg's own value in whole frames only, so it cannot be more than the check.
        """
        exact_s = self._facts.start_s
        rate = self.fps or USUAL_FPS
        frames = math.nan if _PTS is None else self._capture.get(_PTS)
        if not math.isfinite(frames) or abs(frames) > 1e15:  # this container has no time stamps
            return exact_s or 0.0
        rough_s = frames / rate - since_s
        if exact_s is not None:
            if self._facts.clock_s or exact_s > WRAP_S / 2:
                exact_s += WRAP_S * round((rough_s - exact_s) / WRAP_S)
            if abs(exact_s - rough_s) <= 0.55 / rate:
                return exact_s
        if frames and not self.live:
            self.notes.append(
                f"All times may be early or late by up to {0.5 / rate:.3f} s: the container tells the beginning "
                "in whole frames only."
            )
        return rough_s

    def _grabbed(self) -> bool:
        if self._waiting:
            self._waiting = False
            return True
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
            capture = cv2.VideoCapture(self._where, cv2.CAP_FFMPEG, options if self._network else [])
        self._stalled = self._network and self._timed_out(started)
        if capture.isOpened():
            return capture
        self._capture = capture
        reason, code = self._why_not()
        capture.release()
        raise VideoError(self.name, reason, code=code)

    def _why_not(self) -> tuple[str, Code]:
        """Why the source could not be opened, as the rest of a sentence about it, and in a word."""
        if self._network:
            nothing = f"sent nothing within {self._timeout_s:g} seconds"
            reason = nothing if self._stalled else "could not be opened"
            return f"{reason}; check the address and that the source is on.", "unreadable"
        path = Path(self.name)
        if path.stat().st_size == 0:
            return "is empty; was it copied whole?", "empty"
        if not os.access(path, os.R_OK):
            return "cannot be read: Permission denied.", "no_permission"
        if path.suffix.lower() in _SOUND_SUFFIXES:
            return "holds sound only; a video is needed.", "unsupported"
        if undecoded := self._undecoded():
            return f"could not be opened. {undecoded}", "unsupported"
        return (
            "could not be opened as a video; it is damaged or incomplete, holds only sound, "
            "or has a format that this OpenCV does not know.",
            "damaged",
        )

    def _undecoded(self) -> str:
        """The codec, where it is one that OpenCV does not decode, and the remedy; empty elsewhere."""
        code = round(self._capture.get(cv2.CAP_PROP_FOURCC))
        found = self._facts.codec or "".join(chr(code >> shift & 255) for shift in (0, 8, 16, 24) if code > 0)
        name = _UNDECODED.get(found.strip().lower())
        if name is None:
            return ""
        undecoded = f"Its pictures are coded as {name}, which this OpenCV cannot decode"
        if self._network:
            return f"{undecoded}; another codec is needed, such as H.264."
        path = Path(self.name)
        command = (
            f"ffmpeg -i {shlex.quote(_argument(self.name))} -fps_mode passthrough -c:v libx264 -crf 18 "
            f"{shlex.quote(_argument(str(path.with_name(path.stem + '-h264.mp4'))))}"
        )
        return f"{undecoded}; convert it ({command})."

    def _stamp(self, time_s: float) -> float:
        """Time of the picture; where the container gives none that goes forward, the frame rate stands in."""
        if self._last_s is None:
            return time_s if math.isfinite(time_s) else self.start_s
        if math.isfinite(time_s) and time_s > self._last_s:
            return time_s
        self._guessed += 1
        return self._last_s + 1 / (self.fps or USUAL_FPS)

    def _end(self) -> None:
        if self._ended:
            return
        self._ended = True
        if self._guessed:
            self.notes.append(
                f"{self._guessed} pictures have no usable time stamp; "
                f"their time was counted on at {self.fps or USUAL_FPS:g} frames per second."
            )
        if self._last_s is None:
            self.notes += [text for text in [self._undecoded()] if text]
        if self._last_s is None or self.live:
            return
        if self._facts.clock_s > _CLOCK_NOTE_S:
            self.notes.append(
                f"The clock of this file begins at {self._facts.clock_s:.3f} s: players, which count from 0, show "
                "each time as so much less."
            )
        self._tell_if_cut()

    def _tell_if_cut(self) -> None:
        """Many containers state only the length of the longest stream: that of the sound proves nothing."""
        if not self.fps or not self.frame_count or self._last_s is None:
            return
        if not (self._facts.counted or self._facts.cut):
            return
        promised_s = min(self.frame_count / self.fps, self._facts.shown_s or math.inf)
        reached_s = self._last_s - self.start_s + 1 / self.fps
        if reached_s < 0.98 * promised_s - 0.5:
            self.notes.append(
                f"The file may be cut short: its header states {promised_s:.1f} s, "
                f"but the last picture that could be decoded lies at {self._last_s:.1f} s."
            )


def _argument(name: str) -> str:
    """A file's name as FFmpeg's command takes it for one."""
    return f"./{name}" if name.startswith("-") or (":" in name and not Path(name).is_absolute()) else name
