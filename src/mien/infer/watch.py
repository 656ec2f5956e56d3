"""Noticing cuts, and motion where no face is known, on a tiny overview of each frame.

Whether to detect, and when, is decided by `stream.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.types import Box, Image
from mien.infer.cuts import Glance, glance, same_shot

__all__ = ["Watch"]

_CELLS = (32, 24)  # columns and rows of the overview of a frame
_MOVED_CHANGE = 10.0  # change of a cell that something moved into; noise stays below 2
_MOVED_CELLS = 2  # a face that matters fills more cells


@final
class Watch:
    """Notices cuts, and motion outside the known faces, on a tiny overview of each frame."""

    def __init__(self) -> None:
        self._last: NDArray[np.float32] | None = None
        self._seen: Glance | None = None  # the last frame that showed something
        self._reference: NDArray[np.float32] | None = None
        self._marked: tuple[Box, ...] = ()
        self._shape: tuple[int, ...] = ()

    def look(self, image: Image) -> bool:
        """Take in the next frame; whether it begins another shot (or has another size).

        A frame that shows nothing (black, white) begins none: what comes after it is compared with what was before.
        """
        now = glance(image)
        self._last = cv2.resize(now.samples, _CELLS, interpolation=cv2.INTER_AREA).astype(np.float32)
        shape, self._shape = self._shape, image.shape
        seen = self._seen
        if not now.plain:
            self._seen = now
        if shape and shape != image.shape:
            return True
        return not now.plain and seen is not None and not same_shot(seen, now)

    def mark(self, known: Sequence[Box]) -> None:
        """The newest frame is what later ones are compared with; `known` are its faces."""
        self._reference = self._last
        self._marked = tuple(known)

    def moved(self, known: Sequence[Box]) -> bool:
        """Whether something changed since `mark`, apart from where the known faces were then and are now."""
        if self._last is None or self._reference is None:
            return True
        busy = _busy(self._reference, self._last)
        height, width = self._shape[:2]
        across, down = _CELLS[0] / width, _CELLS[1] / height
        for x1, y1, x2, y2 in (*known, *self._marked):
            grow_x, grow_y = 0.5 * (x2 - x1), 0.5 * (y2 - y1)  # hair, neck and shoulders move with the face
            rows = slice(max(0, int((y1 - grow_y) * down)), max(0, int(np.ceil((y2 + 2 * grow_y) * down))))
            columns = slice(max(0, int((x1 - grow_x) * across)), max(0, int(np.ceil((x2 + grow_x) * across))))
            busy[rows, columns] = False
        return int(busy.sum()) >= _MOVED_CELLS


def _busy(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which cells changed, apart from the brightness of the whole."""
    change = b - a
    busy: NDArray[np.bool_] = np.abs(change - np.median(change)) > _MOVED_CHANGE
    return busy
