"""Noticing cuts, and motion where no face is known, on a tiny overview of each frame.

Knows no faces beyond their boxes, no detectors and no time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.types import Box, Image

__all__ = ["Watch"]

_CELLS = (32, 24)  # columns and rows of the overview of a frame
_CUT_CORRELATION = 0.5  # two shots have little in common
_CUT_CELLS = 0.5  # share of the cells that change; made scenes: at most 0.32 by motion, at least 0.65 by cuts
_CUT_CHANGE = 12.0  # mean change per cell in grey levels
_MOVED_CHANGE = 10.0  # change of a cell that something moved into; noise stays below 2
_MOVED_CELLS = 2  # a face that matters fills more cells


@final
class Watch:
    """Notices cuts, and motion outside the known faces, on a tiny overview of each frame."""

    def __init__(self) -> None:
        self._last: NDArray[np.float32] | None = None
        self._reference: NDArray[np.float32] | None = None
        self._marked: tuple[Box, ...] = ()
        self._shape: tuple[int, ...] = ()

    def look(self, image: Image) -> bool:
        """Take in the next frame; whether it begins another shot (or has another size)."""
        overview = _overview(image)
        last, self._last = self._last, overview
        shape, self._shape = self._shape, image.shape
        if last is None:
            return False
        return shape != image.shape or _is_cut(last, overview)

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


def _overview(image: Image) -> NDArray[np.float32]:
    """Mean grey of 24 x 32 cells; every few pixels of a large picture are enough for that."""
    coarse = cv2.resize(image, (4 * _CELLS[0], 4 * _CELLS[1]), interpolation=cv2.INTER_NEAREST)
    cells = cv2.resize(coarse, _CELLS, interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(cells, cv2.COLOR_BGR2GRAY).astype(np.float32)


def _is_cut(a: NDArray[np.float32], b: NDArray[np.float32]) -> bool:
    """Most of the picture changed, and what is there now has little to do with what was there.

    People who move leave more than half of the cells as they were, also from one half second to the next; a flash or a
    fade changes all of them alike.
    """
    a0, b0 = a - a.mean(), b - b.mean()
    if float(np.abs(a - b).mean()) < _CUT_CHANGE:
        return False
    spread = float(np.linalg.norm(a0) * np.linalg.norm(b0))
    if spread < 1e-3 * a.size:  # one of them is a single colour
        return True
    return float(_busy(a, b).mean()) >= _CUT_CELLS and float((a0 * b0).sum()) / spread < _CUT_CORRELATION


def _busy(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which cells changed, apart from the brightness of the whole."""
    change = b - a
    busy: NDArray[np.bool_] = np.abs(change - np.median(change)) > _MOVED_CHANGE
    return busy
