"""Looking at a large picture piece by piece, so that the memory of a detector does not grow with the picture.

Works for any detector: it takes a function that finds faces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from mien.core.geometry import non_maximum_suppression
from mien.core.types import Face, Image

__all__ = ["OVERLAP", "TILE", "in_tiles"]

TILE = 1024
"""Side of a piece, px. Pictures whose sides are both at most a quarter longer are looked at in one piece."""
OVERLAP = 256
"""Pixels that neighbouring pieces share: a face of up to half as many lies whole in the piece that answers for it."""

_EDGE = 8.0  # px beyond its part in which a piece still answers: a face on the line is found twice rather than never


def in_tiles(image: Image, find: Callable[[Image], list[Face]], overlap: float) -> list[Face]:
    """Faces of a picture (H, W, 3), found in pieces of it.

    Each piece answers for the faces whose centre lies in its part: the piece without half of what it shares with its
    neighbours.

    Args:
        image: the picture.
        find: gives the faces of a piece, in pixels of the piece.
        overlap: IoU above which the less sure of two faces is left out.

    """
    height, width = image.shape[:2]
    if max(height, width) <= TILE * 5 // 4:
        return find(image)
    faces: list[Face] = []
    for top, bottom in _spans(height):
        for left, right in _spans(width):
            faces += _answered(find(image[top:bottom, left:right]), (left, top, right, bottom), (width, height))
    if not faces:
        return []
    boxes = np.array([face.box for face in faces], np.float32)
    kept = non_maximum_suppression(boxes, np.array([face.score for face in faces], np.float32), overlap)
    return [faces[i] for i in kept]


def _spans(length: int) -> Iterator[tuple[int, int]]:
    """First and last pixel of pieces of equal length that cover a side and share at least `OVERLAP`."""
    if length <= TILE * 5 // 4:
        yield 0, length
        return
    count = -(-(length - OVERLAP) // (TILE - OVERLAP))
    for i in range(count):
        start = round(i * (length - TILE) / (count - 1))
        yield start, start + TILE


def _answered(faces: list[Face], piece: tuple[int, int, int, int], size: tuple[int, int]) -> list[Face]:
    """Faces of a piece for which it answers, in pixels of the picture."""
    left, top, right, bottom = piece
    inner = OVERLAP / 2 - _EDGE
    low_x, low_y = (start + inner if start else -np.inf for start in (left, top))
    high_x, high_y = (end - inner if end < whole else np.inf for end, whole in zip((right, bottom), size, strict=True))
    moved = (_moved(face, left, top) for face in faces)
    return [
        f for f in moved if low_x <= (f.box[0] + f.box[2]) / 2 < high_x and low_y <= (f.box[1] + f.box[3]) / 2 < high_y
    ]


def _moved(face: Face, x: int, y: int) -> Face:
    x1, y1, x2, y2 = face.box
    points = face.landmarks
    if points is not None:
        points = tuple((px + x, py + y) for px, py in points)
    return replace(face, box=(x1 + x, y1 + y, x2 + x, y2 + y), landmarks=points)
