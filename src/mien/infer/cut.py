"""Parts cut out of pictures: of whole pixels, also beyond the edge, and brought to a size.

The page does the same arithmetic (`vision.mjs`).
"""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.types import Box, Image

__all__ = ["region", "resized"]


def region(image: Image, box: Box, *, black: bool = False) -> Image:
    """Pixels of a box xyxy, rounded to whole pixels, at least one each way.

    Args:
        image: (H, W, 3) uint8.
        box: may leave the picture, or lie outside it.
        black: fill what lies outside the picture with black instead of the nearest pixels.

    """
    height, width = image.shape[:2]
    x1, y1 = round(box[0]), round(box[1])
    x2, y2 = max(round(box[2]), x1 + 1), max(round(box[3]), y1 + 1)
    # The part inside the picture keeps at least one pixel, so that there is something to repeat.
    left, right = min(max(x1, 0), width - 1), max(min(x2, width), 1)
    top, bottom = min(max(y1, 0), height - 1), max(min(y2, height), 1)
    inside = image[top : max(bottom, top + 1), left : max(right, left + 1)]
    if (x1, y1, x2, y2) == (left, top, right, bottom):
        return inside
    pads = (*_pads(y1, y2, inside.shape[0], top), *_pads(x1, x2, inside.shape[1], left))
    return cast(Image, cv2.copyMakeBorder(inside, *pads, cv2.BORDER_CONSTANT if black else cv2.BORDER_REPLICATE))


def _pads(start: int, end: int, inside: int, first: int) -> tuple[int, int]:
    """Pixels to repeat before and after the part inside the picture, which is `inside` long and starts at `first`."""
    missing = end - start - inside
    before = min(max(first - start, 0), missing)
    return before, missing - before


def resized(image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Picture (H, W) or (H, W, 3) as a square of `size` px: by area where it shrinks, else bilinear."""
    if image.shape[:2] == (size, size):
        return image
    shrinks = image.shape[0] > size or image.shape[1] > size
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cast(NDArray[np.uint8], cv2.resize(image, (size, size), interpolation=interpolation))
