"""Picture files as a video: the frames of a folder in natural order, or one photograph.

Knows nothing of times but a constant rate.
"""

from __future__ import annotations

import math
import re
import struct
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from mien.core.text import whole_number
from mien.core.types import Image
from mien.media.opencv import quiet

__all__ = ["PICTURE_SUFFIXES", "PictureReader", "natural_key"]

_MOST_NOTES = 3
PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})


# What Pillow raises on damaged headers.
_DAMAGED = (
    *(OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, RuntimeError),
    *(ArithmeticError, AttributeError, AssertionError, struct.error, MemoryError),
)


class PictureReader:
    """Pictures from files, in the given order, at a fixed rate.

    Args:
        name: what to call the source.
        files: the pictures.
        fps: frames per second; picture i is shown at i / fps seconds.
        max_pixels: a header may promise any size; a larger picture is left out before it is decoded.

    """

    live = False

    def __init__(self, name: str, files: Sequence[Path], fps: float, max_pixels: int) -> None:
        self.name = name
        self.fps: float | None = fps
        self.frame_count: int | None = len(files)
        self.notes: list[str] = []
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
        return _read_picture(self._files[self._next - 1], self._max_pixels, self._remark)

    def _remark(self, text: str) -> None:
        """Note what a person would want to know, for the first few pictures only."""
        if len(self.notes) < _MOST_NOTES:
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


def natural_key(path: Path) -> tuple[tuple[int, int | str], ...]:
    """Sort key that puts `frame2` before `frame10`; upper and lower case count the same."""
    parts = [part for part in re.split(r"([0-9]{1,18})", path.name.lower()) if part]
    return tuple((1, part) if (number := whole_number(part)) is None else (0, number) for part in parts)


def _read_picture(path: Path, max_pixels: int, remark: Callable[[str], None]) -> Image | None:
    """Decode a picture upright, or None when it is damaged, no picture, or larger than the limit."""
    from PIL import Image as Pillow

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Pillow.DecompressionBombWarning)
            with Pillow.open(path) as head:
                if head.width * head.height > max_pixels:
                    remark(
                        f"{path.name} has {head.width} x {head.height} pixels, more than the limit of "
                        f"{max_pixels / 1e6:g} megapixels (max_pixels, --max-megapixels)."
                    )
                    return None
                # Not JPEG: telephones put further pictures into it that nobody means.
                pictures = int(getattr(head, "n_frames", 1)) if head.format in {"WEBP", "TIFF"} else 1
                if pictures > 1:
                    remark(f"{path.name} holds {pictures} pictures; the first was read, a video file would give all.")
                head.verify()  # of a PNG the chunks; OpenCV takes gigabytes for a damaged length
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except (Pillow.DecompressionBombError, *_DAMAGED):
        return None
    try:
        with quiet():
            image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    return None if image is None else np.asarray(image, np.uint8)
