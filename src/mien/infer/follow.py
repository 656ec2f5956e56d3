"""Carrying face boxes from frame to frame without a detector.

A face is looked for around its predicted place by normalised correlation with a small grey picture of it from the
last detection (Lewis, "Fast normalized cross-correlation", 1995), at three scales. That costs about a tenth of a
millisecond per face, whatever the picture's size. When to detect again is decided by `stream.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast, final

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.geometry import parabola_top
from mien.core.types import Box, Face, Image

__all__ = ["Follower"]

_CORE = 0.9  # share of the box that the picture of the face shows: less background
_FACE_PX = 24  # side of the small picture of a face
_AROUND = 2.0  # side of the searched square, in sides of the picture of the face
_SCALE_STEP = 1.06  # per frame at most; a face that rushes at the camera is found again by the detector
_LEAST_GAIN = 0.004  # correlation that another scale must gain to be believed over no change

Gray = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class _Model:
    face: Face
    template: Gray  # (_FACE_PX, _FACE_PX)
    side: float  # px of the picture that the template shows


@final
class Follower:
    """Finds known faces again near where they should be."""

    def __init__(self) -> None:
        self._models: dict[int, _Model] = {}

    def learn(self, image: Image, faces: Mapping[int, Face]) -> None:
        """Take pictures of the faces of a frame; every other face is forgotten."""
        self._models = {key: model for key, face in faces.items() if (model := _model(image, face)) is not None}

    def forget(self) -> None:
        """Forget all faces."""
        self._models = {}

    def find(self, image: Image, places: Mapping[int, Box]) -> dict[int, tuple[Face, float]]:
        """Faces found again: id -> (face, correlation in -1..1). A face without a place or model is left out.

        Args:
            image: (H, W, 3) uint8 BGR.
            places: where each face should be, xyxy px.

        """
        return {key: _search(image, self._models[key], box) for key, box in places.items() if key in self._models}


def _model(image: Image, face: Face) -> _Model | None:
    x1, y1, x2, y2 = face.box
    side = _CORE * max(x2 - x1, y2 - y1)
    if side < 4:
        return None
    template, _, exact = _square(image, (x1 + x2) / 2, (y1 + y2) / 2, side, _FACE_PX)
    return _Model(face, template, exact)


def _square(image: Image, cx: float, cy: float, side: float, out: int) -> tuple[Gray, tuple[int, int], int]:
    """Square around a point as (out, out) grey, with its left upper corner and exact side in whole pixels."""
    height, width = image.shape[:2]
    whole = max(2, round(side))
    left, top = round(cx - whole / 2), round(cy - whole / 2)
    x1, y1, x2, y2 = max(left, 0), max(top, 0), min(left + whole, width), min(top + whole, height)
    if x2 - x1 < 1 or y2 - y1 < 1:
        return np.zeros((out, out), np.uint8), (left, top), whole
    part: NDArray[Any] = image[y1:y2, x1:x2]
    if part.shape[0] != whole or part.shape[1] != whole:
        border = (y1 - top, top + whole - y2, x1 - left, left + whole - x2)
        part = cv2.copyMakeBorder(part, *border, borderType=cv2.BORDER_REPLICATE)
    small = cv2.resize(part, (out, out), interpolation=cv2.INTER_AREA if whole > out else cv2.INTER_LINEAR)
    return cast(Gray, cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)), (left, top), whole


def _search(image: Image, model: _Model, place: Box) -> tuple[Face, float]:
    x1, y1, x2, y2 = place
    width, height = model.face.box[2] - model.face.box[0], model.face.box[3] - model.face.box[1]
    # The prediction's size against the size at which the template was taken.
    grown = float(np.sqrt(max((x2 - x1) * (y2 - y1), 1.0) / max(width * height, 1.0)))
    out = round(_FACE_PX * _AROUND)
    area, corner, whole = _square(image, (x1 + x2) / 2, (y1 + y2) / 2, model.side * grown * _AROUND, out)
    best: list[tuple[float, float, float]] = []  # per scale: correlation, x, y of the centre in `area`
    sizes = (round(_FACE_PX * _SCALE_STEP), _FACE_PX, round(_FACE_PX / _SCALE_STEP))
    for size in sizes:  # a larger template looks for a larger face
        template = cast(Gray, cv2.resize(model.template, (size, size)))
        matches = cv2.matchTemplate(area, template, cv2.TM_CCOEFF_NORMED)
        best.append(_peak(cast(NDArray[np.float32], matches), size))
    scale = _between(sizes, [peak[0] for peak in best])
    chosen = max(range(3), key=lambda i: best[i][0])
    if best[chosen][0] < best[1][0] + _LEAST_GAIN:
        chosen, scale = 1, 1.0
    score, at_x, at_y = best[chosen]
    pixel = whole / out
    cx, cy = corner[0] + at_x * pixel, corner[1] + at_y * pixel
    return _moved(model.face, cx, cy, grown * scale), score


def _peak(correlation: NDArray[np.float32], size: int) -> tuple[float, float, float]:
    """Best correlation and the centre of the match, to a fraction of a pixel (parabola through the neighbours)."""
    _, score, _, (x, y) = cv2.minMaxLoc(correlation)
    fine_x = parabola_top(correlation[y, :], x)
    fine_y = parabola_top(correlation[:, x], y)
    return float(score), fine_x + size / 2, fine_y + size / 2


def _between(sizes: Sequence[int], scores: Sequence[float]) -> float:
    """Scale at the top of a parabola through the correlations of three sizes, within the tried ones."""
    larger, same, smaller = scores
    bend = smaller - 2 * same + larger
    if bend >= -1e-9:
        return sizes[int(np.argmax(scores))] / _FACE_PX
    steps = float(np.clip(0.5 * (smaller - larger) / bend, -1, 1))
    return float(_SCALE_STEP**steps)


def _moved(face: Face, cx: float, cy: float, scale: float) -> Face:
    """The face around another centre at another scale, with its landmarks."""
    x1, y1, x2, y2 = face.box
    old_x, old_y = (x1 + x2) / 2, (y1 + y2) / 2
    half_w, half_h = (x2 - x1) / 2 * scale, (y2 - y1) / 2 * scale
    points = face.landmarks and tuple((cx + (x - old_x) * scale, cy + (y - old_y) * scale) for x, y in face.landmarks)
    return replace(face, box=(cx - half_w, cy - half_h, cx + half_w, cy + half_h), landmarks=points)
