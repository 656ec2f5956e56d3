"""Training pictures of one size from photographs: windows, mosaics, rotation.

All geometry of a picture is one affine transform. Colour and sharpness are in `appearance`.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.types import Image

__all__ = ["MIRRORED", "Labels", "Sample", "mosaic", "sides", "view"]

Floats = NDArray[np.float32]

MIRRORED = [1, 0, 2, 4, 3]
"""Order of the five landmarks in a mirror: the person's right eye is the left one there."""

_SMALLEST = 8.0  # px: size of the smallest chosen face
_FILLS = 1.1  # sides of the window: size of the largest chosen face, and ...
_BEYOND = 1.8  # ... in one window of so many (`_NEAR`), where it is larger than the picture
_NEAR = 0.12
_SMALL, _SMALL_UP_TO = 0.25, 40.0  # share of the windows whose chosen face is small, and its largest size in px
_LEARNED = 6.0  # px: smaller faces are ignored
_VISIBLE, _GONE = 0.5, 0.05  # share of a box inside the window: learned from, and forgotten below
_POINTS_FROM = 15.0  # px: landmarks of smaller faces are guesses
_USUAL_SIDE = 640  # px: longest side at which the application looks
_SCALES = (0.2, 6.0)
_ELSEWHERE = 0.1  # share of the windows that lie anywhere in the photograph instead of around a face, and ...
_CLOSE = 3.0  # ... scale up to which half of such windows look, so that a background is seen from near, too
_CUT = 0.3  # share of the chosen faces that the window may cut through


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """Faces of a picture: boxes (N, 4), landmarks (N, 5, 2) with NaN, ignored boxes (M, 4), all px."""

    boxes: Floats
    landmarks: Floats
    ignore: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """A picture (H, W, 3) uint8 BGR and its labels."""

    image: Image
    labels: Labels


def mosaic(samples: list[Sample], size: int, rng: np.random.Generator) -> Sample:
    """Four samples in the quadrants of a picture of `size` x `size` px; the quadrants differ in size."""
    cut_x, cut_y = (int(v) for v in rng.uniform(0.35, 0.65, 2) * size)
    out = np.empty((size, size, 3), np.uint8)
    parts = []
    places = ((0, 0, cut_x, cut_y), (cut_x, 0, size, cut_y), (0, cut_y, cut_x, size), (cut_x, cut_y, size, size))
    for sample, (x1, y1, x2, y2) in zip(samples, places, strict=True):
        part = view(sample, x2 - x1, y2 - y1, rng)
        out[y1:y2, x1:x2] = part.image
        parts.append(_shifted(part.labels, x1, y1))
    return Sample(out, Labels(*(np.concatenate([getattr(p, f) for p in parts]) for f in Labels.__slots__)))


def view(sample: Sample, width: int, height: int, rng: np.random.Generator) -> Sample:
    """A random window of `width` x `height` px of a sample, scaled, turned, stretched and flipped at random."""
    labels = sample.labels
    source_h, source_w = sample.image.shape[:2]
    elsewhere = not len(labels.boxes) or rng.random() < _ELSEWHERE
    focus = None if elsewhere else labels.boxes[rng.integers(len(labels.boxes))]
    factor = _factor(focus, (source_w, source_h), min(width, height), rng)
    image, shrunk = sample.image, 1.0
    if factor < 0.6:  # a transform would skip pixels: shrink by areas first, as the application does
        shrunk = factor
        size = (max(round(source_w * factor), 1), max(round(source_h * factor), 1))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    turn = np.radians(_turn(rng))
    stretch = np.exp(rng.uniform(-0.1, 0.1)) if rng.random() < 0.3 else 1.0
    flip = -1.0 if rng.random() < 0.5 else 1.0
    cos, sin = np.cos(turn), np.sin(turn)
    linear = np.array([[cos, -sin], [sin, cos]]) @ np.diag([flip * stretch, 1 / stretch]) * factor  # (2, 2)
    centre, at = _placing(focus, (source_w, source_h), linear, (width, height), rng)
    shift = at - linear @ centre
    if rng.random() < 0.9:
        shift = _filled(shift, linear, (source_w, source_h), (width, height))
    matrix = np.concatenate([linear / shrunk, shift[:, None]], axis=1)
    border = _border(image, rng)
    out = cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderValue=border)
    return Sample(np.asarray(out, np.uint8), _moved(labels, linear, shift, (width, height)))


def _border(image: Image, rng: np.random.Generator) -> tuple[float, float, float]:
    kind = rng.random()
    if kind < 0.6:
        return (0.0, 0.0, 0.0)  # what the detector itself pads with
    if kind < 0.8:
        b, g, r = (float(v) for v in image[rng.integers(image.shape[0]), rng.integers(image.shape[1])])
        return (b, g, r)
    b, g, r = (float(v) for v in rng.integers(0, 256, 3))
    return (b, g, r)


def sides(boxes: NDArray[np.floating]) -> Floats:
    """Sides (N,) of the squares that have the areas of boxes (N, 4), px."""
    lengths = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    roots: Floats = np.sqrt(lengths[:, 0] * lengths[:, 1])
    return roots


def _factor(focus: Floats | None, source: tuple[int, int], room: int, rng: np.random.Generator) -> float:
    """Scale of a window: as the application sees the picture, or so that the chosen face gets a random size."""
    usual = _USUAL_SIDE / max(source)
    if focus is None and rng.random() < 0.5:
        factor = np.exp(rng.uniform(np.log(min(0.5, usual)), np.log(_CLOSE)))
    elif focus is None or rng.random() < 0.4:
        factor = np.exp(rng.uniform(np.log(min(0.8, usual)), np.log(max(1.0, usual))))
    else:
        low, high = _range(room, rng)
        factor = np.exp(rng.uniform(np.log(low), np.log(high))) / sides(focus[None])[0]
    return float(np.clip(factor, *_SCALES))


def _range(room: int, rng: np.random.Generator) -> tuple[float, float]:
    """Smallest and largest size in px of the chosen face in a window with a side of `room` px."""
    kind = rng.random()
    if kind < _NEAR:
        return 0.5 * room, _BEYOND * room
    return _SMALLEST, _SMALL_UP_TO if kind < _NEAR + _SMALL else _FILLS * room


def _placing(
    focus: Floats | None,
    source: tuple[int, int],
    linear: NDArray[np.float64],
    window: tuple[int, int],
    rng: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A point of the photograph and where in the window it comes to lie: the chosen face anywhere inside it."""
    size = np.array(window, np.float64)
    if focus is None:
        return rng.uniform(0.2, 0.8, 2) * source, size / 2
    box = focus.astype(np.float64)
    half = np.abs(linear) @ (box[2:] - box[:2]) / 2
    # A third of the chosen faces may be cut down to their half by the window's edge; of the others most stays inside.
    least = rng.uniform(0, 0.7) if rng.random() < _CUT else 0.7
    low = np.minimum(half * least, size / 2)
    if least < 0.7:
        return (box[:2] + box[2:]) / 2, _at_edge(low, size, rng)
    return (box[:2] + box[2:]) / 2, rng.uniform(low, size - low)


def _at_edge(low: NDArray[np.float64], size: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """A point in the window that lies `low` px from one of its edges in one direction, anywhere in the other."""
    at = rng.uniform(low, size - low)
    axis = int(rng.integers(2))
    at[axis] = low[axis] if rng.random() < 0.5 else size[axis] - low[axis]
    return at


def _turn(rng: np.random.Generator) -> float:
    """Degrees: mostly upright, often tilted, sometimes lying or upside-down."""
    kind = rng.random()
    if kind < 0.5:
        return 0.0
    if kind < 0.8:
        return float(np.clip(rng.normal(0, 14), -45, 45))
    if kind < 0.94:
        return float(rng.uniform(-45, 45))
    if kind < 0.97:
        return float(rng.choice([90.0, -90.0, 180.0, 180.0]) + rng.normal(0, 10))
    return float(rng.uniform(-180, 180))


def _filled(
    shift: NDArray[np.float64], linear: NDArray[np.float64], source: tuple[int, int], window: tuple[int, int]
) -> NDArray[np.float64]:
    """Shift that wastes no room: a small photograph stays whole, a large one fills the window."""
    size, middle = np.array(window, np.float64), linear @ (np.array(source) / 2)
    half = np.abs(linear) @ source / 2
    low, high = np.minimum(half, size - half), np.maximum(half, size - half)
    filled: NDArray[np.float64] = np.clip(middle + shift, low, high) - middle
    return filled


def _shifted(labels: Labels, x: int, y: int) -> Labels:
    corner = np.array([x, y, x, y], np.float32)
    return Labels(labels.boxes + corner, labels.landmarks + corner[:2], labels.ignore + corner)


def _moved(labels: Labels, linear: NDArray[np.float64], shift: NDArray[np.float64], window: tuple[int, int]) -> Labels:
    """Labels in the window; faces that are too small or too little visible become regions to ignore."""
    boxes, ignore = _moved_boxes(labels.boxes, linear, shift), _moved_boxes(labels.ignore, linear, shift)
    points = (labels.landmarks.astype(np.float64) @ linear.T + shift).astype(np.float32)
    if np.linalg.det(linear) < 0:
        points = points[:, MIRRORED]
    points[sides(labels.boxes) < _POINTS_FROM] = np.nan
    limits = np.array([*window, *window], np.float32)
    inside = np.clip(boxes, 0, limits)
    share = (sides(inside) / np.maximum(sides(boxes), 1e-6)) ** 2
    size = sides(inside)
    learned = (share >= _VISIBLE) & (size >= _LEARNED)
    cut = ~learned & (share > _GONE) & (size > 1)
    ignored = np.clip(ignore, 0, limits)
    ignored = ignored[sides(ignored) > 1]
    return Labels(inside[learned], points[learned], np.concatenate([ignored, inside[cut]]))


def _moved_boxes(boxes: Floats, linear: NDArray[np.float64], shift: NDArray[np.float64]) -> Floats:
    """Upright boxes around the moved ellipses that fill the boxes: a turned face keeps its framing."""
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2 @ linear.T + shift
    half = np.sqrt(((boxes[:, 2:] - boxes[:, :2]) / 2) ** 2 @ (linear**2).T)
    moved: Floats = np.concatenate([centre - half, centre + half], 1).astype(np.float32)
    return moved
