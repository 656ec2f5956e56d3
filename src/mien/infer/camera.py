"""How the picture as a whole moved from one frame to the next: a hand that shakes, a pan.

The middle of the frame before is looked for in a tiny grey overview of the new one by normalised correlation (Lewis,
"Fast normalized cross-correlation", 1995), to a fraction of a cell. Turns and zooms are not measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast, final

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.geometry import parabola_top
from mien.core.types import Image

__all__ = ["STILL", "Camera", "Motion"]

_CELLS = (64, 48)  # columns and rows of the overview
_REACH = (12, 9)  # cells by which the picture may move: three sixteenths of its sides
_CHANGED = 8  # grey levels by which a cell changes when something moves in it; noise stays below 2
_LEAST_CHANGED = 0.16  # share of changed cells below which the camera stands: one large face that moves changes so many
_LEAST_LIKENESS = 0.6  # correlation with the frame before, once moved; below it the shift explains too little
_LEAST_GAIN = 0.02  # what the move must add to the correlation, so that people who move are not taken for the camera


@dataclass(frozen=True, slots=True)
class Motion:
    """How the content of the picture moved since the frame before."""

    dx: float = 0.0
    """Pixels to the right."""
    dy: float = 0.0
    """Pixels downwards."""

    def __bool__(self) -> bool:
        """Whether anything moved."""
        return bool(self.dx or self.dy)


STILL = Motion()
"""The camera stands, or its motion is not known."""


@final
class Camera:
    """Measures the motion of the camera from frame to frame."""

    def __init__(self) -> None:
        self._last: NDArray[np.uint8] | None = None
        self._shape: tuple[int, ...] = ()

    def look(self, image: Image) -> Motion:
        """Take in the next frame, (H, W, 3) uint8 BGR; `STILL` for the first one and after a change of size."""
        overview = _overview(image)
        last, self._last = self._last, overview
        shape, self._shape = self._shape, image.shape
        if last is None or shape != image.shape:
            return STILL
        if np.count_nonzero(cv2.absdiff(last, overview) > _CHANGED) < _LEAST_CHANGED * overview.size:
            return STILL
        return _motion(last, overview, image.shape[1] / _CELLS[0], image.shape[0] / _CELLS[1])


def _overview(image: Image) -> NDArray[np.uint8]:
    """Grey of 48 x 64 cells; four pixels per cell of a large picture are enough for that."""
    coarse = cv2.resize(image, (2 * _CELLS[0], 2 * _CELLS[1]), interpolation=cv2.INTER_NEAREST)
    cells = cv2.resize(coarse, _CELLS, interpolation=cv2.INTER_AREA)
    return cast(NDArray[np.uint8], cv2.cvtColor(cells, cv2.COLOR_BGR2GRAY))


def _motion(last: NDArray[np.uint8], now: NDArray[np.uint8], cell_x: float, cell_y: float) -> Motion:
    across, down = _REACH
    middle = last[down : _CELLS[1] - down, across : _CELLS[0] - across]
    likeness = cast(NDArray[np.float32], cv2.matchTemplate(now, middle, cv2.TM_CCOEFF_NORMED))  # (19, 25)
    _, best, _, (x, y) = cv2.minMaxLoc(likeness)
    gain = best - float(likeness[down, across])
    if not best >= _LEAST_LIKENESS or gain < _LEAST_GAIN:
        return STILL
    dx, dy = parabola_top(likeness[y, :], x) - across, parabola_top(likeness[:, x], y) - down
    return Motion(dx * cell_x, dy * cell_y)
