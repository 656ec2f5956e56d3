"""Crops for a classifier: from faces in a picture, and from pictures that are crops already.

The framing imitates FER-2013; how it was measured stands in dev/log.md (2026-11-21, crop margin). Training reads its
pictures through `fit_crops`, live pictures go through `crop_faces`; both end in the same resize. Knows no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.contract import CropSpec
from mien.core.geometry import similarity_transform
from mien.core.types import Face, Image

__all__ = ["crop_box", "crop_faces", "fit_crops"]

Crops = NDArray[np.uint8]


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
        out[i] = _resize(_colored(image, spec), spec.size)
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


def _cut(image: Image, face: Face, spec: CropSpec) -> Crops:
    box = crop_box(face, spec)
    if spec.align == "eyes" and face.landmarks is not None and not face.whole:
        return _cut_upright(image, face, box, spec)
    return _resize(_colored(_region(image, box), spec), spec.size)


def _region(image: Image, box: tuple[float, float, float, float]) -> Image:
    """Pixels of a box, rounded to whole pixels; outside the picture the nearest pixel is repeated."""
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
    return cast(Image, cv2.copyMakeBorder(inside, *pads, cv2.BORDER_REPLICATE))


def _pads(start: int, end: int, inside: int, first: int) -> tuple[int, int]:
    """Pixels to repeat before and after the part inside the picture, which is `inside` long and starts at `first`."""
    missing = end - start - inside
    before = min(max(first - start, 0), missing)
    return before, missing - before


def _cut_upright(image: Image, face: Face, box: tuple[float, float, float, float], spec: CropSpec) -> Crops:
    """Crop turned about its centre so that the line through the eyes is level."""
    assert face.landmarks is not None
    (rx, ry), (lx, ly) = face.landmarks[0], face.landmarks[1]
    angle = np.arctan2(ly - ry, lx - rx)
    centre = np.array([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2])
    # Cut a larger square first and shrink it, so that the turn below never skips pixels.
    reach = (box[2] - box[0]) * 0.75
    outer = (centre[0] - reach, centre[1] - reach, centre[0] + reach, centre[1] + reach)
    side = round(spec.size * 1.5)
    square = _resize(_colored(_region(image, outer), spec), side)
    axis = np.array([np.cos(angle), np.sin(angle)]) * spec.size / 2
    middle = np.full(2, (side - 1) / 2)
    target = np.full(2, (spec.size - 1) / 2)
    source = np.stack([middle - axis, middle + axis])
    reach_x = np.array([spec.size / 2, 0])
    level = np.stack([target - reach_x, target + reach_x])
    matrix = similarity_transform(source, level)
    turned = cv2.warpAffine(
        square, matrix, (spec.size, spec.size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return cast(Crops, turned)


def _colored(image: NDArray[np.uint8], spec: CropSpec) -> NDArray[np.uint8]:
    if spec.color == "gray":
        return image if image.ndim == 2 else cast(Crops, cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))
    if image.ndim == 2:
        return cast(Crops, cv2.cvtColor(image, cv2.COLOR_GRAY2RGB))
    return cast(Crops, cv2.cvtColor(image, cv2.COLOR_BGR2RGB))


def _resize(image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    if image.shape[:2] == (size, size):
        return image
    shrinks = image.shape[0] > size or image.shape[1] > size
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cast(Crops, cv2.resize(image, (size, size), interpolation=interpolation))
