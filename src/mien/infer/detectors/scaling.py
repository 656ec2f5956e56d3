"""What all detectors share: looking at a picture of bounded size, and mapping boxes back.

Used by every detector that takes pictures of any size.
"""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import cv2

from mien.core.types import Face, Image
from mien.infer.options import DetectOptions

__all__ = ["MIN_SIDE", "DetectOptions", "map_back", "shrink"]

MIN_SIDE = 16
"""Pictures whose shorter side, as the detector sees it, is smaller than this (px) hold no face that could be found."""


def shrink(image: Image, side: int | None) -> tuple[Image, float]:
    """Picture whose longest side is at most `side`, and the factor by which it was multiplied (<= 1)."""
    height, width = image.shape[:2]
    longest = max(height, width)
    if side is None or longest <= side:
        return image, 1.0
    factor = side / longest
    size = (max(round(width * factor), 1), max(round(height * factor), 1))
    return cast(Image, cv2.resize(image, size, interpolation=cv2.INTER_AREA)), factor


def map_back(face: Face, factor: float) -> Face:
    """Face of a shrunk picture in pixels of the original one."""
    if factor == 1.0:
        return face
    x1, y1, x2, y2 = (value / factor for value in face.box)
    points = face.landmarks
    if points is not None:
        points = tuple((x / factor, y / factor) for x, y in points)
    return replace(face, box=(x1, y1, x2, y2), landmarks=points)
