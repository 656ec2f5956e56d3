"""From stored to displayed pixels: pixels that are not square, pictures that are stored turned or mirrored. Pure."""

from __future__ import annotations

import math

import cv2
import numpy as np

from mien.core.types import Image

__all__ = ["square_pixels", "turned", "widened"]

_SQUARE = 0.005  # so little is rounding: encoders write 447:448 for square pixels
_MOST = 4.0  # no format has pixels that are longer; a damaged header may say anything

Turn = tuple[int, int, int, int]

# (a, b, c, d) of x' = a x + c y, y' = b x + d y -> what OpenCV calls it
_ROTATIONS = {
    (0, 1, -1, 0): cv2.ROTATE_90_CLOCKWISE,
    (-1, 0, 0, -1): cv2.ROTATE_180,
    (0, -1, 1, 0): cv2.ROTATE_90_COUNTERCLOCKWISE,
}
_FLIPS = {(-1, 0, 0, 1): 1, (1, 0, 0, -1): 0}


def square_pixels(aspect: float) -> bool:
    """Whether pixels of this width by height count as square (also where the ratio cannot be true)."""
    return not (math.isfinite(aspect) and 1 / _MOST <= aspect <= _MOST and abs(aspect - 1) > _SQUARE)


def widened(image: Image, aspect: float, *, upright: bool = True) -> Image:
    """A picture with pixels of a width by height of `aspect` as players show it: as high, wider or narrower.

    Args:
        image: (H, W, 3).
        aspect: width of a pixel by its height.
        upright: false where the picture has been turned by a quarter already, so that its height is at stake.

    """
    height, width = image.shape[:2]
    size = (max(1, round(width * aspect)), height) if upright else (width, max(1, round(height * aspect)))
    way = cv2.INTER_AREA if aspect < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size, interpolation=way), np.uint8)


def turned(image: Image, turn: Turn) -> Image:
    """A picture as its display matrix shows it.

    Args:
        image: (H, W, 3).
        turn: (a, b, c, d) of x' = a x + c y, y' = b x + d y, each -1, 0 or 1.

    """
    if turn in _ROTATIONS:
        return np.asarray(cv2.rotate(image, _ROTATIONS[turn]), np.uint8)
    if turn in _FLIPS:
        return np.asarray(cv2.flip(image, _FLIPS[turn]), np.uint8)
    if turn[0]:
        return image
    across = np.asarray(cv2.transpose(image), np.uint8)  # (a, b, c, d) = (0, 1, 1, 0)
    return across if turn == (0, 1, 1, 0) else np.asarray(cv2.flip(across, -1), np.uint8)
