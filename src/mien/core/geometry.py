"""Boxes and point sets as arrays: overlap, suppression, similarity transforms.

Knows no pictures and no detectors. Boxes are xyxy in pixels, the right and lower edge outside the box.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["area", "clip_box", "iou", "non_maximum_suppression", "similarity_transform"]

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


def clip_box(box: ArrayLike, width: int, height: int) -> NDArray[np.float32]:
    """Part of `box` (4,) that lies inside a picture of `width` x `height` pixels."""
    limits = np.array([width, height, width, height], np.float32)
    clipped: NDArray[np.float32] = np.clip(np.asarray(box, np.float32), 0, limits)
    return clipped


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


def similarity_transform(source: ArrayLike, target: ArrayLike) -> NDArray[np.float64]:
    """Rotation, uniform scale and shift that takes `source` points (N, 2) nearest to `target` (N, 2).

    Returns the (2, 3) matrix for `cv2.warpAffine`-style use: target = M[:, :2] @ source + M[:, 2].
    Least squares after Umeyama, "Least-squares estimation of transformation parameters between two point
    patterns", TPAMI 1991, equations 40-42, without reflection.

    Raises:
        ValueError: fewer than two points, or all source points coincide.

    """
    src = np.asarray(source, np.float64).reshape(-1, 2)
    dst = np.asarray(target, np.float64).reshape(-1, 2)
    if len(src) != len(dst) or len(src) < 2:
        raise ValueError(f"Expected two equally long lists of at least 2 points, got {len(src)} and {len(dst)}.")
    src_mean, dst_mean = src.mean(0), dst.mean(0)
    src_c, dst_c = src - src_mean, dst - dst_mean
    variance = (src_c**2).sum() / len(src)
    if variance == 0:
        raise ValueError("All source points coincide, so no scale can be found.")
    u, singular, vt = np.linalg.svd(dst_c.T @ src_c / len(src))
    sign = np.array([1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt)) or 1.0])
    rotation = u @ np.diag(sign) @ vt
    scale = float((singular * sign).sum() / variance)
    shift = dst_mean - scale * rotation @ src_mean
    return np.concatenate([scale * rotation, shift[:, None]], axis=1)
