"""Crops for a classifier: from faces in a picture, and from pictures that are crops already.

The framing imitates FER-2013; how it was measured stands in dev/log.md (2026-11-21, crop margin). Training reads its
pictures through `fit_crops`, live pictures go through `crop_faces`; both end in the same resize.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.contract import CropSpec
from mien.core.types import Face, Image, Point
from mien.infer.cut import region, resized

__all__ = ["crop_box", "crop_faces", "fit_crops", "tilt_of"]

Crops = NDArray[np.uint8]

_REACH = 1.5
"""Side of the square that is cut for a turned crop, in sides of the crop; at least the square root of two."""


def fit_crops(images: Sequence[NDArray[np.uint8]] | NDArray[np.uint8], spec: CropSpec) -> Crops:
    """Resize whole pictures to crops, whatever their size; the aspect is not kept.

    Args:
        images: pictures (H, W) grey or (H, W, 3) BGR, uint8, of any sizes.
        spec: what the model expects; only `size` and `color` matter here.

    Returns:
        (N, S, S) grey or (N, S, S, 3) RGB uint8.

    """
    out = _empty(len(images), spec)
    for i, image in enumerate(images):
        out[i] = resized(_colored(image, spec), spec.size)
    return out


def crop_faces(image: Image, faces: Sequence[Face], spec: CropSpec) -> Crops:
    """Cut the faces out of a picture as the model was trained to see them.

    A crop that leaves the picture is filled with the nearest pixels.

    Args:
        image: (H, W, 3) uint8 BGR.
        faces: N faces with boxes in pixels of `image`.
        spec: size, margin, colour and alignment of the model.

    Returns:
        (N, S, S) grey or (N, S, S, 3) RGB uint8; N may be 0.

    """
    out = _empty(len(faces), spec)
    for i, face in enumerate(faces):
        out[i] = _cut(image, face, spec)
    return out


def crop_box(face: Face, spec: CropSpec) -> tuple[float, float, float, float]:
    """Square (or, for a face that is the whole picture, the box) that a crop shows, xyxy px.

    Its side is `spec.margin` times the side of the square that has the box's area: over FER-2013 that varies less
    than the longer side (spread between the quartiles 19 % against 24 %).
    """
    if face.whole:
        return face.box
    x1, y1, x2, y2 = face.box
    side = float(np.sqrt(max(x2 - x1, 1.0) * max(y2 - y1, 1.0)))
    half = side * spec.margin / 2
    cx, cy = (x1 + x2) / 2, (y1 + y2) / 2 + side * spec.shift_y
    return (cx - half, cy - half, cx + half, cy + half)


def _empty(count: int, spec: CropSpec) -> Crops:
    shape = (count, spec.size, spec.size)
    return np.empty(shape if spec.color == "gray" else (*shape, 3), np.uint8)


def tilt_of(landmarks: Sequence[Point]) -> float:
    """Degrees by which a face is turned in the picture, clockwise, from its five landmarks.

    The line from eye to eye and the line from between the eyes to between the corners of the mouth, turned by a right
    angle, are added up: so the longer one counts more, which in a face seen from the side is the second.
    """
    (rx, ry), (lx, ly), _, (mx, my), (nx, ny) = landmarks
    down_x, down_y = (mx + nx - rx - lx) / 2, (my + ny - ry - ly) / 2
    return float(np.degrees(np.arctan2(ly - ry - down_x, lx - rx + down_y)))


def _cut(image: Image, face: Face, spec: CropSpec) -> Crops:
    box = crop_box(face, spec)
    if spec.align == "eyes" and face.landmarks is not None and not face.whole:
        tilt = tilt_of(face.landmarks)
        if abs(tilt) > spec.least_tilt:
            return _cut_upright(image, tilt, box, spec)
    return resized(_colored(region(image, box), spec), spec.size)


def _cut_upright(image: Image, tilt: float, box: tuple[float, float, float, float], spec: CropSpec) -> Crops:
    """Crop turned about its centre, so that a face that is turned by `tilt` degrees is upright."""
    cx, cy = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    # A larger square is cut and shrunk first, so that the turn never skips pixels and never leaves the square.
    reach = (box[2] - box[0]) / 2 * _REACH
    square = _colored(region(image, (cx - reach, cy - reach, cx + reach, cy + reach)), spec)
    return _turned(resized(square, round(spec.size * _REACH)), tilt, spec.size)


def _turned(square: NDArray[np.uint8], tilt: float, size: int) -> Crops:
    """Middle of a square, turned back by `tilt` degrees: (size, size) or (size, size, 3).

    Bilinear in plain arithmetic and not by OpenCV, whose versions round differently; the page does the same.
    """
    cos, sin = np.cos(np.radians(tilt)), np.sin(np.radians(tilt))
    step = np.arange(size) - (size - 1) / 2
    middle = (square.shape[0] - 1) / 2
    x = middle + cos * step[None, :] - sin * step[:, None]  # (size, size) in pixels of the square
    y = middle + sin * step[None, :] + cos * step[:, None]
    left, top = x.astype(np.intp), y.astype(np.intp)
    part_x, part_y = x - left, y - top
    if square.ndim == 3:
        part_x, part_y = part_x[..., None], part_y[..., None]
    above = square[top, left] * (1 - part_x) + square[top, left + 1] * part_x
    below = square[top + 1, left] * (1 - part_x) + square[top + 1, left + 1] * part_x
    return cast(Crops, np.rint(above * (1 - part_y) + below * part_y).astype(np.uint8))


def _colored(image: NDArray[np.uint8], spec: CropSpec) -> NDArray[np.uint8]:
    if spec.color == "gray":
        return image if image.ndim == 2 else cast(Crops, cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))
    if image.ndim == 2:
        return cast(Crops, cv2.cvtColor(image, cv2.COLOR_GRAY2RGB))
    return cast(Crops, cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
