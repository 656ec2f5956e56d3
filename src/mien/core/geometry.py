"""Boxes as arrays: overlap and suppression.

Boxes are xyxy in pixels, the right and lower edge outside the box.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["area", "iou", "non_maximum_suppression", "parabola_top"]

Boxes = NDArray[np.float32]

_TINY = np.finfo(np.float32).tiny


def area(boxes: ArrayLike) -> NDArray[np.float32]:
    """Area of boxes (N, 4) in square pixels, shape (N,); an inverted box has area 0."""
    b = np.asarray(boxes, np.float32).reshape(-1, 4)
    sides = np.maximum(b[:, 2:] - b[:, :2], 0)  # (N, 2)
    areas: NDArray[np.float32] = sides[:, 0] * sides[:, 1]
    return areas


def iou(a: ArrayLike, b: ArrayLike) -> NDArray[np.float32]:
    """Intersection over union of every box of `a` (N, 4) with every box of `b` (M, 4): (N, M) in 0..1."""
    left = np.asarray(a, np.float32).reshape(-1, 4)
    right = np.asarray(b, np.float32).reshape(-1, 4)
    top = np.maximum(left[:, None, :2], right[None, :, :2])  # (N, M, 2)
    bottom = np.minimum(left[:, None, 2:], right[None, :, 2:])  # (N, M, 2)
    sides = np.maximum(bottom - top, 0)
    shared = sides[..., 0] * sides[..., 1]
    union = area(left)[:, None] + area(right)[None, :] - shared
    overlap: NDArray[np.float32] = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return overlap


def non_maximum_suppression(boxes: ArrayLike, scores: ArrayLike, threshold: float) -> NDArray[np.int64]:
    """Indices of the boxes to keep, best score first (greedy; a box goes when its IoU with a kept one > threshold).

    Args:
        boxes: (N, 4) xyxy px.
        scores: (N,).
        threshold: IoU in 0..1.

    """
    b = np.asarray(boxes, np.float32).reshape(-1, 4)
    order = np.argsort(-np.asarray(scores, np.float32), kind="stable")
    left, top, right, bottom = np.ascontiguousarray(b[order].T)  # (N,) each, best first
    areas = area(b[order])
    alive = np.ones(len(order), np.bool_)
    keep: list[int] = []
    for best in range(len(order)):
        if not alive[best]:
            continue
        keep.append(best)
        rest = slice(best + 1, None)
        width = np.minimum(right[rest], right[best]) - np.maximum(left[rest], left[best])
        height = np.minimum(bottom[rest], bottom[best]) - np.maximum(top[rest], top[best])
        shared = np.maximum(width, 0) * np.maximum(height, 0)
        union = np.maximum(areas[rest] + areas[best] - shared, _TINY)  # two boxes without an area share nothing
        alive[rest] &= shared / union <= threshold
    return np.asarray(order[keep], np.int64)


def parabola_top(values: NDArray[np.float32], at: int) -> float:
    """Where a parabola through the value at a position of `values` (N,) and its two neighbours has its top.

    A peak at either end, and one that is none, stays where it is.
    """
    if not 0 < at < len(values) - 1:
        return float(at)
    left, middle, right = (float(v) for v in values[at - 1 : at + 2])
    bend = left - 2 * middle + right
    return at + (0.5 * (left - right) / bend if bend < -1e-9 else 0.0)
