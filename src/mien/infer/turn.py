"""Pictures that lie on their side or stand on their head: turned for the search, and faces turned back.

A telephone writes into the file how it was held, which is heeded when the picture is decoded; scans and stripped files
say nothing. Everything here is about whole quarters of a turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import cv2
import numpy as np

from mien.core.types import Detector, Face, Image, Point
from mien.infer.options import ROTATIONS, Rotate

__all__ = ["Found", "find_faces", "turned"]

_CODES = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


@dataclass(frozen=True, eq=False)
class Found:
    """The faces of a picture.

    Args:
        upright: the picture as it was turned, (H, W, 3) uint8 BGR; crops are cut from it.
        faces: in pixels of `upright`.
        degrees: by how much it was turned clockwise.

    """

    upright: Image
    faces: list[Face]
    degrees: int

    def faces_as_given(self) -> list[Face]:
        """The faces in pixels of the picture before it was turned."""
        return [_back(face, self.degrees, self.upright.shape[:2]) for face in self.faces]


def find_faces(detector: Detector, image: Image, rotate: Rotate) -> Found:
    """Faces of a picture after turning it; "auto" keeps the direction with the surest face.

    Over 895 photographs that are upright, the surest face tells that for 98 in 100, the sum of the scores for 97
    (dev/log.md).

    Args:
        detector: finds the faces.
        image: (H, W, 3) uint8 BGR.
        rotate: one of `ROTATIONS`.

    """
    if rotate != "auto":
        upright = turned(image, rotate)
        return Found(upright, list(detector.detect(upright)), rotate)
    looks = [find_faces(detector, image, degrees) for degrees in ROTATIONS if degrees != "auto"]
    return max(looks, key=lambda look: max((face.score for face in look.faces), default=0.0))  # of equals the first


def turned(image: Image, degrees: int) -> Image:
    """The picture turned clockwise."""
    return cast(Image, cv2.rotate(image, _CODES[degrees])) if degrees else image


def _back(face: Face, degrees: int, size: tuple[int, ...]) -> Face:
    if not degrees:
        return face
    (ax, ay), (bx, by) = _points_back((face.box[:2], face.box[2:]), degrees, size)
    box = (min(ax, bx), min(ay, by), max(ax, bx), max(ay, by))
    points = face.landmarks
    return replace(face, box=box, landmarks=None if points is None else _points_back(points, degrees, size))


def _points_back(points: Sequence[Sequence[float]], degrees: int, size: tuple[int, ...]) -> tuple[Point, ...]:
    """Points (x, y) of a turned picture of (height, width) where they lay before the turn."""
    height, width = size
    x, y = np.asarray(points, np.float64).T
    back = {90: (y, width - x), 180: (width - x, height - y), 270: (height - y, x)}[degrees]
    return tuple((float(u), float(v)) for u, v in zip(*back, strict=True))
