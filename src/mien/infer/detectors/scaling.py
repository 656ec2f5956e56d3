"""What all detectors share: looking at a picture of bounded size, and mapping boxes back.

Knows no detector.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import cast

import cv2

from mien.core.errors import OptionError
from mien.core.text import is_number, is_whole
from mien.core.types import Face, Image

__all__ = ["MIN_SIDE", "DetectOptions", "map_back", "shrink"]

MIN_SIDE = 16
"""Pictures whose shorter side, as the detector sees it, is smaller than this (px) hold no face that could be found."""


@dataclass(frozen=True)
class DetectOptions:
    """How to look for faces.

    Args:
        side: longest side in pixels at which the detector looks; larger pictures are shrunk for it.
            None looks at full size, which finds the tiny faces of a large photograph and takes longer.
        min_face: faces whose shorter side is smaller, in pixels of the picture, are left out.
        max_faces: at most this many, the largest ones; None for all.
        min_score: faces with a smaller score are left out; None takes the detector's own threshold.

    Raises:
        OptionError: a value is impossible.

    """

    side: int | None = 640
    min_face: float = 0.0
    max_faces: int | None = None
    min_score: float | None = None

    def __post_init__(self) -> None:
        if self.side is not None and not is_whole(self.side, 64):
            raise OptionError(f"The detection side must be at least 64 px (or None for full size), got {self.side!r}.")
        if not is_number(self.min_face, 0):
            raise OptionError(f"The smallest face must be 0 px or more, got {self.min_face!r}.")
        if self.max_faces is not None and not is_whole(self.max_faces, 1):
            raise OptionError(f"The largest number of faces must be a whole number from 1, got {self.max_faces!r}.")
        if self.min_score is not None and not is_number(self.min_score, -math.inf):
            raise OptionError(f"The smallest score must be a finite number, got {self.min_score!r}.")

    def select(self, faces: Iterable[Face]) -> list[Face]:
        """Faces that the options ask for, best score first."""
        kept = [f for f in faces if min(f.box[2] - f.box[0], f.box[3] - f.box[1]) >= self.min_face]
        if self.max_faces is not None and len(kept) > self.max_faces:
            kept = sorted(kept, key=_area, reverse=True)[: self.max_faces]
        return sorted(kept, key=lambda face: -face.score)


def _area(face: Face) -> float:
    x1, y1, x2, y2 = face.box
    return (x2 - x1) * (y2 - y1)


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
