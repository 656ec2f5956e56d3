"""Picture files as a video: the frames of a folder in natural order, one photograph, or an animation.

Frames of a folder or a photograph have a constant rate; an animation states its own times.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from mien.core.errors import ImageError, ImageSizeError, VideoError
from mien.core.text import whole_number
from mien.core.types import Image
from mien.pictures.decode import load_image, read_file
from mien.pictures.moving import HELD, Animation, Shown, pictures_in

__all__ = ["AnimationReader", "PictureReader", "natural_key"]

_MOST_NOTES = 3


class PictureReader:
    """Pictures from files, in the given order, at a fixed rate.

    Args:
        name: what to call the source.
        files: the pictures.
        fps: frames per second; picture i is shown at i / fps seconds.
        max_pixels: a header may promise any size; a larger picture is left out before it is decoded.
        notes: what is to be said of the source already.

    """

    live = False
    start_s = clock_s = gap_s = 0.0

    def __init__(
        self, name: str, files: Sequence[Path], fps: float, max_pixels: int, notes: Sequence[str] = ()
    ) -> None:
        self.name = name
        self.fps: float | None = fps
        self.frame_count: int | None = len(files)
        self.notes: list[str] = list(notes)
        self._most_notes = len(notes) + _MOST_NOTES
        self._files = files
        self._rate = fps
        self._max_pixels = max_pixels
        self._next = 0

    def grab(self) -> float | None:
        """Go to the next picture: its time, or None at the end."""
        if self._next >= len(self._files):
            return None
        self._next += 1
        return (self._next - 1) / self._rate

    def picture(self) -> Image | None:
        """The picture that was grabbed last, or None when it cannot be read."""
        file = self._files[self._next - 1]
        try:
            data = read_file(str(file))
            image = load_image(data, max_pixels=self._max_pixels)
        except ImageSizeError as error:
            self._remark(f"{file.name} {error.reason}")
            return None
        except ImageError:
            return None
        held = pictures_in(data)
        if held > 1:
            self._remark(f"{file.name} {HELD.format(count=held)}.")
        return image

    def _remark(self, text: str) -> None:
        """Note what a person would want to know, for the first few pictures only."""
        if len(self.notes) < self._most_notes:
            self.notes.append(text)

    def place(self) -> str:
        """Name of the file that was grabbed last."""
        return self._files[self._next - 1].name

    def seek(self, time_s: float) -> None:
        """Go to the picture that is shown at a time."""
        self._next = min(max(0, math.floor(time_s * self._rate)), len(self._files))

    def close(self) -> None:
        """Nothing comes after this."""
        self._next = len(self._files)


class AnimationReader:
    """The pictures of an animation, each at the time that the file states for it.

    Args:
        path: a GIF, PNG, WebP or AVIF file.
        max_pixels: largest picture to decode.

    Raises:
        VideoError: it cannot be read.

    """

    live = False
    start_s = clock_s = gap_s = 0.0

    def __init__(self, path: Path, max_pixels: int) -> None:
        self.name = str(path)
        self.notes: list[str] = []
        try:
            animation = Animation(path, max_pixels)
            self._shown: Iterator[Shown] = iter(animation)
            self._ahead: Shown | None = next(self._shown, None)
        except ImageError as error:
            raise VideoError(*filter(None, (error.subject, error.reason)), code=error.code) from error
        self.frame_count: int | None = animation.count
        self.fps: float | None = None if self._ahead is None else 1 / self._ahead.duration_s
        self._image: Image | None = None
        self._time_s = self._next_s = 0.0

    def grab(self) -> float | None:
        """Go to the next picture: its time, or None at the end."""
        shown, self._ahead = self._ahead, None
        if shown is None:
            return None
        self._image, self._time_s = shown.image, self._next_s
        self._next_s += shown.duration_s
        try:
            self._ahead = next(self._shown, None)
        except ImageError:
            self.notes.append(f"{self.name} is damaged after {self._next_s:.1f} s; what comes before was read.")
        return self._time_s

    def picture(self) -> Image | None:
        """The picture that was grabbed last."""
        return self._image

    def place(self) -> str:
        """The time of the picture that was grabbed last."""
        return f"{self._time_s:.2f} s"

    def seek(self, _time_s: float) -> None:
        """Every picture builds on those before, so nothing is skipped."""

    def close(self) -> None:
        """Let go of the file."""
        self._ahead = None
        self._shown = iter(())


def natural_key(path: Path) -> tuple[tuple[int, int | str], ...]:
    """Sort key that puts `frame2` before `frame10`; upper and lower case count the same."""
    parts = [part for part in re.split(r"([0-9]{1,18})", path.name.lower()) if part]
    return tuple((1, part) if (number := whole_number(part)) is None else (0, number) for part in parts)
